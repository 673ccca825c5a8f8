import numpy as np
import pandas as pd
import pytest
import sklearn
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_array
from sklearn.base import clone
from sklearn.datasets import make_blobs, make_moons
from sklearn.metrics import adjusted_rand_score
from sklearn.neighbors import kneighbors_graph
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks
from strata_of_blobs import count_kmeans

from contrastive_clustering import ConsensusClustering
from contrastive_clustering._clustering import consensus as _consensus
from contrastive_clustering._clustering import members as _members
from contrastive_clustering._clustering.agreement import agree
from contrastive_clustering._clustering.consensus import count_members
from contrastive_clustering._clustering.merging import normalized_cut
from contrastive_clustering._utils import kmeans as _kmeans
from contrastive_clustering._utils.memoize import memoizing


@parametrize_with_checks(
    [
        ConsensusClustering(n_members=3),
        ConsensusClustering(n_members=4, kmeans_fraction=0.5),
        ConsensusClustering(n_members=4, cosine_fraction=0.5),
    ]
)
def test_check(estimator, check):
    check(estimator)


@given(n_samples=st.integers(1, 1_000_000))
def test_small_sets_have_more_members(n_samples):
    n_members = count_members(n_samples)
    assert 32 <= n_members <= 64
    assert n_members >= count_members(n_samples + 1)
    if 32 < n_members < 64:
        assert 128_000 - n_samples < n_members * n_samples <= 128_000


@pytest.mark.parametrize("shares", [(100, 100, 100), (300, 40, 20)])
def test_finds_blobs_of_unequal_size(shares):
    X, y = make_blobs(shares, 5, cluster_std=0.8, random_state=3)
    fitted = ConsensusClustering(3, random_state=0).fit(X)
    assert adjusted_rand_score(y, fitted.labels_) > 0.97


def test_finds_clusters_of_any_shape():
    X, y = make_moons(600, noise=0.06, random_state=1)
    labels = ConsensusClustering(2, random_state=0).fit_predict(X)
    assert adjusted_rand_score(y, labels) > 0.97


@pytest.fixture(scope="module")
def rays():
    """Samples whose class is their direction from the mean, at any distance."""
    rng = np.random.default_rng(0)
    y = np.repeat(np.arange(6), 150)
    angle = y * np.pi / 3 + rng.normal(0, 0.05, len(y))
    distance = np.tile(np.exp(rng.normal(0, 1.5, 150)), 6)  # the same on each ray
    return distance[:, None] * np.column_stack([np.cos(angle), np.sin(angle)]), y


def test_directions_find_clusters_that_positions_do_not(rays):
    X, y = rays
    by_place, by_direction = (
        ConsensusClustering(6, cosine_fraction=part, random_state=0).fit(X)
        for part in (0.0, 1.0)
    )
    assert adjusted_rand_score(y, by_direction.labels_) > 0.97
    assert adjusted_rand_score(y, by_place.labels_) < 0.5
    nearer = X.mean(axis=0) + 1e-3 * (X - X.mean(axis=0))
    np.testing.assert_array_equal(by_direction.predict(nearer), by_direction.labels_)


def test_a_sample_at_the_mean_has_no_direction_but_a_cluster():
    corners = np.array([[3.0, 1.0], [-3.0, 1.0], [-3.0, -1.0], [3.0, -1.0]])
    X = np.vstack([corners, 2 * corners, np.zeros((1, 2))])
    fitted = ConsensusClustering(2, cosine_fraction=1.0, random_state=0).fit(X)
    assert (fitted._mean == 0).all()
    assert set(fitted.labels_) == {0, 1}
    np.testing.assert_allclose(fitted.predict_proba(X[-1:]).sum(), 1)


def test_half_of_the_members_compare_directions(rays):
    X, _ = rays
    # Three of each kind of the 12 members vote.
    fitted = ConsensusClustering(
        6, n_members=12, cosine_fraction=0.5, random_state=0
    ).fit(X)
    assert len(fitted._members) == 6
    nearer = X.mean(axis=0) + 1e-3 * (X - X.mean(axis=0))
    moved = [
        np.mean(member.fine.predict(nearer) != member.fine.labels_) > 0
        for member in fitted._members
        if not member.by_direction
    ]
    assert moved == [True] * 3
    np.testing.assert_array_equal(fitted.predict(X), fitted.labels_)


def test_members_with_the_largest_cuts_do_not_vote(monkeypatch):
    # Two rows of three blobs: some members separate the rows, some cut across both.
    X, _ = make_blobs(
        720,
        centers=[[x, y] for x in (-2, 0, 2) for y in (0, 2.6)],
        cluster_std=0.6,
        random_state=0,
    )
    consensus = ConsensusClustering(2, n_members=12, n_neighbors=7, random_state=0)
    voting = [
        member.merged[member.fine.labels_] for member in consensus.fit(X)._members
    ]
    monkeypatch.setattr(_members, "VOTING", 1.0)
    every = [member.merged[member.fine.labels_] for member in consensus.fit(X)._members]
    graph = kneighbors_graph(X, 7)
    graph = csr_array((graph + graph.T) / 2)
    cuts = np.array([normalized_cut(labels, graph) for labels in every])
    assert (len(voting), len(every)) == (6, 12)
    assert max(normalized_cut(v, graph) for v in voting) == np.sort(cuts)[5]
    for labels in np.array(every)[cuts < np.sort(cuts)[5]]:
        assert any(np.array_equal(labels, vote) for vote in voting)


def test_labels_proba_and_predictions_agree(digits):
    X = digits[0].reshape(len(digits[0]), -1)
    fitted = ConsensusClustering(10, random_state=0).fit(X)
    proba = fitted.predict_proba(X)
    np.testing.assert_allclose(proba.sum(axis=1), 1)
    np.testing.assert_array_equal(proba.argmax(axis=1), fitted.labels_)
    np.testing.assert_array_equal(fitted.predict(X[:7]), fitted.labels_[:7])
    again = ConsensusClustering(10, random_state=0).fit(X)
    np.testing.assert_array_equal(again.labels_, fitted.labels_)


def test_fitted_attributes_are_documented():
    frame = pd.DataFrame(np.random.default_rng(0).normal(size=(20, 2)), columns=[*"ab"])
    fitted = ConsensusClustering(2, n_members=2, random_state=0).fit(frame)
    _, documented = ConsensusClustering.__doc__.split("Attributes\n")
    for name in vars(fitted):
        assert not name.endswith("_") or f"    {name} : " in documented


def test_prediction_requires_the_features_of_the_training_set():
    frame = pd.DataFrame(np.random.default_rng(0).normal(size=(20, 2)), columns=[*"ab"])
    consensus = ConsensusClustering(2, n_members=2, random_state=0).fit(frame)
    with pytest.raises(ValueError, match="feature names should match"):
        consensus.predict(frame[["b", "a"]])
    assert list(consensus.feature_names_in_) == ["a", "b"]
    consensus.fit(frame.to_numpy())
    with pytest.raises(ValueError, match=r"3 features, but ConsensusClustering"):
        consensus.predict_proba(np.zeros((4, 3)))
    assert consensus.n_features_in_ == 2


def test_consensus_depends_less_on_the_seed_than_its_members(digits):
    X = digits[0].reshape(len(digits[0]), -1)

    def agreement(n_members):
        labels = [
            ConsensusClustering(10, n_members=n_members, random_state=s).fit_predict(X)
            for s in range(4)
        ]
        return np.mean(
            [
                adjusted_rand_score(labels[i], labels[j])
                for i in range(4)
                for j in range(i)
            ]
        )

    assert agreement(12) > agreement(1)


def test_clusterings_that_share_their_partitions_are_the_same(rays, monkeypatch):
    X = rays[0][::3]
    made = count_kmeans(monkeypatch)
    models = [
        ConsensusClustering(n, n_members=6, cosine_fraction=0.5, random_state=0)
        for n in (2, 4, 7)
    ]
    alone = [model.fit(X).labels_ for model in models]
    n_alone = len(made)
    with memoizing():
        for model, labels in zip(models, alone, strict=True):
            np.testing.assert_array_equal(model.fit(X).labels_, labels)
        assert len(made) - n_alone <= n_alone - 2 * 6  # no fine one a second time
        # Other samples and another seed share nothing with these.
        other = models[0].fit(X[:-1]).labels_
        models[0].set_params(random_state=1)
        seeded = models[0].fit(X).labels_
    np.testing.assert_array_equal(models[0].fit(X).labels_, seeded)
    models[0].set_params(random_state=0)
    np.testing.assert_array_equal(models[0].fit(X[:-1]).labels_, other)


def test_learns_from_a_subset_of_many_samples():
    X, y = make_blobs(3000, 4, centers=4, cluster_std=0.6, random_state=0)
    fitted = ConsensusClustering(4, max_samples=300, random_state=0).fit(X)
    assert len(fitted.labels_) == 3000
    assert adjusted_rand_score(y, fitted.labels_) > 0.97


def test_max_samples_below_the_number_of_clusters_is_an_error():
    X = np.random.default_rng(0).normal(size=(20, 2))
    with pytest.raises(ValueError, match="max_samples=5 is less than n_clusters=8"):
        ConsensusClustering(8, max_samples=5).fit(X)


def test_too_few_samples_is_an_error():
    with pytest.raises(ValueError, match=r"n_samples=2, fewer than n_clusters=3"):
        ConsensusClustering(3).fit(np.eye(2))


@pytest.mark.parametrize("groups", [None, np.arange(24) // 4])
def test_each_sample_or_group_can_be_a_cluster(groups):
    centers = 9 * np.random.default_rng(0).normal(size=(6, 2))
    X = centers if groups is None else np.repeat(centers, 4, axis=0)
    X = X + 1e-3 * np.random.default_rng(1).normal(size=X.shape)
    labels = ConsensusClustering(6, max_samples=6, random_state=0).fit_predict(
        X, groups=groups
    )
    y = np.arange(6) if groups is None else groups
    assert adjusted_rand_score(y, labels) == 1


@pytest.mark.parametrize(
    "parameters",
    [
        {"n_clusters": 0},
        {"n_members": 0},
        {"cosine_fraction": -0.1},
        {"cosine_fraction": 1.1},
        {"n_neighbors": 0},
        {"max_samples": 1},
    ],
)
def test_invalid_parameters_are_named(parameters):
    with pytest.raises(ValueError, match=next(iter(parameters))):
        ConsensusClustering(**parameters).fit(np.eye(9))


@pytest.mark.parametrize("fitted", [False, True])
@pytest.mark.parametrize(
    ("X", "step", "message"),
    [
        (np.zeros((2, 3)), None, "fewer than n_clusters=3"),
        (np.full((30, 3), np.nan), None, "X contains NaN"),
        (np.eye(30), "agree", "not callable"),
    ],
)
def test_a_failed_fit_changes_no_attribute(monkeypatch, fitted, X, step, message):
    frame = pd.DataFrame(np.eye(20, 2), columns=["a", "b"])
    clusterer = ConsensusClustering(3, random_state=0)
    if fitted:
        clusterer.fit(frame)
    attributes = dict(vars(clusterer))
    if step:
        monkeypatch.setattr(
            f"contrastive_clustering._clustering.consensus.{step}", None
        )
    with pytest.raises((ValueError, TypeError), match=message):
        clusterer.fit(X)
    assert list(vars(clusterer)) == list(attributes)
    assert all(vars(clusterer)[name] is attributes[name] for name in attributes)
    if fitted:
        monkeypatch.undo()
        assert not hasattr(clusterer.fit(np.eye(20)), "feature_names_in_")


def replicate(X, rows):
    """Return samples of which some have 39 copies with tiny jitter, and the groups."""
    rng = np.random.default_rng(1)
    copies = np.repeat(X[rows], 39, axis=0)
    copies += rng.normal(0, 1e-3 * X.std(), copies.shape)
    groups = np.concatenate([np.arange(len(X)), np.repeat(rows, 39)])
    return np.concatenate([X, copies]), groups


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("kind", ["blobs", "digits"])
def test_copies_of_samples_do_not_change_clusters(kind, seed, digits):
    if kind == "blobs":
        X, _ = make_blobs([60, 60, 60], 5, cluster_std=1.0, random_state=3)
        rows, n_clusters = np.arange(8), 3
    else:
        X, n_clusters = digits[0][:600].reshape(600, -1), 10
        rows = np.arange(0, 60, 6)
    repeated, groups = replicate(X, rows)
    consensus = ConsensusClustering(n_clusters, random_state=seed)
    others = np.setdiff1d(np.arange(len(X)), rows)
    before = consensus.fit_predict(X)[others]
    grouped = consensus.fit_predict(repeated, groups=groups)[others]
    assert adjusted_rand_score(before, grouped) >= 0.95
    ungrouped = consensus.fit_predict(repeated)[others]
    assert adjusted_rand_score(before, ungrouped) < 0.9


def test_groups_of_one_sample_each_change_nothing(rays):
    X = rays[0][::3]
    consensus = ConsensusClustering(
        4, n_members=6, cosine_fraction=0.5, max_samples=200, random_state=0
    )
    alone = consensus.fit(X).predict_proba(X)
    for groups in (np.arange(len(X)), [None] * len(X)):
        again = consensus.fit(X, groups=groups).predict_proba(X)
        np.testing.assert_array_equal(again, alone)


def test_a_subset_has_samples_of_as_many_groups_as_possible(monkeypatch):
    X, y = make_blobs(1200, 4, centers=3, cluster_std=0.6, random_state=0)
    groups = np.append(np.zeros(1000, dtype=int), np.arange(1, 201))
    seen = []

    class RecordingKMeans(_kmeans.KMeans):
        def fit(self, X, y=None, sample_weight=None):
            seen.append(sample_weight)
            return super().fit(X, y, sample_weight)

    monkeypatch.setattr(_kmeans, "KMeans", RecordingKMeans)
    consensus = ConsensusClustering(3, n_members=4, max_samples=300, random_state=0)
    labels = consensus.fit_predict(X, groups=groups)
    assert adjusted_rand_score(y, labels) > 0.97
    for weights in seen:
        np.testing.assert_allclose(np.sort(weights), [0.01] * 100 + [1.0] * 200)
    # Without a second sample of any group, no weights are needed.
    seen.clear()
    consensus.set_params(max_samples=150).fit(X, groups=groups)
    assert seen == [None] * 4


def test_the_number_of_fine_clusters_is_limited_by_the_groups():
    X = np.random.default_rng(0).normal(size=(400, 3))
    consensus = ConsensusClustering(2, n_members=4, random_state=0)
    fine = [
        [member.fine.n_clusters for member in fitted._members]
        for fitted in (
            consensus.fit(X),
            ConsensusClustering(2, n_members=4, random_state=0).fit(
                X, groups=np.arange(400) % 50
            ),
        )
    ]
    assert min(fine[0]) >= 20
    assert fine[1] == [10, 10]


def test_groups_reach_the_clusterer_of_a_pipeline():
    X = np.random.default_rng(0).normal(size=(60, 3))
    groups = np.arange(60) // 3
    consensus = ConsensusClustering(3, n_members=4, random_state=0)
    expected = consensus.fit(X, groups=groups).labels_
    with sklearn.config_context(enable_metadata_routing=True):
        pipeline = make_pipeline(clone(consensus).set_fit_request(groups=True))
        found = pipeline.fit(X, groups=groups)[-1].labels_
    np.testing.assert_array_equal(found, expected)
    assert not np.array_equal(expected, consensus.fit(X).labels_)


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        ([0, 1] * 5, r"groups has 2 groups, fewer than n_clusters=3"),
        ([0] * 10, r"groups has one group only"),
        ([0, 1], r"groups has 2 values, but there are 10 samples"),
    ],
)
def test_invalid_groups_are_an_error(groups, message):
    with pytest.raises(ValueError, match=message):
        ConsensusClustering(3).fit(np.eye(10), groups=groups)


@pytest.mark.parametrize(("n_members", "n_kmeans"), [(12, 4), (1, 0), (2, 0)])
def test_a_third_of_the_members_are_kmeans_partitions(n_members, n_kmeans):
    X, _ = make_blobs(200, 4, centers=3, random_state=0)
    fitted = ConsensusClustering(
        3, n_members=n_members, kmeans_fraction=1 / 3, random_state=0
    ).fit(X)
    sizes = [len(member.fine.cluster_centers_) for member in fitted._members]
    assert sizes.count(3) == n_kmeans // 2
    assert len(sizes) - n_kmeans // 2 == -(-(n_members - n_kmeans) // 2)
    np.testing.assert_array_equal(fitted.predict(X), fitted.labels_)


def test_a_group_weighs_as_one_in_the_origin_of_directions():
    X = np.random.default_rng(0).normal(size=(60, 2))
    groups = np.minimum(np.arange(60), 20)  # one has 40 samples
    fitted = ConsensusClustering(2, n_members=2, cosine_fraction=1.0, random_state=0)
    fitted.fit(X, groups=groups)
    expected = np.vstack([X[:20], X[20:].mean(axis=0)]).mean(axis=0)
    np.testing.assert_allclose(fitted._mean, expected)


@pytest.mark.parametrize(("n_empty", "n_calls"), [(0, 1), (2, 3), (99, 5)])
def test_a_consensus_with_an_empty_cluster_is_computed_again(
    monkeypatch, n_empty, n_calls
):
    seeds = []

    def agree_later(votes, n_clusters, seed, weights):
        seeds.append(seed)
        agreed = agree(votes, n_clusters, seed, weights)
        return np.zeros_like(agreed) if len(seeds) <= n_empty else agreed

    monkeypatch.setattr(
        "contrastive_clustering._clustering.consensus.agree", agree_later
    )
    X = make_blobs(60, centers=[[0, 0], [9, 9]], random_state=0)[0]
    labels = ConsensusClustering(2, n_members=4, random_state=0).fit_predict(X)
    assert len(seeds) == len(set(seeds)) == n_calls
    assert set(labels) == ({0} if n_calls == 5 else {0, 1})


def test_fractions_of_members_are_not_one_too_small_by_rounding(monkeypatch):
    drawn = {}

    def count_merged(work, graph, counts, *args, by_direction, **others):
        drawn["by_direction" if by_direction else "by_position"] = len(counts)
        return merged(work, graph, counts, *args, by_direction=by_direction, **others)

    def count_kmeans(work, n_members, *args):
        drawn["kmeans"] = n_members
        return kmeans(work, n_members, *args)

    merged, kmeans = _consensus.merged_members, _consensus.kmeans_members
    monkeypatch.setattr(_consensus, "merged_members", count_merged)
    monkeypatch.setattr(_consensus, "kmeans_members", count_kmeans)
    X, _ = make_blobs(100, 4, centers=3, random_state=0)
    # In floating point, 50 * 0.58 is below 29, and 100 * 0.29 below 29.
    ConsensusClustering(3, n_members=50, kmeans_fraction=0.58, random_state=0).fit(X)
    assert drawn == {"by_position": 21, "kmeans": 29}
    ConsensusClustering(3, n_members=100, cosine_fraction=0.29, random_state=0).fit(X)
    assert drawn == {"by_position": 71, "by_direction": 29, "kmeans": 0}


@pytest.mark.parametrize(
    ("X", "what"),
    [
        (np.arange(40).reshape(20, 2).astype("M8[D]"), "dates"),
        (np.full((20, 2), np.timedelta64("NaT")), "dates"),
        (np.arange(40).reshape(20, 2).astype(str), "text"),
    ],
)
def test_dates_and_text_are_not_converted_to_numbers(X, what):
    with pytest.raises(ValueError, match=rf"X cannot be read.*{what}.* in X\[0, 0\]"):
        ConsensusClustering(n_clusters=2).fit(X)
