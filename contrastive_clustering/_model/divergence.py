"""Latents and samples of a trained net, or an error if its training has diverged."""

from collections.abc import Callable

import numpy as np
import torch

from contrastive_clustering._data.dataset import ArrayDataset
from contrastive_clustering._data.scaling import Scaler
from contrastive_clustering._model.agreement import run_on_all_ranks
from contrastive_clustering._training.net import ContrastiveNet

# So many latents are decoded and encoded again together: of volumes of 64 voxels a
# side these are half a gigabyte.
DRAWN_TOGETHER = 512

# So many centers are decoded to see whether the decoder has diverged.
MOST_TRIED = 16


def encode_checked(net: ContrastiveNet, dataset: ArrayDataset) -> np.ndarray:
    """Return the latents of all samples, or raise if they are not finite."""
    return map_checked(net, dataset, lambda latents: latents)


def encode_drawn(
    net: ContrastiveNet, latents: np.ndarray, scaler: Scaler
) -> np.ndarray:
    """Return the latents of what the decoder draws of latents, a part at a time."""
    return np.concatenate(
        [
            encode_checked(
                net,
                ArrayDataset(
                    net.decode(latents[start : start + DRAWN_TOGETHER], scaler.unscale),
                    scaler,
                ),
            )
            for start in range(0, len(latents), DRAWN_TOGETHER)
        ]
    )


def map_checked(
    net: ContrastiveNet,
    dataset: ArrayDataset,
    function: Callable[[np.ndarray], np.ndarray],
) -> np.ndarray:
    """Return what a function makes of the latents, or raise if they are not finite.

    Of processes that train together all raise if one does.
    """

    def checked(latents: np.ndarray) -> np.ndarray:
        if not np.isfinite(latents).all():
            raise _diverged(net, "latents are")
        return function(latents)

    return run_on_all_ranks(lambda: net.map_latents(dataset, checked))


def check_decoder(net: ContrastiveNet, centers: np.ndarray, scaler: Scaler) -> None:
    """Raise if training has left weights, or what is decoded, that are not finite.

    Latents may still be finite: a decoder can diverge on its own.
    """
    own = tuple(f"{part}." for part in net.module_.own_parts)
    for name, value in net.module_.state_dict().items():
        # Modules of the user's own may keep a mask of infinities, or no tensor.
        if own and name.startswith(own):
            continue
        if not torch.isfinite(value).all():
            raise _diverged(net, f"the weights {name} are")
    if not np.isfinite(net.decode(centers[:MOST_TRIED], scaler.unscale)).all():
        raise _diverged(net, "decoded centers are")


def _diverged(net: ContrastiveNet, what: str) -> ValueError:
    return ValueError(
        f"Training diverged: after {len(net.history)} epochs with lr={net.user_lr:g} "
        f"{what} no longer finite. Lower lr, or raise temperature if it is very small."
    )
