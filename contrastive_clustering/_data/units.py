"""Check whether images have the same units as the training images."""

import numpy as np
from scipy.stats import binom

from contrastive_clustering._data.appearance import MIN_SPREAD, Appearance
from contrastive_clustering._data.scaling import Scaler
from contrastive_clustering._data.validation import Samples
from contrastive_clustering._utils.bad_samples import name_samples
from contrastive_clustering._utils.caller_warnings import warn
from contrastive_clustering._utils.chunks import iterate_chunks

# The units are assumed to differ if values lie more than this many training ranges
# outside the training range or, after a change between integer and float dtypes, if the
# range is less than this fraction of the training range.
FAR_OUTSIDE = 10.0
FAR_SMALLER = 1 / 20

# An image is rejected if all its values lie outside the training range by this fraction
# of that range.
WHOLLY_OUTSIDE = 0.5

# X is rejected if the contrast of all images is lower than that of every training image
# by this factor, or higher by this factor.
FAR_CONTRAST = 4.0

# A warning is issued if the number of unusual images is improbable: each training image
# is unusual with the first probability, and the number found has at most the second.
EXPECTED_ODD = 0.005
IMPROBABLE = 0.01

MAX_MEASURES = 3

# Below this correlation with the average image of fit, images look like negatives.
NEGATIVE = -0.3


def check_units(X: Samples, scaler: Scaler, *, may_be_odd: bool = False) -> None:
    """Reject images in other units than in fit, and warn of suspicious ones.

    A clusterer fitted to pixels from 0 to 255 gives confident but wrong results for
    pixels from 0 to 1. Tables are not checked, as their features may shift by any
    amount.

    Parameters
    ----------
    X : ndarray or LazyArray of shape (n_samples, ...)
        Samples of the layout seen in fit.

    scaler : Scaler
        Statistics of the training set.

    may_be_odd : bool, default=False
        Whether to omit the warning, for callers that look for unusual images.

    Raises
    ------
    ValueError
        If images cannot have the units of fit, because values are far outside the
        training range or because the contrast of all images is far from it.

    Warns
    -----
    UserWarning
        If an improbable number of images are unlike those of fit.
    """
    if scaler.layout.is_table:
        return
    appearance = scaler.appearance
    extremes, values, spreads = [], [], []
    for chunk in iterate_chunks(X):
        flat = chunk.reshape(len(chunk), -1)
        ends = np.column_stack([flat.min(axis=1), flat.max(axis=1)]).astype(np.float64)
        extremes.append(ends)
        # Images far outside the range are rejected below; their cubes might overflow.
        if appearance is not None and not _far_outside(ends, scaler).any():
            measures = appearance.measure(chunk, scaler.layout)
            values.append(measures.values)
            spreads.append(measures.spreads)
    _check_range(X.dtype, np.concatenate(extremes), scaler)
    if appearance is not None:
        _check_contrast(np.concatenate(spreads), appearance)
        if not may_be_odd:
            _check_appearance(np.concatenate(values), appearance)


def _far_outside(ends: np.ndarray, scaler: Scaler) -> np.ndarray:
    """Return a mask of images with values far outside the range of fit."""
    low, high = ends.T
    width = scaler.high - scaler.low
    far, near = FAR_OUTSIDE * width, WHOLLY_OUTSIDE * width
    return np.asarray(
        (low < scaler.low - far)
        | (high > scaler.high + far)
        | (high < scaler.low - near)
        | (low > scaler.high + near)
    )


def _check_range(dtype: np.dtype, ends: np.ndarray, scaler: Scaler) -> None:
    outside = np.flatnonzero(_far_outside(ends, scaler))
    low, high = float(ends[:, 0].min()), float(ends[:, 1].max())
    dtype_changed = (scaler.dtype.kind == "f") != (dtype.kind == "f")
    shrunk = dtype_changed and 0 < high - low < FAR_SMALLER * (scaler.high - scaler.low)
    if len(outside) or shrunk:
        where = ""
        if len(outside):
            where = f" in {name_samples(outside.tolist(), len(ends))}"
        raise ValueError(
            f"X is not in the units of fit{where}: X has dtype {dtype} and values "
            f"from {low:.6g} to {high:.6g}, but the estimator was fitted to "
            f"{scaler.dtype} values from {scaler.low:.6g} to {scaler.high:.6g}. "
            "Convert X to the units used in fit."
        )


def _check_contrast(spreads: np.ndarray, appearance: Appearance) -> None:
    least, greatest = appearance.spreads
    too_flat = 0 < spreads.max() < least / FAR_CONTRAST
    if too_flat or spreads.min() > greatest * FAR_CONTRAST:
        low, high, least, greatest = (
            f"{spread * appearance.scale:.4g}"
            for spread in (spreads.min(), spreads.max(), least, greatest)
        )
        raise ValueError(
            "X is not in the units of fit: the standard deviations of its images are "
            f"{low} to {high}, but those of the images seen in fit are {least} to "
            f"{greatest}. Convert X to the units used in fit."
        )


def _check_appearance(values: np.ndarray, appearance: Appearance) -> None:
    odd = np.flatnonzero(appearance.distances(values) > appearance.limit)
    # Probability of at least this many unusual images among images like those of fit.
    probability = binom.sf(len(odd) - 1, len(values), EXPECTED_ODD)
    if not len(odd) or probability > IMPROBABLE:
        return
    median = np.median(values[odd], axis=0)
    low, high = appearance.usual
    excess = np.maximum(low - median, median - high) / (high - low + MIN_SPREAD)
    order = np.argsort(-excess)[:MAX_MEASURES]
    shown = [measure for measure in order if excess[measure] > 0] or order[:1]
    found, least, greatest = appearance.to_units(np.stack([median, low, high]))
    seen = ", ".join(
        f"{appearance.names[measure]} {found[measure]:.4g} "
        f"({least[measure]:.4g} to {greatest[measure]:.4g} in fit)"
        for measure in shown
    )
    hint = ""
    if found[-1] < NEGATIVE < least[-1]:
        hint = " They resemble the negative of the images seen in fit."
    verb = "do" if len(odd) > 1 else "does"
    warn(
        f"{name_samples(odd.tolist(), len(values))} {verb} not look like the images "
        f"seen in fit: {seen}.{hint} If X is in other units, convert it to those used "
        "in fit; otherwise, do not rely on the strata of these images."
    )
