"""Errors and warnings do not contain values that were passed as parameters.

Each public function and method is called once for each of its parameters and each kind
of value. The representation of each value contains 0.123456.
"""

import copy
import functools
import inspect
import pathlib
import traceback
import warnings

import numpy as np
import pandas as pd
import pytest
import torch
from matplotlib import pyplot as plt

import contrastive_clustering
from contrastive_clustering import (
    ClusteringEvaluation,
    ClusterNumberResult,
    ClusterNumberSearch,
    ClusterStability,
    ConsensusClustering,
    ContrastiveAutoencoderClusterer,
    PrototypeRefinement,
    SelfTrainingRefinement,
    TableAugmentation,
    TrainingCurveDisplay,
    datasets,
    metrics,
)

MARK = "123456"
MAX_LENGTH = 1000

X = np.random.default_rng(0).normal(size=(12, 8, 8))
IMAGE = np.full((28, 28), 0.123456)
QUICK = {
    "n_clusters": 2,
    "clusterer": "kmeans",
    "latent_dim": 2,
    "max_epochs": 1,
    "refinement_epochs": 0,
    "random_state": 0,
}


class Printed:
    """An object whose representation contains its values."""

    def __repr__(self):
        return repr(IMAGE)

    __str__ = __repr__


class PrintedCallable(Printed):
    def __call__(self, *args):
        raise ValueError("it cannot be called")


class Dicom:
    """An object with the interface of a data set of pydicom."""

    PatientName = "0.123456^Jane"

    @property
    def pixel_array(self):
        return IMAGE

    def __repr__(self):
        return f"PatientName: {self.PatientName}"


class SlicesOnly:
    """An array in a file that can be read only by slices."""

    shape, dtype = (12, 28, 28), IMAGE.dtype

    def __getitem__(self, rows):
        if not isinstance(rows, slice):
            raise TypeError("it is read by slices")
        return np.array([IMAGE] * 12)[rows]


class Unreadable(torch.utils.data.Dataset):
    """A data set with one sample that cannot be read."""

    def __len__(self):
        return 12

    def __getitem__(self, index):
        if index == 7:
            raise OSError(5, "Input/output error")
        return X[index]


class Yields(torch.utils.data.Dataset):
    def __init__(self, item):
        self.item = item

    def __len__(self):
        return 12

    def __getitem__(self, index):
        range(12)[index]  # without an IndexError, NumPy would read forever
        return self.item


def with_nan():
    images = np.array([IMAGE] * 12)
    images[7, 3, 3] = np.nan
    return images


VALUES = {
    "image": IMAGE,
    "row": IMAGE[0],
    "batch": IMAGE[None],
    "integers": (IMAGE * 1e6).round().astype(int),
    "integer row": (IMAGE[0] * 1e6).round().astype(int),
    "complex": IMAGE.astype(complex),
    "objects": IMAGE.astype(object),
    "words": IMAGE.astype(str),
    "number in an array": np.array(0.123456),
    "record": np.array([(0.123456, 0.123456)], dtype="f8,f8")[0],
    "masked": np.ma.masked_array(IMAGE, IMAGE > 0),
    "list": IMAGE.tolist(),
    "flat list": IMAGE[0].tolist(),
    "tuple": tuple(IMAGE[0].tolist()),
    "ragged": [[0.123456], [0.123456, 0.123456]],
    "set": {0.123456, "0.123456"},
    "dict": {"image": IMAGE},
    "list of arrays": [IMAGE, IMAGE[0]],
    "tensor": torch.from_numpy(IMAGE),
    "sparse tensor": torch.from_numpy(IMAGE).to_sparse(),
    "frame": pd.DataFrame(IMAGE),
    "series": pd.Series(IMAGE[0]),
    "object": Printed(),
    "list of objects": [Printed(), Printed()],
    "callable": PrintedCallable(),
    "bytes": b"0.123456" * 100,
    "NaN in an image": with_nan(),
    "NaN in a list": list(with_nan()),
    "path": pathlib.PurePosixPath("scans/image.png"),
    "paths": ["scans/image.png"] * 12,
    "loader": torch.utils.data.DataLoader(Yields(IMAGE)),
    "DICOM": Dicom(),
    "DICOMs": [Dicom()] * 12,
    "slices only": SlicesOnly(),
    "unreadable files": Unreadable(),
    "data set of dicts": Yields({"image": IMAGE}),
    "data set of batches": Yields((np.array([IMAGE] * 9), np.arange(9))),
    "strings of their own type": np.array(["a"] * 12, dtype=np.dtypes.StringDType()),
    "named series": pd.Series(IMAGE[0], name="0.12345"),
    "text": "a" * 100 + str(IMAGE.tolist()),
}


def named(function):
    """Return the parameters of a function that can be passed by name."""
    return [
        name
        for name, parameter in inspect.signature(function).parameters.items()
        if parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
        and name != "self"
    ]


@pytest.fixture(scope="module")
def fitted():
    return ContrastiveAutoencoderClusterer(**QUICK).fit(X)


def usual(fitted, folder):
    """Return valid values of the parameters without defaults."""
    return {
        "estimator": fitted,
        "X": X,
        "y": np.arange(12) % 2,
        "path": folder / "file",
        "stratum": 0,
        "x_a": 0,
        "x_b": 1,
        "n": 2,
        "name": "pneumoniamnist",
        "X_train": X,
        "y_train": np.arange(12) % 2,
        "X_test": X,
        "y_test": np.arange(12) % 2,
        "y_true": np.arange(12) % 2,
        "y_pred": np.arange(12) % 3,
        "clusters": [0, 1],
        "projections_a": torch.eye(3),
        "projections_b": torch.eye(3),
        "batch": torch.zeros(2, 1, 8, 8),
        "generator": torch.Generator(),
        "latents": X[:, 0],
        "strata": np.arange(12) % 2,
        "values": np.arange(12),
        "survival": (np.arange(12), np.arange(12) % 2),
        "metadata": {"age": np.arange(12)},
        "nuisance": np.arange(12) % 2,
        "seed": 0,
        "data_home": folder,
        "download": False,
        "source": [folder / "image.png"],
        "max_epochs": 1,
        "refinement_epochs": 0,
    }


def functions(fitted):
    """Return the public functions, classes and methods by name."""
    found = {}
    for module in (contrastive_clustering, datasets, metrics):
        for name in module.__all__:
            thing = getattr(module, name)
            # The package itself creates these results, from checked values.
            results = (ClusterNumberResult, ClusterStability, ClusteringEvaluation)
            if not callable(thing) or thing in results:
                continue
            if not name.endswith("Display"):
                found[name] = thing
            for method in ("from_estimator", "from_latents", "from_strata"):
                if hasattr(thing, method):
                    found[f"{name}.{method}"] = getattr(thing, method)
    table = X.reshape(12, -1)
    for each in (
        fitted,
        ConsensusClustering(2, n_members=2, random_state=0).fit(table),
        ClusterNumberSearch(max_clusters=3),
        TableAugmentation(),
        TrainingCurveDisplay.from_estimator(fitted),
    ):
        for method in dir(each):
            function = getattr(copy.copy(each), method)
            if not method.startswith("_") and inspect.ismethod(function):
                found[f"{type(each).__name__}.{method}"] = function
    plt.close("all")
    return found


def messages_of(call):
    """Return the message of a call's error, and all messages that would be printed."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            call()
            message, printed = "", []
        except Exception as error:
            # Source lines are omitted, because they contain literals of this file.
            chain = traceback.TracebackException.from_exception(error)
            message, printed = str(error), []
            while chain is not None:
                printed.append("".join(chain.format_exception_only()))
                hidden = chain.__suppress_context__
                chain = chain.__cause__ or (None if hidden else chain.__context__)
    return message, [*printed, *(str(each.message) for each in caught)]


def check(call):
    message, printed = messages_of(call)
    for each in printed:
        assert f"0.{MARK}" not in each
        # A message may name a single integer, such as a stratum that does not exist.
        assert each.count(MARK) <= 1
    assert len(message) <= MAX_LENGTH
    return message


def make(function, name, value, given):
    """Return a call of a function with one unusual argument."""
    needed = {
        other: given[other]
        for other, parameter in inspect.signature(function).parameters.items()
        if other in given
        and (parameter.default is parameter.empty or other == "download")
    }
    return lambda: function(**{**needed, name: value})


# Kinds of values that the fast suite passes to each function; the others are slow.
FAST_KINDS = {"frame", "image", "list", "masked", "NaN in an image", "object"}
FAST_KINDS |= {"paths", "tensor", "text", "unreadable files"}
KINDS = [
    pytest.param(kind, marks=[] if kind in FAST_KINDS else [pytest.mark.slow])
    for kind in VALUES
]

PARAMETERS = ContrastiveAutoencoderClusterer().get_params()
NET_PARAMETERS = [
    "optimizer__betas",
    "optimizer__param_groups",
    "callbacks__timer",
    "iterator_train__timeout",
    "iterator_train__multiprocessing_context",
    "compile__mode",
    "module__latent_dim",
    "net_params",
]


@pytest.fixture(autouse=True)
def own_folder(tmp_path, monkeypatch):
    monkeypatch.delenv("CONTRASTIVE_CLUSTERING_DATA", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("kind", KINDS)
def test_messages_of_functions_contain_no_values(fitted, kind, tmp_path):
    given = usual(fitted, tmp_path)
    n_rejected = 0
    for function in functions(fitted).values():
        for name in named(function):
            n_rejected += bool(check(make(function, name, VALUES[kind], given)))
    assert n_rejected > 100


@pytest.mark.parametrize("kind", VALUES)
def test_messages_about_parameters_contain_no_values(kind):
    n_rejected = 0
    for refinement in (PrototypeRefinement, SelfTrainingRefinement):
        for name in named(refinement):
            odd = refinement(**{name: VALUES[kind]})
            clusterer = ContrastiveAutoencoderClusterer(**QUICK, refinement=odd)
            assert check(functools.partial(clusterer.fit, X))
    for name in ConsensusClustering().get_params():
        consensus = ConsensusClustering(**{name: VALUES[kind]})
        assert check(functools.partial(consensus.fit, X[:, 0]))
    for name in [*PARAMETERS, *NET_PARAMETERS]:
        clusterer = ContrastiveAutoencoderClusterer(**{**QUICK, name: VALUES[kind]})
        n_rejected += bool(check(functools.partial(clusterer.fit, X)))
    assert n_rejected > len(PARAMETERS) // 2
