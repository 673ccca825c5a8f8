"""The fitted model, which the estimator, displays and reports use."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from contrastive_clustering._clustering.density import LatentDensity
from contrastive_clustering._clustering.group_rows import draw_sorted_rows
from contrastive_clustering._clustering.latent_clustering import LatentClustering
from contrastive_clustering._clustering.n_clusters_search import ClusterNumberResult
from contrastive_clustering._data.dataset import ArrayDataset
from contrastive_clustering._data.scaling import Scaler
from contrastive_clustering._data.validation import Samples
from contrastive_clustering._evaluation.sample_silhouette import sample_silhouette
from contrastive_clustering._refinement.prototypes import PrototypeClustering
from contrastive_clustering._training.net import ContrastiveNet
from contrastive_clustering._utils.grouping import Grouping

Strata = LatentClustering | PrototypeClustering

# Silhouettes compare all pairs. For larger sets, `score` uses random samples, so that
# it takes about a second. Evenly spaced ones might be of one stratum if strata
# alternate.
MAX_SCORED = 10_000

# Number of further draws for samples that are not of the requested stratum.
REDRAWS = 20


@dataclass(frozen=True, eq=False)
class FittedModel:
    """The result of a fit.

    Attributes
    ----------
    net : ContrastiveNet
        The trained net.

    scaler : Scaler
        The standardization and the layout of samples.

    clustering : LatentClustering or PrototypeClustering
        The clustering of the latents.

    density : LatentDensity
        The density of the latents.

    search : ClusterNumberResult or None
        The search for the number of strata, if there was one.

    typical : ndarray of shape (n_clusters,)
        Index in the training set of the sample closest to each stratum's center; empty
        if the model was loaded from a file.

    resumable : bool
        Whether the model was trained by `partial_fit`, so that its file includes the
        optimizer's state.

    examples : ndarray of shape (n_clusters, ...) or None
        A training sample of each stratum; None if they are not stored.

    feature_names : ndarray of shape (n_features,) or None
        Names of the columns of the training set.

    group_labels : ndarray of shape (n_groups,) or None
        Stratum of each group of the training set; None if there were no groups.

    notes : dict
        Notes of the file that the model was loaded from; empty otherwise.
    """

    net: ContrastiveNet
    scaler: Scaler
    clustering: Strata
    density: LatentDensity
    search: ClusterNumberResult | None
    typical: np.ndarray
    resumable: bool = False
    examples: np.ndarray | None = None
    feature_names: np.ndarray | None = None
    group_labels: np.ndarray | None = None
    notes: dict[str, Any] = field(default_factory=dict)

    @property
    def n_clusters(self) -> int:
        """Number of strata."""
        return self.clustering.n_clusters

    @property
    def labels(self) -> np.ndarray:
        """Strata of the training set, of shape (n_samples,)."""
        return self.clustering.labels

    @property
    def centers(self) -> np.ndarray:
        """Mean latent of each stratum, of shape (n_clusters, latent_dim)."""
        return self.clustering.latent_centers

    def encode(
        self,
        samples: Samples,
        *,
        rows: np.ndarray | None = None,
        out: np.ndarray | None = None,
    ) -> np.ndarray:
        """Return the latents of samples.

        Parameters
        ----------
        samples : ndarray or LazyArray of shape (n_samples, ...)
            Samples of the shape and in the units of the training set.

        rows : ndarray of shape (n_rows,), default=None
            Indices of the samples to encode; None encodes all.

        out : ndarray of shape (n_rows, latent_dim), default=None
            Where to write the latents.

        Returns
        -------
        latents : ndarray of shape (n_rows, latent_dim)
            float32, or `out`.

        Raises
        ------
        ValueError
            If the latents are not finite.
        """
        return self._map_latents(samples, lambda latents: latents, rows=rows, out=out)

    def predict(self, samples: Samples, *, out: np.ndarray | None = None) -> np.ndarray:
        """Return the stratum of each sample; see `encode`."""
        return self._map_latents(samples, self.assign, out=out)

    def predict_proba(self, samples: Samples) -> np.ndarray:
        """Return the soft assignment of each sample to each stratum; see `encode`."""
        return self._map_latents(samples, self.clustering.predict_proba)

    def score_samples(self, samples: Samples) -> np.ndarray:
        """Return the log-density of the latents of each sample; see `encode`."""
        return self._map_latents(samples, self.density.score_samples)

    def score(self, samples: Samples, groups: Grouping | None = None) -> float:
        """Return the mean silhouette of samples; see `sample_silhouette`."""
        rng = np.random.RandomState(0)
        rows = draw_sorted_rows(len(samples), MAX_SCORED, rng, groups)
        labels = self._map_latents(samples, self.assign, rows=rows)
        return sample_silhouette(
            samples[rows],
            labels,
            self.scaler,
            None if groups is None else groups.take(rows),
        )

    def assign(self, latents: np.ndarray) -> np.ndarray:
        """Return the stratum of each latent, of shape (n_samples,)."""
        return self.clustering.predict(latents)

    def project(self, samples: Samples) -> np.ndarray:
        """Return the projections of samples, which the contrastive loss compares."""
        return self.net.project(self.encode(samples))

    def decode(self, latents: np.ndarray) -> np.ndarray:
        """Return samples decoded from latents, in the units of the training set."""
        return self.net.decode(latents, self.scaler.unscale)

    def sample(
        self, n_samples: int, cluster: int | None, rng: np.random.RandomState
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Generate samples that are predicted to belong to their stratum.

        Parameters
        ----------
        n_samples : int
            Number of samples to generate.

        cluster : int or None
            Their stratum; if None, strata are drawn in proportion to their members, or
            to the groups of these.

        rng : RandomState
            Generator for strata and latents.

        Returns
        -------
        X : ndarray of shape (n_samples, ...)
            The decoded samples.

        labels : ndarray of shape (n_samples,)
            The stratum that each was drawn for.

        strayed : ndarray of shape (n_strayed,)
            Indices of samples that are predicted to belong to another stratum, even
            after `REDRAWS` further draws.
        """
        latents, labels = self.density.sample(n_samples, cluster, rng)
        X = self.decode(latents)
        strayed = np.flatnonzero(self.predict(X) != labels)
        for _ in range(REDRAWS):
            if not len(strayed):
                break
            for stratum in np.unique(labels[strayed]):
                rows = strayed[labels[strayed] == stratum]
                latents[rows], _ = self.density.sample(len(rows), int(stratum), rng)
            X[strayed] = self.decode(latents[strayed])
            strayed = strayed[self.predict(X[strayed]) != labels[strayed]]
        return X, labels, strayed

    def interpolate(
        self, start: np.ndarray, end: np.ndarray, n_steps: int
    ) -> np.ndarray:
        """Decode evenly spaced points between two latents, both included."""
        steps = np.linspace(start, end, n_steps, dtype=np.float64)
        return self.decode(steps.astype(np.float32))

    def _map_latents(
        self,
        samples: Samples,
        function: Callable[[np.ndarray], np.ndarray],
        *,
        rows: np.ndarray | None = None,
        out: np.ndarray | None = None,
    ) -> np.ndarray:
        """Return the result of a function of latents, block by block."""
        return self.net.map_latents(
            ArrayDataset(samples, self.scaler, rows),
            lambda latents: function(_check_finite(latents)),
            out,
        )


def _check_finite(latents: np.ndarray) -> np.ndarray:
    """Return latents, or raise if the network overflows."""
    if not np.isfinite(latents).all():
        raise ValueError(
            "The latents of X are not finite, although X is finite: they overflow with "
            "the network's weights. fit does not return such weights. If the estimator "
            "was loaded, take another copy of its file; otherwise fit it again."
        )
    return latents
