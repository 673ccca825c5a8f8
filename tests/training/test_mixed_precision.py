import pickle

import numpy as np
import pytest
import torch
from skorch.callbacks import Callback, GradientNormClipping

from contrastive_clustering import ContrastiveAutoencoderClusterer


@pytest.mark.parametrize("precision", ["bf16-mixed", "16-mixed"])
@pytest.mark.parametrize("refinement", ["self_training", "prototypes"])
def test_mixed_precision_trains_and_predicts_in_float32(
    tiny_images, fast, precision, refinement
):
    common = {**fast, "refinement": refinement}
    exact = ContrastiveAutoencoderClusterer(**common).fit(tiny_images)
    mixed = ContrastiveAutoencoderClusterer(**common, precision=precision)
    mixed.fit(tiny_images)
    for found, expected in zip(mixed.history_, exact.history_, strict=True):
        assert found["train_loss"] == pytest.approx(expected["train_loss"], rel=0.02)
        assert found["train_loss"] != expected["train_loss"]
    assert mixed.transform(tiny_images).dtype == np.float32
    assert all(p.dtype == torch.float32 for p in mixed.net_.module_.parameters())
    np.testing.assert_array_equal(mixed.predict(tiny_images), mixed.labels_)
    pickle.loads(pickle.dumps(mixed)).partial_fit(tiny_images)


def test_steps_whose_gradients_overflow_are_skipped(tiny_images, fast, monkeypatch):
    scales = []

    class Watch(Callback):
        def on_batch_end(self, net, **kwargs):
            scales.append(net.grad_scaler_.get_scale())

    # Start with a scale at which gradients exceed 65,504, the largest float16.
    scaler = torch.amp.GradScaler
    monkeypatch.setattr(
        torch.amp, "GradScaler", lambda *a, **k: scaler(*a, init_scale=2.0**30, **k)
    )
    parameters = {**fast, "refinement_epochs": 0, "batch_size": 4, "max_epochs": 4}
    clusterer = ContrastiveAutoencoderClusterer(
        **parameters, precision="16-mixed", callbacks=[Watch()]
    ).fit(tiny_images)
    assert scales[0] == 2.0**29
    assert scales[-1] < scales[0]
    assert np.isfinite(clusterer.transform(tiny_images)).all()
    state = clusterer.net_.optimizer_.state_dict()["state"][0]
    n_skipped = sum(b < a for a, b in zip([2.0**30, *scales], scales, strict=False))
    assert state["step"] == len(scales) - n_skipped


class Norms(Callback):
    """Record the norm of the gradients of each step."""

    def initialize(self):
        self.norms = []
        return self

    def on_grad_computed(self, net, named_parameters, **kwargs):
        squares = [float((weight.grad**2).sum()) for _, weight in named_parameters]
        self.norms.append(sum(squares) ** 0.5)


def test_callbacks_see_gradients_without_their_scale(tiny_images, fast):
    norms = {}
    for precision in ("32", "16-mixed"):
        watch = Norms()
        ContrastiveAutoencoderClusterer(
            **fast,
            precision=precision,
            optimizer=torch.optim.SGD,
            callbacks=[watch, GradientNormClipping(1.0)],
        ).fit(tiny_images)
        norms[precision] = watch.norms
    np.testing.assert_allclose(norms["16-mixed"], norms["32"], rtol=0.02)
