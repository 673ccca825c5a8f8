import numpy as np
import pytest
from sklearn.datasets import load_wine
from sklearn.decomposition import PCA
from sklearn.preprocessing import StandardScaler

from contrastive_clustering import ContrastiveAutoencoderClusterer
from contrastive_clustering._training import components

X = load_wine().data


def fit(X, **parameters):
    return ContrastiveAutoencoderClusterer(
        3,
        **{"max_epochs": 0, "refinement_epochs": 0, "clusterer": "kmeans"} | parameters,
        random_state=0,
    ).fit(X)


@pytest.mark.parametrize("kl_weight", [0.0, 0.1])
def test_without_training_latents_are_principal_components(kl_weight):
    latents = fit(X, latent_dim=5, kl_weight=kl_weight).transform(X)
    scores = PCA(5).fit_transform(StandardScaler().fit_transform(X))
    scores *= 4 / np.sqrt(scores.var(axis=0).mean())
    signs = np.sign((latents * scores).sum(axis=0))
    np.testing.assert_allclose(latents * signs, scores, atol=1e-4)


def test_training_keeps_the_components():
    untrained, trained = fit(X), fit(X, max_epochs=1)
    first, second = (
        fitted.net_.module_.encoder.components.numpy()
        for fitted in (untrained, trained)
    )
    np.testing.assert_array_equal(first, second)
    assert np.abs(untrained.transform(X) - trained.transform(X)).max() > 0


def test_8_bit_tables_have_the_components_of_their_values():
    pixels = (X / X.max(axis=0) * 255).astype(np.uint8)
    first, second = fit(pixels), fit(pixels.astype(np.float64))
    np.testing.assert_allclose(
        first.net_.module_.encoder.components,
        second.net_.module_.encoder.components,
        atol=1e-5,
    )


def test_components_of_large_tables_are_those_of_random_rows(monkeypatch):
    # The first component separates two kinds of rows, which alternate.
    rng = np.random.default_rng(0)
    table = rng.normal(size=(199, 5))
    table[::2, 1:3] += 6
    every = fit(table, latent_dim=1).net_.module_.encoder.components[0]
    monkeypatch.setattr(components, "MAX_ROWS", 100)
    some = fit(table, latent_dim=1).net_.module_.encoder.components[0]
    cosine = abs(float(every @ some)) / float(every.norm() * some.norm())
    assert 0.9 < cosine < 1 - 1e-6


def test_a_group_weighs_as_one():
    copies = np.r_[np.repeat(np.arange(20), 9), np.arange(20, len(X))]
    grouped = ContrastiveAutoencoderClusterer(
        3, max_epochs=0, refinement_epochs=0, clusterer="kmeans", random_state=0
    ).fit(X[copies], groups=copies)
    found = grouped.net_.module_.encoder.components.numpy()[:13]
    scaled = (X - X[copies].mean(axis=0)) / X[copies].std(axis=0)
    _, _, expected = np.linalg.svd(scaled - scaled.mean(axis=0))
    cosines = (found * expected).sum(axis=1) / np.linalg.norm(found, axis=1)
    np.testing.assert_allclose(np.abs(cosines), 1, atol=1e-4)


def test_warm_start_keeps_the_components_of_the_first_fit():
    fitted = fit(X, warm_start=True)
    first = fitted.net_.module_.encoder.components.numpy().copy()
    fitted.fit(X[:90])
    np.testing.assert_array_equal(fitted.net_.module_.encoder.components, first)
