from types import SimpleNamespace

import numpy as np
import pytest

from contrastive_clustering import ContrastiveAutoencoderClusterer
from contrastive_clustering._data.duplicates import count_distinct, number_distinct
from contrastive_clustering._data.layout import read_layout
from contrastive_clustering._data.scaling import Scaler
from contrastive_clustering._report.data import Chosen, choose_samples
from contrastive_clustering._report.privacy import (
    MAX_DISTANCE_RATIO,
    N_NEXT,
    Privacy,
    count_members,
    distance_ratios,
    examine,
    is_of_one_group,
    is_training_set,
    typical_distance,
)
from contrastive_clustering._utils.grouping import Grouping


class Fitted:
    """A fitted estimator with strata of 6, 1, 3 and 0 samples, and noise."""

    labels_ = np.array([0] * 6 + [1] + [2] * 3 + [-1])
    n_clusters_ = 4


def test_members_are_counted_without_noise():
    assert count_members(Fitted).tolist() == [6, 1, 3, 0]


@pytest.mark.parametrize(
    ("labels", "rows", "n_samples", "expected"),
    [
        (Fitted.labels_, np.arange(11), 11, True),
        (Fitted.labels_[[1, 6, 7]], np.array([1, 6, 7]), 11, True),
        (Fitted.labels_, np.arange(11), 12, False),
        (Fitted.labels_[::-1], np.arange(11), 11, False),
    ],
)
def test_training_set_is_recognized_by_its_strata(labels, rows, n_samples, expected):
    chosen = Chosen(None, None, rows, None, labels, None, None)
    assert is_training_set(Fitted, chosen, n_samples) is expected


def test_centers_of_several_samples_and_groups_that_resemble_none_are_shown():
    resembling, of_one_group = np.zeros((2, 5), bool)
    resembling[3] = of_one_group[4] = True
    found = Privacy(np.array([0, 1, 2, 9, 9]), resembling, of_one_group, True)
    assert found.shown.tolist() == [2]


def scaler_of(X):
    return Scaler.fit(X, read_layout(X.shape))


def slow_distance_ratio(image, X, near_copy):
    """Return the ratio of one gray image by the definition."""
    X = np.unique(X, axis=0).astype(float)

    def distance(a, b):
        correlation = np.corrcoef(a.ravel(), b.ravel())[0, 1]
        return np.sqrt(max(0, 2 - 2 * correlation))

    from_image = np.array([distance(image, each) for each in X])
    nearest = from_image.argmin()
    others = [
        from_image[index]
        for index in range(len(X))
        if index != nearest and distance(X[nearest], X[index]) > near_copy
    ]
    if not others:
        others = np.delete(from_image, nearest).tolist()
    return from_image[nearest] / np.mean(sorted(others)[:N_NEXT])


@pytest.mark.parametrize("n_samples", [3, 80])
def test_distance_ratio_matches_the_definition(n_samples):
    rng = np.random.default_rng(n_samples)
    X = rng.normal(size=(n_samples, 9, 9)).round(2)
    X = np.concatenate([X, X[:2], X[:1] + 0.1 * rng.normal(size=(4, 9, 9))])
    decoded = np.stack(
        [X[0] + 0.3 * rng.normal(size=(9, 9)), X.mean(0), rng.normal(size=(9, 9)), X[1]]
    )
    found, alike = distance_ratios(decoded, X, number_distinct(X), scaler_of(X), 0.5)
    slow = [slow_distance_ratio(image, X, 0.5) for image in decoded]
    np.testing.assert_allclose(found, slow, atol=2e-3)
    assert found[3] < 1e-2 < MAX_DISTANCE_RATIO
    assert alike[3, [1, n_samples + 1]].all()
    assert alike[0, [0, *range(n_samples + 2, n_samples + 6)]].all()
    assert not alike[0, 1]
    assert found[2] > MAX_DISTANCE_RATIO


def test_samples_that_are_all_near_copies_count_as_others():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(8, 9, 9))
    decoded = X[:2] + 0.3 * rng.normal(size=(2, 9, 9))
    found, alike = distance_ratios(decoded, X, number_distinct(X), scaler_of(X), np.inf)
    slow = [slow_distance_ratio(image, X, np.inf) for image in decoded]
    np.testing.assert_allclose(found, slow, atol=2e-3)
    assert found.min() > 0.1
    assert alike.all()


def test_distance_ratio_ignores_brightness_and_contrast():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(40, 9, 9))
    decoded = X[:3] + 0.3 * rng.normal(size=(3, 9, 9))
    codes, scaler = number_distinct(X), scaler_of(X)
    np.testing.assert_allclose(
        distance_ratios(5 + 0.1 * decoded, X, codes, scaler, 0.5)[0],
        distance_ratios(decoded, X, codes, scaler, 0.5)[0],
        rtol=1e-4,
    )


def test_every_image_resembles_a_single_sample():
    images = np.random.default_rng(0).normal(size=(2, 8, 8))
    one = images[:1].repeat(5, axis=0)
    ratios, _ = distance_ratios(
        images, one, number_distinct(one), scaler_of(images), np.inf
    )
    assert ratios.tolist() == [0, 0]


def test_typical_distance_is_measured_between_strata():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(3, 8, 8)).repeat(20, axis=0)
    X[20:] += 0.01 * rng.normal(size=(40, 8, 8))
    codes, scaler = number_distinct(X), scaler_of(X)

    def typical(labels):
        chosen = Chosen(X, X, np.arange(60), None, labels, None, None)
        return typical_distance(chosen, codes, scaler)

    correlations = np.corrcoef(X[[0, 20, 40]].reshape(3, -1))
    between = np.sqrt(2 - 2 * np.sort(correlations, axis=1)[:, 1])
    assert between.min() - 0.1 < typical(np.arange(60) // 20) < between.max() + 0.1
    assert typical(np.zeros(60, int)) < 0.05


class Decoding(Fitted):
    """An estimator with given decoded centers."""

    def __init__(self, labels, centers, X):
        self.labels_, self.cluster_centers_ = labels, centers
        self.n_clusters_ = len(centers)
        self._model = SimpleNamespace(scaler=scaler_of(X))

    def inverse_transform(self, latents):
        return latents


def images_with_copies(deviation):
    """Return images of three strata: one of distinct images, two of copies."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(90, 8, 8))
    X[30:60], X[60:] = X[30], X[60]
    X[30:] += deviation * rng.normal(size=(60, 8, 8))
    return X, np.arange(90) // 30


@pytest.mark.parametrize("deviation", [0, 0.05, 0.3])
@pytest.mark.parametrize("part", [slice(None), slice(0, 90, 2)])
def test_copies_and_noisy_copies_are_found(deviation, part):
    X, labels = images_with_copies(deviation)
    centers = np.stack([X[labels == k].mean(axis=0) for k in range(3)])
    estimator = Decoding(labels, centers, X)
    X, found = X[part], labels[part]
    chosen = Chosen(X, X, np.arange(len(X)), None, found, None, None)
    privacy = examine(estimator, chosen, X)
    assert privacy.shown.tolist() == [0]
    assert privacy.is_training_set is (part == slice(None))
    copies = 30 if deviation else 1
    assert privacy.n_distinct.tolist() == [30, copies, copies]


def test_center_that_resembles_a_member_is_found_in_a_mixed_stratum():
    rng = np.random.default_rng(0)
    X, labels = rng.normal(size=(90, 8, 8)), np.arange(90) // 30
    X[35:60] = X[30]
    centers = np.stack([X[labels == k].mean(axis=0) for k in range(3)])
    chosen = Chosen(X, X, np.arange(90), None, labels, None, None)
    privacy = examine(Decoding(labels, centers, X), chosen, X)
    assert privacy.n_distinct.tolist() == [30, 5, 30]
    assert privacy.resembling.tolist() == [False, True, False]


def test_average_digits_are_shown(digits):
    images = digits[0][:300]
    estimator = ContrastiveAutoencoderClusterer(
        3, clusterer="kmeans", max_epochs=5, refinement_epochs=1, random_state=0
    ).fit(images)
    chosen = choose_samples(estimator, images, images, None, max_samples=300, seed=0)
    privacy = examine(estimator, chosen, images)
    assert privacy.is_training_set
    np.testing.assert_array_equal(
        privacy.n_distinct,
        count_distinct(estimator.labels_, number_distinct(images), 3),
    )
    assert privacy.shown.tolist() == [0, 1, 2]


@pytest.mark.parametrize(("n_copies", "expected"), [(12, False), (15, True)])
def test_share_of_near_copies_is_limited(n_copies, expected):
    rng = np.random.default_rng(0)
    X, labels = rng.normal(size=(60, 8, 8)), np.arange(60) // 30
    X[1:n_copies] = X[0] + 0.05 * rng.normal(size=(n_copies - 1, 8, 8))
    centers = np.stack([X[0] + 1.5 * rng.normal(size=(8, 8)), X[30:].mean(axis=0)])
    chosen = Chosen(X, X, np.arange(60), None, labels, None, None)
    privacy = examine(Decoding(labels, centers, X), chosen, X)
    assert privacy.resembling.tolist() == [expected, False]


def test_samples_with_few_features_are_not_compared():
    rng = np.random.default_rng(0)
    X, labels = rng.normal(size=(60, 10)), np.arange(60) // 30
    centers = X[[0, 30]]
    chosen = Chosen(X, X, np.arange(60), None, labels, None, None)
    privacy = examine(Decoding(labels, centers, X), chosen, X)
    assert privacy.shown.tolist() == [0, 1]


@pytest.mark.parametrize(("n_of_one", "expected"), [(13, False), (14, True)])
def test_share_of_a_group_is_limited(n_of_one, expected):
    rng = np.random.default_rng(0)
    X, labels = rng.normal(size=(60, 10)), np.arange(60) // 30
    patients = np.arange(60)
    patients[:n_of_one] = 0
    patients[30:40] = 30
    chosen = Chosen(X, X, np.arange(60), None, labels, None, None)
    privacy = examine(
        Decoding(labels, X[[0, 30]], X), chosen, X, Grouping.read(patients, 60)
    )
    assert privacy.of_one_group.tolist() == [expected, False]
    assert privacy.shown.tolist() == ([1] if expected else [0, 1])


@pytest.mark.parametrize("n_used", [0, 1])
def test_strata_of_which_few_samples_are_used_are_examined_as_a_whole(n_used):
    """The second stratum is of one patient, the third of noisy copies."""
    rng = np.random.default_rng(0)
    X, labels = rng.normal(size=(90, 8, 8)), np.arange(90) // 30
    X[60:] = X[60] + 0.05 * rng.normal(size=(30, 8, 8))
    patients = np.where(labels == 1, 0, np.arange(90))
    centers = np.stack([X[:30].mean(axis=0), X[30:60].mean(axis=0)])
    far = X[60] + 1.5 * rng.normal(size=(8, 8))
    estimator = Decoding(labels, np.concatenate([centers, far[None]]), X)
    rows = np.r_[np.arange(1, 30), 30 + np.arange(n_used), 60 + np.arange(n_used)]
    chosen = Chosen(X[rows], X[rows], rows, None, labels[rows], None, None)
    privacy = examine(estimator, chosen, X, Grouping.read(patients, 90))
    assert privacy.is_training_set
    assert privacy.of_one_group.tolist() == [False, True, False]
    assert privacy.resembling.tolist() == [False, False, True]
    assert privacy.shown.tolist() == [0]


def test_groups_of_one_sample_hide_nothing():
    labels = np.array([0, 0, 1, 1, -1])
    found = is_of_one_group(labels, 2, Grouping.read(np.arange(5), 5))
    assert not found.any()
    assert not is_of_one_group(labels, 2, None).any()
