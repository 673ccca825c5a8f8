import copy
from dataclasses import replace

import numpy as np
import pytest
import torch

from contrastive_clustering._estimator.settings import unresolved_training
from contrastive_clustering._io.safetensors_file import read_tree, write_tree
from contrastive_clustering._io.schema import Fields, Scope
from contrastive_clustering._refinement.resolve import resolve_refinement
from contrastive_clustering._saving import checkpoint as _checkpoint
from contrastive_clustering._saving.net_state import weights_to_tree
from contrastive_clustering._saving.refinement_state import (
    REFINEMENT,
    refinement_state,
    resume_refinement,
)


@pytest.fixture(scope="module", params=["neighbors", "self_training"])
def resumable(request, fit_tiny, tmp_path_factory):
    """A net, its settings and the state of its second phase, from a checkpoint."""
    folder = tmp_path_factory.mktemp("checkpoint")
    estimator = fit_tiny(
        refinement_epochs=1, refinement=request.param, checkpoint_dir=folder
    )
    tree = read_tree(folder / _checkpoint.FILE_NAME, _checkpoint.KIND)
    assert tree["stage"] == "second"
    state = {name: tree[name] for name in REFINEMENT}
    training = replace(unresolved_training(estimator), seed=estimator.net_.seed)
    refinement = resolve_refinement(estimator.refinement)
    return estimator.net_, (training, refinement), state


def check(state, **sizes):
    Fields(REFINEMENT).check(state, "the checkpoint", Scope(sizes))


def assert_same_trees(found, expected):
    assert type(found) is type(expected)
    if isinstance(expected, dict):
        assert found.keys() == expected.keys()
        for key, value in expected.items():
            assert_same_trees(found[key], value)
    elif isinstance(expected, np.ndarray):
        assert found.dtype == expected.dtype
        np.testing.assert_array_equal(found, expected)
    else:
        assert found == expected


def test_a_resumed_net_has_the_same_state(resumable, tmp_path):
    net, settings, state = resumable
    check(state, n_samples=40)
    refining = resume_refinement(copy.deepcopy(net), *settings, state)
    again = refinement_state(refining)
    write_tree(tmp_path / "file", "test", again)
    assert_same_trees(read_tree(tmp_path / "file", "test"), state)
    has_neighbors = settings[1].target_neighbors > 0
    assert (state["neighbors"] is not None) == has_neighbors


def test_a_resumed_net_keeps_the_initial_weights_of_the_phase(resumable):
    net, settings, state = resumable
    refining = resume_refinement(copy.deepcopy(net), *settings, state)
    assert_same_trees(weights_to_tree(refining.start), state["start"])
    weights = refining.module_.state_dict()
    assert any(
        not torch.equal(weights[name].cpu(), torch.from_numpy(value))
        for name, value in state["start"].items()
        if name in weights
    )


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("memberships", lambda old: old[:-1], "n_samples=39, and not 40"),
        ("memberships", lambda old: -old - 1, "values below 0"),
        ("memberships", lambda old: old.astype("f8"), "an array of f4"),
        ("memberships", lambda old: old[0], "an array of f4"),
        ("memberships", lambda old: old * np.nan, "is not finite"),
        ("neighbors", lambda old: np.full((40, 3), 40), "that are not below 40"),
        ("neighbors", lambda old: np.full((40, 3), -1), "values below 0"),
        ("neighbors", lambda old: np.zeros((39, 3), "i8"), "n_samples=39, and not"),
        ("neighbors", lambda old: np.zeros((40, 3), "i4"), "an array of i8"),
        ("start", lambda old: [], "a dict"),
        ("optimizer", lambda old: {"a": 3}, "a dict"),
    ],
)
def test_forged_states_are_rejected(resumable, name, change, message):
    _, _, state = resumable
    with pytest.raises(ValueError, match=message):
        check({**state, name: change(state[name])}, n_samples=40)


def test_states_of_another_network_are_rejected(resumable):
    net, settings, state = resumable

    def assert_rejected(message, **changes):
        with pytest.raises(ValueError, match=message):
            resume_refinement(copy.deepcopy(net), *settings, {**state, **changes})

    wide = np.concatenate([state["memberships"]] * 2, axis=1)
    assert_rejected("memberships are of 4 strata", memberships=wide)
    name, value = next(iter(state["start"].items()))
    message = "start does not match the weights of the network"
    for other in (value[None], value.reshape(-1)[:1], value.tolist(), None):
        assert_rejected(message, start={**state["start"], name: other})
    assert_rejected(message, start={})
    assert_rejected(message, start={**state["start"], "more": value})
    weight = next(iter(state["optimizer"]))
    assert_rejected("the moments", optimizer={weight: {"step": 3}})


def test_a_net_without_prototypes_is_rejected(resumable):
    net, settings, state = resumable
    other = copy.deepcopy(net)
    other.module_.prototype_head = None
    with pytest.raises(ValueError, match="prototypes are of none"):
        resume_refinement(other, *settings, state)
