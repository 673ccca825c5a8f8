"""Compile the network's forward pass by ``torch.compile`` for training."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, cast

import torch
from skorch import NeuralNet

from contrastive_clustering._networks.autoencoder import AutoencoderOutput


class CompilingNet(NeuralNet):  # type: ignore[misc]  # skorch is not typed
    """A skorch net that trains with a compiled forward pass if `compile` is set.

    skorch replaces the network by a compiled module, which renames the weights and
    cannot be pickled. This class keeps the network and compiles only its forward pass,
    for the duration of a training. Predictions and validation are bit for bit the same
    with and without compilation.
    """

    # Replaces the network's forward pass during training.
    _compiled: Callable[..., Any] | None = None

    def torch_compile(self, module: torch.nn.Module, name: str) -> torch.nn.Module:  # noqa: ARG002
        """Return a module unchanged, where skorch would wrap it."""
        return module

    @contextmanager
    def compiled(self) -> Iterator[None]:
        """Use the compiled forward pass in this context if `compile` is set.

        Raises
        ------
        ValueError
            If the network cannot be compiled.
        """
        if not self.compile:
            yield
            return
        from torch._dynamo.exc import TorchDynamoException

        try:
            self._compiled = torch.compile(
                self.module_.forward, **self.get_params_for("compile")
            )
            yield
        except TorchDynamoException as error:
            reason = " ".join(str(error).strip().split("\n\n")[0].split())
            raise ValueError(
                f"compile=True failed ({reason}). PyTorch needs a C++ compiler for a "
                "CPU and Triton for a GPU. Install it, or set compile=False."
            ) from error
        finally:
            self._compiled = None

    def infer(self, x: torch.Tensor, **fit_params: Any) -> AutoencoderOutput:
        """Take skorch's forward step, compiled during training."""
        if self._compiled is not None and self.module_.training:
            return cast(AutoencoderOutput, self._compiled(x, **fit_params))
        return cast(AutoencoderOutput, super().infer(x, **fit_params))
