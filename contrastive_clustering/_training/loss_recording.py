"""Record the losses of batches in the history, and stop if one is not finite."""

import copy
import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
import torch
from skorch import NeuralNet
from skorch.history import History

from contrastive_clustering._data.dataset import Batch
from contrastive_clustering._utils.device import is_asynchronous

# Number of batches whose losses are read together if reading a number would wait for
# the device: rare enough to cost nothing, and frequent enough to stop a diverged
# training early.
READ_EVERY = 100

# The phases of training. The history holds their numbers, counted from 1, because
# trackers such as MLflow accept only numbers.
PHASES = ("first", "second")

Terms = dict[str, torch.Tensor]


def phase_numbers(history: Iterable[Mapping[str, Any]]) -> np.ndarray:
    """Return the number of the training phase of each epoch, from 1.

    Epochs without a record of their phase are of the first.

    Examples
    --------
    >>> from contrastive_clustering._training.loss_recording import phase_numbers
    >>> phase_numbers([{"phase": 1}, {"phase": 2}]).tolist()
    [1, 2]
    """
    return np.array([epoch.get("phase", 1) for epoch in history], dtype=int)


class RecordingNet(NeuralNet):  # type: ignore[misc]  # skorch is not typed
    """A skorch net that records each term of its loss and raises if one diverges.

    On the CPU, the losses of a batch are read before the optimizer's step. Reading them
    on a GPU would wait for it, so they are read after every `READ_EVERY` batches and at
    the end of each epoch.
    """

    history: History

    # The phase, one of `PHASES`, and the number of epochs recorded before it.
    phase = "first"
    _first_epoch = 0

    # Batches whose losses have not been read yet: their number in the epoch, and terms.
    _unread: list[tuple[int, Terms]] | None = None

    @property
    def epoch_number(self) -> int:
        """Number of the current epoch in this training, from 1."""
        return len(self.history) - self._first_epoch

    @property
    def user_lr(self) -> float:
        """The estimator's `lr`, from which the learning rate of this phase derives."""
        return float(self.lr)

    def on_epoch_begin(self, net: NeuralNet, **kwargs: Any) -> None:
        """Record the phase of the epoch in the history."""
        super().on_epoch_begin(net, **kwargs)
        self.history.record("phase", 1 + PHASES.index(self.phase))

    def record_terms(self, terms: Terms, training: bool) -> None:
        """Record the terms of the loss of a batch, immediately or deferred.

        Parameters
        ----------
        terms : dict of str to torch.Tensor of shape ()
            The terms, and their sum as ``loss``.

        training : bool
            Whether the batch is one of the training part.

        Raises
        ------
        ValueError
            If one of them is not finite. The weights are then those before the step if
            the terms are read immediately, and those before the epoch otherwise.
        """
        number = len(self.history[-1]["batches"])
        if self._unread is not None:
            self._unread.append((number, {k: v.detach() for k, v in terms.items()}))
            return
        part = "train" if training else "valid"
        for name, term in terms.items():
            self._record(number, part, name, term.item())

    def _record(self, number: int, part: str, name: str, value: float) -> None:
        if not math.isfinite(value):
            raise ValueError(
                f"Training diverged: {name} is {value} in epoch {self.epoch_number} of "
                f"{self.max_epochs} of the {self.phase} phase, batch {number}, with "
                f"lr={self.user_lr:g}. Lower lr, or raise temperature if it is very "
                "small. A callable augmentation must return finite views."
            )
        if name != "loss":  # recorded by skorch
            self.history[-1]["batches"][number - 1][f"{part}_{name}"] = value

    def run_single_epoch(
        self,
        iterator: Iterable[Batch] | None,
        training: bool,
        prefix: str,
        step_fn: Callable[..., Any],
        **fit_params: Any,
    ) -> None:
        """Run skorch's epoch, or its equivalent that does not wait for the device."""
        if iterator is None or not is_asynchronous(self.device):
            super().run_single_epoch(iterator, training, prefix, step_fn, **fit_params)
            return
        before = self._copy_state() if training else None
        self._unread = []
        n_batches = 0
        try:
            for batch in iterator:
                self.notify("on_batch_begin", batch=batch, training=training)
                step = step_fn(batch, **fit_params)
                self.history.record_batch(f"{prefix}_batch_size", len(batch[0]))
                self.notify("on_batch_end", batch=batch, training=training, **step)
                n_batches += 1
                if n_batches % READ_EVERY == 0:
                    self._read(prefix, before)
            self._read(prefix, before)
        finally:
            del self._unread
        self.history.record(f"{prefix}_batch_count", n_batches)

    def _copy_state(self) -> tuple[Any, Any]:
        """Return a copy of the state that a step changes."""
        return copy.deepcopy((self.module_.state_dict(), self.optimizer_.state_dict()))

    def _read(self, part: str, before: tuple[Any, Any] | None) -> None:
        """Wait for the unread losses and write them to the history."""
        assert self._unread is not None
        unread, self._unread = self._unread, []
        if not unread:
            return
        values = torch.stack([torch.stack([*terms.values()]) for _, terms in unread])
        try:
            for (number, terms), row in zip(unread, values.tolist(), strict=True):
                for name, value in zip(terms, row, strict=True):
                    self._record(number, part, name, value)
                batch = self.history[-1]["batches"][number - 1]
                # An optimizer may evaluate a batch's loss several times; skorch keeps
                # the first.
                batch.setdefault(f"{part}_loss", row[[*terms].index("loss")])
        except ValueError:
            if before is not None:
                self.module_.load_state_dict(before[0])
                self.optimizer_.load_state_dict(before[1])
            raise
