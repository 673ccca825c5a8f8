from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from sklearn import config_context
from sklearn.cluster import DBSCAN, KMeans
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler
from sklearn.utils import estimator_html_repr

from contrastive_clustering import ContrastiveAutoencoderClusterer


@pytest.fixture
def fitted(tiny_images, fast):
    return ContrastiveAutoencoderClusterer(**fast).fit(tiny_images)


def test_parameters_are_shown(fast):
    html = estimator_html_repr(ContrastiveAutoencoderClusterer(**fast))
    for part in ("ContrastiveAutoencoderClusterer", "latent_dim", "Not fitted"):
        assert part in html
    assert "strata of" not in html


def test_strata_are_shown(fitted, tiny_images):
    sizes = np.bincount(fitted.labels_)
    caption = (
        f"{fitted.n_clusters_} strata of 40 samples, the smallest of {sizes.min()}, "
        f"the largest of {sizes.max()}"
    )
    for html in (
        estimator_html_repr(fitted),
        fitted._repr_html_(),
        fitted._repr_mimebundle_()["text/html"],
    ):
        assert "<div>ContrastiveAutoencoderClusterer</div>" in html
        assert caption in html
        assert "<span>Fitted</span>" in html
        assert "latent_dim" in html
    with config_context(display="text"):
        assert "text/html" not in fitted._repr_mimebundle_()


def set_labels(estimator, labels, n_clusters):
    clustering = SimpleNamespace(labels=labels, n_clusters=n_clusters)
    estimator._model = replace(estimator._model, clustering=clustering)


def test_noise_is_counted_apart_from_strata(fitted):
    set_labels(fitted, np.array([0, 0, 0, 1, -1, -1]), 2)
    caption = "2 strata of 6 samples, the smallest of 1, the largest of 3; 2 noise"
    assert caption in estimator_html_repr(fitted)
    set_labels(fitted, np.zeros(5, dtype=int), 1)
    assert "1 stratum of 5 samples, the smallest of 5" in estimator_html_repr(fitted)


@pytest.mark.parametrize("clusterer", ["kmeans", KMeans(), DBSCAN()])
def test_there_is_no_link_to_documentation(fitted, clusterer):
    fitted.set_params(clusterer=clusterer)
    assert fitted._get_doc_link() == ""
    html = estimator_html_repr(fitted)
    assert "ContrastiveAutoencoderClusterer.html" not in html
    assert 'class="sk-estimator-doc-link fitted" rel' not in html


def test_a_pipeline_shows_the_strata(fast, tiny_images):
    pipeline = make_pipeline(
        MinMaxScaler(), ContrastiveAutoencoderClusterer(image_shape=(8, 8), **fast)
    ).fit(tiny_images.reshape(40, -1))
    html = estimator_html_repr(pipeline)
    assert "MinMaxScaler" in html
    assert "2 strata of 40 samples" in html
