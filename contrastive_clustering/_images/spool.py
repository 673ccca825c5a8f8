"""Arrays that grow image by image, in memory or in a file.

The number of images, whether one of them has colors, and whether one of them has more
than 8 bits are known only after the last one.
"""

import io
import math
import tempfile
from abc import ABC, abstractmethod
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

import numpy as np

from contrastive_clustering._utils.optional import import_zarr

# Bytes of the blocks that are converted together.
BLOCK_BYTES = 2**24

ZARR_SUFFIX = ".zarr"
ZARR_CHUNK_BYTES = 2**22

N_CHANNELS = 3


class Spool(ABC):
    """An array that grows along its first axis.

    All rows become RGB with the first row in color, and float32 with the first row of
    that type.
    """

    def __init__(self) -> None:
        self.n_rows = 0
        self.shape: tuple[int, ...] = ()
        self.dtype = np.dtype(np.uint8)

    @property
    def row_bytes(self) -> int:
        """Number of bytes of a row."""
        return math.prod(self.shape) * self.dtype.itemsize

    def append(self, row: np.ndarray) -> None:
        """Append an image or a volume with the same sides as the first one."""
        if not self.n_rows:
            self.shape, self.dtype = row.shape, row.dtype
        shape = max(self.shape, row.shape, key=len)
        dtype = np.promote_types(self.dtype, row.dtype)
        if (shape, dtype) != (self.shape, self.dtype):
            self._widen(shape, dtype)
            self.shape, self.dtype = shape, dtype
        self._write(as_row(row, shape, dtype))
        self.n_rows += 1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    @abstractmethod
    def _write(self, row: np.ndarray) -> None:
        """Write a row after the last one."""

    @abstractmethod
    def _widen(self, shape: tuple[int, ...], dtype: np.dtype) -> None:
        """Convert all rows to a larger shape or dtype."""

    @abstractmethod
    def finish(self) -> Any:
        """Return the array."""


def as_row(row: np.ndarray, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """Return a row with the channels and the dtype of others."""
    if row.ndim < len(shape):
        row = np.repeat(row[..., None], N_CHANNELS, axis=-1)
    return row.astype(dtype, copy=False)


class MemorySpool(Spool):
    """A spool in memory.

    Parameters
    ----------
    n_expected : int
        Number of rows to reserve. Pages that are not written take no memory.
    """

    def __init__(self, n_expected: int) -> None:
        super().__init__()
        self._capacity = max(1, n_expected)
        self._rows = np.empty(0, np.uint8)

    def _write(self, row: np.ndarray) -> None:
        if not self.n_rows:
            self._rows = np.empty((self._capacity, *self.shape), self.dtype)
        elif self.n_rows == self._capacity:
            self._capacity *= 2
            self._rows = self._enlarged(self.shape, self.dtype)
        self._rows[self.n_rows] = row

    def _widen(self, shape: tuple[int, ...], dtype: np.dtype) -> None:
        self._rows = self._enlarged(shape, dtype)

    def _enlarged(self, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
        larger = np.empty((self._capacity, *shape), dtype)
        for index in range(self.n_rows):
            larger[index] = as_row(self._rows[index], shape, dtype)
        return larger

    def finish(self) -> np.ndarray:
        """Return the array."""
        return self._rows[: self.n_rows]


class FileSpool(Spool):
    """A spool in a ``.npy`` file, which is moved or converted to `out` at the end.

    Parameters
    ----------
    out : Path
        A ``.npy`` file or a ``.zarr`` folder that does not exist.
    """

    def __init__(self, out: Path) -> None:
        super().__init__()
        self.out = out

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            folder = stack.enter_context(
                tempfile.TemporaryDirectory(prefix=".load_images.", dir=self.out.parent)
            )
            self._path = Path(folder, "rows.npy")
            self._file = stack.enter_context(self._path.open("w+b"))
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _write(self, row: np.ndarray) -> None:
        if not self.n_rows:
            self._file.write(self._header(self.shape, self.dtype))
        self._file.write(np.ascontiguousarray(row).data)

    def _header(self, shape: tuple[int, ...], dtype: np.dtype) -> bytes:
        """Return a header, whose length does not depend on the number of rows."""
        header = io.BytesIO()
        np.lib.format.write_array_header_1_0(
            header,
            {
                "descr": np.lib.format.dtype_to_descr(dtype),
                "fortran_order": False,
                "shape": (self.n_rows, *shape),
            },
        )
        return header.getvalue()

    def _widen(self, shape: tuple[int, ...], dtype: np.dtype) -> None:
        """Convert in place, from the last block to the first.

        The new rows of a block lie behind the old rows of all blocks before it.
        """
        header = self._header(shape, dtype)
        old_start = len(self._header(self.shape, self.dtype))
        wide = math.prod(shape) * dtype.itemsize
        n_together = max(1, BLOCK_BYTES // wide)
        for block in reversed(range(0, self.n_rows, n_together)):
            n_rows = min(n_together, self.n_rows - block)
            self._file.seek(old_start + block * self.row_bytes)
            content = self._file.read(n_rows * self.row_bytes)
            rows = np.frombuffer(content, self.dtype).reshape(n_rows, *self.shape)
            converted = [as_row(row, shape, dtype) for row in rows]
            self._file.seek(len(header) + block * wide)
            self._file.write(np.stack(converted).data)
        self._file.seek(0)
        self._file.write(header)
        self._file.seek(0, io.SEEK_END)

    def finish(self) -> Any:
        """Move or convert the file to `out`, and return its array for reading."""
        self._file.seek(0)
        self._file.write(self._header(self.shape, self.dtype))
        self._file.flush()
        if self.out.suffix == ZARR_SUFFIX:
            return self._to_zarr()
        self._file.close()
        self._path.replace(self.out)
        return np.load(self.out, mmap_mode="r")

    def _to_zarr(self) -> Any:
        zarr = import_zarr()
        folder = self._path.with_name("rows.zarr")
        n_together = min(self.n_rows, max(1, ZARR_CHUNK_BYTES // self.row_bytes))
        array = zarr.create_array(
            str(folder),
            shape=(self.n_rows, *self.shape),
            chunks=(n_together, *self.shape),
            dtype=self.dtype,
        )
        self._file.seek(len(self._header(self.shape, self.dtype)))
        for start in range(0, self.n_rows, n_together):
            content = self._file.read(n_together * self.row_bytes)
            rows = np.frombuffer(content, self.dtype).reshape(-1, *self.shape)
            array[start : start + n_together] = rows
        folder.replace(self.out)
        return zarr.open_array(str(self.out), mode="r")
