"""User-defined encoders and decoders: copied or built for each net, and validated."""

import copy
from collections.abc import Callable

import torch
from torch import nn

from contrastive_clustering._networks.pretrained import PretrainedEncoder
from contrastive_clustering._utils.messages import describe_error, show

# Types of the parameters `encoder` and `decoder`.
Part = nn.Module | Callable[[tuple[int, ...], int], nn.Module]

# Size of the test batch; half of it is then passed alone.
N_TRIED = 8

# Tolerated difference between outputs for the same sample, in standard deviations of
# the outputs. Kernels for other batch sizes round differently.
TOLERANCE = 1e-2


def make_part(
    part: Part, name: str, sample_shape: tuple[int, ...], n_latents: int
) -> nn.Module:
    """Return a new module for a net.

    Parameters
    ----------
    part : torch.nn.Module or callable
        A module, which is copied with its weights, or a function that builds one from
        the shape of a sample and the number of latents.

    name : {"encoder", "decoder"}
        Name of the parameter.

    sample_shape : tuple of int
        Shape of a sample, channels first.

    n_latents : int
        Number of outputs of the encoder or of inputs of the decoder.

    Returns
    -------
    module : torch.nn.Module
        The module.

    Raises
    ------
    ValueError
        If it cannot be copied or built.
    """
    if isinstance(part, nn.Module):
        try:
            return copy.deepcopy(part)
        # A module may define how it is copied, and raise any exception there.
        except Exception as error:
            raise ValueError(
                f"{name}={show(part)} cannot be copied ({describe_error(error)}), but "
                "fit trains a copy. Pass a function that builds the module instead."
            ) from error
    if isinstance(part, PretrainedEncoder):  # its messages name its parameters
        return part(sample_shape, n_latents)
    try:
        module = part(sample_shape, n_latents)
    # The user's function may raise any exception; the message includes it.
    except Exception as error:
        raise ValueError(
            f"{name}={show(part)} failed for sample shape {sample_shape} and "
            f"{n_latents} latents ({describe_error(error)}). It must return a "
            "torch.nn.Module."
        ) from error
    if not isinstance(module, nn.Module):
        raise ValueError(
            f"{name}={show(part)} returned a {type(module).__name__} for sample shape "
            f"{sample_shape} and {n_latents} latents. It must return a "
            "torch.nn.Module."
        )
    return module


@torch.no_grad()
def try_part(
    part: nn.Module, name: str, batch: torch.Tensor, wanted: tuple[int, ...]
) -> None:
    """Raise unless the output of an encoder or decoder fits the network.

    Parameters
    ----------
    part : torch.nn.Module
        The module; afterwards in training mode, with unchanged weights.

    name : {"encoder", "decoder"}
        Name of the parameter.

    batch : torch.Tensor of shape (n, ...)
        A batch like those in training.

    wanted : tuple of int
        Required shape of the output for a sample.

    Raises
    ------
    ValueError
        If it raises an exception, if its output is not finite float32 of the required
        shape, if it changes the batch, or if in evaluation mode the output for a sample
        is random or depends on the other samples.
    """
    # Evaluation mode comes first, as lazy layers get their weights with the first
    # batch.
    outputs = _run(part.eval(), name, batch, wanted)
    again = _run(part, name, batch[: len(batch) // 2], wanted)
    limit = TOLERANCE * outputs.std()
    if (outputs[: len(again)] - again).abs().max() > limit:
        raise ValueError(
            f"{name}={show(part)} is not deterministic in evaluation mode: for the "
            "same samples in a smaller batch, it returned different outputs. Random "
            "layers must check self.training, and batch normalization must track "
            "running statistics."
        )
    kept = copy.deepcopy(part.state_dict())
    _run(part.train(), name, batch, wanted)
    part.load_state_dict(kept)


def _run(
    part: nn.Module, name: str, batch: torch.Tensor, wanted: tuple[int, ...]
) -> torch.Tensor:
    mode = "training" if part.training else "evaluation"
    trial = (
        f"{name}={show(part)} was tested in {mode} mode with a batch of shape "
        f"{tuple(batch.shape)}"
    )
    shape = (len(batch), *wanted)
    passed = batch.clone()
    try:
        outputs = part(passed)
    # The user's forward method may raise any exception; the message includes it.
    except Exception as error:
        raise ValueError(
            f"{trial}, and failed ({describe_error(error)}). It must return shape "
            f"{shape}."
        ) from error
    if not isinstance(outputs, torch.Tensor):
        raise ValueError(
            f"{trial}, and returned a {type(outputs).__name__}. It must return a "
            f"tensor of shape {shape}."
        )
    if outputs.shape != shape or outputs.dtype != torch.float32:
        raise ValueError(
            f"{trial}, and returned shape {tuple(outputs.shape)} of {outputs.dtype}. "
            f"It must return shape {shape} of torch.float32{_HINTS[name]}."
        )
    if not torch.isfinite(outputs).all():
        raise ValueError(
            f"{trial} of values of about 1, and returned values that are not finite. "
            "Check its weights."
        )
    if not torch.equal(passed, batch):
        raise ValueError(
            f"{trial}, and changed the batch, which the losses still need. Its first "
            "layers must not work in place."
        )
    return outputs


_HINTS = {
    "encoder": ": latent_dim values for each sample, twice as many if kl_weight > 0",
    "decoder": ": samples, channels first",
}
