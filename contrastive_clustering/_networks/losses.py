"""The losses of the method, as pure functions."""

import math

import numpy as np
import torch
import torch.nn.functional as F

from contrastive_clustering._utils.library_settings import no_autocast
from contrastive_clustering._utils.messages import show

# The smallest norm of a latent's deviations over a batch that is divided by.
SMALLEST_NORM = 1e-6


def nt_xent(
    projections_a: torch.Tensor,
    projections_b: torch.Tensor,
    temperature: float = 0.5,
    *,
    groups: torch.Tensor | None = None,
    nuisance: torch.Tensor | None = None,
) -> torch.Tensor:
    r"""Return the normalized temperature-scaled cross entropy of two views.

    A batch of :math:`N` samples has :math:`2N` views. The positive of a view is the
    other view of the same sample, and the remaining :math:`2N - 2` are its negatives:

    .. math::

        \ell_{i,j} = -\log \frac{\exp(\mathrm{sim}(z_i, z_j) / \tau)}
            {\sum_{k \ne i} \exp(\mathrm{sim}(z_i, z_k) / \tau)}

    with the cosine similarity :math:`\mathrm{sim}`; the loss is the mean over all
    :math:`2N` views. With `groups` or `nuisance`, the sum leaves some negatives out.

    Parameters
    ----------
    projections_a, projections_b : torch.Tensor of shape (n_samples, n_projections)
        Projections of the first and second views; row ``i`` of both belongs to the same
        sample. Any floating dtype; computed in at least float32.

    temperature : float, default=0.5
        The temperature :math:`\tau`, positive. Low values emphasize the hardest
        negatives.

    groups : torch.Tensor of shape (n_samples,), default=None
        Integer code of the group of each sample, such as the patient. Samples of the
        same group are not negatives of each other.

    nuisance : torch.Tensor of shape (n_samples,), default=None
        Integer code of each sample's nuisance, such as the site. Only samples of the
        same nuisance are negatives of each other, so that features of the nuisance do
        not help to tell samples apart.

    Returns
    -------
    loss : torch.Tensor of shape ()
        The loss in nats. A sample without negatives, such as a single one, contributes
        zero.

    Raises
    ------
    TypeError, ValueError
        If projections are not dense floating-point tensors of the same shape on the
        same device, if they are empty, if the temperature is not positive, or if
        `groups` or `nuisance` does not hold one integer for each sample.

    References
    ----------
    Chen, Kornblith, Norouzi, Hinton, "A Simple Framework for Contrastive Learning
    of Visual Representations", arXiv:2002.05709, equation 1.

    Examples
    --------
    >>> import torch
    >>> from contrastive_clustering import nt_xent
    >>> views = torch.eye(3)
    >>> nt_xent(views, views, temperature=0.5)
    tensor(0.4327)
    """
    _check_projections(projections_a, projections_b)
    smallest = torch.finfo(torch.float32).tiny
    if not isinstance(temperature, int | float | np.floating) or not (
        smallest <= temperature < math.inf
    ):
        raise ValueError(
            f"temperature={show(temperature)} is not a positive number in the range of "
            "float32. Pass a value such as 0.5."
        )
    n_samples = len(projections_a)
    projections = torch.cat([projections_a, projections_b])  # (2N, n_projections)
    if projections.dtype in (torch.float16, torch.bfloat16):
        projections = projections.float()
    unit = F.normalize(projections, dim=1)
    with no_autocast():
        logits = unit @ unit.T / temperature  # (2N, 2N)
    diagonal = torch.eye(2 * n_samples, dtype=torch.bool, device=logits.device)
    excluded = diagonal
    for name, codes in (("groups", groups), ("nuisance", nuisance)):
        if codes is not None:
            _check_codes(name, codes, n_samples)
    if groups is not None or nuisance is not None:
        not_negative = _exclude(groups, nuisance, diagonal[:n_samples, :n_samples])
        excluded = diagonal | not_negative.repeat(2, 2)
    logits = logits.masked_fill(excluded, -torch.inf)
    positive = torch.arange(2 * n_samples, device=logits.device).roll(n_samples)
    return F.cross_entropy(logits, positive)


def _exclude(
    groups: torch.Tensor | None, nuisance: torch.Tensor | None, same: torch.Tensor
) -> torch.Tensor:
    """Return the pairs of samples, other than `same`, that are not negatives."""
    excluded = torch.zeros_like(same)
    if groups is not None:
        excluded = groups[:, None] == groups
    if nuisance is not None:
        excluded = excluded | (nuisance[:, None] != nuisance)
    return excluded & ~same


def _check_codes(name: str, codes: torch.Tensor, n_samples: int) -> None:
    if (
        not isinstance(codes, torch.Tensor)
        or codes.is_floating_point()
        or codes.shape != (n_samples,)
    ):
        raise ValueError(
            f"{name}={show(codes)} does not hold one integer for each of the "
            f"{n_samples} samples. Pass a tensor of integers of shape ({n_samples},)."
        )


def _check_projections(first: torch.Tensor, second: torch.Tensor) -> None:
    for name, views in (("projections_a", first), ("projections_b", second)):
        if not isinstance(views, torch.Tensor) or views.layout != torch.strided:
            raise TypeError(
                f"{name} has type {type(views).__name__}; pass a dense torch.Tensor."
            )
        if not views.is_floating_point():
            raise TypeError(f"{name} has dtype {views.dtype}; pass a floating dtype.")
        if views.ndim != 2 or len(views) == 0:
            raise ValueError(
                f"{name} has shape {tuple(views.shape)}; pass one row for each sample, "
                "of shape (n_samples, n_projections)."
            )
    if first.shape != second.shape or first.device != second.device:
        raise ValueError(
            f"projections_a has shape {tuple(first.shape)} on {first.device} and "
            f"projections_b has shape {tuple(second.shape)} on {second.device}. Pass "
            "projections of the same samples on the same device."
        )


def decorrelation(latents: torch.Tensor) -> torch.Tensor:
    r"""Return the sum of squared correlations of latents, divided by their number.

    .. math::

        \frac{1}{D} \sum_{d \ne e} \rho_{de}^2

    with the correlation :math:`\rho_{de}` of the latents :math:`d` and :math:`e` over
    the batch. NT-Xent alone uses few directions of the latent space, and suppresses
    features that it does not need to tell samples apart. Latents that may not repeat
    each other use more directions.

    Parameters
    ----------
    latents : torch.Tensor of shape (n, latent_dim)
        Latents of one view of each sample. Any floating dtype; computed in at least
        float32.

    Returns
    -------
    loss : torch.Tensor of shape ()
        The loss, at least 0 and below `latent_dim`. Latents that are constant over the
        batch contribute zero.

    References
    ----------
    Cogswell, Ahmed, Girshick, Zitnick, Batra, "Reducing Overfitting in Deep Networks by
    Decorrelating Representations", arXiv:1511.06068, for covariances; Zbontar, Jing,
    Misra, LeCun, Deny, "Barlow Twins", arXiv:2103.03230, equation 1, for correlations,
    there between views.

    Jing, Vincent, LeCun, Tian, "Understanding Dimensional Collapse in Contrastive
    Self-supervised Learning", arXiv:2110.09348, for the reason.

    Examples
    --------
    >>> import torch
    >>> from contrastive_clustering._networks.losses import decorrelation
    >>> decorrelation(torch.tensor([[0.0, 1.0], [2.0, 5.0]])).round(decimals=3)
    tensor(1.)
    """
    if latents.dtype in (torch.float16, torch.bfloat16):
        latents = latents.float()
    centered = latents - latents.mean(dim=0)
    unit = F.normalize(centered, dim=0, eps=SMALLEST_NORM)  # (n, latent_dim)
    with no_autocast():
        squares = (unit.T @ unit).square()  # (latent_dim, latent_dim)
    return (squares.sum() - squares.diagonal().sum()) / len(squares)


def kl_divergence(latent: torch.Tensor, log_variance: torch.Tensor) -> torch.Tensor:
    r"""Return the KL divergence of the Gaussian latents from the standard Gaussian.

    .. math::

        \frac{1}{2} \sum_d \mu_d^2 + \sigma_d^2 - \log \sigma_d^2 - 1

    Parameters
    ----------
    latent, log_variance : torch.Tensor of shape (n, latent_dim)
        Means, and logarithms of the variances.

    Returns
    -------
    loss : torch.Tensor of shape ()
        Mean over samples of the sum over latents, in nats.

    References
    ----------
    Kingma, Welling, "Auto-Encoding Variational Bayes", arXiv:1312.6114, appendix B.

    Examples
    --------
    >>> import torch
    >>> from contrastive_clustering._networks.losses import kl_divergence
    >>> kl_divergence(torch.ones(3, 2), torch.zeros(3, 2))
    tensor(1.)
    """
    terms = latent.square() + log_variance.exp() - log_variance - 1
    return terms.sum(dim=1).mean() / 2


def sharpen(proba: torch.Tensor, power: float) -> torch.Tensor:
    r"""Raise soft assignments to a power and normalize them to a sum of one.

    Unlike the target of DEC (arXiv:1511.06335, equation 3), the result is not divided
    by the sizes of the clusters, which would drive them to equal sizes.

    Parameters
    ----------
    proba : torch.Tensor of shape (n, n_clusters)
        Soft assignments.

    power : float
        The power; 1 leaves assignments unchanged. High powers leave only the largest
        assignments of a sample.

    Returns
    -------
    target : torch.Tensor of shape (n, n_clusters)
        Sharper soft assignments.

    Examples
    --------
    >>> import torch
    >>> from contrastive_clustering._networks.losses import sharpen
    >>> sharpen(torch.tensor([[0.75, 0.25]]), 2)
    tensor([[0.9000, 0.1000]])
    """
    powered = proba**power
    total = powered.sum(dim=1, keepdim=True)
    # All powers of a sample may underflow, but not those relative to its largest entry.
    relative = (proba / proba.amax(dim=1, keepdim=True)) ** power
    relative = relative / relative.sum(dim=1, keepdim=True)
    is_normal = total >= torch.finfo(total.dtype).tiny
    return torch.where(is_normal, powered / total, relative)
