"""Check the files of volumes, of which ITK accepts whatever it can read.

ITK fills the end of a truncated NIfTI file with zeros. If the compressed data of a
MetaImage file, and sometimes of an NRRD file, are damaged, it keeps what it has
decompressed before. If a file states no spacing, it takes one millimeter. If that of a
NIfTI file is negative, it reverses the axis. It reads the directions of two axes only
in the axial plane, and applies an intercept without a slope. If "image.nii" is next to
"image.nii.gz", it reads the header of the second and the values of the first.
"""

import gzip
import shutil
import struct
import tempfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from io import BufferedReader
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from contrastive_clustering._images.loaded import UnreadableFileError
from contrastive_clustering._utils.files import open_regular
from contrastive_clustering._utils.optional import import_simpleitk

CHUNK_BYTES = 2**20

# Data of a thousand times this size may be decompressed at once.
COMPRESSED_BYTES = 2**16

# First bytes of a compressed file.
GZIP_MAGIC = b"\x1f\x8b"

# Limits of headers; those of damaged files may never end.
MAX_LINES, MAX_LINE_BYTES = 10_000, 2**16

# Sizes of the headers of both versions.
NIFTI_1_BYTES, NIFTI_2_BYTES = 348, 540

# By the size of the header in its first bytes, in either byte order: where a NIfTI file
# states the number of axes and three sides, the distances between voxels along three
# axes, and the slope and the intercept of values; and how.
NIFTI_HEADERS = {
    struct.pack(f"{order}i", size): {
        "sides": (of_sides, f"{order}4{integer}"),
        "distances": (of_distances, f"{order}3{real}"),
        "scaling": (of_scaling, f"{order}2{real}"),
    }
    for order in "<>"
    for size, of_sides, of_distances, of_scaling, integer, real in (
        (NIFTI_1_BYTES, 40, 80, 112, "h", "f"),
        (NIFTI_2_BYTES, 16, 112, 176, "q", "d"),
    )
}


def check_data(path: Path, file_format: str, reader: Any) -> None:
    """Refuse a file whose data are damaged or missing.

    Parameters
    ----------
    path : Path
        The file.

    file_format : {"NIfTI", "MetaImage", "NRRD"}
        Its format. Data of the last two are checked if they are compressed and in one
        file; ITK itself checks the length of other data.

    reader : SimpleITK.ImageFileReader
        Reader that has read the header, of a volume with one value per voxel.

    Raises
    ------
    UnreadableFileError
        If there are fewer values than the header states, or if they cannot be
        decompressed.
    """
    checks = {"NIfTI": _check_nifti, "MetaImage": _check_metaimage, "NRRD": _check_nrrd}
    try:
        checks[file_format](path, reader)
    except (EOFError, OSError, ValueError, zlib.error):
        raise UnreadableFileError("is a truncated or damaged volume") from None


def states_spacing(path: Path, file_format: str, n_axes: int) -> bool:
    """Return whether a file states the distances between voxels.

    Parameters
    ----------
    path : Path
        The file.

    file_format : {"NIfTI", "MetaImage", "NRRD"}
        Its format.

    n_axes : int
        Number of axes whose distances are needed.

    Returns
    -------
    is_stated : bool
        False if a distance is missing, zero or not a number.
    """
    if file_format == "NIfTI":
        steps = np.abs(nifti_distances(path)[:n_axes])
        return bool(np.all((steps > 0) & np.isfinite(steps)))
    with open_regular(path) as file:
        if file_format == "MetaImage":
            fields = _metaimage_fields(file)
            return "ElementSpacing" in fields or "ElementSize" in fields
        fields = _nrrd_fields(file)
    spacings = fields.get("spacings", "nan").lower().split()
    return "space directions" in fields or "nan" not in spacings


def nifti_distances(path: Path) -> tuple[float, ...]:
    """Return the distances between voxels along three axes as a NIfTI file states them.

    ITK replaces those that are zero or not a number.

    Raises
    ------
    UnreadableFileError
        If the file is not in this format.
    """
    with _open_nifti(path) as file:
        header = file.read(NIFTI_2_BYTES)
    form, start = _nifti_field(header, "distances")
    return struct.unpack_from(form, header, start)


def is_nifti_2(path: Path) -> bool:
    """Return whether a file begins like one of the second version of the format."""
    try:
        with _open_nifti(path) as file:
            first = file.read(4)
    except (EOFError, OSError, zlib.error):
        return False
    return NIFTI_2_BYTES in (int.from_bytes(first, "little"), int.from_bytes(first))


@contextmanager
def corrected_nifti(path: Path) -> Iterator[Path]:
    """Yield the path of a NIfTI file that ITK reads as the standard demands.

    Parameters
    ----------
    path : Path
        A file whose data were checked by `check_data`.

    Yields
    ------
    path : Path
        The same file, or a temporary copy: of a slice of two axes, whose directions in
        space ITK cannot read, with a third axis; of a file whose slope is zero or not a
        number, without its intercept, because both are then unused; or of
        "image.nii.gz" next to "image.nii", from which ITK would take the values.
    """
    with ExitStack() as stack:
        file = stack.enter_context(_open_nifti(path))
        header = file.read(NIFTI_2_BYTES)
        corrected = _correct(header)
        has_suffix = path.suffix.lower() == ".gz"
        is_shadowed = has_suffix and path.with_suffix("").exists()
        if corrected != header or is_shadowed:
            path = Path(stack.enter_context(tempfile.TemporaryDirectory()), "image.nii")
            with path.open("wb") as copy:
                copy.write(corrected)
                shutil.copyfileobj(file, copy)
        yield path


def _correct(header: bytes) -> bytes:
    corrected = bytearray(header)
    form, start = _nifti_field(header, "sides")
    n_axes, height, width, *_ = struct.unpack_from(form, header, start)
    if n_axes == 2:
        struct.pack_into(form, corrected, start, 3, height, width, 1)
    form, start = _nifti_field(header, "scaling")
    slope, _ = struct.unpack_from(form, header, start)
    if slope == 0 or not np.isfinite(slope):
        struct.pack_into(form, corrected, start, 0, 0)
    return bytes(corrected)


def _nifti_field(header: bytes, name: str) -> tuple[str, int]:
    """Return the form and the start of a field of a header."""
    fields = NIFTI_HEADERS.get(header[:4])
    if fields is None:
        raise UnreadableFileError("is not in the format NIfTI")
    start, form = fields[name]
    return form, start


def _open_nifti(path: Path) -> gzip.GzipFile | BufferedReader:
    return gzip.open(path, "rb") if is_gzip(path) else path.open("rb")


def is_gzip(path: Path) -> bool:
    """Return whether a file is compressed; some browsers leave the suffix as it was."""
    with open_regular(path) as file:
        return file.read(len(GZIP_MAGIC)) == GZIP_MAGIC


def _check_nifti(path: Path, reader: Any) -> None:
    n_bits = float(reader.GetMetaData("bitpix")) * float(np.prod(reader.GetSize()))
    n_bytes = float(reader.GetMetaData("vox_offset")) + n_bits / 8
    with _open_nifti(path) as file:
        _check_length(iter(lambda: file.read(CHUNK_BYTES), b""), n_bytes)


def _check_metaimage(path: Path, reader: Any) -> None:
    with open_regular(path) as file:
        fields = _metaimage_fields(file)
        name = fields.get("ElementDataFile", "")
        is_compressed = fields.get("CompressedData", "")[:1] in ("T", "t", "1")
        if is_compressed and not _is_list(name) and "HeaderSize" not in fields:
            name = "" if name.upper() == "LOCAL" else name
            _check_stream(path, name, file, _inflate, _n_bytes(reader))


def _check_nrrd(path: Path, reader: Any) -> None:
    with open_regular(path) as file:
        fields = _nrrd_fields(file)
        name = fields.get("data file", fields.get("datafile", ""))
        is_compressed = fields.get("encoding", "").lower() in ("gz", "gzip")
        if is_compressed and not _is_list(name) and "line skip" not in fields:
            _check_stream(path, name, file, _gunzip, _n_bytes(reader))


def _metaimage_fields(file: BinaryIO) -> dict[str, str]:
    """Read a header, and return its fields."""
    fields: dict[str, str] = {}
    for line in _lines(file):
        key, _, value = (part.strip() for part in line.partition("="))
        fields[key] = value
        if key == "ElementDataFile":  # the last one
            break
    return fields


def _nrrd_fields(file: BinaryIO) -> dict[str, str]:
    """Read a header, and return its fields with names in lower case."""
    fields: dict[str, str] = {}
    for line in _lines(file):
        if not line:  # the end of the header
            break
        key, _, value = (part.strip() for part in line.partition(":"))
        fields[key.lower()] = value
    return fields


def _check_stream(
    path: Path,
    name: str,
    file: BinaryIO,
    decompress: Callable[[BinaryIO], Iterator[bytes]],
    n_bytes: float,
) -> None:
    """Check data of another file of the folder; without a name, the rest of `file`."""
    with open_regular(path.parent / name) if name else nullcontext(file) as data:
        _check_length(decompress(data), n_bytes)


def _lines(file: BinaryIO) -> Iterator[str]:
    """Yield the lines of a header, without their ends."""
    for _ in range(MAX_LINES):
        line = file.readline(MAX_LINE_BYTES)
        if not line:
            return
        yield line.decode(errors="surrogateescape").strip()


def _is_list(name: str) -> bool:
    """Return whether the data are in several files."""
    return name.upper().startswith("LIST") or "%" in name


def _n_bytes(reader: Any) -> float:
    sitk = import_simpleitk()
    voxel = sitk.Image([1] * reader.GetDimension(), reader.GetPixelID())
    return float(np.prod(reader.GetSize()) * voxel.GetSizeOfPixelComponent())


def _inflate(file: BinaryIO) -> Iterator[bytes]:
    """Yield decompressed data up to the checksum at the end of a stream."""
    stream = zlib.decompressobj(zlib.MAX_WBITS | 32)  # of zlib or gzip, as in ITK
    while not stream.eof:
        chunk = file.read(COMPRESSED_BYTES)
        if not chunk:
            raise EOFError
        yield stream.decompress(chunk)


def _gunzip(file: BinaryIO) -> Iterator[bytes]:
    with gzip.GzipFile(fileobj=file) as data:
        yield from iter(lambda: data.read(CHUNK_BYTES), b"")


def _check_length(chunks: Iterator[bytes], n_bytes: float) -> None:
    """Raise an EOFError if there are fewer bytes; stop if there are more.

    Otherwise, all are read, because a checksum follows the last of them.
    """
    n_read = 0
    for chunk in chunks:
        n_read += len(chunk)
        if n_read > n_bytes:
            return
    if n_read < n_bytes:
        raise EOFError
