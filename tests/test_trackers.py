"""Callbacks of skorch: early stopping, tables, progress bars and trackers."""

import pickle

import numpy as np
import pytest
from sklearn.base import clone
from skorch.callbacks import (
    EarlyStopping,
    MlflowLogger,
    PrintLog,
    ProgressBar,
    TensorBoard,
)

from contrastive_clustering import ContrastiveAutoencoderClusterer

LOSSES = ("train_loss", "train_contrastive_loss", "train_reconstruction_loss")


@pytest.fixture
def fast(fast):
    """Parameters with three epochs in the first phase and two in the second."""
    return {**fast, "max_epochs": 3, "refinement_epochs": 2}


def fit(X, callbacks, **params):
    return ContrastiveAutoencoderClusterer(callbacks=callbacks, **params).fit(X)


@pytest.mark.parametrize("held_out", [False, True])
def test_early_stopping(tiny_images, fast, held_out):
    monitor = "valid_loss" if held_out else "train_loss"
    # No loss improves by this threshold.
    stopper = EarlyStopping(
        monitor, patience=2, threshold=1e9, threshold_mode="abs", sink=lambda _: None
    )
    params = {"early_stopping": held_out, "validation_fraction": 0.25}
    clusterer = fit(tiny_images, [stopper], **{**fast, "max_epochs": 50}, **params)
    assert len(clusterer.history_) == 3 + 2  # the second phase is complete
    np.testing.assert_array_equal(clusterer.predict(tiny_images), clusterer.labels_)


def test_monitoring_a_missing_loss_is_an_error(tiny_images, fast):
    message = r"EarlyStopping.*monitors 'valid_loss'.*early_stopping=True"
    with pytest.raises(ValueError, match=message):
        fit(tiny_images, [EarlyStopping()], **fast)


def test_print_log(tiny_images, fast, capsys):
    lines = []
    clusterer = fit(tiny_images, [PrintLog(sink=lines.append)], **fast)
    assert capsys.readouterr() == ("", "")
    # The table of each phase has a header, a rule, and a row for each epoch.
    assert len(lines) == (2 + 3) + (2 + 2)
    assert lines[0].split()[0] == "epoch"
    assert set(LOSSES) < set(lines[0].split())
    assert "train_assignment_loss" not in lines[0]
    assert "train_assignment_loss" in lines[5]
    rows = [*lines[2:5], *lines[7:9]]
    assert [row.split()[0] for row in rows] == list("12345")
    for row, epoch in zip(rows, clusterer.history_, strict=True):
        assert f"{epoch['train_contrastive_loss']:.4f}" in row
    fit(tiny_images, [PrintLog()], **fast)
    assert capsys.readouterr() == ("", "")
    fit(tiny_images, [PrintLog()], **fast, verbose=1)
    assert len(capsys.readouterr().out.splitlines()) == 9


def test_progress_bar(tiny_images, fast, capsys):
    fit(tiny_images, [ProgressBar()], **fast, batch_size=10)
    out, err = capsys.readouterr()
    assert out == ""
    # There is a bar over the batches of each epoch.
    assert err.count("0/4") == 5


def read_events(folder):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(folder)).Reload()
    return {
        tag: [(event.step, event.value) for event in events.Scalars(tag)]
        for tag in events.Tags()["scalars"]
    }


@pytest.mark.parametrize("close", [True, False])
def test_tensorboard(tiny_images, fast, tmp_path, close):
    from torch.utils.tensorboard import SummaryWriter

    with SummaryWriter(tmp_path) as writer:
        board = TensorBoard(writer, close_after_train=close)
        clusterer = fit(tiny_images, [board], **fast)
    found = read_events(tmp_path)
    for loss in LOSSES:
        steps, values = zip(*found[f"Loss/{loss}"], strict=True)
        assert steps == (1, 2, 3, 4, 5)
        np.testing.assert_allclose(values, clusterer.history_[:, loss], rtol=1e-6)
    steps, _ = zip(*found["Loss/train_assignment_loss"], strict=True)
    assert steps == (4, 5)
    assert len(found["dur"]) == 5
    assert len(found["relocated_prototypes"]) == 2


def test_mlflow(tiny_images, fast, tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")  # no network access
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")  # instead of a database
    monkeypatch.chdir(tmp_path)
    from mlflow.tracking import MlflowClient

    client = MlflowClient(tracking_uri=(tmp_path / "runs").as_uri())
    run = client.create_run(client.create_experiment("strata"))
    clusterer = fit(tiny_images, [MlflowLogger(run, client)], **fast)
    run_id = run.info.run_id
    for loss in LOSSES:
        metrics = client.get_metric_history(run_id, loss)
        assert [metric.step for metric in metrics] == [1, 2, 3, 4, 5]
        np.testing.assert_allclose(
            [metric.value for metric in metrics], clusterer.history_[:, loss]
        )
    assert len(client.get_metric_history(run_id, "train_assignment_loss")) == 2
    assert client.get_run(run_id).info.status == "FINISHED"
    names = {artifact.path for artifact in client.list_artifacts(run_id)}
    assert names == {"params.pth", "optimizer.pth", "criterion.pth", "history.json"}


def test_trackers_do_not_affect_the_result(tiny_images, fast):
    plain = fit(tiny_images, None, **fast)
    watched = fit(tiny_images, [PrintLog(sink=lambda _: None)], **fast)
    np.testing.assert_array_equal(
        watched.transform(tiny_images), plain.transform(tiny_images)
    )


def test_a_resumed_fit_prints_the_epochs_that_it_runs(tiny_images, fast, tmp_path):
    class StopError(Exception):
        pass

    lines = []

    def sink(line):
        if line.split()[0] == "5" and len(lines) < 9:
            raise StopError
        lines.append(line)

    def make():
        return ContrastiveAutoencoderClusterer(
            callbacks=[PrintLog(sink=sink)], checkpoint_dir=tmp_path, **fast
        )

    with pytest.raises(StopError):
        make().fit(tiny_images)
    assert len(lines) == 8
    lines.append("again")
    clusterer = make().fit(tiny_images)
    assert [line.split()[0] for line in lines[9:]][-1] == "5"
    assert len(lines) == 9 + 3
    np.testing.assert_array_equal(
        clusterer.transform(tiny_images),
        fit(tiny_images, None, **fast).transform(tiny_images),
    )


def test_a_closed_tracker_does_not_prevent_cloning_pickling_and_saving(
    tiny_images, fast, tmp_path
):
    from torch.utils.tensorboard import SummaryWriter

    board = TensorBoard(SummaryWriter(tmp_path / "runs"))
    clusterer = fit(tiny_images, [board], **fast)
    loaded = pickle.loads(pickle.dumps(clone(clusterer).set_params(**fast)))
    assert type(loaded.callbacks[0]) is TensorBoard
    loaded = pickle.loads(pickle.dumps(clusterer))
    np.testing.assert_array_equal(loaded.predict(tiny_images), clusterer.labels_)
    clusterer.set_params(callbacks=None).save(tmp_path / "saved.safetensors")
