"""Callbacks of training: the learning rate schedule and the progress bar."""

import math
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Self

from skorch import NeuralNet
from skorch.callbacks import (
    Callback,
    EarlyStopping,
    GradientNormClipping,
    LoadInitState,
    LRScheduler,
    MlflowLogger,
    ParamMapper,
    PrintLog,
    ProgressBar,
    SacredLogger,
    TensorBoard,
)
from torch.optim.lr_scheduler import ReduceLROnPlateau

from contrastive_clustering._data.dataset import count_batches
from contrastive_clustering._utils.progress import Progress

# skorch's callbacks that record a training without affecting it. Its loggers for
# Neptune and Weights & Biases are missing, because one of their runs covers only one
# training.
OBSERVERS = (PrintLog, ProgressBar, TensorBoard, MlflowLogger, SacredLogger)

# skorch's callbacks that change weights, gradients or learning rates, or stop training.
TRAINERS = (
    EarlyStopping,
    GradientNormClipping,
    LoadInitState,
    LRScheduler,
    ParamMapper,
)

# Fraction of the steps over which the learning rate rises to its full value.
WARM_UP = 0.1


def class_of(callback: Any) -> type:
    """Return the class of a callback, which may be given as the class itself."""
    return callback if isinstance(callback, type) else type(callback)


def select_observers(callbacks: Iterable[tuple[str, Any]]) -> list[tuple[str, Any]]:
    """Return the named callbacks, or classes, that only record a training."""
    return [
        (name, callback)
        for name, callback in callbacks
        if issubclass(class_of(callback), OBSERVERS)
    ]


def changes_training(callback: Any) -> bool:
    """Return whether a callback, or a class of callbacks, affects training.

    False for callbacks that do not derive from skorch's own, because it cannot be known
    what they do.
    """
    kind = class_of(callback)
    return issubclass(kind, TRAINERS) or (
        issubclass(kind, Callback) and bool(getattr(callback, "load_best", False))
    )


def changes_itself(callback: Any) -> bool:
    """Return whether skorch changes parameters of a callback, such as ``Freezer``."""
    return isinstance(callback, ParamMapper)


@contextmanager
def schedules_start_over(callbacks: Iterable[tuple[str, Callback]]) -> Iterator[None]:
    """Let skorch's schedules begin at their first step in this context.

    By default, skorch lets a schedule continue after the epochs in the history. But
    each training has a new optimizer with the initial rate. From that, many schedules
    would compute rates that they never have otherwise, or would fail.
    """
    schedules = [
        callback
        for _, callback in callbacks
        if isinstance(callback, LRScheduler)
        and callback.policy_ is not ReduceLROnPlateau  # it does not count epochs
        and "last_epoch" not in callback.kwargs
    ]
    for schedule in schedules:
        schedule.last_epoch = -1
    try:
        yield
    finally:
        for schedule in schedules:
            del schedule.last_epoch


class WarmUpCosine(Callback):  # type: ignore[misc]  # skorch is not typed
    """Raise the learning rate linearly, then lower it to zero along a cosine.

    The rate depends only on the index of the step, so a training that is resumed needs
    no state of the schedule.

    References
    ----------
    Loshchilov, Hutter, "SGDR: Stochastic Gradient Descent with Warm Restarts",
    arXiv:1608.03983, without restarts.
    """

    def on_epoch_begin(
        self, net: NeuralNet, dataset_train: Any = None, **kwargs: Any
    ) -> None:
        """Count the steps of the training, and those already taken."""
        steps_per_epoch = count_batches(len(dataset_train), net.batch_size)
        self.n_steps_ = net.max_epochs * steps_per_epoch
        self.step_ = (net.epoch_number - 1) * steps_per_epoch

    def on_batch_begin(
        self, net: NeuralNet, training: bool = False, **kwargs: Any
    ) -> None:
        """Set the learning rate of the next step."""
        if not training:
            return
        done = (self.step_ + 0.5) / self.n_steps_
        if done < WARM_UP:
            factor = done / WARM_UP
        else:
            factor = (1 + math.cos(math.pi * (done - WARM_UP) / (1 - WARM_UP))) / 2
        for group in net.optimizer_.param_groups:
            group["lr"] = group["initial_lr"] * factor
        self.step_ += 1


class TrainingBar(Callback):  # type: ignore[misc]  # skorch is not typed
    """Show the progress over the epochs, with each loss."""

    def __init__(self, task: str) -> None:
        self.task = task

    def initialize(self) -> Self:
        """Start without a bar; the first epoch opens it."""
        self.progress_: Progress | None = None
        return self

    def on_epoch_begin(self, net: NeuralNet, **kwargs: Any) -> None:
        """Open the bar in the first epoch of this run; earlier ones may be done."""
        if self.progress_ is None:
            self.progress_ = Progress(
                self.task,
                net.max_epochs,
                "epoch",
                verbose=1,
                n_done=net.epoch_number - 1,
            )

    def on_epoch_end(self, net: NeuralNet, **kwargs: Any) -> None:
        """Advance the bar and show the losses of the epoch."""
        assert self.progress_ is not None
        losses = {
            name.removeprefix("train_"): f"{value:.3f}"
            for name, value in net.history[-1].items()
            if name.endswith("_loss")
        }
        self.progress_.reach(net.epoch_number, losses)

    def on_train_end(self, net: NeuralNet, **kwargs: Any) -> None:
        """Close the bar."""
        if self.progress_ is not None:
            self.progress_.close()
        self.progress_ = None

    def __getstate__(self) -> dict[str, Any]:
        # A user's callback may pickle the net during training.
        return {**self.__dict__, "progress_": None}
