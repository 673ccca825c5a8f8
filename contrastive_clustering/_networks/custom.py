"""Encoders and decoders of the user's own: made again for each net, and tried out."""

import copy
from collections.abc import Callable

import torch
from torch import nn

from contrastive_clustering._utils.messages import reason_of, show

# What a user may pass for an encoder or a decoder.
Part = nn.Module | Callable[[tuple[int, ...], int], nn.Module]

# Samples of the batch that a part is tried with; half of them are then tried alone.
N_TRIED = 8

# How far apart outputs for the same sample may lie, in standard deviations of the
# outputs: kernels for other sizes of a batch round otherwise.
TOLERANCE = 1e-2


def make_part(
    part: Part, name: str, sample_shape: tuple[int, ...], n_latents: int
) -> nn.Module:
    """Return a module of its own for a net.

    Parameters
    ----------
    part : torch.nn.Module or callable
        A module, of which a copy with its weights is taken, or what makes one of a
        sample's shape and a number of latents.

    name : {"encoder", "decoder"}
        The parameter that it was passed as.

    sample_shape : tuple of int
        Shape of a sample, channels first.

    n_latents : int
        Number of the encoder's outputs or of the decoder's inputs.

    Returns
    -------
    module : torch.nn.Module
        The module.

    Raises
    ------
    ValueError
        If it cannot be copied or made.
    """
    if isinstance(part, nn.Module):
        try:
            return copy.deepcopy(part)
        # A module may define how it is copied, and raise whatever it likes there.
        except Exception as error:
            raise ValueError(
                f"{name}={show(part)} cannot be copied ({_said(error)}), which "
                "fit does to leave it as it was. Pass a function that makes one."
            ) from error
    try:
        module = part(sample_shape, n_latents)
    # The user's own code may raise whatever it likes; all of it means the same, and
    # the message says what it was.
    except Exception as error:
        raise ValueError(
            f"{name}={show(part)} was called with the shape of a sample, "
            f"{sample_shape}, and the number of latents, {n_latents}, and failed "
            f"({_said(error)})."
        ) from error
    if not isinstance(module, nn.Module):
        raise ValueError(
            f"{name}={show(part)} returned a {type(module).__name__} for the shape of "
            f"a sample, {sample_shape}, and the number of latents, {n_latents}. It "
            "must return a torch.nn.Module."
        )
    return module


@torch.no_grad()
def try_part(
    part: nn.Module, name: str, batch: torch.Tensor, wanted: tuple[int, ...]
) -> None:
    """Raise unless a part makes of a batch what the rest of the network needs.

    Parameters
    ----------
    part : torch.nn.Module
        The part; afterwards in training mode, with the weights that it had.

    name : {"encoder", "decoder"}
        The parameter that it was passed as.

    batch : torch.Tensor of shape (n, ...)
        A batch as it will be fed.

    wanted : tuple of int
        Shape of what it has to return for a sample.

    Raises
    ------
    ValueError
        If it raises, or returns anything but finite float32 of that shape, or changes
        the batch, or if in evaluation mode what it returns for a sample depends on
        chance or on the others.
    """
    # Evaluation comes first: lazy layers get their weights with the first batch.
    outputs = _run(part.eval(), name, batch, wanted)
    again = _run(part, name, batch[: len(batch) // 2], wanted)
    limit = TOLERANCE * outputs.std()
    if (outputs[: len(again)] - again).abs().max() > limit:
        raise ValueError(
            f"{name}={show(part)} is no function of a sample in evaluation mode: "
            "for the same samples, with fewer beside them, it returned something else. "
            "Layers that draw at random have to ask self.training whether to, and "
            "normalization by the batch has to keep running statistics."
        )
    kept = copy.deepcopy(part.state_dict())
    _run(part.train(), name, batch, wanted)
    part.load_state_dict(kept)


def _run(
    part: nn.Module, name: str, batch: torch.Tensor, wanted: tuple[int, ...]
) -> torch.Tensor:
    mode = "training" if part.training else "evaluation"
    asked = (
        f"{name}={show(part)} was tried in {mode} mode with a batch of shape "
        f"{tuple(batch.shape)}"
    )
    shape = (len(batch), *wanted)
    fed = batch.clone()
    try:
        outputs = part(fed)
    # As above: any error of the user's own forward means that the part does not fit.
    except Exception as error:
        raise ValueError(
            f"{asked}, and failed ({_said(error)}). It has to return shape {shape}."
        ) from error
    if not isinstance(outputs, torch.Tensor):
        raise ValueError(
            f"{asked}, and returned a {type(outputs).__name__}. It has to return a "
            f"tensor of shape {shape}."
        )
    if outputs.shape != shape or outputs.dtype != torch.float32:
        raise ValueError(
            f"{asked}, and returned shape {tuple(outputs.shape)} of {outputs.dtype}. "
            f"It has to return shape {shape} of torch.float32{_HINTS[name]}."
        )
    if not torch.isfinite(outputs).all():
        raise ValueError(
            f"{asked} of values of about 1, and returned some that are not finite. "
            "Check its weights."
        )
    if not torch.equal(fed, batch):
        raise ValueError(
            f"{asked}, and changed it, which the losses still need. Its first layers "
            "must not work in place."
        )
    return outputs


_HINTS = {
    "encoder": ": latent_dim numbers, twice as many if kl_weight is above zero",
    "decoder": ": a sample, channels first",
}


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {reason_of(error)}"
