import random

import numpy as np
import pytest
import torch
from skorch.callbacks import Callback

from contrastive_clustering import ContrastiveAutoencoderClusterer, estimate_cost
from contrastive_clustering._estimator import learning


class Counter(Callback):
    """Count batches in an attribute of its own."""

    n_batches = 0

    def on_batch_end(self, net, **kwargs):
        self.n_batches += 1


class Stateful:
    """An augmentation that changes itself."""

    n_calls = 0

    def __call__(self, batch):
        self.n_calls += 1
        return batch + self.n_calls * torch.randn_like(batch)


def states():
    return [
        torch.get_rng_state().tolist(),
        [str(part) for part in np.random.get_state()],
        random.getstate(),
    ]


def test_an_estimate_changes_nothing(tiny_images, fast):
    def make():
        parameters = {
            **fast,
            "augmentation": Stateful(),
            "callbacks": [Counter()],
            "random_state": np.random.RandomState(3),
        }
        return ContrastiveAutoencoderClusterer(**parameters)

    estimator = make()
    before, attributes = states(), dict(vars(estimator))
    cost = estimate_cost(estimator, tiny_images)
    assert states() == before
    assert vars(estimator) == attributes
    assert estimator.callbacks[0].n_batches == estimator.augmentation.n_calls == 0
    assert cost.seconds > 0
    assert cost.max_epochs == fast["max_epochs"]
    found = [
        each.fit(tiny_images).transform(tiny_images) for each in (estimator, make())
    ]
    np.testing.assert_array_equal(*found)


@pytest.mark.parametrize("extra", ["groups", "nuisance"])
def test_groups_and_nuisance_are_those_of_fit(tiny_images, fast, extra):
    codes = np.arange(len(tiny_images)) % 2
    estimator = ContrastiveAutoencoderClusterer(**fast)
    assert estimate_cost(estimator, tiny_images, **{extra: codes}).seconds > 0
    with pytest.raises(ValueError, match=extra):
        estimate_cost(estimator, tiny_images, **{extra: codes[:-1]})


def test_parameters_are_checked(tiny_images, fast):
    estimator = ContrastiveAutoencoderClusterer(**{**fast, "latent_dim": -1})
    with pytest.raises(ValueError, match="latent_dim"):
        estimate_cost(estimator, tiny_images)
    with pytest.raises(ValueError, match="estimator"):
        estimate_cost("an estimator", tiny_images)


@pytest.mark.parametrize("is_cheap", [False, True])
def test_verbose_fits_print_the_estimate_if_it_is_cheap(
    tiny_images, fast, is_cheap, capsys, monkeypatch
):
    silent = ContrastiveAutoencoderClusterer(**fast).fit(tiny_images)
    monkeypatch.setattr(learning, "is_cheap_to_estimate", lambda *args: is_cheap)
    verbose = ContrastiveAutoencoderClusterer(**fast, verbose=1).fit(tiny_images)
    lines = capsys.readouterr().err.splitlines()
    assert [line.startswith("fit: about ") for line in lines].count(True) == is_cheap
    np.testing.assert_array_equal(
        *[each.transform(tiny_images) for each in (silent, verbose)]
    )
