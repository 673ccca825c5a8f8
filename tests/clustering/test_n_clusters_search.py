from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from joblib import parallel_config
from sklearn.cluster import DBSCAN
from strata_of_blobs import draw_blobs, fit_kmeans, recorded_fit

from contrastive_clustering._clustering import n_clusters_search as _cluster_number
from contrastive_clustering._clustering.criteria import CRITERIA, Criterion
from contrastive_clustering._clustering.n_clusters_search import (
    ClusterNumberResult,
    ClusterNumberSearch,
)
from contrastive_clustering._utils.grouping import Grouping


@pytest.mark.parametrize("criterion", sorted(CRITERIA))
@pytest.mark.parametrize("centers", [3, 5])
def test_finds_blobs(criterion, centers):
    search = ClusterNumberSearch(criterion, max_clusters=7)
    result = search._search(draw_blobs(centers), fit_kmeans, 0)
    assert isinstance(result, ClusterNumberResult)
    assert result.n_clusters == centers
    assert result.criterion == criterion
    np.testing.assert_array_equal(result.candidates, np.arange(2, 8))
    assert result.scores.shape == (6,)
    assert np.isfinite(result.scores).all()
    assert result.scores.argmax() == centers - 2


@pytest.mark.slow
def test_finds_about_ten_strata_in_latents_of_digits(fitted_digits, digits):
    latents = fitted_digits.transform(digits[0][:1000])
    fit = partial(fit_kmeans, normalize=True)
    result = ClusterNumberSearch()._search(latents, fit, 0)
    # Trainings with three seeds found 12 to 14.
    assert 7 <= result.n_clusters <= 14
    assert result.scores[0] < result.scores.max() > result.scores[-1]


@pytest.mark.parametrize("criterion", sorted(CRITERIA))
def test_is_reproducible_and_leaves_global_generators_unchanged(criterion):
    latents = draw_blobs(3, n_samples=90)
    search = ClusterNumberSearch(criterion, max_clusters=5)
    before = np.random.get_state()[1].copy()
    first, again = (search._search(latents, fit_kmeans, 1) for _ in range(2))
    np.testing.assert_array_equal(first.scores, again.scores)
    np.testing.assert_array_equal(np.random.get_state()[1], before)


@pytest.mark.parametrize("criterion", ["silhouette", "stability"])
def test_seed_determines_the_halves(criterion):
    latents = draw_blobs(3, n_samples=90)
    search = ClusterNumberSearch(criterion, max_clusters=5)
    first, other = (search._search(latents, fit_kmeans, seed).scores for seed in (1, 2))
    assert not np.array_equal(first, other)


@pytest.mark.parametrize(
    "backend", ["threading", pytest.param("loky", marks=pytest.mark.slow)]
)
def test_jobs_do_not_change_the_result(backend):
    latents = draw_blobs(3, n_samples=90)
    one = ClusterNumberSearch(max_clusters=4)._search(latents, fit_kmeans, 0)
    with parallel_config(backend):
        two = ClusterNumberSearch(max_clusters=4, n_jobs=2)._search(
            latents, fit_kmeans, 0
        )
    assert two.n_clusters == one.n_clusters
    np.testing.assert_allclose(two.scores, one.scores, rtol=1e-12)


@given(
    st.lists(st.floats(0, 1e6), min_size=1, max_size=14),
    st.integers(2, 5),
)
def test_elbow_is_the_distance_below_the_chord(falls, low):
    within = np.cumsum([1.0, *falls])[::-1]
    candidates = np.arange(low, low + len(within))
    scores = _cluster_number._below_chord(candidates, within)
    assert scores[0] == pytest.approx(0)
    assert scores[-1] == pytest.approx(0)
    if within[0] == within[-1]:
        assert not scores.any()
        return
    # The distance of points on unit axes to the line x + y = 1, times sqrt(2).
    for i in range(len(within)):
        x = i / (len(within) - 1)
        y = (within[i] - within[-1]) / (within[0] - within[-1])
        assert scores[i] == pytest.approx(1 - x - y, abs=1e-9)


def test_stability_of_a_single_normal_distribution_is_near_zero():
    cloud = np.random.default_rng(0).normal(size=(400, 4)) * [4, 2, 1, 1]
    scores = (
        ClusterNumberSearch("stability", max_clusters=6)
        ._search(cloud, fit_kmeans, 0)
        .scores
    )
    assert np.abs(scores).max() < 0.35
    assert abs(scores.mean()) < 0.15


def test_the_smallest_candidate_wins_ties(monkeypatch):
    scores = {2: 0.1, 3: 0.7, 4: 0.3, 5: 0.7}

    def judge(latents, fit, candidates, seed, part):
        return [scores[k] for k in candidates]

    monkeypatch.setitem(CRITERIA, "silhouette", Criterion(judge, n_parts=4))
    result = ClusterNumberSearch(max_clusters=5)._search(
        draw_blobs(3, 30), fit_kmeans, 0
    )
    assert result.n_clusters == 3
    np.testing.assert_array_equal(result.scores, [0.1, 0.7, 0.3, 0.7])


@pytest.mark.parametrize("criterion", sorted(CRITERIA))
def test_a_clusterer_that_ignores_the_number(criterion):
    fit = partial(fit_kmeans, clusterer=DBSCAN(eps=1.0))
    result = ClusterNumberSearch(criterion, max_clusters=4)._search(
        draw_blobs(3), fit, 0
    )
    assert np.isfinite(result.scores).all()
    if criterion in ("silhouette", "elbow"):
        assert result.n_clusters == 2


def test_many_latents_are_subsampled(monkeypatch):
    monkeypatch.setattr(_cluster_number, "MAX_LATENTS", 50)
    latents = np.concatenate([np.zeros((300, 2)), draw_blobs(3, 300)[:, :2]])
    latents += np.arange(len(latents))[:, None] * 1e-6
    fit, parts = recorded_fit()
    ClusterNumberSearch("elbow", max_clusters=3)._search(latents, fit, 0)
    assert [len(part) for part in parts] == [50, 50]
    np.testing.assert_array_equal(*parts)
    rows = {tuple(row) for row in latents.tolist()}
    assert {tuple(row) for row in parts[0].tolist()} <= rows
    assert len(np.unique(parts[0], axis=0)) == 50
    assert 5 < (np.abs(parts[0]).max(axis=1) < 1e-3).sum() < 45  # not the first fifty


@pytest.mark.parametrize("criterion", sorted(CRITERIA))
def test_latents_that_are_all_equal(criterion):
    result = ClusterNumberSearch(criterion)._search(np.ones((30, 4)), fit_kmeans, 0)
    assert result.n_clusters == 2
    np.testing.assert_array_equal(result.candidates, [2])
    np.testing.assert_array_equal(result.scores, [0.0])


@pytest.mark.parametrize("criterion", sorted(CRITERIA))
@pytest.mark.parametrize("n_copies", [1, 20])
def test_few_distinct_latents(criterion, n_copies):
    distinct = np.array([[0.0, 1.0], [5.0, 0.0], [9.0, 9.0], [0.0, 7.0]])
    latents = np.repeat(distinct, n_copies, axis=0)
    result = ClusterNumberSearch(criterion)._search(latents, fit_kmeans, 0)
    np.testing.assert_array_equal(result.candidates, [2, 3, 4])
    assert np.isfinite(result.scores).all()
    assert result.n_clusters in result.candidates


@settings(max_examples=15)
@given(
    st.sampled_from(sorted(CRITERIA)),
    st.tuples(st.integers(2, 12), st.integers(1, 3)),
    st.integers(0, 3),
    st.booleans(),
    st.integers(0, 2**31 - 1),
)
def test_small_latents_give_finite_scores(criterion, shape, largest, normalize, seed):
    rng = np.random.default_rng(seed)
    latents = rng.integers(0, largest + 1, shape).astype(np.float32)
    fit = partial(fit_kmeans, normalize=normalize)
    result = ClusterNumberSearch(criterion, max_clusters=5)._search(latents, fit, seed)
    assert np.isfinite(result.scores).all()
    assert len(result.scores) == len(result.candidates)
    assert 2 <= result.n_clusters <= min(5, len(latents))
    assert result.n_clusters == result.candidates[result.scores.argmax()]


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"criterion": "gap"}, "'criterion' parameter of ClusterNumberSearch"),
        ({"min_clusters": 1}, "'min_clusters' parameter of ClusterNumberSearch"),
        ({"min_clusters": 2.5}, "'min_clusters' parameter of ClusterNumberSearch"),
        ({"max_clusters": 1}, "'max_clusters' parameter of ClusterNumberSearch"),
        ({"max_clusters": "all"}, "'max_clusters' parameter of ClusterNumberSearch"),
        (
            {"min_clusters": 9, "max_clusters": 8},
            "max_clusters=8 is less than min_clusters=9",
        ),
        ({"n_jobs": 1.5}, "'n_jobs' parameter of ClusterNumberSearch"),
        ({"n_jobs": True}, "'n_jobs' parameter of ClusterNumberSearch must be an int"),
        ({"n_jobs": 0}, "n_jobs=0"),
    ],
)
def test_bad_parameters(params, message):
    with pytest.raises(ValueError, match=message):
        ClusterNumberSearch(**params)


def test_bad_latents():
    search = ClusterNumberSearch(min_clusters=5)
    with pytest.raises(ValueError, match="min_clusters=5 is more than n_samples=4"):
        search._search(np.eye(4), fit_kmeans, 0)
    with pytest.raises(ValueError, match="minimum of 2 is required"):
        search._search(np.eye(1), fit_kmeans, 0)
    with pytest.raises(ValueError, match="latents contains NaN"):
        search._search(np.full((9, 2), np.nan), fit_kmeans, 0)


def test_only_parameters_are_public():
    # The method needs a clustering of latents, which only the estimator has.
    names = [name for name in dir(ClusterNumberSearch()) if name[0] != "_"]
    assert names == ["criterion", "max_clusters", "min_clusters", "n_jobs"]


def test_progress_is_shown_when_asked_for(capsys):
    latents = draw_blobs(3, 30)
    ClusterNumberSearch(max_clusters=4)._search(latents, fit_kmeans, 0)
    assert capsys.readouterr() == ("", "")
    ClusterNumberSearch(max_clusters=4)._search(latents, fit_kmeans, 0, verbose=1)
    out, err = capsys.readouterr()
    assert out == ""
    assert [line.split(", ")[0] for line in err.splitlines()] == [
        f"search for the number of strata {n}/6 parts" for n in range(1, 7)
    ]
    with pytest.raises(ValueError, match="'verbose' parameter of ClusterNumberSearch"):
        ClusterNumberSearch()._search(latents, fit_kmeans, 0, verbose="yes")


def test_searches_compare_by_value():
    assert ClusterNumberSearch(max_clusters=9) == ClusterNumberSearch(
        "silhouette", 2, 9
    )
    assert repr(ClusterNumberSearch()) == (
        "ClusterNumberSearch(criterion='silhouette', min_clusters=2, max_clusters=15, "
        "n_jobs=None)"
    )
    with pytest.raises(AttributeError):
        ClusterNumberSearch().max_clusters = 3


@pytest.mark.parametrize("criterion", sorted(CRITERIA))
def test_a_group_is_one_latent(criterion):
    centers = draw_blobs(3, n_samples=90)
    groups = np.repeat(np.arange(90), 3)
    offsets = np.tile([-0.1, 0.02, 0.1], 90)[:, None]
    latents = np.repeat(centers, 3, axis=0) + offsets
    groups, latents = (
        np.append(groups, np.zeros(200)),
        np.append(latents, np.tile(latents[1], (200, 1)), axis=0),
    )
    search = ClusterNumberSearch(criterion, max_clusters=5)
    found = search._search(latents, fit_kmeans, 0, groups=groups)
    grouping = Grouping.read(groups, len(latents))
    rows = grouping.representatives(latents)
    assert len(rows) == 90
    expected = search._search(latents[rows], fit_kmeans, 0)
    np.testing.assert_array_equal(found.scores, expected.scores)
    again = search._search(latents, fit_kmeans, 0, groups=grouping)
    np.testing.assert_array_equal(again.scores, expected.scores)


def test_groups_of_one_latent_each_change_nothing():
    latents = draw_blobs(3, n_samples=60)
    search = ClusterNumberSearch(max_clusters=4)
    alone = search._search(latents, fit_kmeans, 0).scores
    again = search._search(latents, fit_kmeans, 0, groups=np.arange(60)).scores
    np.testing.assert_array_equal(again, alone)


def test_fewer_groups_than_candidates_are_an_error():
    search = ClusterNumberSearch(min_clusters=4)
    with pytest.raises(ValueError, match="more than the number of groups, 3"):
        search._search(np.eye(9), fit_kmeans, 0, groups=np.arange(9) % 3)
    with pytest.raises(ValueError, match="groups has 2 values"):
        search._search(np.eye(9), fit_kmeans, 0, groups=[0, 1])
