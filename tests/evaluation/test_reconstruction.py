import numpy as np
import pytest
import torch
from scipy.sparse import csr_matrix

from contrastive_clustering._evaluation.reconstruction import reconstruction_error
from contrastive_clustering._utils import chunks


@pytest.fixture
def data(monkeypatch):
    """Images in small chunks, and a decoder that is wrong."""
    monkeypatch.setattr(chunks, "CHUNK_VALUES", 64 * 7)
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, size=(50, 8, 8), dtype=np.uint8)
    return images, images.reshape(50, -1) + rng.normal(0, 20, size=(50, 64))


def test_it_is_a_fraction_of_the_variance(data):
    images, latents = data
    rows = images.reshape(50, -1).astype(float)
    expected = np.mean((latents - rows) ** 2) / np.mean(rows.var(axis=0))
    found = reconstruction_error(images, latents, lambda Z: Z)
    assert found == pytest.approx(expected, abs=1e-10)


def test_a_weight_counts_like_copies(data):
    images, latents = data
    times = np.random.default_rng(1).integers(1, 5, size=50)
    copies = np.repeat(np.arange(50), times)
    found = reconstruction_error(images, latents, lambda Z: Z, times / 3)
    expected = reconstruction_error(images[copies], latents[copies], lambda Z: Z)
    assert found == pytest.approx(expected, abs=1e-10)
    plain = reconstruction_error(images, latents, lambda Z: Z)
    assert found != pytest.approx(plain, abs=1e-6)


@pytest.mark.parametrize("value", [0.1, 7.3, 1e-30, 1e30])
@pytest.mark.parametrize("weights", [None, np.linspace(0.1, 0.7, 100)])
def test_it_is_not_defined_for_equal_samples(value, weights):
    samples = np.full((100, 8, 8), value)
    found = reconstruction_error(samples, np.ones((100, 64)), lambda Z: Z, weights)
    assert np.isnan(found)


@pytest.mark.parametrize(
    ("decode", "message"),
    [
        (
            lambda Z: Z.reshape(-1, 8, 8)[:, :5],
            r"shape \(\d+, 5, 8\) for \d+ latents of sa",
        ),
        (lambda Z: Z[1:], r"returned an array of shape \(\d+, 64\) for \d+ latents"),
        (
            lambda Z: Z.reshape(8, 8, -1),
            r"shape \(8, 8, \d+\) for \d+ latents of samples",
        ),
        (lambda Z: Z.astype(str), "returned an array of dtype <U"),
        (lambda Z: None, "returned an array of dtype object"),
        (csr_matrix, "returned a sparse matrix. Pass an estimator whose inverse_tra"),
        (lambda Z: np.where(Z[3, 5] == Z, np.nan, Z), r"NaN or .* latents\[3\] \(1 of"),
    ],
)
def test_unusable_results_are_refused(data, decode, message):
    with pytest.raises(
        (TypeError, ValueError), match=f"estimator.*_transform .*{message}"
    ):
        reconstruction_error(*data, decode)


def test_results_may_be_tensors_and_have_a_channel(data):
    images, latents = data
    expected = reconstruction_error(images, latents, lambda Z: Z)
    for decode in (
        lambda Z: torch.from_numpy(Z).requires_grad_(),
        lambda Z: Z.reshape(-1, 1, 8, 8),
    ):
        assert reconstruction_error(images, latents, decode) == expected


def test_equal_samples_have_no_variance():
    images = np.ones((4, 3, 3))
    error = reconstruction_error(images, np.ones((4, 9)), lambda Z: Z, np.ones(4))
    assert np.isnan(error)
