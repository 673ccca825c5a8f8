from typing import ClassVar

import numpy as np
import pytest
import torch
from sklearn.cluster import KMeans, MeanShift
from sklearn.exceptions import ConvergenceWarning
from skorch.callbacks import Callback
from torch import nn

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
@pytest.mark.parametrize("groups", [None, np.arange(40) % 30], ids=["none", "groups"])
def test_the_clustered_samples_depend_on_the_seed(tiny_images, groups):
    scaler = Scaler.fit(tiny_images, read_layout(tiny_images.shape))
    metadata = Metadata.read(groups, None, 40)
    whole = ArrayDataset(tiny_images, scaler, metadata=metadata)
    drawn = [_fitting._clustered_rows(whole, seed) for seed in (0, 0, 1, 2)]
    for rows in drawn:
        assert len(set(rows)) == 25
        assert (np.diff(rows) > 0).all()  # files are read in their order
    np.testing.assert_array_equal(drawn[0], drawn[1])
    assert len({tuple(rows) for rows in drawn}) == 3


def test_weights_that_overflow_in_the_last_step_are_an_error(tiny_images, fast):
    class Overflow(Callback):
        def on_train_end(self, net, **kwargs):
            net.module_.decoder[-1].bias.data[0] = torch.inf

    clusterer = ContrastiveAutoencoderClusterer(
        callbacks=[Overflow()], **{**fast, "refinement_epochs": 0}
    )
    with pytest.raises(ValueError, match=r"after 2 epochs .* weights decoder\.\S+bias"):
        clusterer.fit(tiny_images)


@pytest.mark.parametrize("n_clustered", [25, 40])
def test_strata_keep_their_earlier_numbers(dataset, fast, monkeypatch, n_clustered):
    monkeypatch.setattr(_fitting, "MAX_CLUSTERED", n_clustered)
    settings = resolve_settings(ContrastiveAutoencoderClusterer(**fast), dataset, 3)
    first = fit_model(dataset, settings)
    swapped = 1 - first.labels
    model = fit_model(dataset, settings, earlier=swapped)
    np.testing.assert_array_equal(model.labels, swapped)
    np.testing.assert_array_equal(model.typical, first.typical[::-1])


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


def test_a_group_weighs_as_one_in_the_origin_of_the_prototypes(tiny_images, fast):
    groups = np.minimum(np.arange(40), 20)  # one has 20 samples
    metadata = Metadata.read(groups, None, 40)
    scaler = Scaler.fit(tiny_images, read_layout(tiny_images.shape))
    whole = ArrayDataset(tiny_images, scaler, metadata=metadata)

    def mean_over_groups(model):
        latents = model.net.encode(whole)
        return np.vstack([latents[:20], latents[20:].mean(axis=0)]).mean(axis=0)

    # One keeps the prototypes of the first phase, the other learns them again.
    first = fit(whole, fast, refinement_epochs=0)
    kept = fit(whole, fast, refinement="prototypes")
    again = fit(whole, fast, refinement="self_training")
    for model, source in ((kept, first), (again, again)):
        origin = model.net.module_.prototype_head.origin.numpy()
        expected = mean_over_groups(source)
        np.testing.assert_allclose(origin, expected, rtol=1e-4, atol=1e-5)


@pytest.fixture(scope="module")
def copies():
    """Rows around three centers, some with 39 copies, and the group of each row."""
    centers = np.repeat([0.0, 5.0, 9.0], 8)[:, None] * np.ones(3)
    rows = centers + np.random.default_rng(0).normal(0, 0.1, centers.shape)
    groups = np.concatenate([np.arange(24), np.repeat(np.arange(8, 24), 39)])
    return rows[groups], groups, Scaler.fit(rows, read_layout(rows.shape))


def fit_rows(copies, fast, n_rows, *, is_grouped, **others):
    """Fit the first rows with a net that does not change."""
    X, groups, scaler = copies
    metadata = Metadata.read(groups[:n_rows] if is_grouped else None, None, n_rows)
    torch.manual_seed(0)
    fixed = {"encoder": nn.Linear(3, 2), "latent_dim": 2, "lr": 1e-30}
    return fit(
        ArrayDataset(X[:n_rows], scaler, metadata=metadata), fast, **fixed, **others
    )


@pytest.mark.parametrize("refinement_epochs", [0, 1])
def test_copies_in_a_group_do_not_change_the_strata(copies, fast, refinement_epochs):
    """Ungrouped copies move the boundary between two strata at three centers."""
    n_rows, epochs = len(copies[0]), {"refinement_epochs": refinement_epochs}
    alone = fit_rows(copies, fast, 24, is_grouped=False, **epochs)
    grouped = fit_rows(copies, fast, n_rows, is_grouped=True, **epochs)
    ungrouped = fit_rows(copies, fast, n_rows, is_grouped=False, **epochs)
    expected = np.repeat([0, 1, 1], 8)
    assert clustering_accuracy(expected, alone.labels) == 1
    assert clustering_accuracy(expected, grouped.labels[:24]) == 1
    assert clustering_accuracy(np.repeat([0, 0, 1], 8), ungrouped.labels[:24]) == 1


def test_copies_in_a_group_do_not_change_the_number_of_strata(copies, fast):
    alone, grouped = (
        fit_rows(
            copies,
            fast,
            n_rows,
            is_grouped=True,
            n_clusters=ClusterNumberSearch("elbow", max_clusters=5),
            refinement_epochs=0,
        ).search
        for n_rows in (24, len(copies[0]))
    )
    np.testing.assert_allclose(grouped.scores, alone.scores, rtol=1e-4, atol=1e-6)
