import numpy as np

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
