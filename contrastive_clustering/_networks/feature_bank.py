"""Keep the features of a frozen backbone during a fit, in memory and on disk."""

import hashlib
import shutil
import tempfile
from collections.abc import Callable
from typing import IO, NamedTuple

import numpy as np
import torch

# Features beyond this size are kept in a temporary file, which takes at most this
# fraction of the free disk space.
MAX_IN_MEMORY = 2**30
MAX_DISK_FRACTION = 1 / 2


class _OnDisk(NamedTuple):
    """Position of features in the temporary file."""

    offset: int
    shape: tuple[int, ...]


class FeatureBank:
    """The features of batches, found by the content of the batch.

    As a batch is found by a digest of all its values, features are never those of
    another batch. Features that fit neither in memory nor on disk are computed again,
    also if the disk becomes full.

    Parameters
    ----------
    in_memory : int, default=MAX_IN_MEMORY
        Largest number of bytes of features in memory.

    on_disk : int, default=None
        Largest number of bytes of features on disk; None for half of the free space of
        the folder for temporary files.

    Attributes
    ----------
    n_computed, n_found : int
        Number of batches whose features were computed, and found.
    """

    def __init__(
        self, in_memory: int = MAX_IN_MEMORY, on_disk: int | None = None
    ) -> None:
        self.in_memory = in_memory
        self.on_disk = on_disk
        self.n_computed = self.n_found = 0
        self._kept: dict[bytes, np.ndarray | _OnDisk] = {}
        self._n_bytes = self._n_written = 0
        self._file: IO[bytes] | None = None

    def get(
        self, batch: torch.Tensor, compute: Callable[[torch.Tensor], torch.Tensor]
    ) -> torch.Tensor:
        """Return the features of a batch, computed if they are not in the bank.

        Parameters
        ----------
        batch : torch.Tensor of shape (n, ...)
            The batch.

        compute : callable
            Maps the batch to its features, float32.

        Returns
        -------
        features : torch.Tensor of shape (n, n_features)
            The features, on the device of the batch; they must not be changed in place.
        """
        key = _digest(batch)
        found = self._kept.get(key)
        if found is None:
            features = compute(batch)
            self.n_computed += 1
            self._keep(key, features.detach().cpu().numpy())
            return features
        self.n_found += 1
        values = self._read(found) if isinstance(found, _OnDisk) else found
        return torch.from_numpy(values).to(batch.device)

    def close(self) -> None:
        """Forget all features and delete the temporary file."""
        self._kept.clear()
        if self._file is not None:
            self._file.close()
            self._file = None

    def _keep(self, key: bytes, values: np.ndarray) -> None:
        if self._n_bytes + values.nbytes <= self.in_memory:
            self._kept[key] = values.copy()
            self._n_bytes += values.nbytes
            return
        if self.on_disk is None:
            free = shutil.disk_usage(tempfile.gettempdir()).free
            self.on_disk = int(free * MAX_DISK_FRACTION)
        if self._n_written + values.nbytes > self.on_disk:
            return
        if not self._write(np.ascontiguousarray(values)):
            self.on_disk = 0
            return
        self._kept[key] = _OnDisk(self._n_written, values.shape)
        self._n_written += values.nbytes

    def _write(self, values: np.ndarray) -> bool:
        """Return whether there was room; other processes may have filled the disk."""
        try:
            if self._file is None:
                # Without a buffer, whose content could fail to be written later.
                self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115  # closed by `close`
            self._file.seek(self._n_written)
            return self._file.write(values.data) == values.nbytes
        except OSError:
            return False

    def _read(self, place: _OnDisk) -> np.ndarray:
        assert self._file is not None  # it holds these features
        values = np.empty(place.shape, np.float32)
        self._file.seek(place.offset)
        self._file.readinto(values.data)  # type: ignore[attr-defined]
        return values


def _digest(batch: torch.Tensor) -> bytes:
    values = batch.detach().contiguous().cpu().numpy()
    digest = hashlib.blake2b(values.data, digest_size=16)
    digest.update(repr(values.shape).encode())
    return digest.digest()
