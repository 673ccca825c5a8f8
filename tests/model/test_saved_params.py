import pytest

from contrastive_clustering._model.saved_params import (
    params_from_tree,
    params_to_tree,
)

KNOWN = ("lr", "latent_dim", "checkpoint_dir")


def test_parameters_of_the_machine_are_left_out():
    params = {
        "lr": 0.1,
        "checkpoint_dir": "here",
        "compile": True,
        "iterator_train__num_workers": 2,
        "iterator_train__group_positives": True,
        "optimizer__eps": 1e-3,
    }
    tree = params_to_tree(params, ())
    expected = {
        name: params[name]
        for name in ("lr", "iterator_train__group_positives", "optimizer__eps")
    }
    assert params_from_tree(tree, (), KNOWN) == expected


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("checkpoint_dir", "here"),
        ("iterator_train__num_workers", 2),
        ("net_params", 1),
        ("unknown", 1),
    ],
)
def test_other_parameters_may_not_be_set(name, value):
    with pytest.raises(ValueError, match="not a parameter that a file may set"):
        params_from_tree({name: value}, (), KNOWN)


def test_large_layers_may_not_be_set():
    with pytest.raises(ValueError, match="latent_dim"):
        params_from_tree({"latent_dim": 2**14}, (), KNOWN)
