import json
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.exceptions import ConvergenceWarning
from skorch.callbacks import (
    Callback,
    Checkpoint,
    EpochScoring,
    Freezer,
    LRScheduler,
    Unfreezer,
)
from torch.optim.lr_scheduler import CyclicLR, OneCycleLR

from contrastive_clustering import (
    ClusterNumberSearch,
    ContrastiveAutoencoderClusterer,
    cluster_stability,
)
from contrastive_clustering._io.safetensors_file import read_tree, write_tree
from contrastive_clustering._saving.checkpoint import FILE_NAME


class StopError(Exception):
    """Raised to simulate a power failure."""


class Stop(Callback):
    """Call a function in an epoch, numbered from 1 over both phases."""

    def __init__(self, epoch, action):
        self.epoch = epoch
        self.action = action

    def on_batch_begin(self, net, training=False, **kwargs):
        if len(net.history) == self.epoch:
            self.action()


def fails():
    raise StopError


def press():
    signal.raise_signal(signal.SIGINT)


class CustomEncoder(torch.nn.Sequential):
    """An encoder with dropout."""

    def __init__(self, sample_shape, n_outputs):
        super().__init__(
            torch.nn.Flatten(), torch.nn.Dropout(0.2), torch.nn.LazyLinear(n_outputs)
        )


PARAM_GROUPS = [("encoder.*", {"lr": 1e-3})]


@pytest.fixture
def parameters(fast):
    return {
        **fast,
        "max_epochs": 4,
        "refinement_epochs": 3,
        "batch_size": 10,
    }


def make(parameters, folder=None, **others):
    return ContrastiveAutoencoderClusterer(
        **{**parameters, "checkpoint_dir": folder, **others}
    )


def stage(folder):
    return read_tree(folder / FILE_NAME, "checkpoint")["stage"]


def assert_same(found, expected, X):
    np.testing.assert_array_equal(found.transform(X), expected.transform(X))
    np.testing.assert_array_equal(found.predict_proba(X), expected.predict_proba(X))
    np.testing.assert_array_equal(found.labels_, expected.labels_)
    np.testing.assert_array_equal(found.cluster_centers_, expected.cluster_centers_)
    assert found.n_clusters_ == expected.n_clusters_
    rows = [
        [
            {k: v for k, v in row.items() if k not in {"batches", "dur"}}
            for row in fitted.history_
        ]
        for fitted in (found, expected)
    ]
    assert rows[0] == rows[1]
    moments, others = (
        fitted.net_.optimizer_.state_dict()["state"] for fitted in (found, expected)
    )
    assert moments.keys() == others.keys()
    for index, value in moments.items():
        torch.testing.assert_close(value, others[index], rtol=0, atol=0)


def stop_in_second_phase(monkeypatch, epoch):
    """Make an epoch of the second phase fail, which ignores the user's callbacks."""
    from contrastive_clustering._refinement.net import RefinementNet

    step = RefinementNet.train_step_single

    def failing(self, batch, **kwargs):
        if self.epoch_number == epoch:
            raise StopError
        return step(self, batch, **kwargs)

    monkeypatch.setattr(RefinementNet, "train_step_single", failing)


def fail_and_resume(parameters, images, folder, monkeypatch, epoch):
    """Return a fit that resumes one that failed in an epoch of either phase."""
    with monkeypatch.context() as patch:
        callbacks = [Stop(epoch, fails)] if epoch <= 4 else [Callback()]
        if epoch > 4:
            stop_in_second_phase(patch, epoch - 4)
        with pytest.raises(StopError):
            make(parameters, folder, callbacks=callbacks).fit(images)
    callbacks = [Stop(99, fails)] if epoch <= 4 else [Callback()]
    return make(parameters, folder, callbacks=callbacks).fit(images)


@pytest.mark.parametrize(
    ("epoch", "others"),
    [
        (1, {}),
        pytest.param(2, {}, marks=pytest.mark.slow),
        (4, {}),
        pytest.param(5, {}, marks=pytest.mark.slow),
        (6, {}),
        (7, {}),
        (3, {"kl_weight": 0.1}),
        (3, {"criterion__change_weight": 1.0}),
        (6, {"refinement": "neighbors"}),
        (6, {"refinement": "prototypes"}),
        (6, {"n_clusters": ClusterNumberSearch(max_clusters=3)}),
        pytest.param(7, {"clusterer": "consensus"}, marks=pytest.mark.slow),
        (3, {"optimizer": torch.optim.SGD, "callbacks__lr_schedule": None}),
        pytest.param(3, {"precision": "16-mixed"}, marks=pytest.mark.slow),
        pytest.param(4, {"callbacks__checkpoint__every": 2}, marks=pytest.mark.slow),
        (3, {"encoder": CustomEncoder, "optimizer__param_groups": PARAM_GROUPS}),
        pytest.param(
            6,
            {"encoder": CustomEncoder, "optimizer__param_groups": PARAM_GROUPS},
            marks=pytest.mark.slow,
        ),
        (7, {"callbacks__checkpoint__every": 2}),
        (
            3,
            {
                "early_stopping": True,
                "validation_fraction": 0.25,
                "callbacks__early_stopping__patience": 2,
            },
        ),
        pytest.param(
            3,
            {"augmentation": None, "iterator_train__num_workers": 1},
            marks=pytest.mark.slow,
        ),
    ],
)
def test_an_interrupted_fit_resumes(  # noqa: PLR0917
    tiny_images, parameters, tmp_path, monkeypatch, others, epoch
):
    whole = make(parameters, **others).fit(tiny_images)
    with monkeypatch.context() as patch:
        if epoch <= 4:
            callbacks = [Stop(epoch, fails)]
        else:
            callbacks = [Callback()]
            stop_in_second_phase(patch, epoch - 4)
        broken = make(parameters, tmp_path, callbacks=callbacks, **others)
        with pytest.raises(StopError):
            broken.fit(tiny_images)
    assert not hasattr(broken, "net_")
    if epoch > 1:
        assert stage(tmp_path) == ("first" if epoch <= 4 else "second")
    else:
        assert list(tmp_path.iterdir()) == []
    # Custom callbacks are compared by class, so another epoch is accepted.
    callbacks = [Stop(99, fails)] if epoch <= 4 else [Callback()]
    again = make(parameters, tmp_path, callbacks=callbacks, **others).fit(tiny_images)
    assert_same(again, whole, tiny_images)
    if hasattr(whole, "cluster_number_search_"):
        np.testing.assert_array_equal(
            again.cluster_number_search_.scores, whole.cluster_number_search_.scores
        )


@pytest.mark.parametrize(
    ("callback", "epoch"),
    [
        (Freezer("encoder.*"), 3),
        (Freezer("encoder.*"), 6),
        (Freezer("encoder.*", at=2), 4),
        pytest.param(Freezer("encoder.*", at=2), 7, marks=pytest.mark.slow),
    ],
)
def test_frozen_weights_stay_frozen_after_resuming(  # noqa: PLR0917
    tiny_images, parameters, tmp_path, monkeypatch, callback, epoch
):
    whole = make(parameters, callbacks=[callback, Stop(99, fails)]).fit(tiny_images)
    with monkeypatch.context() as patch:
        if epoch > 4:
            stop_in_second_phase(patch, epoch - 4)
        stopping = Stop(epoch if epoch <= 4 else 99, fails)
        with pytest.raises(StopError):
            make(parameters, tmp_path, callbacks=[callback, stopping]).fit(tiny_images)
    callbacks = [callback, Stop(99, fails)]
    again = make(parameters, tmp_path, callbacks=callbacks).fit(tiny_images)
    assert_same(again, whole, tiny_images)


@pytest.mark.parametrize("epoch", [3, 6])
def test_a_fit_of_images_with_two_blocks_resumes(
    tiny_images, parameters, tmp_path, monkeypatch, epoch
):
    """Weights between blocks have strides of their own, unlike those of one block."""
    images = tiny_images.repeat(2, axis=1).repeat(2, axis=2)
    whole = make(parameters).fit(images)
    weights = whole.net_.module_.encoder.parameters()
    assert not all(weight.is_contiguous() for weight in weights)
    again = fail_and_resume(parameters, images, tmp_path, monkeypatch, epoch)
    assert_same(again, whole, images)


def test_the_best_weights_of_an_epoch_before_the_interruption_are_kept(
    tiny_images, parameters, tmp_path
):
    def score(net, X, y=None):
        return np.float32([5, 1, 2, 3][net.history[-1, "epoch"] - 1])

    def callbacks(name, epoch):
        folder = {"dirname": str(tmp_path / name), "f_history": None}
        return [
            EpochScoring(score, name="own", on_train=True),
            Checkpoint(monitor="own_best", load_best=True, **folder),
            Stop(epoch, fails),
        ]

    whole = make(parameters, callbacks=callbacks("whole", 99)).fit(tiny_images)
    with pytest.raises(StopError):
        make(parameters, tmp_path, callbacks=callbacks("again", 4)).fit(tiny_images)
    again = make(parameters, tmp_path, callbacks=callbacks("again", 99))
    assert_same(again.fit(tiny_images), whole, tiny_images)


def test_weights_that_a_callback_frees_resume_with_their_moments(
    tiny_images, parameters, tmp_path
):
    layers = torch.nn.Flatten(), torch.nn.Linear(64, 4)
    frozen = torch.nn.Sequential(*layers).requires_grad_(False)
    others = {"encoder": frozen}
    free = Unfreezer("encoder.*", at=2)
    whole = make(parameters, **others, callbacks=[free, Stop(99, fails)])
    with pytest.raises(StopError):
        make(parameters, tmp_path, **others, callbacks=[free, Stop(4, fails)]).fit(
            tiny_images
        )
    again = make(parameters, tmp_path, **others, callbacks=[free, Stop(99, fails)])
    assert_same(again.fit(tiny_images), whole.fit(tiny_images), tiny_images)


def test_a_fit_interrupted_between_the_phases_resumes(
    tiny_images, parameters, tmp_path, monkeypatch
):
    whole = make(parameters).fit(tiny_images)
    for name in ("fit_clustering", "learn_strata"):
        with monkeypatch.context() as patch:
            patch.setattr(
                f"contrastive_clustering._model.fit.{name}", lambda *_, **__: fails()
            )
            with pytest.raises(StopError):
                make(parameters, tmp_path).fit(tiny_images)
        assert stage(tmp_path) == ("strata" if name == "fit_clustering" else "second")
    assert_same(make(parameters, tmp_path).fit(tiny_images), whole, tiny_images)


@pytest.mark.parametrize(
    ("policy", "settings"),
    [
        ("StepLR", {"step_size": 1, "gamma": 0.5}),
        # They keep entries in the optimizer, which is a new one.
        (OneCycleLR, {"max_lr": 1e-2, "total_steps": 99, "step_every": "batch"}),
        (CyclicLR, {"base_lr": 1e-4, "max_lr": 1e-2, "step_every": "batch"}),
    ],
)
def test_schedulers_of_skorch_resume(
    tiny_images, parameters, tmp_path, policy, settings
):
    def scheduler():
        return LRScheduler(policy, **settings)

    common = {**parameters, "callbacks__lr_schedule": None}
    whole = make(common, callbacks=[scheduler(), Stop(99, fails)]).fit(tiny_images)
    with pytest.raises(StopError):
        make(common, tmp_path, callbacks=[scheduler(), Stop(3, fails)]).fit(tiny_images)
    again = make(common, tmp_path, callbacks=[scheduler(), Stop(99, fails)])
    assert_same(again.fit(tiny_images), whole, tiny_images)


class CountingSGD(torch.optim.SGD):
    """An optimizer that counts its steps in its groups."""

    def step(self, closure=None):
        for group in self.param_groups:
            group["n_steps"] = group.get("n_steps", 0) + 1
            group["weight_decay"] = 0.1 / group["n_steps"]
        return super().step(closure)


@pytest.mark.parametrize("epoch", [3, 6])
def test_numbers_in_the_groups_of_an_optimizer_resume(
    tiny_images, parameters, tmp_path, monkeypatch, epoch
):
    common = {**parameters, "optimizer": CountingSGD}
    whole = make(common).fit(tiny_images)
    again = fail_and_resume(common, tiny_images, tmp_path, monkeypatch, epoch)
    assert_same(again, whole, tiny_images)


def test_messages_show_where_long_parameters_differ(tiny_images, parameters, tmp_path):
    def schedule(gamma):
        name = "a_long_name_of_a_schedule" * 6
        return [(name, LRScheduler("StepLR", step_size=3, gamma=gamma)), stop]

    stop = Stop(3, fails)
    common = {**parameters, "callbacks__lr_schedule": None}
    with pytest.raises(StopError):
        make(common, tmp_path, callbacks=schedule(0.5)).fit(tiny_images)
    with pytest.raises(ValueError, match=r"\.\.\..*'gamma': 0\.5.* now .*: 0\.7"):
        make(common, tmp_path, callbacks=schedule(0.7)).fit(tiny_images)


def test_a_random_seed_is_kept_when_resuming(tiny_images, parameters, tmp_path):
    common = {**parameters, "random_state": None}
    with pytest.raises(StopError):
        make(common, tmp_path, callbacks=[Stop(3, fails)]).fit(tiny_images)
    seed = read_tree(tmp_path / FILE_NAME, "checkpoint")["seed"]
    again = make(common, tmp_path, callbacks=[Stop(99, fails)]).fit(tiny_images)
    assert again.net_.seed == seed
    # That fit has finished, so the next one draws a new seed.
    other = make(common, tmp_path, callbacks=[Stop(99, fails)]).fit(tiny_images)
    assert other.net_.seed != seed


@pytest.mark.parametrize(
    ("others", "message"),
    [
        ({"lr": 1e-4}, r"lr was 0\.003 and is now 0\.0001"),
        ({"n_clusters": 3}, "n_clusters was 2 and is now 3"),
        ({"augmentation": torch.sin}, r"augmentation was 'auto' and is now .*sin"),
        ({"random_state": 1}, "random_state was 0 and is now 1"),
        (
            {"clusterer": "consensus", "whiten": True},
            "clusterer was .*; whiten was False",
        ),
        ({"callbacks": None}, r"callbacks was \[.*Stop\] and is now None"),
    ],
)
def test_other_parameters_are_rejected(
    tiny_images, parameters, tmp_path, others, message
):
    callbacks = [Stop(3, fails)]
    with pytest.raises(StopError):
        make(parameters, tmp_path, callbacks=callbacks).fit(tiny_images)
    before = (tmp_path / FILE_NAME).read_bytes()
    other = make(parameters, tmp_path, **{"callbacks": callbacks, **others})
    with pytest.raises(
        ValueError, match=rf"unfinished fit.*{message}.*set another checkpoint_dir"
    ):
        other.fit(tiny_images)
    assert (tmp_path / FILE_NAME).read_bytes() == before


def test_other_data_are_rejected(tiny_images, parameters, tmp_path):
    with pytest.raises(StopError):
        make(parameters, tmp_path, callbacks=[Stop(3, fails)]).fit(tiny_images)
    changed = tiny_images.copy()
    changed[7, 3, 3] += 1
    for X in (changed, tiny_images[:-1], tiny_images.astype(float), tiny_images[::-1]):
        with pytest.raises(ValueError, match=r"this one: X was uint8 \(40, 8, 8\)"):
            make(parameters, tmp_path, callbacks=[Stop(3, fails)]).fit(X)


def test_parameters_that_do_not_affect_the_result_may_change(
    tiny_images, parameters, tmp_path
):
    whole = make(parameters).fit(tiny_images)
    with pytest.raises(StopError):
        make(parameters, tmp_path, callbacks=[Stop(3, fails)]).fit(tiny_images)
    again = make(
        parameters,
        str(tmp_path),
        callbacks=[Stop(99, fails)],
        verbose=1,
        device="cpu",
        iterator_train__num_workers=1,
        callbacks__checkpoint__every=3,
        store_examples=True,
    )
    assert_same(again.fit(tiny_images), whole, tiny_images)


def test_a_finished_fit_is_overwritten(tiny_images, parameters, tmp_path):
    first = make(parameters, tmp_path).fit(tiny_images)
    calls = []
    again = make(parameters, tmp_path, augmentation=None)
    again.fit(tiny_images)
    again.set_params(augmentation="auto").fit(tiny_images)
    assert_same(again, first, tiny_images)
    # Repeating the same fit needs no training.
    recorder = Callback()
    recorder.on_batch_begin = lambda *args, **kwargs: calls.append(1)
    make(parameters, tmp_path, callbacks=[recorder]).fit(tiny_images)
    n_calls = len(calls)
    assert n_calls > 0
    assert_same(
        make(parameters, tmp_path, callbacks=[recorder]).fit(tiny_images),
        first,
        tiny_images,
    )
    assert len(calls) == n_calls


def test_warm_start_has_its_own_checkpoints(tiny_images, parameters, tmp_path):
    whole = make(parameters, warm_start=True).fit(tiny_images)
    clusterer = make(parameters, tmp_path, warm_start=True).fit(tiny_images)
    whole.fit(tiny_images)
    clusterer.set_params(callbacks=[Stop(10, fails)])
    with pytest.raises(StopError):
        clusterer.fit(tiny_images)
    clusterer.set_params(callbacks=[Stop(99, fails)]).fit(tiny_images)
    assert_same(clusterer, whole, tiny_images)


@pytest.mark.usefixtures("ctrl_c")
@pytest.mark.filterwarnings("ignore:Ctrl-C")
def test_a_fit_that_ctrl_c_ended_resumes_without_warm_start(
    tiny_images, parameters, tmp_path
):
    clusterer = make(parameters, tmp_path, warm_start=True, callbacks=[Stop(3, press)])
    clusterer.fit(tiny_images).set_params(callbacks=[Stop(99, press)])
    message = "warm_start was False and is now True, from the weights .* earlier values"
    with pytest.raises(ValueError, match=message):
        clusterer.fit(tiny_images)
    clusterer.set_params(warm_start=False).fit(tiny_images)
    assert_same(clusterer, make(parameters).fit(tiny_images), tiny_images)


def test_partial_fit_and_stability_leave_checkpoints_alone(
    tiny_images, parameters, tmp_path
):
    clusterer = make(parameters, tmp_path).fit(tiny_images)
    before = (tmp_path / FILE_NAME).read_bytes()
    clusterer.partial_fit(tiny_images)
    cluster_stability(clusterer, tiny_images, n_resamples=2, random_state=0)
    assert (tmp_path / FILE_NAME).read_bytes() == before


@pytest.mark.usefixtures("ctrl_c")
@pytest.mark.parametrize("epoch", [1, 3])
def test_ctrl_c_leaves_a_usable_estimator(tiny_images, parameters, tmp_path, epoch):
    clusterer = make(parameters, tmp_path, callbacks=[Stop(epoch, press)])
    with pytest.warns(
        ConvergenceWarning,
        match=f"Ctrl-C stopped training after {epoch - 1} of 4 epochs of the first",
    ) as caught:
        clusterer.fit(tiny_images)
    assert Path(caught[0].filename) == Path(__file__)
    assert len(clusterer.history_) == epoch - 1
    np.testing.assert_array_equal(clusterer.predict(tiny_images), clusterer.labels_)
    assert clusterer.inverse_transform(clusterer.cluster_centers_).shape[1:] == (8, 8)
    # Fitting again completes it, with the result of an uninterrupted fit.
    clusterer.set_params(callbacks=[Stop(99, press)]).fit(tiny_images)
    assert_same(clusterer, make(parameters).fit(tiny_images), tiny_images)


@pytest.mark.usefixtures("ctrl_c")
def test_ctrl_c_in_the_second_phase(tiny_images, parameters, tmp_path, monkeypatch):
    from contrastive_clustering._refinement.net import RefinementNet

    step = RefinementNet.train_step_single

    def pressing(self, batch, **kwargs):
        if self.epoch_number == 2:
            press()
        return step(self, batch, **kwargs)

    clusterer = make(parameters, tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(RefinementNet, "train_step_single", pressing)
        with pytest.warns(
            ConvergenceWarning, match="after 1 of 3 epochs of the second"
        ):
            clusterer.fit(tiny_images)
    assert len(clusterer.history_) == 5
    np.testing.assert_array_equal(clusterer.predict(tiny_images), clusterer.labels_)
    clusterer.fit(tiny_images)
    assert_same(clusterer, make(parameters).fit(tiny_images), tiny_images)


def test_early_stopping_is_not_an_interruption(tiny_images, parameters):
    clusterer = make(
        {**parameters, "max_epochs": 100, "lr": 0.3},
        early_stopping=True,
        callbacks__early_stopping__patience=2,
        validation_fraction=0.25,
    ).fit(tiny_images)
    assert not clusterer.net_.interrupted
    assert len(clusterer.history_) < 100


@pytest.mark.parametrize("part", ["file", "file/below"])
def test_folders_that_cannot_be_written(tiny_images, parameters, tmp_path, part):
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(OSError, match=r"checkpoint_dir='.*' cannot be written to"):
        make(parameters, tmp_path / part).fit(tiny_images)


def test_a_read_only_disk_is_reported_before_training(
    tiny_images, parameters, tmp_path, monkeypatch
):
    opened = os.open

    def read_only(path, flags, *args, **kwargs):
        if Path(path).parent == tmp_path and flags & os.O_CREAT:
            raise OSError(30, os.strerror(30))
        return opened(path, flags, *args, **kwargs)

    monkeypatch.setattr(os, "open", read_only)
    clusterer = make(parameters, tmp_path, callbacks=[Stop(1, fails)])
    with pytest.raises(OSError, match=r"cannot be written to \(Read-only file"):
        clusterer.fit(tiny_images)


def test_a_full_disk_leaves_the_last_checkpoint(tiny_images, parameters, tmp_path):
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)

    def fill():
        resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, limits[1]))

    clusterer = make(parameters, tmp_path, callbacks=[Stop(3, fill)])
    try:
        with pytest.raises(OSError, match=r"could not be written.*unchanged"):
            clusterer.fit(tiny_images)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert [path.name for path in tmp_path.iterdir()] == [FILE_NAME]
    assert read_tree(tmp_path / FILE_NAME, "checkpoint")["n_done"] == 2
    again = make(parameters, tmp_path, callbacks=[Stop(99, fails)]).fit(tiny_images)
    assert_same(again, make(parameters).fit(tiny_images), tiny_images)


def test_a_damaged_checkpoint_is_reported(tiny_images, parameters, tmp_path):
    make(parameters, tmp_path).fit(tiny_images)
    content = (tmp_path / FILE_NAME).read_bytes()
    (tmp_path / FILE_NAME).write_bytes(content[:-100])
    with pytest.raises(
        ValueError, match=f"{FILE_NAME}' is damaged.*set another checkpoint_dir"
    ) as raised:
        make(parameters, tmp_path).fit(tiny_images)
    assert str(raised.value).count("another copy") == 1


def test_messages_quote_checkpoints_briefly(tiny_images, parameters, tmp_path):
    callbacks = [Stop(3, fails)]
    with pytest.raises(StopError):
        make(parameters, tmp_path, callbacks=callbacks).fit(tiny_images)
    tree = read_tree(tmp_path / FILE_NAME, "checkpoint")
    tree["identity"] |= {f"{n}{'A' * 900}": "\n\ud800" * 9000 for n in range(20)}
    write_tree(tmp_path / FILE_NAME, "checkpoint", tree)
    with pytest.raises(ValueError, match="an unfinished fit that differs") as caught:
        make(parameters, tmp_path, callbacks=callbacks).fit(tiny_images)
    message = str(caught.value)
    assert str(tmp_path) in message
    assert len(message) < 3000
    assert message.isprintable()


def test_partially_written_files_are_removed(tiny_images, parameters, tmp_path):
    (tmp_path / f".{FILE_NAME}.abc.partial").write_text("half")
    make(parameters, tmp_path).fit(tiny_images)
    assert [path.name for path in tmp_path.iterdir()] == [FILE_NAME]


def test_a_second_fit_in_the_folder_is_rejected(tiny_images, parameters, tmp_path):
    messages = []

    def fit_again():
        if messages:
            return
        with pytest.raises(ValueError, match="another thread of this process") as error:
            make(parameters, tmp_path, max_epochs=1).fit(tiny_images)
        messages.append(str(error.value))

    callbacks = [Stop(3, fit_again)]
    first = make(parameters, tmp_path, callbacks=callbacks).fit(tiny_images)
    assert len(messages) == 1
    assert_same(first, make(parameters).fit(tiny_images), tiny_images)
    assert [path.name for path in tmp_path.iterdir()] == [FILE_NAME]


def test_the_working_directory_may_change(
    tiny_images, parameters, tmp_path, monkeypatch
):
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path)

    def leave():
        os.chdir(tmp_path / "elsewhere")

    make(parameters, "folder", callbacks=[Stop(2, leave)]).fit(tiny_images)
    assert read_tree(tmp_path / "folder" / FILE_NAME, "checkpoint")["finished"]
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_tilde_is_the_home_folder(tiny_images, parameters, home):
    make(parameters, "~/folder").fit(tiny_images)
    assert (home / "folder" / FILE_NAME).is_file()


def test_a_checkpoint_that_is_not_a_regular_file_is_rejected(
    tiny_images, parameters, special_file, tmp_path
):
    path, kind = special_file
    (tmp_path / FILE_NAME).symlink_to(path)
    with pytest.raises(OSError, match=rf"checkpoint_dir=.*{FILE_NAME}: it is a {kind}"):
        make(parameters, tmp_path).fit(tiny_images)
    assert (tmp_path / FILE_NAME).is_symlink()


def test_checkpoints_contain_no_samples(digits, parameters, tmp_path):
    images, _ = digits
    images = images[:60].astype(np.uint8)
    make(parameters, tmp_path).fit(images)
    content = (tmp_path / FILE_NAME).read_bytes()
    scaled = (images - images.mean()) / images.std()
    for kind in ("u1", "f4", "f8"):
        for values in (images, scaled):
            assert not any(row.tobytes() in content for row in values.astype(kind))


def kill(n_kills):
    script = Path(__file__).parents[1] / "crash_fit.py"
    run = subprocess.run(
        [sys.executable, "-W", "ignore", script, str(n_kills)],
        capture_output=True,
        text=True,
        timeout=1500,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


@pytest.mark.slow
def test_twenty_kills_in_both_phases_do_not_change_the_result():
    found = kill(20)
    assert len(found["stages"]) == 20
    assert {"first", "second"} <= set(found["stages"])
    assert found["largest_difference"] <= 1e-6


METADATA = {"groups": np.arange(40) // 4, "nuisance": np.tile([0, 1], 20)}


def test_a_fit_with_groups_and_nuisance_resumes(
    tiny_images, parameters, tmp_path, monkeypatch
):
    expected = make(parameters).fit(tiny_images, **METADATA)
    with monkeypatch.context() as patch:
        stop_in_second_phase(patch, 2)
        with pytest.raises(StopError):
            make(parameters, tmp_path).fit(tiny_images, **METADATA)
    renamed = METADATA | {"groups": [f"p{code}" for code in METADATA["groups"]]}
    resumed = make(parameters, tmp_path).fit(tiny_images, **renamed)
    assert_same(resumed, expected, tiny_images)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"groups": np.arange(40) // 5}, "groups was 10 groups"),
        ({"groups": None}, "groups was 10 groups .* and is now None"),
        ({"nuisance": np.arange(40) % 3}, "nuisance was 1 variables"),
        ({"nuisance": None}, "nuisance was 1 variables .* and is now None"),
    ],
)
def test_other_groups_and_nuisances_are_rejected(
    tiny_images, parameters, tmp_path, changed, message
):
    with pytest.raises(StopError):
        make(parameters, tmp_path, callbacks=[Stop(2, fails)]).fit(
            tiny_images, **METADATA
        )
    with pytest.raises(ValueError, match=message):
        make(parameters, tmp_path).fit(tiny_images, **METADATA | changed)
