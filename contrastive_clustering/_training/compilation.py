"""Compiled training: the network's forward pass, by ``torch.compile``."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, cast

import torch
from skorch import NeuralNet

from contrastive_clustering._networks.autoencoder import AutoencoderOutput


class CompilingNet(NeuralNet):  # type: ignore[misc]  # skorch is not typed
    """A skorch net that trains, if `compile` says so, what ``torch.compile`` has made.

    skorch puts a compiled module in place of the network, whose weights are then called
    otherwise and which cannot be pickled. Here the network stays what it is, and is
    compiled beside it while it trains: predictions, and validation, are the same to the
    bit with and without.
    """

    # What runs in place of the network's forward pass, in training.
    _compiled: Callable[..., Any] | None = None

    def torch_compile(self, module: torch.nn.Module, name: str) -> torch.nn.Module:  # noqa: ARG002
        """Leave a module as it is, where skorch would wrap it."""
        return module

    @contextmanager
    def compiled(self) -> Iterator[None]:
        """Train what is compiled inside this context, if `compile` says so.

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
                f"compile=True cannot be used here ({reason}). PyTorch needs a C++ "
                "compiler for a CPU, and Triton for a GPU: install it, or set "
                "compile=False."
            ) from error
        finally:
            self._compiled = None

    def infer(self, x: torch.Tensor, **fit_params: Any) -> AutoencoderOutput:
        """Take skorch's forward step, by what was compiled while training."""
        if self._compiled is not None and self.module_.training:
            return cast(AutoencoderOutput, self._compiled(x, **fit_params))
        return cast(AutoencoderOutput, super().infer(x, **fit_params))
