"""Strata as prototypes: learn them, and assign latents to them."""

import math
from dataclasses import dataclass, replace

import numpy as np
import torch
import torch.nn.functional as F
from scipy.special import softmax
from sklearn.exceptions import ConvergenceWarning

from contrastive_clustering._clustering.centers import find_centers
from contrastive_clustering._networks.autoencoder import PrototypeHead
from contrastive_clustering._utils.caller_warnings import warn
from contrastive_clustering._utils.grouping import Grouping
from contrastive_clustering._utils.kmeans import fit_kmeans
from contrastive_clustering._utils.numbering import renumber
from contrastive_clustering._utils.seeding import (
    SeedStream,
    derive_seed,
    make_generator,
)

# Largest number of a stratum's members that its initial prototypes are computed from.
MAX_MEMBERS = 5000

# Settings for learning prototypes of fixed latents, which takes about a second.
LEARNING_RATE = 1e-2
LEARNING_BATCH = 512
LEARNING_PASSES = 100
MAX_LEARNING_STEPS = 600


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
        origin = head.origin.double().cpu().numpy()
        prototypes = _unit(head.prototypes.detach().double().cpu().numpy())
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


def first_prototypes(
    offsets: np.ndarray,
    proba: np.ndarray,
    n_prototypes: int,
    seed: int,
    weights: np.ndarray | None = None,
) -> np.ndarray:
    """Return the mean directions of parts of each stratum's members, by k-means.

    Parameters
    ----------
    offsets : ndarray of shape (n_samples, latent_dim)
        Latents relative to the origin.

    proba : ndarray of shape (n_samples, n_clusters)
        Soft assignments.

    n_prototypes : int
        Number of parts; with fewer distinct members, some prototypes are repeated.

    seed : int
        Seed of k-means.

    weights : ndarray of shape (n_samples,), default=None
        Weights of the samples; None stands for equal weights.

    Returns
    -------
    prototypes : ndarray of shape (n_clusters, n_prototypes, latent_dim)
        float32.
    """
    directions = offsets / np.linalg.norm(offsets, axis=1, keepdims=True).clip(1e-12)
    labels = proba.argmax(axis=1)
    prototypes = np.empty((proba.shape[1], n_prototypes, offsets.shape[1]), "f4")
    rng = np.random.default_rng(seed)
    for cluster, rows in enumerate(prototypes):
        found = np.flatnonzero(labels == cluster)
        if len(found) == 0:  # take the sample of largest probability
            found = proba[:, [cluster]].argmax(axis=0)
        counted = None if weights is None else weights[found]
        if len(found) > MAX_MEMBERS:
            # With weights, the same sample may be drawn several times.
            probability = None if counted is None else counted / counted.sum()
            found = rng.choice(
                found, MAX_MEMBERS, replace=counted is not None, p=probability
            )
            counted = None
        members = directions[found]
        n_distinct = len(np.unique(members, axis=0))
        n_parts = min(n_prototypes, n_distinct)
        parts = fit_kmeans(members, n_parts, n_init=3, seed=seed, weights=counted)
        centers = parts.cluster_centers_
        rows[:] = centers[np.arange(len(rows)) % len(centers)]
    return prototypes


def learn_strata(
    head: PrototypeHead,
    latents: np.ndarray,
    proba: np.ndarray,
    seed: int,
    decoded: np.ndarray | None = None,
    *,
    weights: np.ndarray | None = None,
) -> PrototypeHead:
    """Return prototypes that reproduce new strata of the same latents.

    They start as :func:`first_prototypes` and learn the soft assignments by their cross
    entropy. The decoder's condition for a new stratum is the mean condition that the
    members had under the old assignments.

    Parameters
    ----------
    head : PrototypeHead
        The old prototypes; not changed.

    latents : ndarray of shape (n_samples, latent_dim)
        Latents of the training set, float32.

    proba : ndarray of shape (n_samples, n_clusters)
        Soft assignments to the new strata, float32. The number of strata may change.

    seed : int
        Seed of the initial prototypes and of the batches.

    decoded : ndarray of shape (n_samples, latent_dim), default=None
        Latents of the decoded samples, float32. The prototypes learn to assign these
        like `latents`.

    weights : ndarray of shape (n_samples,), default=None
        Positive weights of the samples: batches are drawn in proportion to them. None
        stands for equal weights.

    Returns
    -------
    learned : PrototypeHead
        The new prototypes, on the device of the old ones, relative to the mean latent.
    """
    device = head.origin.device
    origin = np.average(latents, axis=0, weights=weights).astype(latents.dtype)
    targets = torch.from_numpy(proba).to(device)
    with torch.no_grad():
        old = head(torch.from_numpy(latents).to(device)).softmax(dim=1)
        counted = targets
        if weights is not None:
            counted = targets * torch.from_numpy(weights).to(targets)[:, None]
        shares = old.T @ counted  # (n_old, n_new)
        shares /= counted.sum(dim=0).clamp(min=torch.finfo(targets.dtype).tiny)
    if decoded is not None:
        latents, proba = np.concatenate([latents, decoded]), np.tile(proba, (2, 1))
        targets = targets.repeat(2, 1)
        weights = None if weights is None else np.tile(weights, 2)
    start = first_prototypes(
        latents - origin, proba, head.prototypes.shape[1], seed, weights
    )
    learned = PrototypeHead(
        torch.from_numpy(start), torch.from_numpy(origin), head.temperature
    ).to(device)
    with torch.no_grad():
        learned.condition_weight.copy_(head.condition_weight @ shares)
    samples = torch.from_numpy(latents).to(device)
    n_steps = min(
        LEARNING_PASSES * math.ceil(len(samples) / LEARNING_BATCH), MAX_LEARNING_STEPS
    )
    optimizer = torch.optim.Adam([learned.prototypes], lr=LEARNING_RATE)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, LEARNING_RATE, total_steps=n_steps
    )
    generator = make_generator(derive_seed(seed, SeedStream.PROTOTYPES), device)
    size = min(LEARNING_BATCH, len(samples))
    for _ in range(n_steps):
        batch = _draw_batch(len(samples), size, weights, generator)
        loss = F.cross_entropy(learned(samples[batch]), targets[batch])
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        schedule.step()
    return learned


def _draw_batch(
    n_samples: int, size: int, weights: np.ndarray | None, generator: torch.Generator
) -> torch.Tensor:
    """Return the indices of a batch, drawn with replacement."""
    device = generator.device
    if weights is None:
        return torch.randint(n_samples, (size,), generator=generator, device=device)
    probability = torch.from_numpy(weights).to(device)
    return torch.multinomial(probability, size, replacement=True, generator=generator)
