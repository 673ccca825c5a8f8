"""A linear probe of a nuisance variable on latents, with folds and weights by group."""

from dataclasses import dataclass

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from contrastive_clustering._evaluation.group_parts import GroupParts
from contrastive_clustering._evaluation.resampling import bootstrap_interval

# Number of folds, each of which should contain at least one group at each level.
N_FOLDS = 5

N_RESAMPLES = 999


@dataclass(frozen=True)
class Probe:
    """Balanced accuracy of a probe.

    Attributes
    ----------
    accuracy, low, high : float
        Balanced accuracy and the limits of its interval; NaN if there are fewer than
        two levels to predict.

    chance : float
        Balanced accuracy by chance: the reciprocal of the number of levels.
    """

    accuracy: float
    low: float
    high: float
    chance: float


NO_PROBE = Probe(np.nan, np.nan, np.nan, np.nan)


def probe_levels(
    latents: np.ndarray, parts: GroupParts, confidence_level: float, seed: int
) -> Probe:
    """Predict the level of samples from their latents, across groups.

    Each group is predicted by a logistic regression on standardized latents that was
    trained on other groups. Within a level, each group weighs as one, and all levels
    weigh the same, in training and in the accuracy. Levels with fewer groups than folds
    are left out.

    Parameters
    ----------
    latents : ndarray of shape (n_samples, latent_dim)
        Latents.

    parts : GroupParts
        Parts of groups with their levels.

    confidence_level : float
        Level of the interval: percentiles over 999 resamples of the groups, with the
        predictions unchanged.

    seed : int
        Seed of the folds and resamples.

    Returns
    -------
    probe : Probe
        Balanced accuracy and its interval.
    """
    of_sample = parts.grouping.codes
    n_parts = np.bincount(parts.levels)
    levels = np.flatnonzero(n_parts >= N_FOLDS)
    if len(levels) < 2:
        return NO_PROBE
    rows = np.flatnonzero(np.isin(parts.levels[of_sample], levels))
    truth = parts.levels[of_sample[rows]]
    predicted = _predict_across_groups(
        latents[rows],
        truth,
        parts.groups[of_sample[rows]],
        parts.grouping.weights()[rows] / n_parts[truth],
        seed,
    )
    hits = np.bincount(
        of_sample[rows],
        weights=parts.grouping.weights()[rows] * (predicted == truth),
        minlength=len(parts.levels),
    )
    correct, present = _by_group(parts, hits, levels)
    n_groups = len(correct)

    def resampled(drawn: np.ndarray) -> np.ndarray:
        counts = np.apply_along_axis(np.bincount, 1, drawn, minlength=n_groups)
        return _balance(counts, correct, present)

    low, high = bootstrap_interval(
        resampled,
        n_groups,
        N_RESAMPLES,
        confidence_level,
        np.random.default_rng([seed, 1]),
    )
    accuracy = float(_balance(np.ones((1, n_groups)), correct, present)[0])
    return Probe(accuracy, low, high, 1 / len(levels))


def _predict_across_groups(
    latents: np.ndarray,
    levels: np.ndarray,
    groups: np.ndarray,
    weights: np.ndarray,
    seed: int,
) -> np.ndarray:
    """Return the level that is predicted for each sample from other groups."""
    folds = StratifiedGroupKFold(N_FOLDS, shuffle=True, random_state=seed)
    predicted = np.empty_like(levels)
    for train, test in folds.split(latents, levels, groups):
        predicted[test] = _fit_and_predict(
            latents[train], levels[train], weights[train], latents[test]
        )
    return predicted


def _fit_and_predict(
    latents: np.ndarray, levels: np.ndarray, weights: np.ndarray, new: np.ndarray
) -> np.ndarray:
    if len(np.unique(levels)) == 1:
        return np.full(len(new), levels[0])
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    # A mean weight of 1 keeps the strength of the penalty.
    scaled = weights / weights.mean()
    predicted: np.ndarray = model.fit(
        latents, levels, logisticregression__sample_weight=scaled
    ).predict(new)
    return predicted


def _by_group(
    parts: GroupParts, hits: np.ndarray, levels: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return hits and presence at each level, each of shape (n_groups, n_levels)."""
    kept = np.flatnonzero(np.isin(parts.levels, levels))
    known, rows = np.unique(parts.groups[kept], return_inverse=True)
    columns = np.searchsorted(levels, parts.levels[kept])
    correct, present = np.zeros((2, len(known), len(levels)))
    correct[rows, columns] = hits[kept]
    present[rows, columns] = 1
    return correct, present


def _balance(
    counts: np.ndarray, correct: np.ndarray, present: np.ndarray
) -> np.ndarray:
    """Return balanced accuracies of groups that count several times, (n_batch,).

    NaN if a level is not present.
    """
    n_present = counts @ present
    recalls = counts @ correct / np.where(n_present > 0, n_present, np.nan)
    return np.asarray(recalls.mean(axis=1))
