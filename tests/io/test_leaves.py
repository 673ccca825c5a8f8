import re
from pathlib import Path

import numpy as np
import pytest
import torch

from contrastive_clustering._io.leaves import LEAVES, tensor_to_array, to_dtype
from contrastive_clustering._io.schema import Scope


def from_tree(kind, tree):
    leaf = LEAVES[kind]
    leaf.fields.check(tree, "the leaf", Scope())
    return leaf.from_tree(tree)


def there_and_back(kind, value):
    assert isinstance(value, LEAVES[kind].type)
    return from_tree(kind, LEAVES[kind].to_tree(value, "the value"))


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("device", torch.device("cpu")),
        ("device", torch.device("cuda:3")),
        ("path", Path("a") / "b c"),
        *(("dtype", np.dtype(code)) for code in ("u1", "<i2", ">f4", "f8", "?")),
        *(("scalar", np.dtype(c).type(1)) for c in ("b1", "i1", "u8", "f2", "f4")),
        ("scalar", np.float64(np.inf)),
        ("scalar", np.int64(-(2**63))),
    ],
)
def test_plain_leaves_are_restored(kind, value):
    found = there_and_back(kind, value)
    assert type(found) is type(value)
    assert found == value


@pytest.mark.parametrize(
    "dtype", [torch.float16, torch.float32, torch.float64, torch.int64, torch.bool]
)
@pytest.mark.parametrize("shape", [(), (3,), (2, 0), (2, 3)])
def test_tensors_are_restored(dtype, shape):
    tensor = torch.ones(shape, dtype=dtype)
    found = there_and_back("tensor", tensor)
    assert found.dtype is dtype
    assert torch.equal(found, tensor)


def test_tensors_of_bfloat16_become_float32():
    tensor = torch.tensor([1.0, 3.140625], dtype=torch.bfloat16, requires_grad=True)
    array = tensor_to_array(tensor, "it")
    assert array.dtype == np.float32
    assert array.tolist() == [1.0, 3.140625]


@pytest.mark.parametrize(
    "tensor",
    [
        torch.zeros(2, dtype=torch.complex64),
        torch.zeros(2, 2).to_sparse(),
    ],
)
def test_other_tensors_cannot_be_saved(tensor):
    with pytest.raises(ValueError, match=r"it is a tensor of .*cannot be saved"):
        tensor_to_array(tensor, "it")


def test_random_states_are_restored():
    state = np.random.RandomState(3)
    state.normal()  # the second of a pair is kept
    found = there_and_back("RandomState", state)
    for draw in ("normal", "random_sample"):
        np.testing.assert_array_equal(
            getattr(found, draw)(size=700), getattr(state, draw)(size=700)
        )


def test_random_states_of_other_generators_cannot_be_saved():
    state = np.random.RandomState(np.random.PCG64(0))
    with pytest.raises(ValueError, match="the value uses the generator PCG64"):
        LEAVES["RandomState"].to_tree(state, "the value")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"keys": np.zeros(623, "u4")}, "and not an array of shape (624,)"),
        ({"keys": np.zeros(624, "u8")}, "and not an array of u4"),
        ({"position": 625}, "an integer from 0 to 624"),
        ({"position": -1}, "an integer from 0 to 624"),
        ({"has_gauss": 2}, "an integer from 0 to 1"),
        ({"gauss": float("nan")}, "a finite number"),
        ({"more": 1}, "an unknown field 'more'"),
    ],
)
def test_forged_random_states_are_rejected(changes, message):
    tree = LEAVES["RandomState"].to_tree(np.random.RandomState(0), "the value")
    with pytest.raises(ValueError, match=re.escape(message)):
        from_tree("RandomState", {**tree, **changes})


@pytest.mark.parametrize(
    "code",
    [
        *["", "O", "V8", "S3", "U3", "M8[s]", "c8", "f8,f8", "(2,)f8", "float64"],
        *["<f3", "|b2", "=f8", "<f8<f8", "<f8\n"],
    ],
)
def test_only_numeric_dtypes_are_created(code):
    with pytest.raises(ValueError, match="is not a numeric dtype"):
        to_dtype(code)


@pytest.mark.parametrize("text", ["", "nowhere", "cpu:x", "cuda:-1", "\ud800", "a\0b"])
def test_only_devices_are_created(text):
    with pytest.raises(ValueError, match="is not a device"):
        from_tree("device", {"value": text})


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("device", "A" * 101),
        ("dtype", "f8," * 200_000),
        ("path", 3),
        ("scalar", np.zeros(1)),
        ("scalar", 3),
        ("tensor", [1.0]),
    ],
)
def test_other_values_are_rejected(kind, value):
    with pytest.raises(ValueError, match="value of the leaf is") as caught:
        from_tree(kind, {"value": value})
    assert len(str(caught.value)) < 500
