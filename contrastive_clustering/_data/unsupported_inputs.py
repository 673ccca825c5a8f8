"""Reject common unsupported inputs with advice on what to pass instead."""

from collections.abc import Callable, Iterator, Mapping
from os import PathLike
from typing import Any

import numpy as np
import torch
from scipy.sparse import issparse
from sklearn.utils import Bunch
from torch.utils.data import DataLoader

# Entries of lists of numbers, arrays and tensors, which need no further check.
USUAL = (int, float, list, tuple, np.ndarray, np.generic, torch.Tensor)


def has(given: Any, name: str) -> bool:
    """Return whether an object has an attribute, without computing a property."""
    if hasattr(type(given), name):
        return True
    # Reading an attribute may raise any error. The object is then not of a known kind,
    # and reading its values will report the problem.
    try:
        return hasattr(given, name)
    except Exception:
        return False


def _module_of(given: Any) -> str:
    return type(given).__module__.partition(".")[0]


def _is_iterator(given: Any) -> bool:
    return isinstance(given, Iterator) and not has(given, "__array__")


def _is_mapping(given: Any) -> bool:
    # Zarr groups are mappings that are not registered as such. Tables also have keys.
    is_like = has(given, "keys") and has(given, "__getitem__")
    if isinstance(given, Mapping):  # as are SciPy's "dok" matrices in old versions
        return not issparse(given)
    return is_like and not has(given, "shape")


def _is_dicom(given: Any) -> bool:
    return has(given, "pixel_array")


def _is_nifti(given: Any) -> bool:
    return has(given, "get_fdata") or has(given, "dataobj")


def _is_simple_itk(given: Any) -> bool:
    return _module_of(given) == "SimpleITK" or (
        has(given, "GetSpacing") and has(given, "GetSize")
    )


FILES = (
    "Pass the contents of the {files}: an array, or a torch.utils.data.Dataset whose "
    "__getitem__ opens one file and returns its pixels."
)

# Recognized kinds, each with the advice if it is X itself, an entry of a list, or a
# sample of a dataset.
KINDS: tuple[tuple[Callable[[Any], bool], str, str, str], ...] = (
    (
        lambda given: isinstance(given, str | PathLike),
        FILES.format(files="file or folder"),
        FILES.format(files="files"),
        "Let the data set open the file and return its pixels as an array.",
    ),
    (
        lambda given: isinstance(given, DataLoader),
        "Pass its data set, {name}.dataset; the estimator makes batches itself, "
        "according to batch_size and iterator_train__num_workers.",
        "Pass one torch.utils.data.Dataset.",
        "Let the data set return one sample as an array.",
    ),
    (
        _is_dicom,
        "Pass the pixels of several images, such as np.stack([each.pixel_array for "
        "each in images]).",
        "Pass their pixels, such as np.stack([each.pixel_array for each in {name}]).",
        "Let the data set return its pixels, such as its pixel_array.",
    ),
    (
        _is_nifti,
        "Pass an array with the samples along the first axis, such as its dataobj or "
        "np.stack([each.get_fdata() for each in images]).",
        "Pass their voxels, such as np.stack([each.get_fdata() for each in {name}]).",
        "Let the data set return its voxels, such as those of get_fdata().",
    ),
    (
        _is_simple_itk,
        "Pass the pixels of several images, such as "
        "np.stack([SimpleITK.GetArrayFromImage(each) for each in images]).",
        "Pass their voxels, such as "
        "np.stack([SimpleITK.GetArrayFromImage(each) for each in {name}]).",
        "Let the data set return the result of SimpleITK.GetArrayFromImage.",
    ),
    (
        lambda given: isinstance(given, Bunch),
        "Pass an array from it, such as {name}.images or {name}.data.",
        "Pass the arrays in them, such as [each.images for each in {name}].",
        "Let the data set return only the array, or a tuple that begins with it.",
    ),
    (
        _is_mapping,
        'Pass an array from it, such as {name}["image"].',
        'Pass the arrays in them, such as [each["image"] for each in {name}].',
        "Let the data set return only the array, or a tuple that begins with it.",
    ),
    (
        _is_iterator,
        "It can be read only once, but training reads it several times. Pass an array "
        "or a list, such as list({name}), or a torch.utils.data.IterableDataset.",
        "Pass a list of arrays.",
        "Let the data set return one sample as an array.",
    ),
)


def reject_unsupported_input(given: Any, name: str) -> None:
    """Raise an error if the input is of a known kind that is not supported.

    Parameters
    ----------
    given : object
        The caller's input.

    name : str
        Parameter name used in the message.

    Raises
    ------
    TypeError
        If the input is or contains paths, dictionaries, data loaders, iterators or
        objects of libraries for medical images. The message names an alternative.
    """
    kind = type(given).__name__
    for is_kind, remedy, _, _ in KINDS:
        if is_kind(given):
            raise TypeError(f"{name} is a {kind}. {remedy.format(name=name)}")
    if _module_of(given) == "PIL":
        raise TypeError(
            f"{name} is a {kind}, a single PIL image. Pass several images of the same "
            "size and mode as a list or an array."
        )
    for index, entry in _entries(given):
        if isinstance(entry, USUAL) and not isinstance(entry, str):
            continue
        for is_kind, _, remedy, _ in KINDS:
            if is_kind(entry):
                raise TypeError(
                    f"{name} is a {kind} whose entries are not arrays: "
                    f"{name}[{index}] is a {type(entry).__name__}. "
                    f"{remedy.format(name=name)}"
                )


def _entries(given: Any) -> Iterator[tuple[int, Any]]:
    """Yield the entries of a list, or the first entry of a column, with indices."""
    if isinstance(given, list | tuple):
        yield from enumerate(given)
        return
    # Properties of a closed file may raise any error.
    try:
        shape = given.shape
    except Exception:
        return
    is_column = isinstance(shape, tuple) and len(shape) == 1
    if is_column and not isinstance(given, torch.Tensor) and has(given, "__array__"):
        # Indexing a series would use its labels.
        column = np.asarray(given)
        if len(column) and column.dtype.kind in "OUT":
            yield 0, column[0]


def reject_unsupported_sample(item: Any, name: str) -> None:
    """Raise an error if a dataset returns a known kind of object as a sample.

    Parameters
    ----------
    item : object
        Sample returned by the dataset.

    name : str
        Name of the sample for the message.

    Raises
    ------
    TypeError
        If the sample is not an array and cannot be converted to one.
    """
    kind = type(item).__name__
    for is_kind, _, _, remedy in KINDS:
        if is_kind(item):
            raise TypeError(f"{name} is a {kind}. {remedy}")
    if item is None:
        raise TypeError(
            f"{name} is None. Let the data set return an array for each sample, and "
            "exclude samples that cannot be read."
        )
