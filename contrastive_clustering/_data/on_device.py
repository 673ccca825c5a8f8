"""Samples that are moved to a GPU once, where they fit, and stay there for a fit."""

import math
from collections.abc import Iterator, Sequence
from typing import Any, cast

import numpy as np
import torch
from torch.utils.data import Subset

from contrastive_clustering._data.dataset import ArrayDataset, Batch, EvenBatchSampler
from contrastive_clustering._data.scaling import CHUNK_VALUES, Scaler
from contrastive_clustering._data.validation import Samples
from contrastive_clustering._utils.device import free_memory

# Part of the GPU's free memory that samples may take. The rest is for the network:
# what a step keeps for its gradients is many times a batch.
LARGEST_PART = 1 / 4


class ResidentDataset(ArrayDataset):
    """Samples of an array, all of which are on a device.

    Parameters
    ----------
    X : ndarray or LazyArray of shape (n_samples, ...)
        The user's samples.

    scaler : Scaler
        Knows the layout of the samples and the common scale.

    samples : torch.Tensor of shape (n_samples, *network_shape)
        All of X, channels first; raw if 8-bit, else float32 on the common scale.

    rows : ndarray of shape (n_rows,), default=None
        The samples to hand out; all if None.
    """

    def __init__(
        self,
        X: Samples,
        scaler: Scaler,
        samples: torch.Tensor,
        rows: np.ndarray | None = None,
    ) -> None:
        super().__init__(X, scaler, rows)
        self.samples = samples
        self._rows = None if rows is None else torch.as_tensor(rows).to(samples.device)

    def take(self, rows: np.ndarray | None) -> "ResidentDataset":
        """Return a view of some samples, or of all of them if `rows` is None."""
        return ResidentDataset(self.X, self.scaler, self.samples, rows)

    def __getitems__(self, indices: Sequence[int] | torch.Tensor) -> Batch:
        """Return the samples at `indices`, and these in place of a target."""
        places = torch.as_tensor(indices, device=self.samples.device)
        rows = places if self._rows is None else self._rows[places]
        return self.samples[rows], places


class ResidentBatchLoader:
    """Even batches of samples that are on a device, in the order of `EvenBatchLoader`.

    The order of an epoch is moved to the device at its beginning; after that nothing
    is, and nothing waits.

    Parameters
    ----------
    dataset : ResidentDataset or torch.utils.data.Subset of one
        The samples.

    batch_size : int
        Largest size of a batch.

    shuffle : bool, default=False
        Whether to shuffle in each epoch.

    seed : int, default=0
        Seed of the shuffling.
    """

    def __init__(
        self,
        dataset: ResidentDataset | Subset[Batch],
        batch_size: int,
        shuffle: bool = False,
        seed: int = 0,
    ) -> None:
        self.even_batches = EvenBatchSampler(
            len(dataset), batch_size, shuffle=shuffle, seed=seed
        )
        self.part = None
        if isinstance(dataset, Subset):
            self.part = np.asarray(dataset.indices)
            dataset = cast(ResidentDataset, dataset.dataset)
        self.dataset = dataset

    def __len__(self) -> int:
        return len(self.even_batches)

    def __iter__(self) -> Iterator[Batch]:
        order = self.even_batches.order()
        rows = order if self.part is None else self.part[order]
        places = torch.from_numpy(rows).to(self.dataset.samples.device)
        for batch in torch.tensor_split(places, len(self)):
            yield self.dataset.__getitems__(batch)


def is_resident(dataset: Any) -> bool:
    """Return whether a data set, or what it is a part of, is on a device."""
    whole = dataset.dataset if isinstance(dataset, Subset) else dataset
    return isinstance(whole, ResidentDataset)


def keep_on_device(dataset: ArrayDataset, device: torch.device) -> ArrayDataset:
    """Move all samples to a GPU if they take a small part of its free memory.

    Parameters
    ----------
    dataset : ArrayDataset
        The samples, all of an array's. 8-bit pixels take a byte each, all other values
        four.

    device : torch.device
        Where to compute.

    Returns
    -------
    dataset : ArrayDataset
        A :class:`ResidentDataset`; `dataset` itself if it is too large, or the device
        has no memory of its own.
    """
    free = free_memory(device)
    shape = (len(dataset), *dataset.scaler.layout.network_shape)
    dtype = torch.uint8 if dataset.X.dtype == np.uint8 else torch.float32
    if free is None or math.prod(shape) * dtype.itemsize > LARGEST_PART * free:
        return dataset
    samples = torch.empty(shape, dtype=dtype, device=device)
    n_rows = max(1, CHUNK_VALUES // math.prod(shape[1:]))
    for start in range(0, len(dataset), n_rows):
        part = range(start, min(start + n_rows, len(dataset)))
        samples[start : part.stop], _ = dataset.__getitems__(part)
    return ResidentDataset(dataset.X, dataset.scaler, samples)
