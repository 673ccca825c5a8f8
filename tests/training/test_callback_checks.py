"""Unusable callbacks are rejected before training; usable ones work."""

import numpy as np
import pytest
import torch
from sklearn.metrics import accuracy_score, make_scorer
from skorch.callbacks import (
    BatchScoring,
    Callback,
    Checkpoint,
    EarlyStopping,
    EpochScoring,
    InputShapeSetter,
    LRScheduler,
    PassthroughScoring,
    PrintLog,
)

from contrastive_clustering import ContrastiveAutoencoderClusterer
from contrastive_clustering._training.callback_checks import OWN_NAMES
from contrastive_clustering._training.net import ContrastiveNet


def spread(net, X, y=None):
    latents = net.predict(X)
    assert len(latents) == len(X)
    return float(np.std(latents))


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).normal(size=(40, 8, 8))


def make(*callbacks, **others):
    quick = {"clusterer": "kmeans", "latent_dim": 2, "refinement_epochs": 0}
    return ContrastiveAutoencoderClusterer(
        2, max_epochs=2, random_state=0, callbacks=list(callbacks), **quick, **others
    )


@pytest.mark.parametrize("scoring", [EpochScoring, BatchScoring])
@pytest.mark.parametrize("early_stopping", [False, True])
def test_scores_are_of_samples_not_views(scoring, early_stopping, images):
    cached, computed = (
        make(
            scoring(
                spread,
                name="spread",
                on_train=not early_stopping,
                use_caching=use_caching,
            ),
            early_stopping=early_stopping,
        )
        .fit(images)
        .history_[:, "spread"]
        for use_caching in (True, False)
    )
    assert all(0 < each < 100 for each in computed)
    assert cached == computed


def test_scores_do_not_affect_training(images):
    found = make(EpochScoring(spread, on_train=True)).fit(images)
    np.testing.assert_array_equal(found.labels_, make().fit(images).labels_)


def test_a_score_can_be_monitored(images):
    scores = EpochScoring(spread, name="spread", on_train=True)
    make(scores, EarlyStopping(monitor="spread")).fit(images)


class Recording(Callback):
    def on_epoch_end(self, net, **kwargs):
        net.history.record("own", 1.0)


def test_a_custom_callback_may_record_any_entry(images):
    make(Recording(), EarlyStopping(monitor="own")).fit(images)


UNUSABLE = [
    (EpochScoring("accuracy"), "scoring='accuracy'.*no labels"),
    (EpochScoring(None, on_train=True), "scoring=None.*no labels"),
    (EpochScoring(accuracy_score, on_train=True), "accuracy_score.*no labels"),
    (EpochScoring(make_scorer(accuracy_score)), "no labels"),
    (BatchScoring("f1", on_train=True), "BatchScoring.*no labels"),
    (EarlyStopping(monitor="train_los"), "no callback records it.*'train_loss'"),
    (Checkpoint(monitor="train_foo_best"), "no callback records it"),
    (EarlyStopping, "EarlyStopping.*'valid_loss'.*no validation part"),
    (("best", Checkpoint), "Checkpoint.*'valid_loss_best'.*no validation part"),
    (InputShapeSetter(), "is not needed"),
    (InputShapeSetter, "is not needed"),
    (PrintLog(sink=None), "sink=None, which is not callable"),
    (EpochScoring, "EpochScoring.*'scoring'"),
    (EpochScoring(spread), "EpochScoring.*on_train=False.*no validation part"),
    (BatchScoring(spread, name="s"), "BatchScoring.*no validation part is held out"),
    (PassthroughScoring("s"), "PassthroughScoring.*no validation part is held out"),
    (EarlyStopping(monitor=spread), "monitor=.*Pass a str"),
    (EarlyStopping("train_loss", threshold="low"), "threshold='low'. Pass a number"),
    (EarlyStopping("train_loss", threshold_mode="r"), 'threshold_mode=.*Pass "rel" or'),
    (LRScheduler("StepLR", step_size=1), "LRScheduler.*lr_schedule=None to use"),
    (("rate", LRScheduler), "LRScheduler.*lr_schedule=None to use"),
    (LRScheduler("Foo"), "policy='Foo'"),
    (LRScheduler("StepLR"), "StepLR.*'step_size'"),
    (LRScheduler(torch.optim.lr_scheduler.StepLR, foo=3), "StepLR.*step_size|foo"),
]


@pytest.mark.parametrize(("callback", "message"), UNUSABLE)
def test_callbacks_that_would_fail_in_training_are_rejected_before(
    callback, message, images, monkeypatch
):
    def train(*args, **kwargs):
        raise AssertionError("training has started")

    monkeypatch.setattr(ContrastiveNet, "run_epochs", train)
    with pytest.raises(ValueError, match=rf"callbacks.*{message}"):
        make(callback).fit(images)


BY_NAME = [
    ({"callbacks__a__monitor": "train_los"}, r"callbacks\[1\].*no callback records it"),
    ({"callbacks__a__monitor": "valid_loss"}, r"callbacks\[1\].*no validation part"),
    ({"callbacks__a__threshold_mode": "r"}, r"callbacks\[1\].*threshold_mode='r'"),
    ({"callbacks__a": EarlyStopping()}, "callbacks__a, of class.*no validation part"),
    ({"callbacks__a": EarlyStopping}, "callbacks__a, of class.*no validation part"),
    ({"callbacks__a": LRScheduler("Foo")}, "callbacks__a, of class.*policy='Foo'"),
    ({"callbacks__b__policy": "Foo"}, r"callbacks\[0\].*policy='Foo'"),
    (
        {"callbacks__early_stopping__monitor": "los", "early_stopping": True},
        "callbacks__early_stopping.*no callback records it",
    ),
    (
        {"callbacks__early_stopping__threshold": "low", "early_stopping": True},
        "callbacks__early_stopping.*threshold='low'",
    ),
]


@pytest.mark.parametrize(("parameters", "message"), BY_NAME)
def test_settings_by_name_that_would_fail_in_training_are_rejected_before(
    parameters, message, images, monkeypatch
):
    monkeypatch.setattr(ContrastiveNet, "run_epochs", None)
    schedule = LRScheduler("StepLR", step_size=1)
    clusterer = make(
        ("b", schedule), ("a", EarlyStopping("train_loss")), callbacks__lr_schedule=None
    )
    with pytest.raises(ValueError, match=message):
        clusterer.set_params(**parameters).fit(images)
    assert schedule.policy == "StepLR"


@pytest.mark.parametrize(
    "parameters",
    [
        {"callbacks__a__monitor": "train_loss"},
        {"callbacks__a": EarlyStopping("train_loss")},
        {"callbacks__a": EarlyStopping, "callbacks__a__monitor": "train_loss"},
        {"callbacks__a": None},
    ],
)
def test_callbacks_are_checked_with_their_settings_by_name(parameters, images):
    make(("a", EarlyStopping("valid_loss")), **parameters).fit(images)


@pytest.mark.parametrize(
    ("callbacks", "message"),
    [
        (
            [("a", PrintLog()), ("a", PrintLog())],
            r"\[1\] .* 'a', which callbacks\[0\] h",
        ),
        (
            [("PrintLog", PrintLog()), PrintLog()],
            r"\[0\] .* which callbacks\[1\], which",
        ),
        (
            [("PrintLog_1", PrintLog()), PrintLog, PrintLog],
            r"\[0\] .* which callbacks\[1\], which",
        ),
        ([("lr_schedule", PrintLog())], "'lr_schedule', which the estimator's own"),
        ([("early_stopping", PrintLog())], "'early_stopping', which the estimator's"),
        ([("train_loss", PrintLog())], "'train_loss', which the estimator's own"),
        ([("a__b", PrintLog())], "'a__b'. Give it a name that is not empty and has no"),
        ([("", PrintLog())], "''. Give it a name that is not empty"),
    ],
)
def test_names_that_cannot_be_used_are_rejected(images, callbacks, message):
    with pytest.raises(ValueError, match=message):
        make(*callbacks).fit(images)


def test_own_names_are_those_of_the_net(images):
    net = make(early_stopping=True, verbose=1).fit(images).net_
    assert {name for name, _ in net.callbacks_} <= set(OWN_NAMES)
    assert make(("PrintLog_1", PrintLog(sink=str)), PrintLog(sink=str)).fit(images)


def test_values_recorded_by_callbacks_can_be_monitored(images):
    make(
        PassthroughScoring("train_loss", on_train=True),
        LRScheduler("StepLR", step_size=1, event_name="rate"),
        EarlyStopping(monitor="rate"),
        callbacks__lr_schedule=None,
    ).fit(images)


def test_a_callback_class_gets_its_arguments_from_net_parameters(images):
    clusterer = make(
        EpochScoring,
        callbacks__EpochScoring__scoring=spread,
        callbacks__EpochScoring__on_train=True,
    )
    assert "spread" in clusterer.fit(images).history_[0]
