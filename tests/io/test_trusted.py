import math

import pytest
import torch

from contrastive_clustering._io.trusted import checked_path, trusted_import
from contrastive_clustering._utils.provenance import import_path


def test_import_paths_can_be_imported():
    for thing, trusted in ((torch.optim.SGD, []), (math.sqrt, ["math.sqrt"])):
        path = checked_path(thing, trusted, "the value")
        assert path == import_path(thing)
        assert trusted_import(path, trusted) is thing


def test_untrusted_paths_are_not_imported():
    with pytest.raises(ValueError, match=r"the value is or contains 'math\.sqrt'"):
        checked_path(math.sqrt, [], "the value")
    with pytest.raises(ValueError, match=r"the file names 'math\.sqrt'"):
        trusted_import("math.sqrt", [])


def test_missing_paths_are_errors():
    with pytest.raises(ValueError, match="cannot be imported here"):
        trusted_import("no_such_module.thing", ["no_such_module.thing"])


def test_local_functions_are_rejected():
    local = lambda batch: batch  # noqa: E731
    path = f"{local.__module__}.{local.__qualname__}"
    with pytest.raises(ValueError, match="cannot be imported by this name"):
        checked_path(local, [path], "the value")
