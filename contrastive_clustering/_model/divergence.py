"""Encode and decode with a trained net, and raise if its training diverged."""

import math
from collections.abc import Callable

import numpy as np
import torch

from contrastive_clustering._data.dataset import ArrayDataset
from contrastive_clustering._data.scaling import Scaler
from contrastive_clustering._training.net import ContrastiveNet
from contrastive_clustering._utils.distributed import run_on_all_ranks

# Largest numbers of latents that are decoded and encoded together, and of their decoded
# values, which take an eighth of a gigabyte.
DECODED_TOGETHER, DECODED_VALUES = 512, 2**25

# Largest number of centers that are decoded to check the decoder.
MAX_TRIED = 16


def encode_checked(net: ContrastiveNet, dataset: ArrayDataset) -> np.ndarray:
    """Return the latents of all samples, or raise if they are not finite."""
    return map_checked(net, dataset, lambda latents: latents)


def encode_decoded(
    net: ContrastiveNet, latents: np.ndarray, scaler: Scaler
) -> np.ndarray:
    """Decode latents, and return the latents of the decoded samples, part by part."""
    n_values = math.prod(scaler.layout.sample_shape)
    size = max(1, min(DECODED_TOGETHER, DECODED_VALUES // n_values))
    return np.concatenate(
        [
            encode_checked(
                net,
                ArrayDataset(
                    net.decode(latents[start : start + size], scaler.unscale),
                    scaler,
                ),
            )
            for start in range(0, len(latents), size)
        ]
    )


def map_checked(
    net: ContrastiveNet,
    dataset: ArrayDataset,
    function: Callable[[np.ndarray], np.ndarray],
) -> np.ndarray:
    """Return the result of a function of the latents, or raise if they are not finite.

    If one of the processes that train together raises, all do.
    """

    def checked(latents: np.ndarray) -> np.ndarray:
        if not np.isfinite(latents).all():
            raise _diverged(net, "latents are")
        return function(latents)

    return run_on_all_ranks(lambda: net.map_latents(dataset, checked))


def check_decoder(net: ContrastiveNet, centers: np.ndarray, scaler: Scaler) -> None:
    """Raise if weights or decoded samples are not finite.

    A decoder can diverge even if the latents are finite.
    """
    custom = tuple(f"{part}." for part in net.module_.custom_parts)
    for name, value in net.module_.state_dict().items():
        # The state of a custom module may contain infinities or other objects.
        if name.startswith(custom):
            continue
        if not torch.isfinite(value).all():
            raise _diverged(net, f"the weights {name} are")
    if not np.isfinite(net.decode(centers[:MAX_TRIED], scaler.unscale)).all():
        raise _diverged(net, "decoded centers are")


def _diverged(net: ContrastiveNet, what: str) -> ValueError:
    return ValueError(
        f"Training diverged: after {len(net.history)} epochs with lr={net.user_lr:g} "
        f"{what} no longer finite. Lower lr, or raise temperature if it is very small."
    )
