import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import pdist
from sklearn.metrics import davies_bouldin_score, silhouette_score

from contrastive_clustering._evaluation import compactness as _compactness
from contrastive_clustering._evaluation.compactness import (
    compactness,
    weighted_davies_bouldin,
)
from contrastive_clustering._evaluation.group_silhouette import group_silhouette
from contrastive_clustering._utils.grouping import Grouping


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, size=90)
    groups = np.sort(rng.integers(0, 25, size=90))
    return rng.normal(labels[:, None], 1, size=(90, 4)), labels, groups


def test_without_groups_the_values_are_those_of_scikit_learn(data):
    X, labels, _ = data
    expected = silhouette_score(X, labels), davies_bouldin_score(X, labels)
    found = compactness(X, labels, 0)
    assert found == pytest.approx(expected, rel=1e-12)
    assert compactness(X, labels, 0, Grouping(np.arange(90), 90)) == found


@pytest.mark.parametrize("by_group", [False, True])
@pytest.mark.parametrize(
    ("scale", "offset", "dtype"),
    [
        (1e-12, 0, np.float64),
        (1e-12, 0, np.float32),
        (1e12, 0, np.float32),
        (1, 1e8, np.float64),
    ],
)
def test_the_scale_and_the_mean_of_the_latents_do_not_matter(
    data, scale, offset, dtype, by_group
):
    X, labels, groups = data
    grouping = Grouping.read(groups, 90) if by_group else None
    found = compactness((X * scale + offset).astype(dtype), labels, 0, grouping)
    assert found == pytest.approx(compactness(X, labels, 0, grouping), rel=1e-5)


def test_equal_latents_have_a_silhouette_of_0():
    X, labels = np.full((6, 2), 0.1, dtype=np.float32), np.tile([0, 1], 3)
    assert compactness(X, labels, 0) == (0, 0)
    assert compactness(X, labels, 0, Grouping.read([0, 0, 1, 2, 3, 4], 6)) == (0, 0)


samples = st.lists(
    st.tuples(st.integers(0, 2), st.integers(1, 4), st.integers(0, 3)),
    min_size=3,
    max_size=20,
)


@settings(max_examples=25)
@given(samples)
def test_weights_of_the_davies_bouldin_index_count_like_copies(rows):
    labels, times, positions = np.array(rows).T
    labels[:2] = 0, 1
    points = np.column_stack([positions, positions**2 % 3]).astype(float)
    copies = np.repeat(np.arange(len(labels)), times)
    assume(len(np.unique(labels)) < len(copies))
    # Coinciding centers differ by rounding errors, by which scikit-learn divides.
    centers = [
        points[copies][labels[copies] == stratum].mean(axis=0)
        for stratum in np.unique(labels)
    ]
    assume(pdist(centers).min() > 1e-9)
    found = weighted_davies_bouldin(points, labels, times / 3)
    expected = davies_bouldin_score(points[copies], labels[copies])
    assert found == pytest.approx(expected, rel=1e-8, abs=1e-10)


def test_a_group_weighs_as_one(data):
    X, labels, groups = data
    grouping = Grouping.read(groups, 90)
    silhouette, davies_bouldin = compactness(X, labels, 0, grouping)
    expected = group_silhouette(X, labels, grouping)
    assert silhouette == pytest.approx(expected, rel=1e-12)
    sizes = np.bincount(grouping.codes)
    copies = np.repeat(np.arange(90), np.lcm.reduce(sizes) // sizes[grouping.codes])
    expected = davies_bouldin_score(X[copies], labels[copies])
    assert davies_bouldin == pytest.approx(expected, abs=1e-10)


def test_noise_is_left_out_and_the_rest_of_its_group_weighs_as_one(data):
    X, labels, groups = data
    labels[::4] = -1
    kept = labels >= 0
    expected = compactness(X[kept], labels[kept], 0, Grouping.read(groups[kept], 67))
    assert compactness(X, labels, 0, Grouping.read(groups, 90)) == expected


def test_the_selection_takes_whole_groups(data, monkeypatch):
    X, labels, groups = data
    X = _compactness._normalize(X)
    monkeypatch.setattr(_compactness, "MAX_SILHOUETTE", 40)
    seen = []

    def record(points, strata, grouping):
        seen.append((points, np.bincount(grouping.codes)))
        return 0.0

    monkeypatch.setattr(_compactness, "group_silhouette", record)
    compactness(X, labels, 0, Grouping.read(groups, 90))
    compactness(X, labels, 1, Grouping.read(groups, 90))
    (points, sizes), (other, _) = seen
    assert 30 < len(points) <= 40
    assert points.shape != other.shape or (points != other).any()
    rows = [np.flatnonzero(np.isclose(point, X).all(axis=1))[0] for point in points]
    _, all_sizes = np.unique(groups, return_counts=True)
    known = dict(zip(np.unique(groups), all_sizes, strict=True))
    assert sorted(sizes) == sorted(known[g] for g in set(groups[rows]))


def test_a_selection_has_two_groups_even_if_they_are_large(monkeypatch):
    monkeypatch.setattr(_compactness, "MAX_SILHOUETTE", 3)
    labels, groups = np.tile([0, 1], 6), np.repeat([0, 1], 6)
    X = labels[:, None] + groups[:, None] * 0.1
    silhouette, _ = compactness(X, labels, 0, Grouping.read(groups, 12))
    assert silhouette == pytest.approx(0.9, abs=0.05)


@pytest.mark.parametrize(
    ("labels", "groups"),
    [
        ([0, 0, 0, 0], [0, 0, 1, 2]),
        ([0, 0, 1, 1], [0, 0, 1, 1]),
        ([-1, -1, -1, -1], [0, 0, 1, 2]),
    ],
)
def test_strata_without_two_groups_have_no_compactness(labels, groups):
    X = np.arange(8.0).reshape(4, 2)
    found = compactness(X, np.array(labels), 0, Grouping.read(groups, 4))
    assert np.isnan(found).all()
    assert np.isnan(compactness(None, np.array(labels), 0)).all()
