import json
import math
import os
import resource

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from safetensors import safe_open
from safetensors.numpy import save_file

from contrastive_clustering._io import safetensors_file as _container
from contrastive_clustering._io.safetensors_file import read_tree, write_tree

arrays = hnp.arrays(
    st.one_of(
        hnp.boolean_dtypes(),
        hnp.integer_dtypes(endianness="?"),
        hnp.unsigned_integer_dtypes(endianness="?"),
        hnp.floating_dtypes(endianness="?", sizes=(16, 32, 64)),
    ),
    hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4),
)
leaves = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(), arrays
)
keys = st.text().filter(lambda key: key != "$array")
trees = st.dictionaries(
    keys,
    st.recursive(
        leaves,
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3)
        ),
        max_leaves=8,
    ),
    max_size=4,
)


def assert_same(found, expected):
    assert type(found) is type(expected)
    if isinstance(expected, dict):
        assert list(found) == list(expected)
        for key in expected:
            assert_same(found[key], expected[key])
    elif isinstance(expected, list):
        assert len(found) == len(expected)
        for pair in zip(found, expected, strict=True):
            assert_same(*pair)
    elif isinstance(expected, np.ndarray):
        assert found.dtype == expected.dtype.newbyteorder("=")
        assert found.shape == expected.shape
        np.testing.assert_array_equal(found, expected)
    else:
        assert found == expected or found != found  # noqa: PLR0124  # NaN


@given(trees)
def test_trees_are_restored(tmp_path_factory, tree):
    path = tmp_path_factory.mktemp("trees") / "file"
    write_tree(path, "test", tree)
    assert_same(read_tree(path, "test"), tree)


def test_memory_order_is_restored(tmp_path):
    a = np.arange(12.0).reshape(3, 4)
    path = tmp_path / "file"
    write_tree(path, "test", {"c": a, "f": np.asfortranarray(a), "strided": a[:, ::2]})
    found = read_tree(path, "test")
    assert found["c"].flags.c_contiguous
    assert found["f"].flags.f_contiguous
    np.testing.assert_array_equal(found["strided"], a[:, ::2])


def test_header_can_be_read_by_other_programs(tmp_path):
    path = tmp_path / "file"
    write_tree(path, "test", {"a": np.zeros(3), "b": [1, None, "text"]})
    content = path.read_bytes()
    n_header = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + n_header])["__metadata__"]
    assert header["format"] == "contrastive_clustering"
    assert header["format_version"] == "1"
    assert set(json.loads(header["versions"])) >= {"torch", "numpy", "scikit-learn"}
    assert json.loads(header["tree"])["b"] == [1, None, "text"]
    with safe_open(path, framework="np") as file:
        assert len(list(file.keys())) == 1


@pytest.mark.parametrize(
    "value", [{1: 2}, {"$array": "0"}, object(), np.array(["a"]), (1, 2), b"bytes"]
)
def test_other_values_are_rejected(tmp_path, value):
    with pytest.raises(TypeError, match="cannot be written"):
        write_tree(tmp_path / "file", "test", {"value": value})
    assert list(tmp_path.iterdir()) == []


def rewritten(path, **changes):
    """Change entries of the header of a file."""
    with safe_open(path, framework="np") as file:
        header = file.metadata()
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    save_file(tensors, path, metadata={**header, **changes})


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "file"
    write_tree(path, "test", {"a": np.arange(100.0), "b": {"c": "text"}})
    return path


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format": "other"}, "not written by contrastive_clustering"),
        ({"format_version": "0"}, r"format version '0'.*reads version 1.*written with"),
        ({"format_version": "2"}, r"format version '2'"),
        ({"kind": "other"}, "contains a 'other', but a 'test' is needed"),
        ({"tree": '{"a": {"$array": "0", "transposed": false}}'}, "digest"),
        ({"sha256": "0" * 64}, "digest"),
        ({"tree": "{"}, "digest"),
    ],
)
def test_other_files_are_rejected(path, changes, message):
    rewritten(path, **changes)
    with pytest.raises(ValueError, match=message):
        read_tree(path, "test")


def signed(path, tree, arrays=None):
    """Write a file with a valid digest for any tree."""
    header = {
        "format": "contrastive_clustering",
        "format_version": "1",
        "kind": "test",
        "versions": "{}",
        "tree": tree,
    }
    header["sha256"] = _container._digest(header, arrays or {})
    save_file(arrays or {}, path, metadata=header)


@pytest.mark.parametrize(
    ("tree", "message"),
    [
        ('{"a": {"$array": "0", "transposed": false, "b": 1}}', "by unknown fields"),
        ('{"a": {"$array": "0"}}', "by unknown fields"),
        ('{"a": {"$array": "1", "transposed": false}}', "'1'"),
        ('{"a": {"$array": ["0"], "transposed": false}}', "unhashable"),
        ('{"a": [], "b": 1}', "its array '0' is not used"),
        (
            '{"a": {"$array": "0", "transposed": false}, '
            '"b": {"$array": "0", "transposed": true}}',
            "damaged",
        ),
        ("[]", "not used"),
        ('{"a": ', "not JSON"),
        ("[" * 100_000, "damaged"),
        ('{"a":' * 61 + "1" + "}" * 61, "nested more than 60 levels deep"),
        ('{"a": ' + "9" * 5000 + "}", "an integer of 5000 digits"),
    ],
)
def test_forged_trees_are_rejected(path, tree, message):
    signed(path, tree, {"0": np.zeros((2, 3))})
    with pytest.raises(ValueError, match=message) as caught:
        read_tree(path, "test")
    assert str(path) in str(caught.value)
    assert len(str(caught.value)) < 1000


def test_bytes_that_are_not_booleans_are_rejected(path):
    tree = '{"a": {"$array": "0", "transposed": false}}'
    signed(path, tree, {"0": np.array([True, False])})
    assert read_tree(path, "test")["a"].tolist() == [True, False]
    signed(path, tree, {"0": np.array([1, 2], dtype="u1").view(bool)})
    with pytest.raises(ValueError, match="is not boolean"):
        read_tree(path, "test")


def test_duplicates_in_json_count_once(path):
    signed(path, '{"a": 1, "a": 2}')
    assert read_tree(path, "test") == {"a": 2}


def test_unusual_strings_and_numbers_are_restored(path):
    tree = {"\ud800": "\udfff", "": [math.inf, -math.inf, 1e-320], "a" * 5000: -0.0}
    write_tree(path, "test", tree)
    assert read_tree(path, "test") == tree


def test_files_of_other_programs_are_rejected(tmp_path):
    path = tmp_path / "other"
    save_file({"weight": np.zeros(3)}, path)
    with pytest.raises(ValueError, match="not written by contrastive_clustering"):
        read_tree(path, "test")


@pytest.mark.parametrize(
    "content",
    [b"", b"1234567", b"\x00" * 100, b"\xff" * 100, b"PK\x03\x04" + b"a" * 99],
)
def test_other_contents_are_rejected(tmp_path, content):
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="is damaged or was not written by"):
        read_tree(path, "test")


def test_flipped_bits_and_truncations_are_detected(path):
    content = path.read_bytes()
    rng = np.random.default_rng(0)
    for place in rng.integers(len(content), size=300):
        damaged = bytearray(content)
        damaged[place] ^= 1 << int(rng.integers(8))
        path.write_bytes(damaged)
        with pytest.raises(
            ValueError, match=r"damaged|not written by|format version|needed"
        ):
            read_tree(path, "test")
        path.write_bytes(content[:place])
        with pytest.raises(ValueError, match="damaged"):
            read_tree(path, "test")


def test_missing_files_and_folders(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_tree(tmp_path / "missing", "test")
    with pytest.raises(IsADirectoryError):
        read_tree(tmp_path, "test")
    with pytest.raises(FileNotFoundError, match="could not be written"):
        write_tree(tmp_path / "missing" / "file", "test", {})


def test_a_full_disk_leaves_the_old_file(path):
    old = path.read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, limits[1]))
    try:
        with pytest.raises(OSError, match=r"could not be written.*unchanged") as caught:
            write_tree(path, "test", {"a": np.zeros(100_000)})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert caught.value.errno
    assert path.read_bytes() == old
    assert list(path.parent.iterdir()) == [path]


def test_interrupted_writing_leaves_the_old_file(path, monkeypatch):
    old = path.read_bytes()

    def interrupted(descriptor):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_tree(path, "test", {"a": 1})
    assert path.read_bytes() == old
    assert list(path.parent.iterdir()) == [path]


def test_headers_of_gigabytes_are_not_read(tmp_path):
    path = tmp_path / "file"
    with path.open("wb") as file:
        file.write((2**40).to_bytes(8, "little"))
        file.truncate(2**41)  # sparse: takes no room
    with pytest.raises(ValueError, match="no safetensors header"):
        read_tree(path, "test")


def test_systems_without_folders_to_sync(path, monkeypatch):
    monkeypatch.delattr(os, "O_DIRECTORY")
    write_tree(path, "test", {"a": 2})
    assert read_tree(path, "test") == {"a": 2}
