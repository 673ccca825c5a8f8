from typing import ClassVar

import numpy as np
import pytest
import torch
from sklearn.cluster import KMeans, MeanShift
from sklearn.exceptions import ConvergenceWarning

from contrastive_clustering import (
    ClusterNumberSearch,
    ConsensusClustering,
    ContrastiveAutoencoderClusterer,
)
from contrastive_clustering._clustering import clusterers as _clusterer
from contrastive_clustering._data.dataset import ArrayDataset
from contrastive_clustering._data.layout import read_layout
from contrastive_clustering._data.metadata import Metadata
from contrastive_clustering._data.scaling import Scaler
from contrastive_clustering._estimator.settings import resolve_settings
from contrastive_clustering._model import divergence as _divergence
from contrastive_clustering._model import fit as _fitting
from contrastive_clustering._model.fit import fit_model
from contrastive_clustering.metrics import clustering_accuracy


@pytest.fixture
def dataset(tiny_images):
    layout = read_layout(tiny_images.shape)
    return ArrayDataset(tiny_images, Scaler.fit(tiny_images, layout))


def fit(dataset, fast, **others):
    parameters = {**fast, **others}
    estimator = ContrastiveAutoencoderClusterer(**parameters)
    return fit_model(dataset, resolve_settings(estimator, dataset, seed=3))


@pytest.mark.parametrize("refinement_epochs", [0, 1])
def test_parts_of_a_model_are_consistent(dataset, fast, refinement_epochs):
    model = fit(dataset, fast, refinement_epochs=refinement_epochs)
    latents = model.net.encode(dataset)
    np.testing.assert_array_equal(
        model.clustering.predict(latents), model.clustering.labels
    )
    assert set(model.density.strata) == set(range(model.clustering.n_clusters))
    assert model.search is None
    assert (model.net.module_.prototype_head is None) == (refinement_epochs == 0)
    for stratum, index in enumerate(model.typical):
        members = np.flatnonzero(model.clustering.labels == stratum)
        distances = np.linalg.norm(
            latents[members] - latents[members].mean(axis=0), axis=1
        )
        assert index == members[distances.argmin()]


def test_the_number_of_strata_is_searched_for_once(dataset, fast):
    model = fit(
        dataset, fast, n_clusters=ClusterNumberSearch(min_clusters=3, max_clusters=4)
    )
    assert model.search.n_clusters == model.clustering.n_clusters
    np.testing.assert_array_equal(model.search.candidates, [3, 4])


SEARCHED = ClusterNumberSearch(min_clusters=2, max_clusters=3, criterion="silhouette")


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"refinement_epochs": 0}, set()),
        ({"refinement_epochs": 1}, {32}),
        ({"refinement_epochs": 0, "n_clusters": SEARCHED}, {32}),
    ],
)
def test_only_the_final_consensus_has_many_members(
    dataset, fast, monkeypatch, settings, expected
):
    used = []

    class Recorded(ConsensusClustering):
        def __init__(self, n_clusters, *, n_members, **params):
            used.append(n_members)
            super().__init__(n_clusters, n_members=2, **params)

    monkeypatch.setattr(_clusterer, "ConsensusClustering", Recorded)
    fit(dataset, fast, clusterer="consensus", **settings)
    assert used[-1] == 64
    assert set(used[:-1]) == expected


def test_training_continues_from_a_net(dataset, fast):
    estimator = ContrastiveAutoencoderClusterer(**fast)
    settings = resolve_settings(estimator, dataset, seed=3)
    first = fit_model(dataset, settings)
    weights = {k: v.clone() for k, v in first.net.module_.state_dict().items()}
    second = fit_model(dataset, settings, previous=first.net)
    assert len(second.net.history) == 2 * len(first.net.history)
    for name, value in first.net.module_.state_dict().items():
        assert torch.equal(value, weights[name])


def test_an_interrupted_training_warns_and_is_clustered(dataset, fast, monkeypatch):
    from contrastive_clustering._training.net import ContrastiveNet

    def interrupted(self, *args, **kwargs):
        self.interrupted, self._first_epoch = True, 0

    monkeypatch.setattr(ContrastiveNet, "run_epochs", interrupted)
    with pytest.warns(ConvergenceWarning, match="after 0 of 2 epochs of the first"):
        model = fit(dataset, fast)
    assert model.net.module_.prototype_head is None
    assert model.clustering.n_clusters == 2


class NoiseLater(KMeans):
    """K-means that finds only noise in its second fit and later ones."""

    n_fits: ClassVar[int] = 0

    def fit(self, X, y=None, sample_weight=None):
        super().fit(X, y, sample_weight)
        NoiseLater.n_fits += 1
        if NoiseLater.n_fits > 1:
            self.labels_[:] = -1
        return self


def test_strata_of_the_network_remain_if_there_is_only_noise_in_the_end(
    dataset, fast, monkeypatch
):
    monkeypatch.setattr(NoiseLater, "n_fits", 0)
    with pytest.warns(ConvergenceWarning, match="labeled all samples as noise after"):
        model = fit(dataset, fast, clusterer=NoiseLater(2, n_init=1))
    assert NoiseLater.n_fits == 2
    assert set(model.clustering.labels) == {0, 1}
    latents = model.net.encode(dataset)
    np.testing.assert_array_equal(
        model.clustering.predict(latents), model.clustering.labels
    )


@pytest.mark.parametrize("sides", [(8, 8), (8, 8, 8)])
def test_prototypes_also_learn_decoded_volumes(fast, monkeypatch, sides):
    """Decoders learn volumes themselves, but views of images: see the presets."""
    calls, learn = [], _fitting.learn_strata
    monkeypatch.setattr(_divergence, "DECODED_TOGETHER", 16)

    def recording(head, latents, proba, seed, decoded, **options):
        calls.append((latents, decoded))
        return learn(head, latents, proba, seed, decoded, **options)

    monkeypatch.setattr(_fitting, "learn_strata", recording)
    X = np.random.default_rng(0).normal(size=(40, *sides))
    model = fit(ArrayDataset(X, Scaler.fit(X, read_layout(X.shape))), fast)
    ((latents, decoded),) = calls
    if len(sides) == 2:
        assert decoded is None
        return
    assert decoded.shape == latents.shape
    # The final prototypes give the decoder slightly different conditions.
    samples = model.net.decode(latents, model.scaler.unscale)
    final = model.net.encode(ArrayDataset(samples, model.scaler))
    assert np.linalg.norm(decoded - final) < 0.5 * np.linalg.norm(decoded - latents)


@pytest.fixture
def few_clustered(monkeypatch):
    """Cluster at most 25 samples."""
    for module in ("_model.fit", "_estimator.relations"):
        monkeypatch.setattr(f"contrastive_clustering.{module}.MAX_CLUSTERED", 25)


@pytest.mark.usefixtures("few_clustered")
def test_noise_found_among_the_clustered_samples_is_kept(tiny_images, fast):
    shift = MeanShift(bandwidth=0.3, cluster_all=False)
    estimator = ContrastiveAutoencoderClusterer(
        **fast | {"clusterer": shift, "refinement_epochs": 0}
    ).fit(tiny_images)
    n_noise = (estimator._model.clustering.clusterer.labels_ == -1).sum()
    assert 0 < n_noise == (estimator.labels_ == -1).sum()


@pytest.mark.usefixtures("few_clustered")
@pytest.mark.parametrize("clusterer", ["kmeans", "consensus", "gaussian_mixture"])
@pytest.mark.parametrize("refinement_epochs", [0, 4])
def test_samples_that_were_not_clustered_are_assigned_to_the_strata(
    tiny_images, fast, clusterer, refinement_epochs
):
    estimator = ContrastiveAutoencoderClusterer(
        **{
            **fast,
            "clusterer": clusterer,
            "max_epochs": 8,
            "refinement_epochs": refinement_epochs,
        },
        store_examples=True,
    ).fit(tiny_images)
    assert estimator.labels_.shape == (40,)
    np.testing.assert_array_equal(estimator.predict(tiny_images), estimator.labels_)
    assert clustering_accuracy(np.repeat([0, 1], 20), estimator.labels_) == 1
    np.testing.assert_array_equal(
        estimator.predict(estimator.examples_), np.arange(estimator.n_clusters_)
    )


@pytest.mark.usefixtures("few_clustered")
def test_the_clustered_samples_depend_on_the_seed(tiny_images, fast):
    seen = []

    class Seeing(KMeans):
        def fit_predict(self, X, y=None, sample_weight=None):
            seen.append(X)
            return super().fit_predict(X)

    for seed in (0, 0, 1):
        parameters = {**fast, "max_epochs": 0, "refinement_epochs": 0}
        ContrastiveAutoencoderClusterer(
            **{**parameters, "clusterer": Seeing(n_init=1), "random_state": seed}
        ).fit(tiny_images)
    assert [len(X) for X in seen] == [25, 25, 25]
    np.testing.assert_array_equal(seen[0], seen[1])
    assert not np.array_equal(seen[0], seen[2])


@pytest.mark.usefixtures("few_clustered")
def test_neighbors_are_limited_to_small_sets(tiny_images, fast):
    clusterer = ContrastiveAutoencoderClusterer(**fast, refinement="neighbors")
    with pytest.raises(ValueError, match=r"refinement='neighbors'.*n_samples=40"):
        clusterer.fit(tiny_images)
    clusterer.fit(tiny_images[:25])


@pytest.mark.usefixtures("few_clustered")
def test_the_clustered_samples_are_of_as_many_groups_as_possible(tiny_images, fast):
    groups = np.concatenate([np.zeros(16, int), np.arange(1, 25)])
    scaler = Scaler.fit(tiny_images, read_layout(tiny_images.shape))
    metadata = Metadata.read(groups, np.arange(40) % 2, 40)
    whole = ArrayDataset(tiny_images, scaler, metadata=metadata)
    rows = _fitting._clustered_rows(whole, seed=0)
    assert len(rows) == 25
    assert sorted(groups[rows]) == list(range(25))
    model = fit(whole, fast)
    assert len(model.labels) == 40
    np.testing.assert_array_equal(
        model.labels, model.clustering.predict(model.net.encode(whole))
    )
