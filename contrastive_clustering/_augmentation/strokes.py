"""Whether images show strokes on an empty background, such as handwriting."""

import numpy as np

from contrastive_clustering._data.dataset import ArrayDataset

# So many images, spread evenly over the training set, tell what all are.
SEEN = 256

# In images of strokes more than this part of all pixels have the background's value.
# Of an organ cut out of its surroundings, which may be all black, there is more to see.
BACKGROUND = 0.75


def shows_strokes(dataset: ArrayDataset) -> bool:
    """Return whether gray images lie on a background of one and the same value.

    Of handwritten digits four fifths of the pixels do, of chest X-rays less than a
    tenth. Volumes, whose masks are all background, and color images never count.

    Parameters
    ----------
    dataset : ArrayDataset
        The training set.

    Returns
    -------
    strokes : bool
        Whether more than three quarters of the pixels of up to 256 images have one
        value.
    """
    if dataset.scaler.layout.kind != "gray":
        return False
    n_seen = min(SEEN, len(dataset))
    places = np.linspace(0, len(dataset) - 1, n_seen).round().astype(np.intp)
    pixels = dataset.X[places if dataset.rows is None else dataset.rows[places]]
    _, counts = np.unique(pixels, return_counts=True)
    return bool(counts.max() > BACKGROUND * pixels.size)
