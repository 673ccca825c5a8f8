"""Strata as prototypes that latents are assigned to."""

from dataclasses import dataclass, replace

import numpy as np
from scipy.special import softmax
from sklearn.exceptions import ConvergenceWarning

from contrastive_clustering._clustering.centers import find_centers
from contrastive_clustering._networks.autoencoder import PrototypeHead
from contrastive_clustering._utils.caller_warnings import warn
from contrastive_clustering._utils.grouping import Grouping
from contrastive_clustering._utils.numbering import renumber


@dataclass(frozen=True)
class PrototypeClustering:
    """Prototypes that latents are assigned to by the cosine of their directions.

    It replaces ``LatentClustering`` after the second phase, with the same attributes
    and methods. It computes in float64 what :class:`PrototypeHead` does in training.

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
        Mean of each stratum's training members in the latent space, in which a group
        weighs as one.
    """

    prototypes: np.ndarray
    origin: np.ndarray
    temperature: float
    labels: np.ndarray
    latent_centers: np.ndarray

    @classmethod
    def fit(
        cls,
        latents: np.ndarray,
        head: PrototypeHead,
        groups: Grouping | None = None,
    ) -> "PrototypeClustering":
        """Assign the training set.

        Parameters
        ----------
        latents : ndarray of shape (n_samples, latent_dim)
            Latents of the training set.

        head : PrototypeHead
            The trained prototypes.

        groups : Grouping, default=None
            Groups of the samples, each of which weighs as one in the centers; None if
            samples are independent.

        Returns
        -------
        clustering : PrototypeClustering
            The strata, numbered from 0 without gaps.

        Warns
        -----
        ConvergenceWarning
            If a prototype has no member; it is dropped.
        """
        # Converted on the host, because MPS has no float64.
        origin = head.origin.cpu().double().numpy()
        prototypes = _unit(head.prototypes.detach().cpu().double().numpy())
        raw = _logits(latents, prototypes, origin, head.temperature).argmax(axis=1)
        # Dropping prototypes without members does not change any assignment.
        kept, labels = np.unique(raw, return_inverse=True)
        if len(kept) < len(prototypes):
            warn(
                f"{len(prototypes) - len(kept)} of {len(prototypes)} prototypes had "
                "lost all members by the end of the second phase, so their strata were "
                "dropped. Lower n_clusters, or raise refinement_epochs.",
                ConvergenceWarning,
            )
        weights = None if groups is None else groups.weights()
        return cls(
            prototypes=prototypes[kept],
            origin=origin,
            temperature=head.temperature,
            labels=labels,
            latent_centers=find_centers(latents, labels, len(kept), weights),
        )

    def renumbered(self, order: np.ndarray) -> "PrototypeClustering":
        """Return the same strata in another order.

        Parameters
        ----------
        order : ndarray of shape (n_clusters,)
            The strata that become number 0, 1 and so on.

        Returns
        -------
        clustering : PrototypeClustering
            The strata with their new numbers.
        """
        return replace(
            self,
            prototypes=self.prototypes[order],
            labels=renumber(self.labels, order),
            latent_centers=self.latent_centers[order],
        )

    @property
    def n_clusters(self) -> int:
        """Number of strata."""
        return len(self.prototypes)

    def prepare(self, latents: np.ndarray) -> np.ndarray:
        """Return the directions of latents, which are compared with the prototypes."""
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
    # One matrix-vector product per sample: in a single matrix product, the rounding
    # would depend on the number of samples.
    flat = prototypes.reshape(-1, prototypes.shape[-1])
    logits = np.matmul(flat, directions[:, :, None])
    logits = logits.reshape(len(latents), *prototypes.shape[:2])
    # This is logsumexp in place. SciPy's took half of the time that `predict` spends
    # outside the network. The logit of a very distant stratum is minus infinity.
    logits /= temperature
    largest = logits.max(axis=(1, 2), keepdims=True)
    logits -= largest
    np.exp(logits, out=logits)
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(logits.sum(axis=2)) + largest[:, :, 0])


def _unit(vectors: np.ndarray) -> np.ndarray:
    lengths = np.sqrt(np.einsum("...d,...d->...", vectors, vectors))[..., None]
    return np.asarray(vectors / np.maximum(lengths, np.finfo(np.float64).tiny))
