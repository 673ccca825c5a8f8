from typing import ClassVar

import numpy as np
import pytest
from skorch.callbacks import Callback

from contrastive_clustering import ContrastiveAutoencoderClusterer


def test_learning_rate_rises_and_falls(tiny_images, fast):
    class Recorder(Callback):
        rates: ClassVar[list[float]] = []

        def on_batch_begin(self, net, training=False, **kwargs):
            self.rates.append(net.optimizer_.param_groups[0]["lr"])

    fast = {**fast, "max_epochs": 20, "batch_size": 20, "lr": 0.1}
    recorder = Recorder()
    clusterer = ContrastiveAutoencoderClusterer(callbacks=[recorder], **fast)
    clusterer.fit(tiny_images)
    # The recorder runs before the schedule: it sees the rate of the step before.
    rates = np.array(recorder.rates[1:])
    assert rates.argmax() in (3, 4)
    assert rates.max() == pytest.approx(0.1, rel=0.05)
    assert (np.diff(rates[5:]) < 0).all()
    assert rates[-1] < 0.002
    recorder.rates.clear()
    clusterer.set_params(lr_schedule="constant").fit(tiny_images)
    assert set(recorder.rates) == {0.1}


def test_verbose_shows_each_loss_and_zero_shows_nothing(
    tiny_images, fast, capsys, monkeypatch
):
    monkeypatch.setenv("COLUMNS", "200")  # tqdm cuts its line to fit the terminal
    ContrastiveAutoencoderClusterer(verbose=0, **fast).fit(tiny_images)
    assert capsys.readouterr() == ("", "")
    ContrastiveAutoencoderClusterer(verbose=1, early_stopping=True, **fast).fit(
        tiny_images
    )
    shown = capsys.readouterr().err
    for part in ("2/2", "contrastive_loss", "reconstruction_loss", "valid_loss"):
        assert part in shown
