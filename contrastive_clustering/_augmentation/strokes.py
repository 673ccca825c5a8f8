"""Detect images of strokes on a uniform background, such as handwriting."""

import math

import numpy as np

from contrastive_clustering._data.dataset import ArrayDataset
from contrastive_clustering._utils.chunks import CHUNK_VALUES
from contrastive_clustering._utils.seeding import draw_rows

# Maximum number of images to check, drawn at random if there are more.
N_CHECKED = 256

# Number of pixels to check in each image, spaced evenly; all of most images of 28 or 64
# pixels, and not so many of larger ones that sorting them takes seconds.
PIXELS_CHECKED = 2**15

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
    indices = draw_rows(len(dataset), N_CHECKED, np.random.RandomState(0))
    if dataset.rows is not None:
        indices = dataset.rows[indices]
    n_values = math.prod(dataset.scaler.layout.sample_shape)
    step = math.ceil(n_values / PIXELS_CHECKED)
    n_parts = math.ceil(len(indices) * n_values / CHUNK_VALUES)
    # Copies, as a view would keep the whole images in memory.
    pixels = np.concatenate(
        [
            dataset.X[part].reshape(len(part), -1)[:, ::step].copy()
            for part in np.array_split(indices, min(n_parts, len(indices)))
        ]
    )
    _, counts = np.unique(pixels, return_counts=True)
    return bool(counts.max() > BACKGROUND * pixels.size)
