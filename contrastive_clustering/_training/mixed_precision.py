"""Mixed precision: training in a shorter floating-point type where that is safe."""

from collections.abc import Callable
from typing import Any, cast

import torch
from skorch import NeuralNet

from contrastive_clustering._networks.autoencoder import AutoencoderOutput

# Data types of training; weights, sums and predictions stay float32.
PRECISIONS = {"32": None, "bf16-mixed": torch.bfloat16, "16-mixed": torch.float16}


class MixedPrecisionNet(NeuralNet):  # type: ignore[misc]  # skorch is not typed
    """A skorch net that trains in mixed precision and predicts in float32.

    Parameters
    ----------
    *args, **kwargs
        As for :class:`skorch.NeuralNet`.

    precision : {"32", "bf16-mixed", "16-mixed"}, default="32"
        Precision of training. With "16-mixed" the loss is scaled, so that small
        gradients do not vanish, and steps whose gradients overflow are skipped.
    """

    def __init__(self, *args: Any, precision: str = "32", **kwargs: Any) -> None:
        self.precision = precision
        super().__init__(*args, **kwargs)

    def initialize_optimizer(self, *args: Any, **kwargs: Any) -> "MixedPrecisionNet":
        """Create the optimizer and the gradient scaler."""
        super().initialize_optimizer(*args, **kwargs)
        self.grad_scaler_ = torch.amp.GradScaler(
            torch.device(self.device).type, enabled=self.precision == "16-mixed"
        )
        return self

    def infer(self, x: torch.Tensor, **fit_params: Any) -> AutoencoderOutput:
        """Take skorch's forward step, during training in the chosen precision."""
        dtype = PRECISIONS[self.precision] if self.module_.training else None
        if dtype is None:
            return cast(AutoencoderOutput, super().infer(x, **fit_params))
        with torch.autocast(x.device.type, dtype=dtype):
            output = super().infer(x, **fit_params)
        return AutoencoderOutput._make(
            None if part is None else part.float() for part in output
        )

    def backward(self, loss: torch.Tensor) -> None:
        """Compute the gradients of a loss, scaled if the precision requires it."""
        self.grad_scaler_.scale(loss).backward()  # type: ignore[no-untyped-call]

    def notify(self, method_name: str, **cb_kwargs: Any) -> None:
        """Call the callbacks, which receive the gradients without their scale."""
        if method_name == "on_grad_computed" and self.grad_scaler_.is_enabled():
            # The gradients have been summed over processes, so all find the same
            # overflows.
            self.grad_scaler_.unscale_(self.optimizer_)
        super().notify(method_name, **cb_kwargs)

    def _step_optimizer(self, step_fn: Callable[[], Any]) -> None:
        if not self.grad_scaler_.is_enabled():
            super()._step_optimizer(step_fn)
            return
        step_fn()
        self.grad_scaler_.step(self.optimizer_)
        self.grad_scaler_.update()
