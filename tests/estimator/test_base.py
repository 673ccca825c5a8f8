import math

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError
from torch.utils.data import Dataset, IterableDataset

from contrastive_clustering import ContrastiveAutoencoderClusterer

ATTRIBUTES = [
    "labels_",
    "cluster_centers_",
    "n_clusters_",
    "linkage_",
    "cluster_number_search_",
    "group_labels_",
    "net_",
    "history_",
    "n_features_in_",
    "feature_names_in_",
    "examples_",
]


@pytest.mark.parametrize("name", ATTRIBUTES)
def test_attributes_are_missing_before_fit(name):
    clusterer = ContrastiveAutoencoderClusterer()
    assert not hasattr(clusterer, name)
    with pytest.raises(NotFittedError):
        getattr(clusterer, name)


def test_attributes_are_those_of_the_model(fitted_digits, digits):
    model = fitted_digits._model
    assert fitted_digits.labels_ is model.clustering.labels
    assert fitted_digits.cluster_centers_ is model.clustering.latent_centers
    assert fitted_digits.net_ is model.net
    assert fitted_digits.n_clusters_ == len(fitted_digits.cluster_centers_)
    assert fitted_digits.n_features_in_ == math.prod(digits[0].shape[1:])
    assert fitted_digits.linkage_.shape == (fitted_digits.n_clusters_ - 1, 4)
    assert len(vars(fitted_digits)) == len(fitted_digits.get_params(deep=False)) + 1


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("feature_names_in_", "X had no column names"),
        ("examples_", "Set store_examples=True"),
        ("cluster_number_search_", 'no search .* Fit with n_clusters="auto"'),
        ("group_labels_", "Pass groups to fit"),
    ],
)
def test_optional_attributes_are_missing(fitted_digits, name, reason):
    assert not hasattr(fitted_digits, name)
    with pytest.raises(AttributeError, match=f"attribute '{name}': .*{reason}"):
        getattr(fitted_digits, name)


def test_the_model_is_replaced_in_one_step(tiny_images, fast):
    clusterer = ContrastiveAutoencoderClusterer(**fast).fit(tiny_images)
    model, labels = clusterer._model, clusterer.labels_.copy()
    with pytest.raises(ValueError, match="'lr' parameter"):
        clusterer.set_params(lr=-1.0).fit(tiny_images)
    assert clusterer._model is model
    np.testing.assert_array_equal(clusterer.labels_, labels)


def test_group_labels_need_groups(tiny_images, fast):
    clusterer = ContrastiveAutoencoderClusterer(**fast).fit(tiny_images)
    with pytest.raises(AttributeError, match="Pass groups to fit"):
        clusterer.group_labels_  # noqa: B018
    clusterer.fit(tiny_images, groups=np.arange(40))
    np.testing.assert_array_equal(clusterer.group_labels_, clusterer.labels_)


class Rows(Dataset):
    def __init__(self, rows):
        self.rows = rows

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, index):
        return self.rows[index], 0


class Stream(IterableDataset):
    def __init__(self, rows):
        self.rows = rows

    def __iter__(self):
        yield from self.rows


@pytest.mark.parametrize("kind", [Rows, Stream])
def test_rows_of_data_sets_have_as_many_features_as_in_fit(kind, fast):
    rows = np.random.default_rng(0).normal(size=(40, 5))
    clusterer = ContrastiveAutoencoderClusterer(**fast).fit(kind(rows))
    assert clusterer.n_features_in_ == 5
    expected = clusterer.predict(rows)
    np.testing.assert_array_equal(clusterer.predict(kind(rows)), expected)
    with pytest.raises(ValueError, match=r"X has 4 features, but .* is expecting 5"):
        clusterer.predict(kind(rows[:, :4]))
