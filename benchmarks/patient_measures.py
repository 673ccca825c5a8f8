"""Measures of strata and latents on images of other patients."""

from dataclasses import dataclass

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from contrastive_clustering.metrics import map_clusters_to_labels

N_RESAMPLES = 500


@dataclass
class Part:
    """Images with a class, a site and a patient each."""

    images: np.ndarray
    classes: np.ndarray
    sites: np.ndarray
    patients: np.ndarray

    def take(self, rows: np.ndarray) -> "Part":
        return Part(
            self.images[rows],
            self.classes[rows],
            self.sites[rows],
            self.patients[rows],
        )

    def weights(self) -> np.ndarray:
        """Return weights that sum to one for each patient."""
        _, codes, sizes = np.unique(
            self.patients, return_inverse=True, return_counts=True
        )
        return 1 / sizes[codes]


def predict_linearly(
    latents: np.ndarray, targets: np.ndarray, weights: np.ndarray, new: np.ndarray
) -> np.ndarray:
    """Return what a linear model of latents predicts for new latents."""
    probe = make_pipeline(StandardScaler(), LogisticRegression(max_iter=3000))
    probe.fit(latents, targets, logisticregression__sample_weight=weights)
    return probe.predict(new)


def predict_by_strata(
    strata: np.ndarray, targets: np.ndarray, new: np.ndarray
) -> np.ndarray:
    """Return the most frequent target of the training members of each stratum."""
    return map_clusters_to_labels(targets, strata, new)


class Tally:
    """Collects predictions of several fits.

    The score is the balanced accuracy, in which a patient weighs as one. Its interval
    holds 95 % of the scores of resampled patients.
    """

    def __init__(self) -> None:
        self.scores: list[float] = []
        self.columns: list[tuple[np.ndarray, ...]] = []

    def add(self, targets: np.ndarray, predicted: np.ndarray, part: Part) -> None:
        weights = part.weights()
        self.scores.append(
            balanced_accuracy_score(targets, predicted, sample_weight=weights)
        )
        self.columns.append((targets, predicted, weights, part.patients))

    def __str__(self) -> str:
        columns = zip(*self.columns, strict=True)
        targets, predicted, weights, patients = map(np.concatenate, columns)
        _, codes = np.unique(patients, return_inverse=True)
        rng = np.random.default_rng(0)
        scores = []
        for _ in range(N_RESAMPLES):
            drawn = rng.integers(codes.max() + 1, size=codes.max() + 1)
            times = np.bincount(drawn, minlength=codes.max() + 1)[codes]
            kept = times > 0
            scores.append(
                balanced_accuracy_score(
                    targets[kept],
                    predicted[kept],
                    sample_weight=(weights * times)[kept],
                )
            )
        low, high = np.quantile(scores, [0.025, 0.975])
        return f"{np.mean(self.scores):.3f} [{low:.3f}, {high:.3f}]"
