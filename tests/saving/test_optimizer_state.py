import copy
import pickle

import numpy as np
import pytest
import torch

from contrastive_clustering import ContrastiveAutoencoderClusterer
from contrastive_clustering._io.safetensors_file import read_tree, write_tree
from contrastive_clustering._io.schema import Scope
from contrastive_clustering._saving.optimizer_state import (
    OPTIMIZER,
    load_optimizer,
    optimizer_to_tree,
)

WEIGHT = "encoder.0.weight"


def fresh(net):
    """Return a net with the same weights whose optimizer has not taken a step."""
    other = copy.deepcopy(net)
    other._initialize_optimizer(reason="")
    return other


def load(net, tree):
    OPTIMIZER.check(tree, "the optimizer", Scope())
    load_optimizer(net, tree)


def assert_same_state(found, expected):
    states = [net.optimizer_.state_dict()["state"] for net in (found, expected)]
    assert states[0].keys() == states[1].keys()
    for index, moments in states[1].items():
        assert states[0][index].keys() == moments.keys()
        for name, value in moments.items():
            other = states[0][index][name]
            assert type(other) is type(value)
            if isinstance(value, torch.Tensor):
                assert (other.dtype, other.shape) == (value.dtype, value.shape)
                assert torch.equal(other, value)
            else:
                assert other == value


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"optimizer": torch.optim.SGD},
        {"optimizer": torch.optim.SGD, "optimizer__momentum": 0.9},
        {"optimizer": torch.optim.Adagrad},
        {"optimizer": torch.optim.RMSprop, "optimizer__momentum": 0.9},
        {"optimizer": torch.optim.RMSprop, "optimizer__centered": True},
        {"optimizer": torch.optim.NAdam},
        {"optimizer": torch.optim.ASGD},
        {"optimizer": torch.optim.Rprop},
        {"optimizer__amsgrad": True},
        {"optimizer__param_groups": [("encoder.*", {"lr": 1e-3})]},
    ],
)
def test_moments_survive_a_roundtrip_to_the_bit(tmp_path, fit_tiny, parameters):
    net = fit_tiny(**parameters).net_
    write_tree(tmp_path / "file", "test", optimizer_to_tree(net))
    other = fresh(net)
    load(other, read_tree(tmp_path / "file", "test"))
    assert_same_state(other, net)
    for group, expected in zip(
        other.optimizer_.param_groups, net.optimizer_.param_groups, strict=True
    ):
        group["lr"] = expected["lr"]  # set by a schedule, not by a file
    for found in (net, other):
        for weight in found.module_.parameters():
            weight.grad = torch.ones_like(weight)
        found.optimizer_.step()
    for weight, expected in zip(
        other.module_.parameters(), net.module_.parameters(), strict=True
    ):
        assert torch.equal(weight, expected)


@pytest.fixture(scope="module")
def net(fit_tiny):
    """A net whose AdamW has taken steps; do not modify it."""
    return fit_tiny().net_


def test_moments_are_stored_by_the_names_of_weights(net):
    tree = optimizer_to_tree(net)
    assert set(tree) == {name for name, _ in net.module_.named_parameters()}
    assert set(tree[WEIGHT]) == {"step", "exp_avg", "exp_avg_sq"}


def test_a_frozen_weight_may_have_moments_or_none(net):
    frozen = fresh(net)
    weights = dict(frozen.module_.named_parameters())
    weights[WEIGHT].requires_grad_(False)
    tree = optimizer_to_tree(net)
    moments = tree.pop(WEIGHT)
    load(frozen, tree)
    assert weights[WEIGHT] not in frozen.optimizer_.state
    load(frozen, {WEIGHT: moments})  # a callback has frozen the weight later
    assert frozen.optimizer_.state[weights[WEIGHT]].keys() == moments.keys()


def test_a_weight_that_had_no_gradients_may_lack_moments(net):
    tree = optimizer_to_tree(net)
    del tree[WEIGHT]
    other = fresh(net)
    load(other, tree)
    assert len(other.optimizer_.state) == len(tree)


def moment(value):
    return {"$type": "tensor", "value": value}


@pytest.mark.parametrize(
    "change",
    [
        lambda old: moment(np.zeros(1, "f4")),
        lambda old: moment(np.zeros(0, "f4")),
        lambda old: moment(np.zeros((), "f4")),
        lambda old: moment(old.reshape(-1)),
        lambda old: moment(old[None]),
        lambda old: moment(np.concatenate([old, old])),
        lambda old: moment(old.astype("f8")),
        lambda old: moment(old.astype("f2")),
        lambda old: moment(old.astype("i4")),
        lambda old: moment(np.full_like(old, np.nan)),
        lambda old: moment(np.full_like(old, np.inf)),
        lambda old: old,
        lambda old: old.tolist(),
        lambda old: None,
        lambda old: 0.5,
        lambda old: {"$type": "scalar", "value": np.array(1.0)},
        lambda old: {"a": moment(old)},
    ],
)
@pytest.mark.parametrize("name", ["exp_avg", "exp_avg_sq"])
def test_invalid_moments_are_rejected(net, name, change):
    tree = optimizer_to_tree(net)
    tree[WEIGHT][name] = change(tree[WEIGHT][name]["value"])
    other = fresh(net)
    with pytest.raises(ValueError, match=f"{name} of {WEIGHT} in the optimizer is"):
        load(other, tree)
    assert not other.optimizer_.state


@pytest.mark.parametrize(
    "step",
    [3, None, np.array(3.0, "f4"), moment(np.zeros(2, "f4")), moment(np.array(3))],
)
def test_invalid_step_counts_are_rejected(net, step):
    tree = optimizer_to_tree(net)
    tree[WEIGHT]["step"] = step
    with pytest.raises(ValueError, match=f"step of {WEIGHT} in the optimizer is"):
        load(fresh(net), tree)


def test_unknown_names_are_rejected(net):
    tree = optimizer_to_tree(net)
    moments = tree[WEIGHT]
    for changed, message in [
        ({"encoder.99.weight": moments}, "an unknown weight, 'encoder.99.weight'"),
        ({"A" * 900: {}}, r"moments of an unknown weight, 'AAA"),
        ({WEIGHT: {**moments, "more": moments["step"]}}, r"\['exp_avg', .*'more'"),
        ({WEIGHT: {"step": moments["step"]}}, rf"the moments \['step'\] of {WEIGHT}"),
        ({WEIGHT: {"momentum_buffer": moments["exp_avg"]}}, "'momentum_buffer'"),
    ]:
        with pytest.raises(ValueError, match=message) as caught:
            load(fresh(net), changed)
        assert len(str(caught.value)) < 500
    for malformed in ([], {WEIGHT: 3}, {WEIGHT: [moments]}):
        with pytest.raises(ValueError, match="a dict"):
            load(fresh(net), malformed)


def test_moments_of_another_optimizer_are_rejected(net, fit_tiny):
    sgd = fit_tiny(optimizer=torch.optim.SGD, optimizer__momentum=0.9).net_
    with pytest.raises(ValueError, match=r"the moments \['exp_avg'.*momentum_buffer"):
        load(fresh(sgd), optimizer_to_tree(net))


def test_saving_lbfgs_is_an_error_with_a_remedy(tmp_path, fit_tiny, tiny_images):
    clusterer = fit_tiny(optimizer=torch.optim.LBFGS, warm_start=True)
    with pytest.raises(ValueError, match=r"optimizer=LBFGS cannot be saved.*warm_st"):
        clusterer.save(tmp_path / "model")
    clusterer.set_params(warm_start=False).save(tmp_path / "model")
    loaded = ContrastiveAutoencoderClusterer.load(tmp_path / "model")
    assert loaded.optimizer is torch.optim.LBFGS
    # The state of partial_fit is saved in any case.
    clusterer.partial_fit(tiny_images)
    with pytest.raises(ValueError, match=r"after partial_fit, use pickle or joblib"):
        clusterer.save(tmp_path / "model")
    pickle.loads(pickle.dumps(clusterer)).partial_fit(tiny_images)
