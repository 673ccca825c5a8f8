"""Trees that go through a file, that are changed, and that a schema refuses."""

import copy
import re

import pytest

from contrastive_clustering._io.safetensors_file import read_tree, write_tree
from contrastive_clustering._io.schema import Scope


def through_a_file(tree, folder):
    write_tree(folder / "file", "test", {"tree": tree})
    return read_tree(folder / "file", "test")["tree"]


def changed(tree, way, value):
    """Return a tree with something else at a place such as ``"space.size"``."""
    tree = copy.deepcopy(tree)
    inner, (*outer, last) = tree, way.split(".")
    for key in outer:
        inner = inner[key]
    inner[last] = value
    return tree


def refuses(schema, tree, message, **sizes):
    with pytest.raises(ValueError, match=re.escape(message)):
        schema.check(tree, "the part", Scope(**sizes))
