import numpy as np
import pytest
from skorch.dataset import ValidSplit

from contrastive_clustering._data.dataset import ArrayDataset
from contrastive_clustering._data.layout import read_layout
from contrastive_clustering._data.metadata import Metadata
from contrastive_clustering._data.scaling import Scaler
from contrastive_clustering._training.validation_split import ValidationSplit


def make(groups=None):
    X = np.random.default_rng(0).normal(size=(60, 4))
    metadata = Metadata.read(groups, None, 60)
    scaler = Scaler.fit(X, read_layout(X.shape))
    return ArrayDataset(X, scaler, metadata=metadata)


@pytest.mark.parametrize("seed", range(5))
def test_whole_groups_are_held_out(seed):
    groups = np.random.default_rng(seed).integers(0, 12, 60)
    split = ValidationSplit(0.4, random_state=seed)
    training, validation = (np.array(part.indices) for part in split(make(groups)))
    assert sorted([*training, *validation]) == list(range(60))
    assert not set(groups[training]) & set(groups[validation])
    assert len(set(groups[validation])) == 5
    assert split(make(groups))[1].indices == validation.tolist()


def test_without_groups_the_split_is_that_of_skorch():
    ours, theirs = (
        split(0.25, random_state=1)(make()) for split in (ValidationSplit, ValidSplit)
    )
    for own, expected in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(own.indices, expected.indices)
