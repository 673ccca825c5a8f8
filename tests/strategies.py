"""Hypothesis strategies of possible input: unusual arrays, and other objects.

`make_array` makes an array from five small choices (shape, dtype, values, layout and
seed), so that thousands of cases take seconds, and a failure names the choices.
"""

import array
import datetime
import decimal
import fractions
import math
import pathlib

import numpy as np
import pandas as pd
import scipy.sparse
import torch
from hypothesis import strategies as st

REAL = [
    *("?", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f2", "f4", "f8"),
    *(">i2", ">u4", ">i8", ">f4", ">f8", "longdouble", "O"),
]
NOT_REAL = ["c8", ">c16", "clongdouble", "U9", "S9", "M8[D]", "m8[s]", "V4", "f4,i2"]

# Values of ordinary magnitude, values near or beyond the limits of float32 and float64
# or of their squares, and values that are not finite.
ORDINARY = {
    "normal": lambda rng, shape: 10 * rng.normal(size=shape),
    "pixels": lambda rng, shape: np.floor(rng.uniform(0, 256, size=shape)),
    "negative": lambda rng, shape: -100 - rng.uniform(size=shape),
    "constant": lambda rng, shape: np.full(shape, 7.0),
    "duplicates": lambda rng, shape: (
        rng.normal(size=shape)[rng.integers(2, size=shape[0]).clip(max=shape[0] - 1)]
        if shape
        else np.zeros(shape)
    ),
}
EXTREME = {
    "huge": lambda rng, shape: 1e30 * rng.normal(size=shape),
    "one huge": lambda rng, shape: _with_one(rng, shape, 1e30),
    "vast": lambda rng, shape: 1e300 * rng.normal(size=shape),
    "limits": lambda rng, shape: rng.choice([-1.7e308, 0.0, 1.7e308], size=shape),
    "beyond float64": lambda rng, shape: np.ldexp(
        rng.normal(size=shape).astype(np.longdouble), 4000
    ),
    "tiny": lambda rng, shape: 1e-30 * rng.normal(size=shape),
    "subnormal": lambda rng, shape: 1e-310 * rng.normal(size=shape),
}
NOT_FINITE = {
    "nan": lambda rng, shape: np.full(shape, np.nan),
    "one nan": lambda rng, shape: _with_one(rng, shape, np.nan),
    "inf": lambda rng, shape: np.full(shape, np.inf),
    "one inf": lambda rng, shape: _with_one(rng, shape, -np.inf),
}
VALUES = ORDINARY | EXTREME | NOT_FINITE

LAYOUTS = ["C", "F", "strided", "reversed", "read-only", "broadcast", "unaligned"]


def _with_one(rng, shape, value):
    numbers = np.asarray(rng.normal(size=shape))
    if numbers.size:
        numbers.flat[rng.integers(numbers.size)] = value
    return numbers


def _cast(numbers, dtype):
    """Convert numbers to a dtype; clip them to its range if it is an integer."""
    if dtype.names is not None or dtype.kind == "V":
        return np.zeros(numbers.shape, dtype)
    if dtype.kind in "iumM":
        limits = np.iinfo(dtype if dtype.kind in "iu" else np.int32)
        # With 64 bits, clip to the largest float64 below 2**63 or 2**64.
        most = np.nextafter(np.float64(limits.max), 0)
        numbers = np.nan_to_num(numbers).clip(float(limits.min), most)
        if dtype.kind in "mM":
            numbers = numbers.astype(np.int64)
    with np.errstate(all="ignore"):
        return numbers.astype(dtype)


def _lay_out(made, layout):
    """Return an array with the same values in another memory layout."""
    if layout == "F":
        return np.array(made, order="F")
    if layout == "read-only":
        made.flags.writeable = False
    if made.ndim == 0 or made.dtype.hasobject:
        return made
    if layout == "strided":
        return np.repeat(made, 2, axis=-1)[..., ::2]
    if layout == "reversed":
        return made[::-1].copy()[::-1]
    if layout == "broadcast":
        return np.broadcast_to(made[:1], made.shape) if len(made) else made
    if layout == "unaligned":
        view = np.zeros(made.nbytes + 1, np.uint8)[1:].view(made.dtype)
        view = view.reshape(made.shape)
        view[...] = made
        return view
    return made


def make_array(shape, dtype, values, layout, seed):
    """Return an array from five choices."""
    numbers = np.asarray(VALUES[values](np.random.default_rng(seed), shape))
    return _lay_out(np.asarray(_cast(numbers, np.dtype(dtype)), dtype), layout)


def shapes():
    """Return shapes of 0 to 5 axes, including sides of 0 and 1."""
    sides = st.sampled_from([8, 3, 2, 1, 9, 0, 5])
    return (
        st.lists(sides, max_size=5)
        .map(tuple)
        .filter(lambda shape: math.prod(shape) <= 20_000)
    )


def arrays(of_shapes=None, *, dtypes=(*REAL, *NOT_REAL), values=tuple(VALUES)):
    """Return arrays in any layout, of any or of given shapes, dtypes and values."""
    return st.builds(
        make_array,
        shape=shapes() if of_shapes is None else of_shapes,
        dtype=st.sampled_from(list(dtypes)),
        values=st.sampled_from(list(values)),
        layout=st.sampled_from(LAYOUTS),
        seed=st.integers(0, 99),
    )


# Containers of numbers other than arrays.
WRAPPINGS = {
    "list": np.ndarray.tolist,
    "tuple": lambda X: tuple(X.tolist()) if X.ndim else X.item(),
    "list of arrays": lambda X: list(X) if X.ndim else [X],
    "tensor": lambda X: torch.tensor(X.tolist()),
    "tensor that requires gradients": lambda X: torch.tensor(
        X.tolist(), dtype=torch.float32, requires_grad=True
    ),
    "bfloat16 tensor": lambda X: torch.tensor(X.tolist(), dtype=torch.bfloat16),
    "float8 tensor": lambda X: torch.tensor(X.tolist()).to(torch.float8_e4m3fn),
    "negated tensor": lambda X: torch._neg_view(torch.tensor(X.tolist())),
    "transposed tensor": lambda X: (
        torch.tensor(X.T.tolist()).mT if X.ndim == 2 else torch.tensor(X.tolist())
    ),
    "masked array": lambda X: np.ma.masked_array(X, mask=False),
    "matrix": lambda X: X.view(np.matrix) if X.ndim == 2 else X,
    "frame": lambda X: pd.DataFrame(X) if X.ndim == 2 else X,
    "named frame": lambda X: pd.DataFrame(X).add_prefix("c") if X.ndim == 2 else X,
    "nullable frame": lambda X: pd.DataFrame(X).astype("Float64") if X.ndim == 2 else X,
}


def wrapped(of_shapes):
    """Return numbers of the given shapes in containers other than arrays."""
    return st.builds(
        lambda wrap, X: WRAPPINGS[wrap](X),
        st.sampled_from(list(WRAPPINGS)),
        arrays(of_shapes, dtypes=["f8", "f4", "i8"], values=ORDINARY),
    )


class _Broken:
    """An object that can be converted to an array, but whose conversion fails."""

    shape = (8, 3)

    def __len__(self):
        return 8

    def __array__(self, dtype=None, copy=None):
        raise ValueError("the array is broken")


class _SlicesOnly:
    """An array in a file that can be read only by slices."""

    shape, dtype = (8, 3), np.dtype("f8")

    def __len__(self):
        return 8

    def __getitem__(self, rows):
        if not isinstance(rows, slice):
            raise TypeError("it is read by slices")
        return _NUMBERS[rows]


class _Items(torch.utils.data.Dataset):
    """A data set of eight items."""

    def __init__(self, make):
        self.make = make

    def __len__(self):
        return 8

    def __getitem__(self, index):
        return self.make(index)


def _fail(index):
    if index == 5:
        raise KeyError("image")
    return _NUMBERS[index]


def _with_nan():
    numbers = _NUMBERS.copy()
    numbers[5, 1] = math.nan
    return numbers


_NUMBERS = np.arange(24.0).reshape(8, 3) % 7

# Functions that make objects other than arrays of numbers.
ODDITIES = {
    "None": lambda: None,
    "word": lambda: "word",
    "empty word": lambda: "",
    "bytes": lambda: b"bytes",
    "path": lambda: pathlib.PurePosixPath("images.npy"),
    "int": lambda: 3,
    "large int": lambda: 10**400,
    "negative int": lambda: -1,
    "float": lambda: 2.5,
    "nan": lambda: math.nan,
    "infinity": lambda: math.inf,
    "bool": lambda: True,
    "complex": lambda: 1j,
    "decimal": lambda: decimal.Decimal("0.5"),
    "fraction": lambda: fractions.Fraction(1, 2),
    "numpy int": lambda: np.int64(2),
    "numpy float": lambda: np.float32(0.5),
    "date": lambda: datetime.date(2020, 1, 1),
    "dict": lambda: {"a": [1.0, 2.0]},
    "empty dict": dict,
    "set": lambda: {1.0, 2.0, 3.0},
    "generator": lambda: (row for row in _NUMBERS),
    "iterator": lambda: iter(_NUMBERS.tolist()),
    "range": lambda: range(8),
    "empty list": list,
    "list of empty lists": lambda: [[], []],
    "ragged list": lambda: [[1, 2], [3]],
    "ragged arrays": lambda: [np.zeros((8, 8)), np.zeros((8, 9))],
    "ragged tuple": lambda: ((1.0, 2.0), 3.0),
    "list of words": lambda: [["a", "b"], ["c", "d"]],
    "list of numerals": lambda: [["1", "2"], ["3", "4"]],
    "list of None": lambda: [[None, 1.0], [2.0, None]],
    "list of dicts": lambda: [{"a": 1.0}, {"a": 2.0}],
    "list of tensors": lambda: [torch.zeros(3), torch.ones(3)],
    "list of large ints": lambda: [[10**400, 1], [2, 3]],
    "list of decimals": lambda: [[decimal.Decimal(1)], [decimal.Decimal(2)]],
    "buffer": lambda: array.array("d", [1.0, 2.0]),
    "memory view": lambda: memoryview(_NUMBERS.copy()),
    "sparse matrix": lambda: scipy.sparse.csr_matrix(_NUMBERS),
    "sparse array": lambda: scipy.sparse.coo_array(_NUMBERS),
    "dia array": lambda: scipy.sparse.dia_array(np.eye(8)),
    "complex tensor": lambda: torch.ones(8, 3, dtype=torch.complex64),
    "complex tensor that requires gradients": lambda: torch.ones(
        8, 3, dtype=torch.complex64, requires_grad=True
    ).conj(),
    "sparse tensor": lambda: torch.eye(8).to_sparse(),
    "meta tensor": lambda: torch.ones(8, 3, device="meta"),
    "nested tensor": lambda: torch.nested.nested_tensor(
        [torch.ones(2), torch.ones(3)], layout=torch.jagged
    ),
    "tensor of no axes": lambda: torch.tensor(1.0),
    "empty tensor": lambda: torch.empty(0, 3),
    "nan tensor": lambda: torch.full((8, 3), math.nan, requires_grad=True),
    "words in a frame": lambda: pd.DataFrame({"a": ["x", "y"], "b": ["z", "w"]}),
    "mixed frame": lambda: pd.DataFrame({"a": ["x", "y"], "b": [1.0, 2.0]}),
    "gaps in a frame": lambda: pd.DataFrame({"a": [1.0, None], "b": [2.0, 3.0]}),
    "nullable gaps": lambda: pd.DataFrame({"a": [1, None], "b": [2, 3]}, dtype="Int64"),
    "dates in a frame": lambda: pd.DataFrame(
        {"a": pd.date_range("2020-01-01", periods=3)}
    ),
    "categories in a frame": lambda: pd.DataFrame({"a": ["x", "y", "x"]}).astype(
        "category"
    ),
    "mixed names": lambda: pd.DataFrame(_NUMBERS, columns=["a", 1, "b"]),
    "same names": lambda: pd.DataFrame(_NUMBERS, columns=["a", "a", "b"]),
    "empty frame": pd.DataFrame,
    "series": lambda: pd.Series([1.0, 2.0, 3.0]),
    "sparse frame": lambda: pd.DataFrame.sparse.from_spmatrix(scipy.sparse.eye(8)),
    "masked array": lambda: np.ma.masked_array(_NUMBERS, mask=_NUMBERS > 3),
    "matrix": lambda: _NUMBERS.copy().view(np.matrix),
    "record array": lambda: np.rec.array(np.zeros(3, "f4,i2")),
    "array of lists": lambda: np.array([[1], [1, 2], None], dtype=object),
    "broken array": _Broken,
    "slices only": _SlicesOnly,
    "data set": lambda: _Items(lambda index: _NUMBERS[index]),
    "data set that fails": lambda: _Items(_fail),
    "data set of NaN": lambda: _Items(lambda index: _with_nan()[index]),
    "data set of dicts": lambda: _Items(lambda index: {"image": _NUMBERS[index]}),
    "data set of paths": lambda: _Items(lambda index: f"{index}.png"),
    "data set of nothing": lambda: _Items(lambda index: None),
    "data set of batches": lambda: _Items(
        lambda index: (np.ones((9, 9, 9)) * index, np.arange(9))
    ),
    "data set of other shapes": lambda: _Items(lambda index: np.ones(3 + index // 5)),
    "loader": lambda: torch.utils.data.DataLoader(
        _Items(lambda index: _NUMBERS[index])
    ),
    "list of paths": lambda: ["a.png", "b.png"],
    "array of paths": lambda: np.array(["a.png", "b.png"]),
    "list with NaN": lambda: list(_with_nan()),
    "strings of their own type": lambda: np.array(
        ["a", "b"] * 4, dtype=np.dtypes.StringDType()
    ),
    "random state": lambda: np.random.RandomState(0),
    "class": lambda: tuple,
    "function": lambda: len,
    "object": object,
}


def oddities():
    """Return scalars, and objects of any kind other than arrays of numbers."""
    return st.sampled_from(list(ODDITIES)).map(lambda name: ODDITIES[name]())


def mostly(usual, *others):
    """Draw from the first strategy three times out of four, else from the others."""
    rest, four = st.one_of(others), st.integers(0, 3)

    @st.composite
    def either(draw):
        return draw(usual if draw(four) else rest)

    return either()


def samples(of_shapes):
    """Return arrays of real numbers of the given shapes, and any other objects."""
    return st.one_of(
        arrays(of_shapes, dtypes=REAL, values=ORDINARY),
        arrays(of_shapes, dtypes=REAL),
        wrapped(of_shapes),
        arrays(of_shapes),
        arrays(),
        oddities(),
    )
