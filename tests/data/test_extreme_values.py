import warnings

import numpy as np
import pytest

from contrastive_clustering import ContrastiveAutoencoderClusterer
from contrastive_clustering._data.extreme_values import doubts_of_extremes
from contrastive_clustering._data.layout import read_layout
from contrastive_clustering._data.scaling import Scaler


def find_doubts(X):
    return doubts_of_extremes(X, Scaler.fit(X, read_layout(X.shape)))


@pytest.fixture
def images():
    return np.random.default_rng(0).uniform(size=(200, 12, 12, 3))


def test_hot_pixels_of_one_channel_are_named(images):
    for index in (7, 30, 31, 90, 150):
        images[index, 2, 3, 1] = 1e4
    (doubt,) = find_doubts(images)
    assert doubt.startswith("X[7], X[30], X[31] and 2 more (5 of 200 samples) have")
    assert "They make up 100% of the variance" in doubt
    assert "10000" not in doubt


def test_the_part_of_the_variance_agrees_with_slow_code(images):
    images[9, 4, 4] = 8.0  # less than 30 standard deviations from the mean
    shares = []
    for index in (5, 8, 10):
        images[index, 1, 1] = -20.0
        channel = images[..., 0]
        scores = (channel - channel.mean()) / channel.std()
        is_extreme = np.abs(scores) > 30
        named = np.flatnonzero(is_extreme.any(axis=(1, 2)))
        shares.append((scores[is_extreme] ** 2).sum() / (scores**2).sum())
        doubts = find_doubts(images)
        assert len(doubts) == (shares[-1] >= 0.25)
    assert shares[0] < 0.25 < shares[-1]
    assert named.tolist() == [5, 8, 10]
    assert doubts[0].startswith("X[5], X[8] and X[10] (3 of 200 samples)")
    assert f"{shares[-1]:.0%} of the variance" in doubts[0]


def test_usual_images_raise_no_doubt(images):
    assert find_doubts(images) == []
    assert find_doubts(images**8) == []
    assert find_doubts(np.exp(6 * images)) == []


def test_few_pixels_of_most_images_are_a_structure():
    masks = np.zeros((40, 64, 64), np.uint8)
    masks[:30, 20, 20:23] = 1
    assert find_doubts(masks) == []
    masks[10:30] = 0
    assert len(find_doubts(masks)) == 1


def test_columns_of_tables_do_not_hide_each_other():
    table = np.random.default_rng(0).normal(size=(2000, 5))
    table[0] = 1e6
    assert find_doubts(table) == []


def test_a_first_fit_warns_before_training(images):
    images[7, 2, 3, 1] = 1e4
    clusterer = ContrastiveAutoencoderClusterer(
        2, max_epochs=1, refinement_epochs=0, warm_start=True, random_state=0
    )
    with pytest.warns(UserWarning, match=r"X\[7\] .*clip X") as record:
        clusterer.fit(images)
    assert record[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        clusterer.fit(images)  # the statistics are those of the first fit
