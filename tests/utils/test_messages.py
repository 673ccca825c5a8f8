import datetime
import functools
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
import torch
from sklearn.cluster import KMeans

from contrastive_clustering import PrototypeRefinement
from contrastive_clustering._utils.messages import (
    reason_of,
    shorten,
    show,
    without_values,
)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ValueError("too large"), "too large"),
        (RuntimeError("CUDA error\nCompile with TORCH_USE_CUDA_DSA"), "CUDA error"),
        (RuntimeError("\n  no driver\n"), "no driver"),
        (KeyError("state"), "'state'"),
        (AssertionError(), "AssertionError"),
        (NotImplementedError(" \n"), "NotImplementedError"),
    ],
)
def test_reasons_are_one_line_and_never_empty(error, reason):
    assert reason_of(error) == reason


class Hostile:
    """Raises an error for each attribute."""

    def __getattr__(self, name):
        raise RuntimeError(name)

    __repr__ = None


class Text(str):
    def __repr__(self):
        return "[0.5, 1.5]"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "None"),
        (True, "True"),
        (-3, "-3"),
        (10**30, str(10**30)),
        (10**5000, "<int of 16610 bits>"),
        (0.5, "0.5"),
        (np.float32(0.5), "np.float32(0.5)"),
        (1j, "1j"),
        ("auto", "'auto'"),
        (Text("auto"), "'auto'"),
        ("x" * 81, f"'{'x' * 80}...'"),
        (Path("a/b"), "'a/b'"),
        (torch.device("cpu"), "cpu"),
        (np.dtype("f4"), "float32"),
        (KMeans, "<class 'sklearn.cluster._kmeans.KMeans'>"),
        (KMeans(init=np.ones((2, 2))), "KMeans(...)"),
        (show, "<function show>"),
        (functools.partial(show, np.ones(3)), "partial(...)"),
        (Hostile(), "Hostile(...)"),
        (datetime.date(2026, 1, 1), "date(...)"),
        (
            PrototypeRefinement(temperature=0.1, momentum=2),
            "PrototypeRefinement(temperature=0.1, momentum=2)",
        ),
        ([0.5], "<list of 1 entry>"),
        ((0.9, "a", None), "(0.9, 'a', None)"),
        ((8,), "(8,)"),
        ((1, 2, 3, 4, 5), "<tuple of 5 entries>"),
        ((1, np.ones(2)), "<tuple of 2 entries>"),
        ((), "<tuple of 0 entries>"),
        ({"a": 1}, "<dict of 1 entry>"),
        ({1, 2}, "<set of 2 entries>"),
        (b"pixels", "<bytes of 6 bytes>"),
        (np.array(0.5), "<ndarray of shape () and dtype float64>"),
        (np.ones(2, "f8,f8")[0], "<void of shape ()>"),
        (np.ones((2, 3), "f4"), "<ndarray of shape (2, 3) and dtype float32>"),
        (torch.ones(2), "<Tensor of shape (2,) and dtype torch.float32>"),
        (pd.DataFrame(np.ones((2, 3))), "<DataFrame of shape (2, 3)>"),
        (pd.Series([1.0]), "<Series of shape (1,) and dtype float64>"),
        (
            scipy.sparse.csr_array((2, 3)),
            "<csr_array of shape (2, 3) and dtype float64>",
        ),
    ],
    ids=lambda value: value[:40] if type(value) is str else type(value).__name__,
)
def test_values_are_shown_or_described(value, shown):
    assert show(value) == shown


IMAGE = np.random.default_rng(0).normal(size=(28, 28))


@pytest.mark.parametrize(
    "printed",
    [
        str(IMAGE),
        repr(IMAGE),
        repr(IMAGE.tolist()),
        repr(torch.from_numpy(IMAGE)),
        repr({"image": IMAGE}),
        repr(pd.Series(IMAGE[0])),
        str(IMAGE[0])[:300],
        repr(IMAGE.astype(complex)),
        repr((IMAGE * 100).astype(int)),
        repr(np.array(IMAGE[0, 0])),
    ],
)
def test_printed_arrays_are_removed(printed):
    text = without_values(f"bad array={printed} of shape (28, 28). Reshape it")
    assert text.startswith("bad ")
    assert text.endswith("of shape (28, 28). Reshape it")
    digits = [
        c for c in text.removesuffix("of shape (28, 28). Reshape it") if c.isdigit()
    ]
    # The dtype's number and the length of a series are left.
    assert len(digits) <= 8


@pytest.mark.parametrize(
    "said",
    [
        "mat1 and mat2 shapes cannot be multiplied (8x64 and 63x2)",
        "The size of tensor a (3) must match the size of tensor b (4)",
        "given groups=1, weight of size [8, 1, 3, 3], expected input[2, 3, 8, 8]",
        "must be a float in the range [0.0, 1.0). Got -0.5 instead",
        "Reshape X.reshape(-1, 1), or use f(x, y) of 'name' {a: 1}",
        "Invalid beta parameter at index 0: 1.5",
    ],
)
def test_shapes_ranges_and_numbers_are_kept(said):
    assert without_values(said) == said


def test_long_reasons_are_cut():
    assert len(shorten("word " * 1000)) < 310
    assert shorten(f"no float: '{'x' * 1000}'") == "no float: '...'"


@pytest.mark.parametrize("convert", [float, int, np.float64])
def test_text_that_is_not_a_number_is_not_shown(convert):
    with pytest.raises(ValueError, match="Doe") as caught:
        convert("Doe^Jane")
    assert "Doe" not in reason_of(caught.value)
    with pytest.raises(ValueError, match="Doe") as caught:
        np.array(["Doe^Jane"]).astype(convert)
    assert "Doe" not in reason_of(caught.value)
