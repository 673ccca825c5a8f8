"""Latents of the samples of a fit, without the nuisance if it is erased."""

import numpy as np

from contrastive_clustering._data.dataset import ArrayDataset
from contrastive_clustering._model.divergence import encode_checked
from contrastive_clustering._networks.erasure import LatentErasure
from contrastive_clustering._training.net import ContrastiveNet
from contrastive_clustering._utils.distributed import run_on_first_rank


def encode_part(
    net: ContrastiveNet, part: ArrayDataset, *, erases_nuisance: bool
) -> np.ndarray:
    """Return the latents of a part of the samples, and let the net erase the nuisance.

    The erasure is fitted to the current latents and replaces an earlier one. A
    ValueError is raised if latents are not finite, because training diverged.
    """
    nuisance = part.metadata.nuisance
    if nuisance is None or not erases_nuisance:
        return encode_checked(net, part)
    net.module_.erasure = None
    latents = encode_checked(net, part)
    erasure = run_on_first_rank(
        lambda: LatentErasure.fit(
            latents, nuisance.indicators(), part.metadata.weights()
        )
    )
    net.module_.erasure = erasure.to(net.module_.input_mean.device)
    # Latents that were erased outside the net would differ by rounding from those that
    # it returns in prediction, and so might their strata.
    return encode_checked(net, part)
