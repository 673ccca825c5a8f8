"""Callbacks of the training: the learning rate's course and the progress."""

import math
from collections.abc import Sequence
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

from contrastive_clustering._data.dataset import count_batches
from contrastive_clustering._utils.progress import Progress

# skorch's callbacks that write down what a training does, and do nothing to it. Its
# loggers for Neptune and Weights & Biases are not among them: their runs take one
# training only.
OBSERVERS = (PrintLog, ProgressBar, TensorBoard, MlflowLogger, SacredLogger)

# skorch's callbacks that change weights, gradients or rates, or end a training.
TRAINERS = (
    EarlyStopping,
    GradientNormClipping,
    LoadInitState,
    LRScheduler,
    ParamMapper,
)

# Part of the steps over which the learning rate rises to its full value.
WARM_UP = 0.1


def observers_of(callbacks: Sequence[Any] | None) -> list[Any]:
    """Return those callbacks that only write down what a training does.

    Parameters
    ----------
    callbacks : sequence or None
        The parameter of the estimator: callbacks, their classes, or pairs of a name
        and one of these.

    Returns
    -------
    observers : list
        Those among them that are skorch's own observers, or derive from these.
    """
    observers = []
    for item in callbacks or ():
        callback = item[1] if isinstance(item, tuple) else item
        kind = callback if isinstance(callback, type) else type(callback)
        if issubclass(kind, OBSERVERS):
            observers.append(item)
    return observers


def changes_training(callback: Any) -> bool:
    """Return whether a value is a callback of skorch, or its class, that trains.

    Parameters
    ----------
    callback : object
        What was passed as a callback.

    Returns
    -------
    changes : bool
        False for callbacks that are not derived from skorch's own: what they do cannot
        be known.
    """
    kind = callback if isinstance(callback, type) else type(callback)
    return issubclass(kind, TRAINERS) or (
        issubclass(kind, Callback) and bool(getattr(callback, "load_best", False))
    )


class WarmUpCosine(Callback):  # type: ignore[misc]  # skorch is not typed
    """Raise the learning rate linearly, then lower it to zero along a cosine.

    The rate is a function of the step's number in the training alone, so there is no
    state to keep when one goes on.

    References
    ----------
    Loshchilov, Hutter, "SGDR: Stochastic Gradient Descent with Warm Restarts",
    arXiv:1608.03983, without restarts.
    """

    def on_epoch_begin(
        self, net: NeuralNet, dataset_train: Any = None, **kwargs: Any
    ) -> None:
        """Learn how many steps there will be, and were."""
        steps_per_epoch = count_batches(len(dataset_train), net.batch_size)
        self.n_steps_ = net.max_epochs * steps_per_epoch
        self.step_ = (net.epoch_number - 1) * steps_per_epoch

    def on_batch_begin(
        self, net: NeuralNet, training: bool = False, **kwargs: Any
    ) -> None:
        """Set the rate of the coming step."""
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
    """Progress over the epochs, with each loss.

    Parameters
    ----------
    task : str
        What the training is called.
    """

    def __init__(self, task: str) -> None:
        self.task = task

    def initialize(self) -> Self:
        """Have nothing open before the first epoch begins."""
        self.progress_: Progress | None = None
        return self

    def on_epoch_begin(self, net: NeuralNet, **kwargs: Any) -> None:
        """Open it in the first epoch that is run; others may have been run before."""
        if self.progress_ is None:
            self.progress_ = Progress(
                self.task,
                net.max_epochs,
                "epoch",
                verbose=1,
                n_done=net.epoch_number - 1,
            )

    def on_epoch_end(self, net: NeuralNet, **kwargs: Any) -> None:
        """Show that an epoch is done, and its losses."""
        assert self.progress_ is not None
        losses = {
            name.removeprefix("train_"): f"{value:.3f}"
            for name, value in net.history[-1].items()
            if name.endswith("_loss")
        }
        self.progress_.reach(net.epoch_number, losses)

    def on_train_end(self, net: NeuralNet, **kwargs: Any) -> None:
        """Close it."""
        if self.progress_ is not None:
            self.progress_.close()
        self.progress_ = None

    def __getstate__(self) -> dict[str, Any]:
        # Callbacks of the user may pickle the net within a training.
        return {**self.__dict__, "progress_": None}
