"""From an array of any dtype to batches: a batch is cast, never the whole."""

import multiprocessing
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset, Sampler

from contrastive_clustering._data.dead_workers import explain_dead_workers
from contrastive_clustering._data.scaling import Scaler
from contrastive_clustering._data.validation import Samples
from contrastive_clustering._utils.seeding import derive_seed

Batch = tuple[torch.Tensor, torch.Tensor]

# What a data loader refuses, or has no use for, if it starts no workers.
OF_WORKERS = ("prefetch_factor", "multiprocessing_context", "timeout")


class ArrayDataset(Dataset[Batch]):
    """Samples of an array, handed out in whole batches, channels first.

    8-bit pixels leave as they are, to be scaled on the device, where a quarter of
    the bytes have to be moved; all else leaves as float32 on the common scale.

    Parameters
    ----------
    X : ndarray or LazyArray of shape (n_samples, ...)
        The user's samples; never copied as a whole and never changed.

    scaler : Scaler
        Knows the layout of the samples and the common scale.

    rows : ndarray of shape (n_rows,), default=None
        The samples to hand out; all if None.
    """

    def __init__(
        self, X: Samples, scaler: Scaler, rows: np.ndarray | None = None
    ) -> None:
        self.X = X
        self.scaler = scaler
        self.rows = rows

    def __len__(self) -> int:
        return len(self.X) if self.rows is None else len(self.rows)

    def take(self, rows: np.ndarray | None) -> "ArrayDataset":
        """Return a view of some samples, or of all of them if `rows` is None."""
        return ArrayDataset(self.X, self.scaler, rows)

    def __getitem__(self, index: int) -> Batch:
        batch, indices = self.__getitems__([index])
        return batch[0], indices[0]

    def __getitems__(self, indices: Sequence[int]) -> Batch:
        """Return the samples at `indices`, and these in place of a target."""
        places = np.asarray(indices)
        if self.rows is not None:
            samples = self.X[self.rows[places]]
        elif isinstance(indices, range):  # a slice of an array copies nothing
            samples = self.X[indices.start : indices.stop]
        else:
            samples = self.X[places]
        if samples.dtype == np.uint8:
            # PyTorch has no tensors that are read-only or run backwards.
            if not samples.flags.writeable or min(samples.strides) < 0:
                samples = samples.copy()
            batch = self.scaler.layout.to_network(torch.from_numpy(samples))
        else:
            batch = self.scaler.scale(samples)
        return batch, torch.from_numpy(places)


def keep_batch(batch: Any) -> Any:
    """Collate what `ArrayDataset.__getitems__` has put together already."""
    return batch


class EvenBatchSampler(Sampler[Sequence[int]]):
    """Batches of sizes that differ by one sample at most.

    Without a short last batch, whose few negatives would make its contrastive loss
    another one, and which batch normalization could not use.

    Parameters
    ----------
    n_samples : int
        Number of samples.

    batch_size : int
        Largest size of a batch.

    shuffle : bool, default=False
        Whether to shuffle the samples again in each epoch.

    seed : int, default=0
        Seed of the shuffling; with it the order is a function of `epoch` alone.

    Attributes
    ----------
    epoch : int
        The epoch whose order the next iteration gives.
    """

    def __init__(
        self, n_samples: int, batch_size: int, *, shuffle: bool = False, seed: int = 0
    ) -> None:
        self.n_samples = n_samples
        self.batch_size = batch_size
        self.shuffle = shuffle
        self.seed = seed
        self.epoch = 0

    def __len__(self) -> int:
        return count_batches(self.n_samples, self.batch_size)

    def __iter__(self) -> Iterator[Sequence[int]]:
        for batch in np.array_split(self.order(), len(self)):
            yield batch.tolist() if self.shuffle else range(batch[0], batch[-1] + 1)

    def order(self) -> np.ndarray:
        """Return the order of the samples in the epoch."""
        order = np.arange(self.n_samples)
        if self.shuffle:
            np.random.default_rng(derive_seed(self.seed, self.epoch)).shuffle(order)
        return order


def count_batches(n_samples: int, batch_size: int) -> int:
    """Return the number of even batches that `n_samples` make."""
    return -(-n_samples // batch_size)


class EvenBatchLoader(DataLoader[Batch]):
    """A data loader of even batches, with skorch's parameters.

    Parameters
    ----------
    dataset : Dataset
        A dataset that returns whole batches from ``__getitems__``.

    batch_size : int
        Largest size of a batch.

    shuffle : bool, default=False
        Whether to shuffle in each epoch.

    seed : int, default=0
        Seed of the shuffling.

    num_workers : int, default=0
        Largest number of processes that read batches; what is read does not depend on
        it. None are started for a single batch, nor by a process that may have no
        children, as those of ``multiprocessing.Pool``.

    **kwargs : dict
        Further parameters of :class:`torch.utils.data.DataLoader`. Those of its workers
        are read if there are any.
    """

    def __init__(
        self,
        dataset: Dataset[Batch],
        batch_size: int,
        shuffle: bool = False,
        seed: int = 0,
        num_workers: int = 0,
        **kwargs: Any,
    ) -> None:
        n_samples = len(dataset)  # type: ignore[arg-type]  # a map-style dataset
        self.even_batches = EvenBatchSampler(
            n_samples, batch_size, shuffle=shuffle, seed=seed
        )
        n_batches = len(self.even_batches)
        if n_batches == 1 or multiprocessing.current_process().daemon:
            num_workers = 0
        num_workers = min(num_workers, n_batches)
        if num_workers == 0:
            kwargs = {k: v for k, v in kwargs.items() if k not in OF_WORKERS}
        # A generator of its own keeps the loader from drawing its workers' seeds
        # from the global one.
        super().__init__(
            dataset,
            # PyTorch's type asks for lists, its loader for any sequence.
            batch_sampler=self.even_batches,  # type: ignore[arg-type]
            collate_fn=keep_batch,
            generator=torch.Generator().manual_seed(seed),
            num_workers=num_workers,
            persistent_workers=num_workers > 0,
            **kwargs,
        )

    def __iter__(self) -> Iterator[Batch]:  # type: ignore[override]
        """Yield the batches; say what can be done where a process has ended."""
        with explain_dead_workers(self.num_workers, self._exit_codes):
            yield from super().__iter__()

    def _exit_codes(self) -> list[int | None]:
        # PyTorch has no public name for them; without it, the message says less.
        workers = getattr(getattr(self, "_iterator", None), "_workers", ())
        return [worker.exitcode for worker in workers]


class TensorBatches(Dataset[Batch]):
    """A batch that was drawn already, handed out in whole batches once more.

    Parameters
    ----------
    samples : torch.Tensor of shape (n_samples, ...)
        As an :class:`ArrayDataset` hands them out.
    """

    def __init__(self, samples: torch.Tensor) -> None:
        self.samples = samples

    def __len__(self) -> int:
        return len(self.samples)

    def __getitems__(self, indices: Sequence[int]) -> Batch:
        """Return the samples at `indices`, and these in place of a target."""
        places = torch.as_tensor(indices)
        return self.samples[places], places
