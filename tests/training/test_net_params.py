"""The net's parameters by skorch's names, through the estimator."""

from functools import partial

import numpy as np
import pytest
from skorch.callbacks import Callback
from torch.utils.data import get_worker_info

from contrastive_clustering import ContrastiveAutoencoderClusterer
from contrastive_clustering._refinement.net import LR_SCALE, RefinementNet
from contrastive_clustering._training.net_params import PREFIXES


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


def test_options_of_workers_are_ignored_without_workers(tiny_images, fast):
    clusterer = make(fast, batch_size=10, iterator_train__prefetch_factor=3)
    expected = make(fast, batch_size=10).fit(tiny_images).transform(tiny_images)
    for num_workers in (0, 1):
        clusterer.set_params(iterator_train__num_workers=num_workers).fit(tiny_images)
        np.testing.assert_array_equal(clusterer.transform(tiny_images), expected)


def note_worker(folder, number):
    assert get_worker_info().id == number
    (folder / f"worker {number}").touch()


def test_workers_run_the_given_init_function(tiny_images, fast, tmp_path):
    make(
        fast,
        batch_size=10,
        iterator_train__num_workers=2,
        iterator_train__worker_init_fn=partial(note_worker, tmp_path),
    ).fit(tiny_images)
    assert {path.name for path in tmp_path.iterdir()} == {"worker 0", "worker 1"}


def test_prefixes_match_those_of_skorch(tiny_images, fast):
    net = make(fast, max_epochs=0, refinement_epochs=0).fit(tiny_images).net_
    # The estimator makes its own data sets.
    assert set(net.prefixes_) == {*PREFIXES, "dataset", "compile"}
