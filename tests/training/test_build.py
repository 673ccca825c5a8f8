from dataclasses import replace

import numpy as np
import pytest
import torch
from skorch.callbacks import Callback, EarlyStopping, Freezer

from contrastive_clustering import ContrastiveAutoencoderClusterer
from contrastive_clustering._data.layout import read_layout
from contrastive_clustering._data.scaling import Scaler
from contrastive_clustering._estimator.settings import unresolved_training
from contrastive_clustering._training.build import given_parameters, make_net


def make(**parameters):
    X = np.random.default_rng(0).normal(3, 2, size=(40, 8, 9))
    clusterer = ContrastiveAutoencoderClusterer(**parameters)
    settings = replace(
        unresolved_training(clusterer),
        device=torch.device("cpu"),
        max_epochs=7,
        batch_size=11,
        seed=5,
    )
    return make_net(settings, Scaler.fit(X, read_layout(X.shape))), X


def test_parameters_reach_the_net():
    net, X = make(
        latent_dim=6,
        temperature=0.3,
        reconstruction_weight=0.7,
        kl_weight=0.2,
        criterion__kl_warm_up=0.4,
        optimizer=torch.optim.SGD,
        lr=0.02,
        optimizer__weight_decay=0.5,
        precision="bf16-mixed",
        compile=True,
        iterator_train__num_workers=1,
    )
    module, criterion = net.module_, net.criterion_
    assert module.encode(torch.zeros(2, 1, 8, 9))[0].shape == (2, 6)
    assert module.variational
    assert module.input_mean.item() == pytest.approx(X.mean())
    assert module.input_std.item() == pytest.approx(X.std())
    assert (criterion.temperature, criterion.kl_weight) == (0.3, 0.2)
    assert criterion.reconstruction_weight == 0.7
    assert type(net.optimizer_) is torch.optim.SGD
    assert net.optimizer_.param_groups[0]["weight_decay"] == 0.5
    assert (net.lr, net.max_epochs, net.seed) == (0.02, 7, 5)
    assert (net.batch_size, criterion.kl_warm_up, net.precision) == (
        11,
        0.4,
        "bf16-mixed",
    )
    assert net.compile is True
    assert net.iterator_train__num_workers == 1


@pytest.mark.parametrize(
    ("parameters", "names"),
    [
        ({}, {"lr_schedule"}),
        ({"callbacks__lr_schedule": None}, set()),
        ({"verbose": 1}, {"lr_schedule", "training_bar"}),
        ({"early_stopping": True}, {"lr_schedule", "early_stopping"}),
    ],
)
def test_callbacks_follow_the_parameters(parameters, names):
    net, _ = make(**parameters)
    own = {name for name, _ in net.callbacks_} & {
        "lr_schedule",
        "training_bar",
        "early_stopping",
    }
    assert own == names
    assert (net.train_split is not None) == bool(parameters.get("early_stopping"))


def test_callbacks_of_the_user_are_not_changed():
    given, replacing = EarlyStopping("train_loss"), EarlyStopping("train_loss")
    net, _ = make(callbacks=[("a", given)], callbacks__a__patience=2)
    assert dict(net.callbacks_)["a"].patience == 2
    net, _ = make(
        callbacks=[("a", given), ("b", given)],
        callbacks__a=replacing,
        callbacks__a__patience=3,
        callbacks__b=None,
    )
    found = dict(net.callbacks_)
    assert found["a"].patience == 3
    assert "b" not in found
    assert given.patience == replacing.patience == 5


def test_callbacks_that_skorch_changes_are_copied():
    freezer, observer = Freezer("encoder.*"), Callback()
    before = dict(vars(freezer))
    net, _ = make(callbacks=[freezer, ("seen", observer)])
    assert vars(freezer) == before
    assert dict(net.callbacks_)["Freezer"] is not freezer
    assert dict(net.callbacks_)["seen"] is observer


@pytest.mark.parametrize(
    ("parameters", "fused"),
    [
        ({}, True),
        ({"optimizer": torch.optim.RMSprop}, None),
        ({"optimizer__fused": False}, False),
        ({"optimizer__foreach": True}, None),
    ],
)
def test_steps_are_fused_by_default_if_the_optimizer_supports_it(parameters, fused):
    net, _ = make(**parameters)
    assert net.optimizer_.defaults.get("fused") is fused


def test_given_parameters_returns_what_a_net_was_made_from():
    set_by_user = {
        "optimizer__betas": (0.8, 0.9),
        "module__projection_dim": 3,
        "iterator_valid__timeout": 3,
        "optimizer__fused": False,
    }
    net, _ = make(**set_by_user, callbacks__nobody__x=3)
    assert given_parameters(net) == {
        "encoder": None,
        "decoder": None,
        "optimizer": torch.optim.AdamW,
        "optimizer__weight_decay": 1e-4,
        **set_by_user,
    }


def test_weights_depend_only_on_the_seed():
    first, second = make()[0], make(lr=1.0)[0]
    for value, other in zip(
        first.module_.parameters(), second.module_.parameters(), strict=True
    ):
        assert torch.equal(value, other)
