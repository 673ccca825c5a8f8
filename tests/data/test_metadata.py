import numpy as np
import pandas as pd
import pytest
import scipy.sparse
import torch

from contrastive_clustering._data.metadata import Metadata


def test_groups_of_one_sample_each_are_the_same_as_none():
    assert Metadata.read([3, 1, 2], None, 3).groups is None


def test_metadata_of_some_samples():
    metadata = Metadata.read([1, 1, 2, 2], ["a", "b", "a", "b"], 4)
    part = metadata.take(np.array([0, 1, 3]))
    assert part.groups.codes.tolist() == [0, 0, 1]
    assert part.nuisance.codes[:, 0].tolist() == [0, 1, 1]
    np.testing.assert_allclose(part.weights(), [0.5, 0.5, 1])
    assert metadata.take(None) is metadata


def test_without_metadata_there_are_no_weights():
    metadata = Metadata.read(None, None, 4)
    assert metadata.weights() is None
    assert metadata.take(np.array([0])).groups is None


BOTH = "groups nuisance"

# Values, and the parameters that accept them.
ODD = [
    (None, BOTH),
    (3, ""),
    ("abc", ""),
    (b"ab", ""),
    (object(), ""),
    ([], ""),
    ([1], ""),
    ([1, 2, 3, 4], "groups"),
    ([[1, 2], [3]], ""),
    ([[1, 2], [3, 4], [5, 6], [7, 8]], ""),
    ({"a": 1}, ""),
    ({"a": [1, 1, 2, 2], "b": [0, 1]}, ""),
    (np.array(5), ""),
    (np.zeros((4, 2, 2)), ""),
    (np.array([1 + 2j, 1, 2, 2]), "groups"),
    (np.array([[1], [2], [1], [2]], dtype=object), BOTH),
    ([{}, {}, {}, {}], ""),
    ([np.nan, np.inf, 1.0, 1.0], "groups"),
    (["", " ", None, "a"], BOTH),
    ([1, "1", 1.0, True], "groups"),
    (torch.tensor([1, 1, 2, 2]), BOTH),
    (torch.zeros(4, 3), ""),
    (pd.Series([pd.NaT, pd.Timestamp("2020"), pd.NaT, None]), BOTH),
    (pd.DataFrame({"a": [1, 2, 1, 2], "b": ["x", None, "x", "y"]}), ""),
    (pd.Series([1, 2, None, 1], dtype="Int64"), "groups"),
    (pd.Categorical(["a", "b", "a", None]), "groups"),
    (range(4), "groups"),
    (iter([1, 1, 2, 2]), ""),
    (scipy.sparse.eye(4), ""),
]


@pytest.mark.parametrize("name", ["groups", "nuisance"])
@pytest.mark.parametrize(
    ("value", "accepted_as"), ODD, ids=[type(value).__name__ for value, _ in ODD]
)
def test_odd_metadata_are_read_or_refused_by_name(name, value, accepted_as):
    arguments = {"groups": None, "nuisance": None, name: value}
    if name not in accepted_as:
        with pytest.raises((TypeError, ValueError), match=rf"\b{name} (is|has) "):
            Metadata.read(**arguments, n_samples=4)
        return
    metadata = Metadata.read(**arguments, n_samples=4)
    if metadata.groups is not None:
        assert metadata.groups.codes.shape == (4,)
        assert metadata.groups.n_groups == len(np.unique(metadata.groups.codes))
    if metadata.nuisance is not None:
        assert len(metadata.nuisance.codes) == 4
        assert metadata.nuisance.indicators().sum(axis=1).min() > 0
