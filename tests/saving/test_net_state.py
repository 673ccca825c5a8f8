import numpy as np
import pytest
import torch
from skorch.callbacks import EpochScoring, Freezer

from contrastive_clustering import ContrastiveAutoencoderClusterer
from contrastive_clustering._io.safetensors_file import read_tree, write_tree
from contrastive_clustering._saving.net_state import load_net_state, net_state


@pytest.fixture(params=[0, 1])
def fitted(request, tiny_images, fast):
    return ContrastiveAutoencoderClusterer(
        **{**fast, "refinement_epochs": request.param}
    ).fit(tiny_images)


def test_a_state_is_loaded_from_a_file_into_another_net(
    fitted, fast, tiny_images, tmp_path
):
    write_tree(tmp_path / "state", "net", net_state(fitted.net_))
    other = ContrastiveAutoencoderClusterer(**{**fast, "random_state": 9}).fit(
        tiny_images
    )
    load_net_state(other.net_, read_tree(tmp_path / "state", "net"))
    latents = fitted.transform(tiny_images)
    np.testing.assert_array_equal(other.transform(tiny_images), latents)
    np.testing.assert_array_equal(
        other.inverse_transform(latents), fitted.inverse_transform(latents)
    )
    states = [net.net_.optimizer_.state_dict()["state"] for net in (other, fitted)]
    for found, expected in zip(*(s.values() for s in states), strict=True):
        torch.testing.assert_close(found, expected, rtol=0, atol=0)
    assert len(other.history_) == len(fitted.history_)


def test_weights_of_another_network_are_rejected(fitted, fast, tiny_images):
    other = ContrastiveAutoencoderClusterer(**{**fast, "latent_dim": 7}).fit(
        tiny_images
    )
    with pytest.raises(ValueError, match=r"\(4, 512\), but .* requires shape \(7, 51"):
        load_net_state(other.net_, net_state(fitted.net_))


@pytest.mark.parametrize(
    "score", [0.5, np.float32(0.5), np.float64(0.5), np.array(0.5), torch.tensor(0.5)]
)
def test_scores_in_the_history_become_plain_numbers(fast, tiny_images, score):
    fitted = ContrastiveAutoencoderClusterer(
        callbacks=[EpochScoring(lambda *_: score, name="score", on_train=True)], **fast
    ).fit(tiny_images)
    first, *_, last = net_state(fitted.net_)["history"]
    assert first["score"] == 0.5
    assert type(first["score"]) is float
    assert "score" not in last  # of the second phase
    assert "batches" not in first


def test_weights_that_are_frozen_are_loaded(fast, tiny_images):
    fitted = ContrastiveAutoencoderClusterer(
        callbacks=[Freezer("decoder.*")], **fast
    ).fit(tiny_images)
    state = net_state(fitted.net_)
    assert state["frozen"]
    other = ContrastiveAutoencoderClusterer(**fast).fit(tiny_images)
    load_net_state(other.net_, state)
    assert net_state(other.net_)["frozen"] == state["frozen"]
    load_net_state(other.net_, {**state, "frozen": []})
    assert net_state(other.net_)["frozen"] == []
    with pytest.raises(ValueError, match=r"lacks the frozen weights 'decoder\.none'"):
        load_net_state(other.net_, {**state, "frozen": ["decoder.none"]})


@pytest.mark.parametrize("refinement_epochs", [0, 1])
def test_an_erasure_is_loaded(fast, tiny_images, tmp_path, refinement_epochs):
    parameters = {**fast, "refinement_epochs": refinement_epochs}
    site = np.tile([0, 1], 20)
    fitted = ContrastiveAutoencoderClusterer(**parameters).fit(
        tiny_images, nuisance=site
    )
    write_tree(tmp_path / "state", "net", net_state(fitted.net_))
    other = ContrastiveAutoencoderClusterer(**{**parameters, "random_state": 9}).fit(
        tiny_images
    )
    load_net_state(other.net_, read_tree(tmp_path / "state", "net"))
    np.testing.assert_array_equal(
        other.transform(tiny_images), fitted.transform(tiny_images)
    )
    state = net_state(fitted.net_)
    state["weights"]["erasure.mean"] = np.zeros(3, np.float32)
    with pytest.raises(ValueError, match="erasure"):
        load_net_state(other.net_, state)
