import signal
from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.exceptions import ConvergenceWarning
from skorch.callbacks import Callback
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from contrastive_clustering import (
    ContrastiveAutoencoderClusterer,
    RGBImageAugmentation,
    TableAugmentation,
)
from contrastive_clustering._augmentation import auto as _augmentation
from contrastive_clustering._augmentation.auto import resolve_augmentation
from contrastive_clustering._data.dataset import ArrayDataset
from contrastive_clustering._data.layout import read_layout
from contrastive_clustering._data.on_device import ResidentDataset
from contrastive_clustering._data.scaling import Scaler
from contrastive_clustering._estimator.settings import unresolved_training
from contrastive_clustering._refinement.build import start_refinement
from contrastive_clustering._refinement.empty_prototypes import RelocateEmptyPrototypes
from contrastive_clustering._refinement.resolve import resolve_refinement
from contrastive_clustering._training import loss_recording as _recording
from contrastive_clustering._training.build import make_net
from contrastive_clustering._training.loss_recording import RecordingNet, phase_numbers
from contrastive_clustering._training.net import ContrastiveNet


def test_each_epoch_records_its_phase(tiny_images, fast, tmp_path):
    clusterer = ContrastiveAutoencoderClusterer(**fast, warm_start=True)
    clusterer.fit(tiny_images).fit(tiny_images)
    assert clusterer.history_[:, "phase"] == [1, 1, 2, 1, 1, 2]
    clusterer.save(tmp_path / "saved")
    loaded = ContrastiveAutoencoderClusterer.load(tmp_path / "saved")
    assert loaded.history_[:, "phase"] == [1, 1, 2, 1, 1, 2]


def test_epochs_without_a_phase_belong_to_the_first():
    assert phase_numbers([{}, {"phase": 2}]).tolist() == [1, 2]
    assert phase_numbers([]).tolist() == []


# In these tests the CPU stands for a device that computes asynchronously.


@pytest.fixture
def asynchronous(monkeypatch):
    """Treat the CPU as a device on which reading a number waits."""
    for module in (_recording, _augmentation):
        monkeypatch.setattr(module, "is_asynchronous", lambda device: True)


SETTINGS = [
    {},
    {"refinement": "prototypes"},
    {"refinement": "neighbors", "kl_weight": 0.1},
    {
        "early_stopping": True,
        "validation_fraction": 0.25,
        "callbacks__early_stopping__patience": 1,
    },
    {"precision": "16-mixed"},
    {"optimizer": torch.optim.LBFGS, "lr": 1e-2},
    {"augmentation": lambda batch: batch + torch.randn_like(batch)},
]


def epochs(clusterer):
    return [
        {
            name: value
            for name, value in row.items()
            if name not in {"dur", "event_lr", "batches"}
        }
        | {"batches": [dict(sorted(batch.items())) for batch in row["batches"]]}
        for row in clusterer.history_
    ]


@pytest.mark.parametrize("others", SETTINGS)
def test_deferred_losses_are_the_same(tiny_images, fast, monkeypatch, others):
    parameters = {**fast, "batch_size": 8, **others}
    immediate = ContrastiveAutoencoderClusterer(**parameters).fit(tiny_images)
    monkeypatch.setattr(_recording, "is_asynchronous", lambda device: True)
    # An epoch has five batches: three are read together, then the other two.
    monkeypatch.setattr(_recording, "READ_EVERY", 3)
    deferred = ContrastiveAutoencoderClusterer(**parameters).fit(tiny_images)
    assert epochs(deferred) == epochs(immediate)
    np.testing.assert_array_equal(
        deferred.transform(tiny_images), immediate.transform(tiny_images)
    )
    np.testing.assert_array_equal(deferred.labels_, immediate.labels_)


class Waits(TorchDispatchMode):
    """Count operations that would wait for a GPU: their shape depends on values.

    Reads of a whole tensor do not pass through the dispatcher; `Reads` counts them.
    """

    def __init__(self):
        super().__init__()
        self.seen = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        name = func.name()
        by_mask = name.startswith("aten::index") and any(
            isinstance(index, torch.Tensor) and index.dtype in (torch.bool, torch.uint8)
            for index in (args[1] if isinstance(args[1], (list, tuple)) else ())
        )
        if by_mask or name.split(".")[0] in {
            "aten::_local_scalar_dense",
            "aten::nonzero",
            "aten::masked_select",
            "aten::_unique2",
            "aten::equal",
        }:
            self.seen.append(name)
        return func(*args, **(kwargs or {}))


class Reads(TorchFunctionMode):
    """Count the methods that copy a tensor to the host."""

    METHODS = frozenset(
        {"tolist", "item", "cpu", "numpy", "__array__", "__bool__", "__float__"}
    )

    def __init__(self):
        super().__init__()
        self.seen = []

    def __torch_function__(self, func, types, args=(), kwargs=None):
        if getattr(func, "__name__", "") in self.METHODS:
            self.seen.append(func.__name__)
        return func(*args, **(kwargs or {}))


def count_waits(monkeypatch, **parameters):
    """Return the operations that wait in the steps of a fit, and the step count."""
    seen, steps = [], []
    step = ContrastiveNet.train_step

    def counted(self, *args, **kwargs):
        with Waits() as waits, Reads() as reads:
            result = step(self, *args, **kwargs)
        seen.extend(waits.seen + reads.seen)
        steps.append(1)
        return result

    monkeypatch.setattr(ContrastiveNet, "train_step", counted)
    ContrastiveAutoencoderClusterer(**parameters).fit(
        np.random.default_rng(0).integers(0, 256, (24, 8, 8, 3), dtype=np.uint8)
    )
    return seen, len(steps)


@pytest.mark.usefixtures("asynchronous")
@pytest.mark.parametrize(
    "others",
    [
        {},
        {"refinement": "prototypes"},
        {"refinement": "neighbors"},
        {"kl_weight": 0.1, "precision": "bf16-mixed"},
        {"augmentation": None},
    ],
)
def test_steps_do_not_wait_for_the_device(fast, monkeypatch, others):
    seen, n_steps = count_waits(monkeypatch, **fast, batch_size=8, **others)
    assert n_steps == 3 * (fast["max_epochs"] + fast["refinement_epochs"])
    assert seen == []


def test_the_counters_find_reads_on_the_cpu(fast, monkeypatch):
    seen, n_steps = count_waits(monkeypatch, **{**fast, "refinement_epochs": 0})
    assert seen.count("aten::_local_scalar_dense") == 4 * n_steps  # one per term
    seen.clear()
    with Waits() as waits, Reads() as reads:
        rows = torch.arange(4.0)
        rows[rows > 1], rows.nonzero(), rows.tolist(), bool(rows[1] > 0)
    assert len(waits.seen) >= 3
    assert "tolist" in reads.seen


class Watch(Callback):
    """Copy the weights at the start of each epoch, and count the steps."""

    def __init__(self):
        self.weights, self.n_steps = [], 0

    def on_epoch_begin(self, net, **kwargs):
        self.net_ = net
        self.weights.append(net.module_.encoder[0].weight.detach().clone())

    def on_batch_end(self, net, training=False, **kwargs):
        self.n_steps += training


@pytest.mark.usefixtures("asynchronous")
@pytest.mark.parametrize(("read_every", "n_steps"), [(1, 7), (2, 8), (100, 8)])
def test_deferred_divergence_restores_the_weights_before_the_epoch(
    tiny_images, fast, monkeypatch, read_every, n_steps
):
    monkeypatch.setattr(_recording, "READ_EVERY", read_every)
    calls = []

    def breaks(batch):
        calls.append(1)
        return batch * (torch.nan if len(calls) > 2 * 4 + 2 * 2 else 1)

    watch = Watch()
    clusterer = ContrastiveAutoencoderClusterer(
        **fast, augmentation=breaks, batch_size=10, lr=0.01, callbacks=[watch]
    )
    message = (
        r"Training diverged: reconstruction_loss is nan in epoch 2 of 2 of the first "
        r"phase, batch 3, with lr=0\.01\. Lower lr, .* must return finite"
    )
    with pytest.raises(ValueError, match=message):
        clusterer.fit(tiny_images)
    assert not hasattr(clusterer, "net_")
    assert watch.n_steps == n_steps
    net = watch.net_
    assert torch.equal(net.module_.encoder[0].weight, watch.weights[1])
    for state in net.optimizer_.state_dict()["state"].values():
        assert state["step"] == 4
        assert torch.isfinite(state["exp_avg"]).all()
    # The batches before the diverged one are in the history.
    assert [len(batch) for batch in net.history[-1]["batches"][:3]] == [5, 5, 1]


@pytest.mark.parametrize("is_asynchronous", [False, True])
def test_divergence_in_validation_and_in_the_second_phase(
    tiny_images, fast, request, is_asynchronous
):
    if is_asynchronous:
        request.getfixturevalue("asynchronous")

    def breaks_after(n_calls):
        calls = []

        def breaks(batch):
            calls.append(1)
            return batch * (1e30 if len(calls) > n_calls else 1)

        return breaks

    with pytest.raises(ValueError, match=r"epoch 1 of 1 of the second.*lr=0\.003\."):
        ContrastiveAutoencoderClusterer(**fast, augmentation=breaks_after(4)).fit(
            tiny_images
        )
    with pytest.raises(ValueError, match=r"diverged.*epoch 1 of 2.*batch 2"):
        ContrastiveAutoencoderClusterer(
            **fast, augmentation=breaks_after(2), early_stopping=True
        ).fit(tiny_images)


@pytest.mark.usefixtures("asynchronous", "ctrl_c")
def test_an_interrupted_epoch_leaves_no_unread_losses(tiny_images, fast):
    class Press(Callback):
        def on_batch_end(self, net, **kwargs):
            if len(net.history) == 2:
                signal.raise_signal(signal.SIGINT)

    clusterer = ContrastiveAutoencoderClusterer(**fast, callbacks=[Press()])
    with pytest.warns(ConvergenceWarning, match="after 1 of 2 epochs of the first"):
        net = clusterer.fit(tiny_images).net_
    assert "_unread" not in vars(net)
    assert RecordingNet._unread is None


class MetaGenerator(torch.Generator):
    """A generator that reports the meta device, which has no generators."""

    device = torch.device("meta")


@pytest.mark.filterwarnings("ignore:.*pin_memory.*no accelerator")
@pytest.mark.parametrize(
    "others",
    [
        {},
        {"refinement": "prototypes"},
        {"refinement": "neighbors", "kl_weight": 0.1},
        {"augmentation": RGBImageAugmentation(blur=1.0)},
        {"augmentation": TableAugmentation()},
    ],
)
def test_epochs_run_on_the_meta_device(fast, monkeypatch, others):
    # Tensors on the meta device have shapes but no values: reading a value, or a shape
    # that depends on values, is an error.
    X = np.random.default_rng(0).integers(0, 256, (24, 8, 8, 3), dtype=np.uint8)
    scaler = Scaler.fit(X, read_layout(X.shape))
    estimator = ContrastiveAutoencoderClusterer(
        **fast, optimizer=torch.optim.RMSprop, **others
    )
    settings = replace(
        unresolved_training(estimator),
        augmentation=resolve_augmentation(estimator.augmentation, scaler.layout),
        device=torch.device("meta"),
        max_epochs=1,
        refinement_epochs=1,
        batch_size=8,
    )
    monkeypatch.setattr(
        "contrastive_clustering._training.net.make_generator",
        lambda seed, device: MetaGenerator().manual_seed(seed),
    )
    monkeypatch.setattr(RecordingNet, "_read", lambda *_: None)
    monkeypatch.setattr(RelocateEmptyPrototypes, "on_epoch_end", lambda *_, **__: None)
    net = make_net(settings, scaler)
    latents = np.random.default_rng(1).normal(size=(24, 4)).astype(np.float32)
    proba = np.full((24, 2), 0.5, dtype=np.float32)
    devices = []
    net.callbacks_.append(("note", NoteDevice(devices)))
    net.run_epochs(ArrayDataset(X, scaler))
    refining = start_refinement(
        net,
        settings,
        resolve_refinement(estimator.refinement),
        latents=latents,
        proba=proba,
        memberships=proba,
    )
    refining.callbacks_.append(("note", NoteDevice(devices)))
    samples = torch.empty((24, 3, 8, 8), dtype=torch.uint8, device="meta")
    refining.run_epochs(ResidentDataset(X, scaler, samples))
    assert devices == ["meta"] * 6


class NoteDevice(Callback):
    """Record the device of each step's latents."""

    def __init__(self, devices):
        self.devices = devices

    def on_batch_end(self, net, y_pred=None, **kwargs):
        self.devices.append(y_pred.latent.device.type)
