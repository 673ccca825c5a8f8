"""User-defined encoders and decoders, alone and in the estimator."""

import functools
import math
import pickle

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from torch import nn
from world import global_state

from contrastive_clustering import ContrastiveAutoencoderClusterer
from contrastive_clustering._networks.custom import make_part, try_part

SHAPE, N_LATENTS = (1, 8, 8), 4


class Encoder(nn.Module):
    """A typical user module, with a `view`, random layers and lazy layers."""

    def __init__(self, sample_shape, n_outputs, width=8):
        super().__init__()
        self.convolution = nn.Conv2d(sample_shape[0], width, 3, stride=2, padding=1)
        self.normalization = nn.BatchNorm2d(width)
        self.dropout = nn.Dropout(0.3)
        self.output = nn.LazyLinear(n_outputs)

    def forward(self, batch):
        batch = torch.relu(self.normalization(self.convolution(batch)))
        return self.output(self.dropout(batch.view(len(batch), -1)))


def make_decoder(sample_shape, latent_dim):
    return nn.Sequential(
        nn.Linear(latent_dim, 32),
        nn.ReLU(inplace=True),
        nn.Linear(32, math.prod(sample_shape)),
        nn.Unflatten(1, sample_shape),
    )


def trained_encoder(n_outputs=N_LATENTS):
    torch.manual_seed(3)
    encoder = nn.Sequential(nn.Flatten(), nn.Linear(64, 32), nn.Tanh())
    return encoder.append(nn.Linear(32, n_outputs))


def make(fast, **parameters):
    return ContrastiveAutoencoderClusterer(**{**fast, **parameters})


CUSTOM = {
    "encoder as a class": {"encoder": Encoder},
    "encoder as a partial": {"encoder": functools.partial(Encoder, width=4)},
    "encoder as a module": {"encoder": trained_encoder()},
    "decoder as a function": {"decoder": make_decoder},
    "decoder as a module": {"decoder": make_decoder(SHAPE, N_LATENTS)},
    "both": {"encoder": Encoder, "decoder": make_decoder},
}


@pytest.mark.parametrize("parameters", CUSTOM.values(), ids=CUSTOM)
def test_custom_networks_support_all_methods(tiny_images, fast, parameters):
    clusterer = make(fast, **parameters).fit(tiny_images)
    latents = clusterer.transform(tiny_images)
    assert latents.shape == (40, N_LATENTS)
    assert clusterer.inverse_transform(latents).shape == tiny_images.shape
    assert clusterer.score_samples(tiny_images).shape == (40,)
    np.testing.assert_array_equal(clusterer.predict(tiny_images), clusterer.labels_)
    # In any batch, and bitwise equal in another fit, even with random layers.
    np.testing.assert_allclose(
        clusterer.transform(tiny_images[3:5]), latents[3:5], rtol=1e-4, atol=1e-5
    )
    loaded = pickle.loads(pickle.dumps(clusterer))
    np.testing.assert_array_equal(loaded.transform(tiny_images), latents)
    torch.rand(3)
    again = clone(clusterer).fit(tiny_images)
    np.testing.assert_array_equal(again.transform(tiny_images), latents)


def test_global_state_is_not_changed(tiny_images, fast):
    before = global_state()
    make(fast, encoder=Encoder, decoder=make_decoder).fit(tiny_images)
    assert global_state() == before


@pytest.mark.parametrize(
    "parameters",
    [
        {"kl_weight": 0.01},
        {"precision": "bf16-mixed"},
        {"refinement": "prototypes"},
        {"early_stopping": True, "validation_fraction": 0.25},
        {"batch_size": 10},
    ],
    ids=str,
)
def test_custom_networks_in_other_settings(tiny_images, fast, parameters):
    clusterer = make(fast, encoder=Encoder, decoder=make_decoder, **parameters)
    latents = clusterer.fit(tiny_images).transform(tiny_images)
    assert latents.shape == (40, N_LATENTS)
    assert np.isfinite(clusterer.inverse_transform(latents)).all()


@pytest.mark.parametrize("shape", [(30, 9), (30, 8, 9, 3), (30, 8, 8, 9)])
def test_tables_colors_and_volumes(fast, shape):
    def encode(sample_shape, n_outputs):
        return nn.Sequential(nn.Flatten(), nn.LazyLinear(n_outputs))

    X = np.random.default_rng(0).normal(size=shape)
    clusterer = make(fast, encoder=encode, decoder=make_decoder).fit(X)
    assert clusterer.inverse_transform(clusterer.transform(X)).shape == shape


def test_training_starts_from_the_weights_of_a_module(tiny_images, fast):
    encoder = trained_encoder()
    kept = {name: value.clone() for name, value in encoder.state_dict().items()}
    fits = {
        n_epochs: make(
            fast, encoder=encoder, max_epochs=n_epochs, refinement_epochs=0
        ).fit(tiny_images)
        for n_epochs in (0, 2)
    }
    trained = {n: fit.net_.module_.encoder.state_dict() for n, fit in fits.items()}
    for name, value in kept.items():
        assert torch.equal(trained[0][name], value)
        assert not torch.equal(trained[2][name], value)
        assert torch.equal(encoder.state_dict()[name], value)  # the parameter itself
    assert fits[2].encoder is encoder


def test_a_frozen_encoder_is_not_changed(tiny_images, fast):
    encoder = trained_encoder().requires_grad_(False)
    clusterer = make(fast, encoder=encoder).fit(tiny_images)
    for name, value in clusterer.net_.module_.encoder.state_dict().items():
        assert torch.equal(value, encoder.state_dict()[name])
    assert clusterer.history_[-1, "train_loss"] < clusterer.history_[0, "train_loss"]


def test_weights_of_built_modules_depend_only_on_the_seed(tiny_images, fast):
    def latents(random_state):
        clusterer = make(fast, encoder=Encoder, max_epochs=0, random_state=random_state)
        return clusterer.fit(tiny_images).transform(tiny_images)

    first = latents(1)
    torch.manual_seed(99)
    np.testing.assert_array_equal(latents(1), first)
    assert not np.allclose(latents(2), first)


def test_warm_start_continues_from_the_trained_weights(tiny_images, fast):
    clusterer = make(fast, encoder=trained_encoder(), warm_start=True).fit(tiny_images)
    trained = clusterer.net_.module_.encoder.state_dict()
    clusterer.set_params(max_epochs=0, refinement_epochs=0).fit(tiny_images)
    for name, value in clusterer.net_.module_.encoder.state_dict().items():
        assert torch.equal(value, trained[name])
    clusterer.set_params(encoder=Encoder)
    with pytest.raises(ValueError, match=r"encoder, decoder.*warm_start=False"):
        clusterer.fit(tiny_images)


def test_grid_search_over_encoders(tiny_images, fast):
    search = GridSearchCV(
        make(fast, image_shape=(8, 8)),
        {"encoder": [None, Encoder, trained_encoder()], "latent_dim": [N_LATENTS]},
        cv=2,
        error_score="raise",
    )
    search.fit(tiny_images.reshape(40, -1))
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


class Faulty(nn.Module):
    """A module with one of several faults."""

    def __init__(self, fault):
        super().__init__()
        self.fault = fault
        self.linear = nn.Linear(64, N_LATENTS)

    def forward(self, batch):
        latents = self.linear(batch.flatten(1))
        faults = {
            "tuple": lambda: (latents, latents),
            "array": lambda: latents.detach().numpy(),
            "shape": lambda: latents[:, :2],
            "double": latents.double,
            "nan": lambda: latents * math.nan,
            "raises": lambda: latents @ latents,
            "random": lambda: latents + torch.randn_like(latents),
            "depends on batch": lambda: latents - latents.mean(0),
            "in place": lambda: self.linear(batch.flatten(1).mul_(2)),
            "training": lambda: (latents, None) if self.training else latents,
        }
        return faults[self.fault]()


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("tuple", r"returned a tuple\. It must return a tensor of shape \(8, 4\)"),
        ("array", r"returned a ndarray\. It must return a tensor"),
        ("shape", r"returned shape \(8, 2\).*return shape \(8, 4\).*latent_dim"),
        ("double", r"torch\.float64\. It must return.*torch\.float32"),
        ("nan", "returned values that are not finite"),
        ("raises", r"failed \(RuntimeError: mat1.*It must return shape \(8, 4\)"),
        ("random", "not deterministic in evaluation mode"),
        ("depends on batch", "not deterministic in evaluation mode"),
        ("in place", "changed the batch, which the losses still need"),
        ("training", "tested in training mode.*returned a tuple"),
    ],
)
def test_a_faulty_encoder_is_an_error(tiny_images, fast, fault, message):
    clusterer = make(fast, encoder=Faulty(fault))
    with pytest.raises(ValueError, match=rf"^encoder=Faulty\(\.\.\.\).*{message}") as e:
        clusterer.fit(tiny_images)
    assert not hasattr(clusterer, "net_")
    assert (fault == "raises") == (e.value.__cause__ is not None)


def test_a_decoder_with_a_wrong_shape_is_an_error(tiny_images, fast):
    with pytest.raises(
        ValueError,
        match=r"decoder=Linear.*batch of shape \(8, 4\).*returned shape \(8, 64\)"
        r".*return shape \(8, 1, 8, 8\).*channels first",
    ):
        make(fast, decoder=nn.Linear(4, 64)).fit(tiny_images)


def test_a_variational_encoder_returns_means_and_log_variances(tiny_images, fast):
    with pytest.raises(ValueError, match=r"return shape \(8, 8\).*kl_weight"):
        make(fast, encoder=trained_encoder(), kl_weight=0.1).fit(tiny_images)
    encoder = trained_encoder(2 * N_LATENTS)
    latents = make(fast, encoder=encoder, kl_weight=0.1).fit_transform(tiny_images)
    assert latents.shape == (40, N_LATENTS)


@pytest.mark.parametrize(
    ("part", "message"),
    [
        (
            lambda shape: nn.Identity(),
            r"failed for sample shape.*8\).*\(TypeError",
        ),
        (lambda shape, n: None, "returned a NoneType.*must return a torch.nn.Module"),
        (nn.Linear, r"failed for .*\(TypeError"),
    ],
)
def test_a_function_that_does_not_build_a_module_is_an_error(part, message):
    with pytest.raises(ValueError, match=f"^decoder=.*{message}"):
        make_part(part, "decoder", SHAPE, N_LATENTS)


def test_an_error_without_a_message_is_named_once():
    def fails(shape, n):
        raise AssertionError

    with pytest.raises(ValueError, match=r"4 latents \(AssertionError\)\. It must"):
        make_part(fails, "decoder", SHAPE, N_LATENTS)


def test_a_module_that_cannot_be_copied_is_an_error():
    encoder = trained_encoder()
    encoder.latents = encoder(torch.zeros(1, 1, 8, 8))  # has a gradient graph
    with pytest.raises(ValueError, match=r"encoder=Sequential\(\.\.\.\) cannot be cop"):
        make_part(encoder, "encoder", SHAPE, N_LATENTS)


def test_validation_does_not_change_weights_or_statistics():
    part = nn.Sequential(nn.Flatten(), nn.BatchNorm1d(64), nn.Linear(64, 4))
    kept = {name: value.clone() for name, value in part.state_dict().items()}
    try_part(part, "encoder", torch.randn(8, *SHAPE), (4,))
    assert part.training
    for name, value in part.state_dict().items():
        assert torch.equal(value, kept[name])


@pytest.mark.parametrize("encoder", ["resnet", 3, [nn.Identity()]])
def test_invalid_encoders_are_rejected(tiny_images, fast, encoder):
    with pytest.raises(ValueError, match="'encoder' parameter of Contrastive"):
        make(fast, encoder=encoder).fit(tiny_images)
