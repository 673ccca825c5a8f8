"""Helpers for tests of trees and schemas."""

import copy
import re

import pytest

from contrastive_clustering._io.safetensors_file import read_tree, write_tree
from contrastive_clustering._io.schema import Scope


def through_a_file(tree, folder):
    """Write a tree to a file and read it back."""
    write_tree(folder / "file", "test", {"tree": tree})
    return read_tree(folder / "file", "test")["tree"]


def changed(tree, path, value):
    """Return a copy of a tree with a new value at a path such as ``"space.size"``."""
    tree = copy.deepcopy(tree)
    inner, (*outer, last) = tree, path.split(".")
    for key in outer:
        inner = inner[key]
    inner[last] = value
    return tree


def assert_rejected(schema, tree, message, **sizes):
    with pytest.raises(ValueError, match=re.escape(message)):
        schema.check(tree, "the part", Scope(sizes))
