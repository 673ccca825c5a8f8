"""Lookup tables of DICOM files, which replace the values of pixels.

The functions of pydicom compute the index of an entry in the type of the pixels or of
the entries, in which large ones wrap around, and expect the byte order of the machine.
"""

from typing import Any

import numpy as np

from contrastive_clustering._utils.optional import import_pydicom

# Numbers of 16 bits, and those of 8 bits. A table of 65536 entries states a length of
# 0, and that of more than 32767 may be read as a negative number.
N_WORDS, N_BYTES = 2**16, 2**8

COLORS = ("Red", "Green", "Blue")


def look_up(values: np.ndarray, item: Any, dataset: Any) -> np.ndarray:
    """Replace gray values by the entries of a table.

    Parameters
    ----------
    values : ndarray
        Values, which are rounded. Those beyond the ends of the table take its first or
        last entry.

    item : pydicom.Dataset
        Item of a modality or VOI LUT sequence.

    dataset : pydicom.Dataset
        Data set of the file, which states the order of bytes.

    Returns
    -------
    entries : ndarray of uint16
        Entries, of the shape of `values`.
    """
    n_entries, first, _ = item.LUTDescriptor
    if first >= N_WORDS // 2 and values.min() < 0:
        first -= N_WORDS  # a negative number that was read as a positive one
    n_entries = n_entries % N_WORDS or N_WORDS
    table = _read_table(item.LUTData, n_entries, dataset)
    return np.asarray(table[_indices(values, first, n_entries)])


def look_up_colors(values: np.ndarray, dataset: Any) -> np.ndarray:
    """Replace the numbers of colors in a palette by the colors.

    Parameters
    ----------
    values : ndarray of int
        Numbers of colors.

    dataset : pydicom.Dataset
        Data set with a palette.

    Returns
    -------
    colors : ndarray of uint8
        RGB values on a new last axis. Palettes of 16 bits are reduced to 8. Some
        programs write colors of 8 bits as words and state 16 bits, so that the values
        decide.
    """
    n_entries, first, n_bits = dataset.RedPaletteColorLookupTableDescriptor
    n_entries = n_entries % N_WORDS or N_WORDS
    names = [f"{color}PaletteColorLookupTableData" for color in COLORS]
    if names[0] in dataset:
        columns = [dataset[name].value for name in names]
        tables = [_read_table(column, n_entries, dataset) for column in columns]
        table = np.stack(tables, axis=-1)
    elif n_bits < 16 and n_entries > N_BYTES:  # as above, with no other way
        raise ValueError("A segmented palette of bytes has too many colors.")
    else:
        pydicom = import_pydicom()
        numbers = np.arange(first, first + n_entries)
        table = pydicom.pixels.apply_color_lut(numbers, dataset)[..., : len(COLORS)]
    if table.max() >= N_BYTES:
        table >>= 8
    return np.asarray(table.astype(np.uint8)[_indices(values, first, n_entries)])


def _read_table(data: Any, n_entries: int, dataset: Any) -> np.ndarray:
    """Return the entries of a table, of words or of bytes in words."""
    if isinstance(data, bytes):
        order = "<" if dataset.file_meta.TransferSyntaxUID.is_little_endian else ">"
        data = np.frombuffer(data, f"{order}u2")
    words = np.atleast_1d(data).astype("<u2")
    entries = words if len(words) >= n_entries else words.view(np.uint8)
    if len(entries) < n_entries:
        raise ValueError("The table has fewer entries than it states.")
    return entries[:n_entries].astype(np.uint16)


def _indices(values: np.ndarray, first: int, n_entries: int) -> np.ndarray:
    rounded = np.rint(values).astype(np.int64)
    return np.asarray(np.clip(rounded - first, 0, n_entries - 1))
