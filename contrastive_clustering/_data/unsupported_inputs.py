"""What is passed in place of an array of samples, and what to pass instead."""

from collections.abc import Callable, Iterator, Mapping
from os import PathLike
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader

# What lists of numbers, of arrays and of tensors hold: nothing to look into.
USUAL = (int, float, list, tuple, np.ndarray, np.generic, torch.Tensor)


def has(given: Any, name: str) -> bool:
    """Return whether an object has an attribute, without computing a property."""
    if hasattr(type(given), name):
        return True
    # An object may raise whatever it likes when it is asked for an attribute: it is
    # none of the known kinds then, and whoever reads its values says what is wrong.
    try:
        return hasattr(given, name)
    except Exception:
        return False


def _module_of(given: Any) -> str:
    return type(given).__module__.partition(".")[0]


def _is_path(given: Any) -> bool:
    return isinstance(given, str | PathLike)


def _is_loader(given: Any) -> bool:
    return isinstance(given, DataLoader)


def _is_iterator(given: Any) -> bool:
    return isinstance(given, Iterator) and not has(given, "__array__")


def _is_mapping(given: Any) -> bool:
    # Groups of Zarr are mappings that do not say so; tables and sparse matrices of
    # SciPy's kind "dok" have keys, too.
    is_like = has(given, "keys") and has(given, "__getitem__")
    return (isinstance(given, Mapping) or is_like) and not has(given, "shape")


def _is_dicom(given: Any) -> bool:
    return has(given, "pixel_array")


def _is_nifti(given: Any) -> bool:
    return has(given, "get_fdata") or has(given, "dataobj")


def _is_simple_itk(given: Any) -> bool:
    return _module_of(given) == "SimpleITK" or (
        has(given, "GetSpacing") and has(given, "GetSize")
    )


def _is_picture(given: Any) -> bool:
    return _module_of(given) == "PIL"


FILES = (
    "Pass what the {files} hold: an array, or a torch.utils.data.Dataset whose "
    "__getitem__ opens one file and returns its pixels."
)

# What is recognized, and what to do where it was passed as X, where a list holds it,
# and where a data set returns it as a sample.
KINDS: tuple[tuple[Callable[[Any], bool], str, str, str], ...] = (
    (
        _is_path,
        FILES.format(files="file or folder").replace("hold", "holds"),
        FILES.format(files="files"),
        "Let the data set open the file and return its pixels as an array.",
    ),
    (
        _is_loader,
        "Pass the data set that it reads, {name}.dataset; the estimator makes batches "
        "of its own, by batch_size and num_workers.",
        "Pass one torch.utils.data.Dataset.",
        "Let the data set return one sample as an array.",
    ),
    (
        _is_dicom,
        "Pass the arrays of several, such as np.stack([each.pixel_array for each in "
        "images]).",
        "Pass their pixels, such as np.stack([each.pixel_array for each in {name}]).",
        "Let the data set return its pixels, such as its pixel_array.",
    ),
    (
        _is_nifti,
        "Pass an array with the samples along the first axis, such as its dataobj or "
        "np.stack([each.get_fdata() for each in images]).",
        "Pass their voxels, such as np.stack([each.get_fdata() for each in {name}]).",
        "Let the data set return its voxels, such as get_fdata() gives.",
    ),
    (
        _is_simple_itk,
        "Pass the arrays of several, such as "
        "np.stack([SimpleITK.GetArrayFromImage(each) for each in images]).",
        "Pass their voxels, such as "
        "np.stack([SimpleITK.GetArrayFromImage(each) for each in {name}]).",
        "Let the data set return what SimpleITK.GetArrayFromImage gives.",
    ),
    (
        _is_mapping,
        'Pass the array that it holds, such as {name}["image"].',
        'Pass the arrays that they hold, such as [each["image"] for each in {name}].',
        "Let the data set return the array alone, or a tuple that begins with it.",
    ),
    (
        _is_iterator,
        "It can be read once, and training reads several times. Pass an array or a "
        "list, such as list({name}), or a torch.utils.data.IterableDataset.",
        "Pass a list of arrays.",
        "Let the data set return one sample as an array.",
    ),
)


def reject_unsupported_input(given: Any, name: str) -> None:
    """Raise if what was passed as samples is a well-known kind of something else.

    Parameters
    ----------
    given : object
        What a caller passed.

    name : str
        What the caller calls it.

    Raises
    ------
    TypeError
        If it is, or holds, paths, dictionaries, data loaders, iterators or objects of
        a library for medical images. The message says what to pass instead.
    """
    kind = type(given).__name__
    for is_kind, remedy, _, _ in KINDS:
        if is_kind(given):
            raise TypeError(f"{name} is a {kind}. {remedy.format(name=name)}")
    if _is_picture(given):
        raise TypeError(
            f"{name} is a {kind}, one picture of PIL. Pass several, of one size and "
            "mode, as a list or an array."
        )
    for index, entry in _entries(given):
        if isinstance(entry, USUAL) and not isinstance(entry, str):
            continue
        for is_kind, _, remedy, _ in KINDS:
            if is_kind(entry):
                raise TypeError(
                    f"{name} is a {kind} that holds other things than arrays: "
                    f"{name}[{index}] is a {type(entry).__name__}. "
                    f"{remedy.format(name=name)}"
                )


def _entries(given: Any) -> Iterator[tuple[int, Any]]:
    """Yield the entries of a list with their indices; of a column the first alone."""
    if isinstance(given, list | tuple):
        yield from enumerate(given)
        return
    # A property of a closed file may raise anything.
    try:
        shape = given.shape
    except Exception:
        return
    is_column = isinstance(shape, tuple) and len(shape) == 1
    if is_column and not isinstance(given, torch.Tensor) and has(given, "__array__"):
        # A series takes its first entry by its label.
        column = np.asarray(given)
        if len(column) and column.dtype.kind in "OUT":
            yield 0, column[0]


def reject_unsupported_sample(item: Any, name: str) -> None:
    """Raise if a data set returns a well-known kind of something else than an array.

    Parameters
    ----------
    item : object
        What it returned as a sample.

    name : str
        What a message calls the sample.

    Raises
    ------
    TypeError
        If it is no array, nor anything that one can be made of.
    """
    kind = type(item).__name__
    for is_kind, _, _, remedy in KINDS:
        if is_kind(item):
            raise TypeError(f"{name} is a {kind}. {remedy}")
    if item is None:
        raise TypeError(
            f"{name} is None. Let the data set return an array for each sample, and "
            "leave out those that cannot be read."
        )
