"""Callbacks of the training: the learning rate's course and the progress bar."""

import math
from typing import Any

from skorch import NeuralNet
from skorch.callbacks import Callback

from contrastive_clustering._data import count_batches

# Part of the steps over which the learning rate rises to its full value.
WARM_UP = 0.1


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
    """A progress bar over the epochs with each loss and the time left."""

    def on_train_begin(self, net: NeuralNet, **kwargs: Any) -> None:
        """Open the bar."""
        from tqdm.auto import tqdm

        self.bar_ = tqdm(total=net.max_epochs, desc="training", unit="epoch")

    def on_epoch_begin(self, net: NeuralNet, **kwargs: Any) -> None:
        """Show the epochs that were run before."""
        if self.bar_.n < net.epoch_number - 1:
            self.bar_.update(net.epoch_number - 1 - self.bar_.n)

    def on_epoch_end(self, net: NeuralNet, **kwargs: Any) -> None:
        """Advance the bar by an epoch and show its losses."""
        losses = {
            name.removeprefix("train_"): f"{value:.3f}"
            for name, value in net.history[-1].items()
            if name.endswith("_loss")
        }
        self.bar_.set_postfix(losses, refresh=False)
        self.bar_.update()

    def on_train_end(self, net: NeuralNet, **kwargs: Any) -> None:
        """Close the bar and leave nothing behind that cannot be pickled."""
        self.bar_.close()
        del self.bar_
