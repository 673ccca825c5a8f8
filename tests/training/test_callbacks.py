import pickle
import signal
import sys
from types import SimpleNamespace
from typing import ClassVar

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning
from skorch.callbacks import (
    Callback,
    Checkpoint,
    EarlyStopping,
    EpochScoring,
    PrintLog,
    ProgressBar,
    TensorBoard,
)

from contrastive_clustering import (
    ClusterNumberSearch,
    ContrastiveAutoencoderClusterer,
)
from contrastive_clustering._training.callbacks import (
    WarmUpCosine,
    changes_training,
    select_observers,
)


def test_learning_rate_rises_and_falls(tiny_images, fast):
    class Recorder(Callback):
        rates: ClassVar[list[float]] = []

        def on_batch_begin(self, net, training=False, **kwargs):
            self.rates.append(net.optimizer_.param_groups[0]["lr"])

    fast = {**fast, "max_epochs": 20, "batch_size": 20, "lr": 0.1}
    recorder = Recorder()
    clusterer = ContrastiveAutoencoderClusterer(callbacks=[recorder], **fast)
    clusterer.fit(tiny_images)
    # The recorder runs before the schedule, so it sees the rate of the previous step.
    rates = np.array(recorder.rates[1:])
    assert rates.argmax() in (3, 4)
    assert rates.max() == pytest.approx(0.1, rel=0.05)
    assert (np.diff(rates[5:]) < 0).all()
    assert rates[-1] < 0.002
    recorder.rates.clear()
    clusterer.set_params(callbacks__lr_schedule=None).fit(tiny_images)
    assert set(recorder.rates) == {0.1}


def test_learning_rates_are_those_of_a_warm_up_and_half_a_cosine():
    group = {"initial_lr": 0.2}
    net = SimpleNamespace(
        max_epochs=4, batch_size=10, optimizer_=SimpleNamespace(param_groups=[group])
    )
    schedule, rates = WarmUpCosine(), []
    for net.epoch_number in (1, 3, 4):  # as in a training that resumes
        schedule.on_epoch_begin(net, dataset_train=range(95))
        for _ in range(10):
            schedule.on_batch_begin(net, training=True)
            rates.append(group["lr"])
            schedule.on_batch_begin(net, training=False)
    done = (np.r_[:10, 20:40] + 0.5) / 40
    rise, fall = done / 0.1, (1 + np.cos(np.pi * (done - 0.1) / 0.9)) / 2
    np.testing.assert_allclose(rates, 0.2 * np.where(done < 0.1, rise, fall))


def test_verbose_shows_each_loss_and_zero_shows_nothing(tiny_images, fast, capsys):
    fast["n_clusters"] = ClusterNumberSearch(max_clusters=3)
    ContrastiveAutoencoderClusterer(verbose=0, **fast).fit(tiny_images)
    assert capsys.readouterr() == ("", "")
    ContrastiveAutoencoderClusterer(verbose=1, early_stopping=True, **fast).fit(
        tiny_images
    )
    out, err = capsys.readouterr()
    assert out == ""
    lines = err.splitlines()
    assert [line.partition(", ")[0] for line in lines] == [
        "training 1/2 epochs",
        "training 2/2 epochs",
        *(f"search for the number of strata {n}/6 parts" for n in range(1, 7)),
        "refinement 1/1 epochs",
    ]
    for part in ("loss", "contrastive_loss", "reconstruction_loss", "valid_loss"):
        assert f", {part} " in lines[0]
    assert ", assignment_loss " in lines[-1]


def test_a_training_has_one_bar_on_a_terminal(tiny_images, fast, capsys, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    clusterer = ContrastiveAutoencoderClusterer(verbose=1, **fast).fit(tiny_images)
    clusterer.partial_fit(tiny_images)
    *bars, rest = capsys.readouterr().err.split("\n")
    last = [bar.rpartition("\r")[2].partition(" [")[0] for bar in bars]
    assert [bar.partition(":")[0] for bar in last] == [
        "training",
        "refinement",
        "training",
    ]
    assert [bar.rpartition(" ")[2] for bar in last] == ["2/2", "1/1", "1/1"]
    assert rest == ""


@pytest.mark.usefixtures("ctrl_c")
def test_the_last_epoch_before_an_interrupt_is_shown(tiny_images, fast, capsys):
    class Interrupter(Callback):
        def on_epoch_begin(self, net, **kwargs):
            if net.epoch_number == n_epochs + 1:
                signal.raise_signal(signal.SIGINT)

    for n_epochs in (0, 3):
        clusterer = ContrastiveAutoencoderClusterer(
            verbose=1, callbacks=[Interrupter()], **{**fast, "max_epochs": 60}
        )
        with pytest.warns(ConvergenceWarning, match=f"after {n_epochs} of 60 epochs"):
            clusterer.fit(tiny_images)
        shown = [line for line in capsys.readouterr().err.splitlines() if line]
        assert [line.partition(",")[0] for line in shown] == (
            ["training 3/60 epochs"] if n_epochs else []
        )


class Pickler(Callback):
    """Pickle the net during training, as skorch's Checkpoint can."""

    def on_epoch_end(self, net, **kwargs):
        pickle.loads(pickle.dumps(net))


def test_nets_and_estimators_with_a_progress_bar_can_be_pickled(
    tiny_images, fast, capsys, monkeypatch
):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    clusterer = ContrastiveAutoencoderClusterer(
        verbose=1, callbacks=[Pickler()], **fast
    ).fit(tiny_images)
    assert "\rtraining" in capsys.readouterr().err
    loaded = pickle.loads(pickle.dumps(clusterer))
    np.testing.assert_array_equal(loaded.predict(tiny_images), clusterer.labels_)
    loaded.partial_fit(tiny_images)
    assert "1/1" in capsys.readouterr().err


def test_observers_are_distinguished_from_callbacks_that_affect_training():
    class Custom(PrintLog):
        pass

    class Other(Callback):
        pass

    recording = [
        ("bar", ProgressBar()),
        ("custom", Custom),
        ("board", TensorBoard(writer=None)),
    ]
    acting = [
        ("stop", EarlyStopping()),
        ("score", EpochScoring("f1")),
        ("class", Other),
        ("other", Other()),
    ]
    assert select_observers([*acting, *recording]) == recording


@pytest.mark.parametrize(
    ("callback", "changes"),
    [
        (EarlyStopping(), True),
        (EarlyStopping, True),
        (Checkpoint(load_best=True), True),
        (Checkpoint(), False),
        (Checkpoint, False),
        (PrintLog(), False),
        (Callback, False),
        (5, False),
    ],
)
def test_only_callbacks_that_train_or_restore_weights_change_training(
    callback, changes
):
    assert changes_training(callback) is changes
