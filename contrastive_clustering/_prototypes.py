"""Strata as prototypes: the assignment of latents after the second phase."""

import warnings
from dataclasses import dataclass

import numpy as np
from scipy.special import logsumexp, softmax
from sklearn.exceptions import ConvergenceWarning

from contrastive_clustering._networks import PrototypeHead


@dataclass(frozen=True)
class PrototypeClustering:
    """Prototypes that latents are assigned to by the cosine of their directions.

    The counterpart of ``LatentClustering`` after the second phase, with the same
    attributes and methods; what :class:`PrototypeHead` computes in training, in
    float64.

    Attributes
    ----------
    prototypes : ndarray of shape (n_clusters, n_prototypes, latent_dim)
        Prototypes of unit length, relative to the origin.

    origin : ndarray of shape (latent_dim,)
        The origin of the cosines.

    temperature : float
        Temperature of the soft assignment.

    labels : ndarray of shape (n_samples,)
        Strata of the training set.

    latent_centers : ndarray of shape (n_clusters, latent_dim)
        Mean of each stratum's training members in the latent space.
    """

    prototypes: np.ndarray
    origin: np.ndarray
    temperature: float
    labels: np.ndarray
    latent_centers: np.ndarray

    @classmethod
    def fit(cls, latents: np.ndarray, head: PrototypeHead) -> "PrototypeClustering":
        """Assign the training set.

        Parameters
        ----------
        latents : ndarray of shape (n_samples, latent_dim)
            Latents of the training set.

        head : PrototypeHead
            The trained prototypes.

        Returns
        -------
        clustering : PrototypeClustering
            The strata, numbered from 0 without a gap.

        Warns
        -----
        ConvergenceWarning
            If a prototype has no member; it is dropped.
        """
        origin = head.origin.double().cpu().numpy()
        prototypes = _unit(head.prototypes.detach().double().cpu().numpy())
        raw = _logits(latents, prototypes, origin, head.temperature).argmax(axis=1)
        # Without the prototypes that nobody is nearest to, each sample is nearest to
        # the same one as before.
        living, labels = np.unique(raw, return_inverse=True)
        if len(living) < len(prototypes):
            warnings.warn(
                f"{len(prototypes) - len(living)} of {len(prototypes)} strata of "
                "prototypes had lost all members in the end and were dropped. Lower "
                "n_clusters, or raise refinement_epochs.",
                ConvergenceWarning,
                stacklevel=2,
            )
        centers = [
            latents[labels == label].mean(axis=0) for label in range(len(living))
        ]
        return cls(
            prototypes=prototypes[living],
            origin=origin,
            temperature=head.temperature,
            labels=labels,
            latent_centers=np.stack(centers),
        )

    @property
    def n_clusters(self) -> int:
        """Number of strata."""
        return len(self.prototypes)

    def prepare(self, latents: np.ndarray) -> np.ndarray:
        """Return the directions of latents, which prototypes are compared with."""
        return _unit(latents.astype(np.float64) - self.origin)

    def predict(self, latents: np.ndarray) -> np.ndarray:
        """Return the stratum of each latent.

        Parameters
        ----------
        latents : ndarray of shape (n_samples, latent_dim)
            Latents.

        Returns
        -------
        labels : ndarray of shape (n_samples,)
            Strata.
        """
        return np.asarray(self._logits(latents).argmax(axis=1))

    def predict_proba(self, latents: np.ndarray) -> np.ndarray:
        """Return the soft assignment of each latent to each prototype.

        Parameters
        ----------
        latents : ndarray of shape (n_samples, latent_dim)
            Latents.

        Returns
        -------
        proba : ndarray of shape (n_samples, n_clusters)
            Soft assignments, float32, with rows that sum to one.
        """
        return np.asarray(softmax(self._logits(latents), axis=1), dtype=np.float32)

    def _logits(self, latents: np.ndarray) -> np.ndarray:
        return _logits(latents, self.prototypes, self.origin, self.temperature)


def _logits(
    latents: np.ndarray, prototypes: np.ndarray, origin: np.ndarray, temperature: float
) -> np.ndarray:
    directions = _unit(latents.astype(np.float64) - origin)
    # Not a matrix product: its sums hang on how many samples stand beside one.
    cosines = np.einsum("nd,kmd->nkm", directions, prototypes)
    return np.asarray(logsumexp(cosines / temperature, axis=2))


def _unit(vectors: np.ndarray) -> np.ndarray:
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, np.finfo(np.float64).tiny))
