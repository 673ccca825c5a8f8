"""Keep all samples on a GPU during a fit if they fit into its memory."""

import math
from collections.abc import Iterator, Sequence
from typing import Any, cast

import numpy as np
import torch
from torch.utils.data import Subset

from contrastive_clustering._data.dataset import (
    ArrayDataset,
    Batch,
    EvenBatchSampler,
)
from contrastive_clustering._data.metadata import Metadata
from contrastive_clustering._data.scaling import Scaler
from contrastive_clustering._data.validation import Samples
from contrastive_clustering._utils.chunks import chunk_slices
from contrastive_clustering._utils.device import free_memory

# Maximum fraction of the GPU's free memory for samples. The network needs the rest,
# because its activations take many times the memory of a batch.
MAX_DEVICE_FRACTION = 1 / 4


class ResidentDataset(ArrayDataset):
    """Dataset of an array with all samples on a device.

    Parameters
    ----------
    X : ndarray or LazyArray of shape (n_samples, ...)
        The samples.

    scaler : Scaler
        Layout and scaling of the samples.

    samples : torch.Tensor of shape (n_samples, *network_shape)
        All of X with channels first: unscaled if 8-bit, else standardized float32.

    rows : ndarray of shape (n_rows,), default=None
        Indices of the samples to return; all if None.

    metadata : Metadata, default=None
        Metadata of the samples to return; None if there are none.
    """

    def __init__(
        self,
        X: Samples,
        scaler: Scaler,
        samples: torch.Tensor,
        rows: np.ndarray | None = None,
        metadata: Metadata | None = None,
    ) -> None:
        super().__init__(X, scaler, rows, metadata)
        self.samples = samples
        self._rows = None if rows is None else torch.as_tensor(rows).to(samples.device)

    def take(self, rows: np.ndarray | None) -> "ResidentDataset":
        """Return a view of a subset of the samples, or of all if `rows` is None."""
        return ResidentDataset(
            self.X, self.scaler, self.samples, rows, self.metadata.take(rows)
        )

    def __getitems__(self, indices: Sequence[int] | torch.Tensor) -> Batch:
        """Return the samples at `indices`, with the indices instead of targets."""
        positions = torch.as_tensor(indices, device=self.samples.device)
        rows = positions if self._rows is None else self._rows[positions]
        return self.samples[rows], positions


class ResidentBatchLoader:
    """Data loader for samples on a device, in the order of `EvenBatchLoader`.

    Only the order of the samples is transferred at the beginning of an epoch.
    Afterwards there are neither transfers nor synchronization.

    Parameters
    ----------
    dataset : ResidentDataset or torch.utils.data.Subset of one
        The samples.

    batch_size : int
        Maximum batch size.

    shuffle : bool, default=False
        Whether to reshuffle the samples in each epoch.

    seed : int, default=0
        Seed of the shuffling.

    group_positives : bool, default=False
        As for `EvenBatchSampler`.
    """

    def __init__(
        self,
        dataset: ResidentDataset | Subset[Batch],
        batch_size: int,
        shuffle: bool = False,
        seed: int = 0,
        *,
        group_positives: bool = False,
    ) -> None:
        self.even_batches = EvenBatchSampler(
            dataset,
            batch_size,
            shuffle=shuffle,
            seed=seed,
            group_positives=group_positives,
        )
        self.part = None
        if isinstance(dataset, Subset):
            self.part = np.asarray(dataset.indices)
            dataset = cast(ResidentDataset, dataset.dataset)
        self.dataset = dataset

    def __len__(self) -> int:
        return len(self.even_batches)

    def __iter__(self) -> Iterator[Batch]:
        batches = list(self.even_batches.batches())
        order = np.concatenate(batches)
        rows = order if self.part is None else self.part[order]
        indices = torch.from_numpy(rows).to(self.dataset.samples.device)
        for batch in torch.split(indices, [len(batch) for batch in batches]):
            yield self.dataset.__getitems__(batch)


def is_resident(dataset: Any) -> bool:
    """Return whether a dataset, or the dataset of a subset, is on a device."""
    whole = dataset.dataset if isinstance(dataset, Subset) else dataset
    return isinstance(whole, ResidentDataset)


def keep_on_device(dataset: ArrayDataset, device: torch.device) -> ArrayDataset:
    """Move all samples to a GPU if they take a small fraction of its free memory.

    Parameters
    ----------
    dataset : ArrayDataset
        All samples of an array. 8-bit pixels take one byte each, other values four.

    device : torch.device
        Device for the computation.

    Returns
    -------
    dataset : ArrayDataset
        A :class:`ResidentDataset`, or `dataset` itself if it is too large or the device
        has no dedicated memory.
    """
    free = free_memory(device)
    shape = (len(dataset), *dataset.scaler.layout.network_shape)
    dtype = torch.uint8 if dataset.X.dtype == np.uint8 else torch.float32
    if free is None or math.prod(shape) * dtype.itemsize > MAX_DEVICE_FRACTION * free:
        return dataset
    samples = torch.empty(shape, dtype=dtype, device=device)
    for part in chunk_slices(len(dataset), math.prod(shape[1:])):
        samples[part], _ = dataset.__getitems__(range(part.start, part.stop))
    return ResidentDataset(
        dataset.X, dataset.scaler, samples, metadata=dataset.metadata
    )
