"""Serve batches of an array of any dtype without casting the whole array."""

import multiprocessing
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset, Sampler, Subset

from contrastive_clustering._data.dead_workers import explain_dead_workers
from contrastive_clustering._data.metadata import Metadata
from contrastive_clustering._data.partners import GroupPartners
from contrastive_clustering._data.scaling import Scaler
from contrastive_clustering._data.validation import Samples
from contrastive_clustering._utils.seeding import SeedStream, derive_seed

Batch = tuple[torch.Tensor, torch.Tensor]

# Parameters of a data loader that only apply if it starts workers.
OF_WORKERS = ("prefetch_factor", "multiprocessing_context", "timeout")


class ArrayDataset(Dataset[Batch]):
    """Dataset of an array that returns whole batches with channels first.

    8-bit pixels are returned unscaled and are scaled on the device, which reduces the
    transfer to a quarter of the bytes. Other dtypes are returned as standardized
    float32.

    Parameters
    ----------
    X : ndarray or LazyArray of shape (n_samples, ...)
        The samples, which are never copied as a whole nor modified.

    scaler : Scaler
        Layout and scaling of the samples.

    rows : ndarray of shape (n_rows,), default=None
        Indices of the samples to return; all if None.

    metadata : Metadata, default=None
        Metadata of the samples to return; None if there are none.
    """

    def __init__(
        self,
        X: Samples,
        scaler: Scaler,
        rows: np.ndarray | None = None,
        metadata: Metadata | None = None,
    ) -> None:
        self.X = X
        self.scaler = scaler
        self.rows = rows
        self.metadata = Metadata() if metadata is None else metadata

    def __len__(self) -> int:
        return len(self.X) if self.rows is None else len(self.rows)

    def take(self, rows: np.ndarray | None) -> "ArrayDataset":
        """Return a view of a subset of the samples, or of all if `rows` is None."""
        return ArrayDataset(self.X, self.scaler, rows, self.metadata.take(rows))

    def __getitem__(self, index: int) -> Batch:
        batch, indices = self.__getitems__([index])
        return batch[0], indices[0]

    def __getitems__(self, indices: Sequence[int]) -> Batch:
        """Return the samples at `indices`, with the indices instead of targets."""
        positions = np.asarray(indices)
        if self.rows is not None:
            samples = self.X[self.rows[positions]]
        elif isinstance(indices, range):  # slices avoid copies
            samples = self.X[indices.start : indices.stop]
        else:
            samples = self.X[positions]
        if samples.dtype == np.uint8:
            # PyTorch supports neither read-only tensors nor negative strides.
            if not samples.flags.writeable or min(samples.strides) < 0:
                samples = samples.copy()
            batch = self.scaler.layout.to_network(torch.from_numpy(samples))
        else:
            batch = self.scaler.scale(samples)
        return batch, torch.from_numpy(positions)


def keep_batch(batch: Any) -> Any:
    """Return the batch of `ArrayDataset.__getitems__`, which is already collated."""
    return batch


class EvenBatchSampler(Sampler[Sequence[int]]):
    """Sampler of batches whose sizes differ by at most one sample.

    It avoids a short last batch, whose contrastive loss would have few negatives and
    which batch normalization might not support.

    Parameters
    ----------
    dataset : Dataset or another sized object
        The samples.

    batch_size : int
        Maximum batch size.

    shuffle : bool, default=False
        Whether to reshuffle the samples in each epoch.

    seed : int, default=0
        Seed of the shuffling. The order depends only on the seed and `epoch`.

    group_positives : bool, default=False
        Whether batches consist of samples followed by other samples of their groups, if
        the dataset has groups.

    Attributes
    ----------
    epoch : int
        Epoch of the next iteration.
    """

    def __init__(
        self,
        dataset: Any,
        batch_size: int,
        *,
        shuffle: bool = False,
        seed: int = 0,
        group_positives: bool = False,
    ) -> None:
        self.n_samples = len(dataset)
        self.batch_size = batch_size
        self.shuffle = shuffle
        self.seed = seed
        groups = metadata_of(dataset).groups if group_positives else None
        self.partners = None if groups is None else GroupPartners(groups)
        self.epoch = 0

    def __len__(self) -> int:
        return count_batches(self.n_samples, self.batch_size)

    def __iter__(self) -> Iterator[Sequence[int]]:
        for batch in self.batches():
            as_slice = not self.shuffle and self.partners is None
            yield range(batch[0], batch[-1] + 1) if as_slice else batch.tolist()

    def batches(self) -> Iterator[np.ndarray]:
        """Yield the indices of each batch of the current epoch."""
        order = self.order()
        partners = None
        if self.partners is not None:
            partners = self.partners.draw(
                order, derive_seed(self.seed, self.epoch, SeedStream.GROUP_PARTNERS)
            )
        for positions in np.array_split(np.arange(len(order)), len(self)):
            batch = order[positions]
            yield (
                batch
                if partners is None
                else np.concatenate([batch, partners[positions]])
            )

    def order(self) -> np.ndarray:
        """Return the order of the samples in the current epoch."""
        order = np.arange(self.n_samples)
        if self.shuffle:
            np.random.default_rng(derive_seed(self.seed, self.epoch)).shuffle(order)
        return order


def metadata_of(dataset: Any) -> Metadata:
    """Return the metadata of a dataset, or of the part that a subset takes of it."""
    if isinstance(dataset, Subset):
        return metadata_of(dataset.dataset).take(np.asarray(dataset.indices))
    metadata: Metadata = getattr(dataset, "metadata", Metadata())
    return metadata


def count_batches(n_samples: int, batch_size: int) -> int:
    """Return the number of even batches of `n_samples` samples."""
    return -(-n_samples // batch_size)


class EvenBatchLoader(DataLoader[Batch]):
    """Data loader of even batches with the parameters that skorch passes.

    Parameters
    ----------
    dataset : Dataset
        Dataset that returns whole batches from ``__getitems__``.

    batch_size : int
        Maximum batch size.

    shuffle : bool, default=False
        Whether to reshuffle the samples in each epoch.

    seed : int, default=0
        Seed of the shuffling.

    num_workers : int, default=0
        Maximum number of worker processes; batches do not depend on it. No workers are
        started for a single batch, nor in daemonic processes, such as those of
        ``multiprocessing.Pool``, which cannot have children.

    group_positives : bool, default=False
        As for `EvenBatchSampler`.

    **kwargs : dict
        Further parameters of :class:`torch.utils.data.DataLoader`. Parameters of the
        workers are ignored if there are none.
    """

    def __init__(
        self,
        dataset: Dataset[Batch],
        batch_size: int,
        shuffle: bool = False,
        seed: int = 0,
        num_workers: int = 0,
        *,
        group_positives: bool = False,
        **kwargs: Any,
    ) -> None:
        self.even_batches = EvenBatchSampler(
            dataset,
            batch_size,
            shuffle=shuffle,
            seed=seed,
            group_positives=group_positives,
        )
        n_batches = len(self.even_batches)
        if n_batches == 1 or multiprocessing.current_process().daemon:
            num_workers = 0
        num_workers = min(num_workers, n_batches)
        if num_workers == 0:
            kwargs = {k: v for k, v in kwargs.items() if k not in OF_WORKERS}
        # Without this generator, the loader would draw the workers' seeds from the
        # global one.
        super().__init__(
            dataset,
            # Typed as lists, but the loader accepts any sequence.
            batch_sampler=self.even_batches,  # type: ignore[arg-type]
            collate_fn=keep_batch,
            generator=torch.Generator().manual_seed(seed),
            num_workers=num_workers,
            persistent_workers=num_workers > 0,
            **kwargs,
        )

    def __iter__(self) -> Iterator[Batch]:  # type: ignore[override]
        """Yield the batches, and explain errors of worker processes."""
        context = self.multiprocessing_context
        method = None if context is None else context.get_start_method()
        with explain_dead_workers(self.num_workers, self._exit_codes, method):
            yield from super().__iter__()

    def _exit_codes(self) -> list[int | None]:
        # The attributes are private; without them, the message is less specific.
        workers = getattr(getattr(self, "_iterator", None), "_workers", ())
        return [worker.exitcode for worker in workers]


class TensorBatches(Dataset[Batch]):
    """Dataset of a loaded tensor that returns whole batches.

    Parameters
    ----------
    samples : torch.Tensor of shape (n_samples, ...)
        Samples as returned by an :class:`ArrayDataset`.
    """

    def __init__(self, samples: torch.Tensor) -> None:
        self.samples = samples

    def __len__(self) -> int:
        return len(self.samples)

    def __getitems__(self, indices: Sequence[int]) -> Batch:
        """Return the samples at `indices`, with the indices instead of targets."""
        positions = torch.as_tensor(indices)
        return self.samples[positions], positions
