import numpy as np
import pytest

from contrastive_clustering import ContrastiveAutoencoderClusterer
from contrastive_clustering._model.estimator_file import (
    check_estimator_tree,
    estimator_to_tree,
    read_estimator,
    write_estimator,
)


@pytest.fixture
def tree(tiny_images, fast):
    clusterer = ContrastiveAutoencoderClusterer(**fast).fit(tiny_images)
    return estimator_to_tree(clusterer, [], {})


def test_trees_survive_a_roundtrip(tree, tmp_path):
    check_estimator_tree(tree)
    write_estimator(tmp_path / "model", tree)
    found = read_estimator(tmp_path / "model")
    check_estimator_tree(found)
    assert list(found) == list(tree)
    np.testing.assert_array_equal(found["scaler"]["mean"], tree["scaler"]["mean"])


def test_invalid_fields_are_named(tree):
    with pytest.raises(ValueError, match="the estimator lacks 'net'"):
        check_estimator_tree({name: tree[name] for name in tree if name != "net"})
    with pytest.raises(ValueError, match="low of scaler of the estimator"):
        check_estimator_tree({**tree, "scaler": {**tree["scaler"], "low": "0"}})
