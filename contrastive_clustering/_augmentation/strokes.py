"""Detect images of strokes on a uniform background, such as handwriting."""

import numpy as np

from contrastive_clustering._data.dataset import ArrayDataset

# Number of images to check, spaced evenly over the training set.
N_CHECKED = 256

# Minimum fraction of background pixels in images of strokes. Segmented organs on a
# black background fill more of the image.
BACKGROUND = 0.75


def has_uniform_background(dataset: ArrayDataset) -> bool:
    """Return whether most pixels of gray images have the same value.

    This holds for four fifths of the pixels of handwritten digits, but for less than a
    tenth of those of chest X-rays. The result is always False for color images and for
    volumes, whose masks are mostly background.

    Parameters
    ----------
    dataset : ArrayDataset
        The training set.

    Returns
    -------
    is_uniform : bool
        Whether more than three quarters of the pixels of up to 256 images have the same
        value.
    """
    if dataset.scaler.layout.preset != "gray":
        return False
    n_checked = min(N_CHECKED, len(dataset))
    indices = np.linspace(0, len(dataset) - 1, n_checked).round().astype(np.intp)
    pixels = dataset.X[indices if dataset.rows is None else dataset.rows[indices]]
    _, counts = np.unique(pixels, return_counts=True)
    return bool(counts.max() > BACKGROUND * pixels.size)
