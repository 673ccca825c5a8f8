import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from sklearn.cluster import KMeans
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from contrastive_clustering import ContrastiveAutoencoderClusterer, audit_perturbations


class Threshold:
    """A clusterer whose strata are the tens of the mean of each sample."""

    def predict(self, X):
        X = np.asarray(X)
        return (X.reshape(len(X), -1).mean(axis=1) // 10).astype(int)


VALUES = np.arange(60.0)
IMAGES = np.broadcast_to(VALUES[:, None, None], (60, 8, 8)).copy()


def plus(amount):
    return lambda samples: samples + amount


def test_shares_and_sizes_are_those_of_the_definition():
    changes = {"none": plus(0), "more": plus(3), "most": plus(10)}
    audit = audit_perturbations(Threshold(), IMAGES, perturbations=changes)
    assert audit.names == ("none", "more", "most")
    np.testing.assert_allclose(audit.shares, [1, 0.7, 0])
    np.testing.assert_allclose(audit.sizes, np.array([0, 3, 10]) / VALUES.std())
    np.testing.assert_array_equal(audit.rows, np.arange(60))
    np.testing.assert_array_equal(audit.labels, VALUES // 10)
    np.testing.assert_array_equal(audit.same[1], VALUES % 10 < 7)
    np.testing.assert_array_equal(audit.strata, np.arange(6))
    np.testing.assert_array_equal(audit.sample_counts, [10] * 6)
    np.testing.assert_allclose(audit.strata_shares, [[1, 0.7, 0]] * 6)
    low, high = audit.intervals[1]
    # One standard error is 0.06.
    assert 0.5 < low < 0.65
    assert 0.75 < high < 0.9
    assert np.isnan(audit.intervals[0]).all()
    assert audit.n_groups is None


def test_a_group_weighs_as_one():
    # The group with 31 samples keeps 0.7 of them, and each of the other groups all.
    X = np.concatenate([IMAGES[:31] % 10, np.full((4, 8, 8), 31.0)])
    groups = [0] * 31 + [1, 2, 3, 4]
    audit = audit_perturbations(
        Threshold(), X, perturbations={"more": plus(3)}, groups=groups
    )
    kept = np.mean(np.arange(31) % 10 < 7)
    assert audit.n_groups == 5
    np.testing.assert_allclose(audit.shares, [(kept + 4) / 5])
    np.testing.assert_allclose(audit.strata_shares, [[kept], [1]])


def test_at_most_max_samples_of_many_groups_are_used():
    groups = np.repeat(np.arange(20), 3)
    audit = audit_perturbations(
        Threshold(), IMAGES, groups=groups, max_samples=20, random_state=0
    )
    assert len(np.unique(groups[audit.rows])) == 20
    np.testing.assert_array_equal(audit.labels, VALUES[audit.rows] // 10)


def test_the_seed_determines_the_result():
    X = np.random.default_rng(0).uniform(0, 60, size=(90, 8, 8)).round()
    first, second, other = (
        audit_perturbations(Threshold(), X, max_samples=50, random_state=seed)
        for seed in (0, np.random.RandomState(0), 1)
    )
    np.testing.assert_array_equal(first.rows, second.rows)
    np.testing.assert_array_equal(first.same, second.same)
    np.testing.assert_array_equal(first.intervals, second.intervals)
    assert not np.array_equal(first.rows, other.rows)


def test_images_flat_images_and_tensors_agree(tiny_images, fast):
    flat = tiny_images.reshape(40, -1)
    images = ContrastiveAutoencoderClusterer(**fast).fit(tiny_images)
    rows = ContrastiveAutoencoderClusterer(**fast, image_shape=(8, 8)).fit(flat)
    expected = audit_perturbations(images, tiny_images, random_state=0)
    assert len(expected.names) == 7
    for estimator, X in (
        (images, list(tiny_images)),
        (images, torch.from_numpy(tiny_images)),
        (rows, flat),
    ):
        audit = audit_perturbations(estimator, X, random_state=0)
        assert audit.names == expected.names
        np.testing.assert_array_equal(audit.same, expected.same)
        np.testing.assert_allclose(audit.sizes, expected.sizes)


def test_a_pipeline_may_end_with_flattened_images(tiny_images, fast):
    flat = tiny_images.reshape(40, -1)
    clusterer = ContrastiveAutoencoderClusterer(**fast, image_shape=(8, 8))
    pipeline = make_pipeline(StandardScaler(), clusterer).fit(flat)
    assert "rotation" in audit_perturbations(pipeline, flat).names


def test_what_is_read_on_demand_is_read_once_for_all_changes(tiny_images, fast):
    class Counting(torch.utils.data.Dataset):
        n_read = 0

        def __len__(self):
            return len(tiny_images)

        def __getitem__(self, index):
            self.n_read += 1
            return tiny_images[index]

    clusterer = ContrastiveAutoencoderClusterer(**fast).fit(tiny_images)
    dataset = Counting()
    audit = audit_perturbations(clusterer, dataset, random_state=0)
    assert dataset.n_read <= len(tiny_images) + 2
    expected = audit_perturbations(clusterer, tiny_images, random_state=0)
    np.testing.assert_array_equal(audit.same, expected.same)


@pytest.mark.parametrize("library", [pd, pl])
def test_data_frames_keep_their_columns(library):
    rng = np.random.default_rng(0)
    table = np.r_[rng.normal(size=(30, 2)), 3 + rng.normal(size=(30, 2))]
    frame = library.DataFrame({"a": table[:, 0], "b": table[:, 1]})
    kmeans = KMeans(2, n_init=1, random_state=0).fit(frame)
    audit = audit_perturbations(kmeans, frame, random_state=0)
    of_array = audit_perturbations(
        KMeans(2, n_init=1, random_state=0).fit(table), table, random_state=0
    )
    assert audit.names == ("noise",)
    np.testing.assert_array_equal(audit.same, of_array.same)


def test_constant_samples_have_no_size():
    audit = audit_perturbations(Threshold(), np.full((9, 8, 8), 5.0))
    assert np.isnan(audit.sizes).all()
    assert (audit.shares == 1).all()


@pytest.mark.parametrize(
    ("X", "parameters", "error", "message"),
    [
        (IMAGES, {"estimator": 3}, ValueError, "'estimator' parameter.*'predict'"),
        (IMAGES, {"estimator": KMeans}, ValueError, "must be an instance of a class"),
        (IMAGES, {"max_samples": 0}, ValueError, "'max_samples' parameter"),
        (IMAGES, {"groups": [1, 2]}, ValueError, "groups"),
        (IMAGES, {"perturbations": abs}, TypeError, "perturbations=.* does not name"),
        (3, {}, TypeError, "X"),
    ],
)
def test_invalid_input_is_reported(X, parameters, error, message):
    parameters = {"estimator": Threshold(), **parameters}
    with pytest.raises(error, match=message):
        audit_perturbations(X=X, **parameters)


def test_only_numbers_can_be_changed():
    class First:
        def predict(self, X):
            return np.zeros(len(X), dtype=int)

    with pytest.raises(ValueError, match=r"^X has dtype <U1, but only numbers can be"):
        audit_perturbations(First(), np.array([["a"], ["b"]]))


def test_strata_of_x_rays_depend_on_blur_more_than_on_brightness(real_images):
    X, _ = real_images("pneumoniamnist", n=600)
    clusterer = ContrastiveAutoencoderClusterer(
        8, clusterer="kmeans", max_epochs=3, refinement_epochs=0, random_state=0
    ).fit(X[:400])
    audit = audit_perturbations(clusterer, X[400:], random_state=0)
    assert (audit.shares > 0.4).all()
    assert audit.shares.max() > audit.shares.min()
    np.testing.assert_allclose(audit.sizes[2:4], 0.1, atol=0.02)
