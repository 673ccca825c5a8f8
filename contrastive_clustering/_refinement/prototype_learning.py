"""Prototypes that reproduce given strata of fixed latents."""

import math

import numpy as np
import torch
import torch.nn.functional as F

from contrastive_clustering._networks.autoencoder import PrototypeHead
from contrastive_clustering._utils.device import is_asynchronous
from contrastive_clustering._utils.kmeans import fit_kmeans
from contrastive_clustering._utils.seeding import (
    SeedStream,
    derive_seed,
    make_generator,
)

# Largest number of a stratum's members that its initial prototypes are computed from.
MAX_MEMBERS = 5000

# Settings for learning prototypes of fixed latents, which takes less than a second.
LEARNING_RATE = 1e-2
LEARNING_BATCH = 512
LEARNING_PASSES = 100
MAX_LEARNING_STEPS = 600


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
    directions = F.normalize(samples - learned.origin, dim=1)
    n_steps = min(
        LEARNING_PASSES * math.ceil(len(samples) / LEARNING_BATCH), MAX_LEARNING_STEPS
    )
    optimizer = torch.optim.Adam([learned.prototypes], lr=LEARNING_RATE)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, LEARNING_RATE, total_steps=n_steps
    )
    generator = make_generator(derive_seed(seed, SeedStream.PROTOTYPES), device)
    size = min(LEARNING_BATCH, len(samples))
    probability = None
    if weights is not None:
        # MPS has no float64.
        dtype = torch.float32 if is_asynchronous(device) else torch.float64
        probability = torch.from_numpy(weights).to(device, dtype)
    for _ in range(n_steps):
        batch = _draw_batch(len(samples), size, probability, generator)
        learned.prototypes.grad = cross_entropy_gradient(
            learned, directions[batch], targets[batch]
        )
        optimizer.step()
        schedule.step()
    return learned


@torch.no_grad()
def cross_entropy_gradient(
    head: PrototypeHead, directions: torch.Tensor, targets: torch.Tensor
) -> torch.Tensor:
    r"""Return the gradient of the mean cross entropy of soft assignments.

    The cosines :math:`c_{nkm}` of the directions and the prototypes, divided by the
    temperature :math:`\tau`, have the softmax :math:`w_{nkm}` over the prototypes of a
    stratum. With the soft assignments :math:`p_{nk}` and the targets :math:`t_{nk}`,

    .. math::

        \frac{\partial L}{\partial c_{nkm}} = \frac{w_{nkm}}{N \tau}
            \Big( p_{nk} \sum_{k'} t_{nk'} - t_{nk} \Big).

    The gradient of a prototype has no part along the prototype, whose length does not
    matter. Automatic differentiation takes about twice as long.

    Parameters
    ----------
    head : PrototypeHead
        The prototypes.

    directions : torch.Tensor of shape (n, latent_dim)
        Latents relative to the origin, of unit length.

    targets : torch.Tensor of shape (n, n_clusters)
        Soft assignments that the prototypes are to reproduce.

    Returns
    -------
    gradient : torch.Tensor of shape (n_clusters, n_prototypes, latent_dim)
        With respect to ``head.prototypes``.
    """
    lengths = torch.linalg.vector_norm(head.prototypes, dim=2, keepdim=True)
    # Prototypes of opposite members are zero. Smaller limits would give infinite steps.
    lengths.clamp_(min=1e-12)  # as in `PrototypeHead`
    units = head.prototypes / lengths
    cosines = F.linear(directions, units.flatten(0, 1)) / head.temperature
    cosines = cosines.view(-1, *units.shape[:2])
    largest = cosines.amax(dim=2, keepdim=True)
    within = cosines.sub_(largest).exp_()
    sums = within.sum(dim=2, keepdim=True)
    within /= sums
    proba = (largest + sums.log()).squeeze(2).softmax(dim=1)
    by_logit = (proba * targets.sum(dim=1, keepdim=True) - targets) / len(directions)
    by_cosine = within.mul_(by_logit[:, :, None] / head.temperature)
    by_unit = (by_cosine.flatten(1).T @ directions).view_as(units)
    along = (units * by_unit).sum(dim=2, keepdim=True)
    gradient: torch.Tensor = (by_unit - units * along) / lengths
    return gradient


def _draw_batch(
    n_samples: int,
    size: int,
    probability: torch.Tensor | None,
    generator: torch.Generator,
) -> torch.Tensor:
    """Return the indices of a batch, drawn with replacement."""
    if probability is None:
        device = generator.device
        return torch.randint(n_samples, (size,), generator=generator, device=device)
    return torch.multinomial(probability, size, replacement=True, generator=generator)
