"""The net's parameters by skorch's names, through the estimator."""

import numpy as np
import pytest
import torch
from skorch.callbacks import Callback, EarlyStopping, EpochTimer
from torch.utils.data import get_worker_info

from contrastive_clustering import ContrastiveAutoencoderClusterer
from contrastive_clustering._refinement.net import LR_SCALE, RefinementNet
from contrastive_clustering._training.net_params import (
    PREFIXES,
    SYNONYMS,
    is_net_parameter,
)


def make(fast, **parameters):
    return ContrastiveAutoencoderClusterer(**{**fast, **parameters})


def test_values_reach_the_net(tiny_images, fast):
    clusterer = make(
        fast,
        optimizer__betas=(0.8, 0.99),
        optimizer__amsgrad=True,
        module__projection_dim=7,
        module__projection_width=9,
        criterion__contrastive_weight=0.5,
        iterator_train__pin_memory=False,
    ).fit(tiny_images)
    net = clusterer.net_
    assert net.optimizer_.param_groups[0]["betas"] == (0.8, 0.99)
    assert net.optimizer_.param_groups[0]["amsgrad"]
    head = net.module_.projection_head
    assert (head[0].out_features, head[-1].out_features) == (9, 7)
    assert net.criterion_.contrastive_weight == 0.5
    assert net.iterator_train__pin_memory is False
    epoch = clusterer.history_[0]
    assert epoch["train_loss"] == pytest.approx(
        0.5 * epoch["train_contrastive_loss"]
        + 0.1 * epoch["train_reconstruction_loss"]
        + 0.03 * epoch["train_decorrelation_loss"]
    )
    plain = make(fast).fit(tiny_images)
    assert not np.allclose(
        clusterer.transform(tiny_images), plain.transform(tiny_images)
    )


@pytest.mark.parametrize("refinement", ["self_training", "prototypes"])
def test_values_reach_the_second_phase(tiny_images, fast, monkeypatch, refinement):
    nets = []
    fit_loop = RefinementNet.fit_loop

    def remember(self, *args, **kwargs):
        nets.append(self)
        return fit_loop(self, *args, **kwargs)

    monkeypatch.setattr(RefinementNet, "fit_loop", remember)
    make(
        fast,
        refinement=refinement,
        lr=0.03,
        optimizer__eps=1e-5,
        optimizer__param_groups=[("encoder.*", {"lr": 0.003})],
        iterator_train__timeout=9,
        criterion__contrastive_weight=0.5,
        module__projection_dim=7,
    ).fit(tiny_images)
    (net,) = nets
    encoder, others = net.optimizer_.param_groups
    assert (encoder["eps"], others["eps"]) == (1e-5, 1e-5)
    assert encoder["initial_lr"] == pytest.approx(0.003 * LR_SCALE)
    assert others["initial_lr"] == pytest.approx(0.03 * LR_SCALE)
    assert net.iterator_train__timeout == 9
    follows = refinement == "prototypes"
    assert net.criterion_.contrastive_weight == (0.0 if follows else 0.5)
    assert net.module_.projection_head[-1].out_features == 7


def test_the_schedule_scales_the_rate_of_each_group(tiny_images, fast):
    class Recorder(Callback):
        def initialize(self):
            self.rates_ = []
            return self

        def on_grad_computed(self, net, named_parameters, **kwargs):
            self.rates_.append([group["lr"] for group in net.optimizer_.param_groups])

    recorder = Recorder()
    make(
        fast,
        max_epochs=10,
        lr=0.1,
        callbacks=[recorder],
        optimizer__param_groups=[("encoder.*", {"lr": 0.01}), ("*.bias", {"lr": 0.0})],
    ).fit(tiny_images)
    rates = np.array(recorder.rates_)
    assert rates.shape == (10, 3)
    np.testing.assert_allclose(rates[:, 0], 0.1 * rates[:, 2])
    assert (rates[:, 1] == 0).all()
    assert rates[-1, 2] < 0.2 * rates[:, 2].max()


def test_callbacks_are_set_by_their_names(tiny_images, fast):
    stopping = EarlyStopping(monitor="train_loss", patience=5, sink=lambda text: None)
    clusterer = make(fast, max_epochs=9, callbacks=[("stop", stopping), EpochTimer()])
    clusterer.set_params(
        # No loss improves by this threshold.
        callbacks__stop__patience=2,
        callbacks__stop__threshold=0.99,
        refinement_epochs=0,
    ).fit(tiny_images)
    assert len(clusterer.history_) == 3
    assert stopping.patience == 5  # fit changed a copy


def test_callbacks_are_replaced_and_removed_by_their_names(tiny_images, fast):
    stopping = EarlyStopping(monitor="train_loss", patience=1, threshold=0.99)
    clusterer = make(fast, max_epochs=5, callbacks=[("stop", stopping), EpochTimer()])
    clusterer.set_params(callbacks__stop=None).fit(tiny_images)
    assert len(clusterer.history_) == 5 + 1
    names = [name for name, _ in clusterer.net_.callbacks_]
    assert "EpochTimer" in names
    assert "stop" not in names
    other = EarlyStopping(
        monitor="train_loss", patience=2, threshold=0.99, sink=lambda text: None
    )
    clusterer.set_params(callbacks__stop=other).fit(tiny_images)
    assert len(clusterer.history_) == 3 + 1


def test_parameters_reach_a_callback_class(tiny_images, fast):
    class Note(Callback):
        def __init__(self, value=1):
            self.value = value

        def on_epoch_end(self, net, **kwargs):
            net.history.record("note", self.value)

    clusterer = make(fast, callbacks=[Note], callbacks__Note__value=3)
    assert clusterer.fit(tiny_images).history_[0, "note"] == 3
    clusterer.set_params(callbacks__Note__worth=3)
    with pytest.raises(ValueError, match=r"worth=3 is not .* callbacks__Note__value\."):
        clusterer.fit(tiny_images)


def test_early_stopping_is_set_by_its_name(tiny_images, fast):
    clusterer = make(
        fast,
        early_stopping=True,
        validation_fraction=0.25,
        callbacks__early_stopping__monitor="valid_reconstruction_loss",
    ).fit(tiny_images)
    callback = dict(clusterer.net_.callbacks_)["early_stopping"]
    assert callback.monitor == "valid_reconstruction_loss"
    assert callback.patience == 5


def test_options_of_workers_are_ignored_without_workers(tiny_images, fast):
    clusterer = make(fast, batch_size=10, iterator_train__prefetch_factor=3)
    expected = make(fast, batch_size=10).fit(tiny_images).transform(tiny_images)
    for num_workers in (0, 1):
        clusterer.set_params(iterator_train__num_workers=num_workers).fit(tiny_images)
        np.testing.assert_array_equal(clusterer.transform(tiny_images), expected)


def in_worker(number):
    assert get_worker_info().id == number


def test_workers_run_the_given_init_function(tiny_images, fast):
    make(
        fast,
        batch_size=10,
        iterator_train__num_workers=1,
        iterator_train__worker_init_fn=in_worker,
    ).fit(tiny_images)


BAD = [
    ({"optimizer__beta": (0.8, 0.9)}, "Did you mean optimizer__betas?"),
    ({"optimizer__betas": (2, 2)}, r"optimizer__betas=\(2, 2\): Invalid beta"),
    ({"optimizer__eps": "small"}, r"optimizer__eps='small'"),
    ({"net_params": {"optimizer__eps": 1}}, "by their own names, such as optimizer__"),
    ({"optimizer__lr": 0.1}, "optimizer__lr=0.1 is not allowed.* parameter lr"),
    ({"optimizer__weight_decay": "much"}, "cannot take a step.*weight_decay='much'"),
    ({"optimizer__param_groups": [("encoder.*", 3)]}, "is not a list of pairs"),
    ({"optimizer__param_groups": [("encode", {"lr": 1})]}, "'encode'.* any weight"),
    ({"optimizer__param_groups": [("*", {"lr": -1.0})]}, "rate of -1.0"),
    ({"optimizer__param_groups": [("*", {"rl": 0.1})]}, "AdamW has no parameter 'rl'"),
    ({"optimizer__param_groups": [("*", {"betas": (2, 2)})]}, "cannot take a step"),
    ({"optimizer": torch.optim.SGD, "optimizer__betas": (0.8, 0.9)}, "is not a param"),
    ({"module__latent_dim": 3}, "parameter latent_dim"),
    ({"module__sample_shape": (3,)}, "parameter image_shape"),
    ({"module__input_mean": 0.0}, "fit sets it. Remove it"),
    ({"module__projection_dims": 3}, "Did you mean module__projection_dim?"),
    ({"module__projection_dim": 0}, "'module__projection_dim' parameter"),
    ({"module__projection_dim": 2.5}, "'module__projection_dim' parameter"),
    ({"criterion__temperature": 1.0}, "parameter temperature"),
    ({"criterion__contrastive_weight": -1.0}, "'criterion__contrastive_weight'"),
    ({"criterion__weight": 1.0}, "is not a parameter of the net.* are: criterion__"),
    ({"iterator_train__batch_size": 3}, "parameter batch_size"),
    ({"iterator_valid__num_workers": 1.5}, "'iterator_valid__num_workers' parameter"),
    ({"compile": "yes"}, "'compile' parameter"),
    ({"criterion__kl_warm_up": 1.5}, "'criterion__kl_warm_up' parameter"),
    ({"callbacks__lr_schedule": EpochTimer()}, "'callbacks__lr_schedule' parameter"),
    ({"callbacks__checkpoint__every": 0}, "'callbacks__checkpoint__every' parameter"),
    ({"callbacks__early_stopping__x": 2}, "is not a parameter of the net"),
    ({"callbacks__early_stopping": None}, "parameter early_stopping"),
    ({"iterator_train__seed": 3}, "parameter random_state"),
    ({"iterator_valid__shuffle": True}, "fit sets it. Remove it"),
    ({"iterator_valid__in_order": False}, "fit sets it. Remove it"),
    (
        {"iterator_train__timeout": -1, "iterator_train__num_workers": 1},
        "num_workers=1 is not valid",
    ),
    ({"iterator_train__pin": True}, "Did you mean iterator_train__pin_memory?"),
    (
        {"callbacks__stop__patience": 3},
        r"'stop', which does not.*names.*\['early_stopping', 'lr_schedule'\]",
    ),
    (
        {"callbacks": [EpochTimer()], "callbacks__EpochTimer__x": 1},
        "is not a parameter",
    ),
    (
        {"callbacks": [EpochTimer()], "callbacks__EpochTimer": 3},
        "is not a skorch callback",
    ),
    (
        {
            "callbacks": [EpochTimer],
            "callbacks__EpochTimer__x": 1,
            "callbacks__EpochTimer": None,
        },
        "callbacks__EpochTimer=None removes",
    ),
    ({"callbacks__train_loss": None}, "'train_loss', which does not exist"),
    (
        {"early_stopping": True, "callbacks__early_stopping__patience": 0},
        "'callbacks__early_stopping__patience' parameter",
    ),
    (
        {"early_stopping": True, "callbacks__early_stopping": None},
        "parameter early_stopping",
    ),
]


# The ids contain no addresses, because the processes of a parallel run must agree.
@pytest.mark.parametrize(("parameters", "message"), BAD, ids=[bad[1] for bad in BAD])
def test_bad_parameters_are_named_by_fit(tiny_images, fast, parameters, message):
    clusterer = make(fast, validation_fraction=0.25).set_params(**parameters)
    before = dict(vars(clusterer))
    named = next(name for name in parameters if is_net_parameter(name))
    with pytest.raises(ValueError, match=message) as caught:
        clusterer.fit(tiny_images)
    assert named in str(caught.value)
    assert vars(clusterer) == before


def test_prefixes_match_those_of_skorch(tiny_images, fast):
    net = make(fast, max_epochs=0, refinement_epochs=0).fit(tiny_images).net_
    # The estimator makes its own data sets.
    assert set(net.prefixes_) == {*PREFIXES, "dataset", "compile"}


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("learning_rate", "lr"),
        ("epochs", "max_epochs"),
        ("n_epochs", "max_epochs"),
        ("K", "n_clusters"),
        ("n_components", "n_clusters or latent_dim"),
        ("seed", "random_state"),
        ("tau", "temperature"),
        ("n_jobs", "iterator_train__num_workers"),
        ("weight_decay", "optimizer__weight_decay"),
        ("n_iter_no_change", "callbacks__early_stopping__patience"),
        ("gpu", "device"),
        ("latent_dims", "latent_dim"),
    ],
)
def test_parameter_names_of_other_packages_suggest_those_of_this_one(name, meant):
    with pytest.raises(TypeError, match=rf"'{name}'\. Did you mean {meant}\?"):
        ContrastiveAutoencoderClusterer(**{name: 3})
    with pytest.raises(ValueError, match=rf"'{name}' .*Did you mean {meant}\?"):
        ContrastiveAutoencoderClusterer().set_params(**{name: 3})


def test_synonyms_stand_for_existing_parameters():
    known = set(ContrastiveAutoencoderClusterer().get_params())
    meant = {name for names in SYNONYMS.values() for name in names}
    assert all(name in known or is_net_parameter(name) for name in meant)
    assert not SYNONYMS.keys() & known
