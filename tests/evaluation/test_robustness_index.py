import numpy as np
import pytest

from contrastive_clustering._evaluation import robustness_index as module
from contrastive_clustering._evaluation.robustness_index import robustness_index
from contrastive_clustering._utils.grouping import Grouping


def by_loop(latents, classes, levels, groups, n_neighbors):
    favorable = unfavorable = 0.0
    for i in range(len(latents)):
        others = np.flatnonzero(groups != groups[i])
        distances = np.linalg.norm(latents[others] - latents[i], axis=1)
        for j in others[np.argsort(distances)[:n_neighbors]]:
            weight = 1 / np.sum(groups == groups[i])
            favorable += weight * (classes[i] == classes[j] and levels[i] != levels[j])
            unfavorable += weight * (
                classes[i] != classes[j] and levels[i] == levels[j]
            )
    return favorable / unfavorable


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    groups = np.sort(rng.integers(25, size=80))
    groups = np.unique(groups, return_inverse=True)[1]
    return rng.normal(size=(80, 3)), *rng.integers(3, size=(2, 80)), groups


@pytest.mark.parametrize("max_entries", [1, module.MAX_ENTRIES])
def test_index_agrees_with_a_loop(data, max_entries, monkeypatch):
    monkeypatch.setattr(module, "MAX_ENTRIES", max_entries)
    latents, classes, levels, groups = data
    grouping = Grouping(groups, groups.max() + 1)
    index, chance = robustness_index(latents, classes, levels, grouping, 7)
    assert index == pytest.approx(by_loop(*data, 7), abs=1e-10)
    assert chance == pytest.approx(by_loop(*data, 80), abs=1e-10)


def test_index_is_above_one_if_neighbors_share_the_class():
    rng = np.random.default_rng(0)
    classes, levels = rng.integers(2, size=(2, 200))
    grouping = Grouping(np.arange(200), 200)
    of_class = rng.normal(size=(200, 2)) + 2 * classes[:, None]
    of_level = rng.normal(size=(200, 2)) + 2 * levels[:, None]
    assert robustness_index(of_class, classes, levels, grouping, 15)[0] > 2
    assert robustness_index(of_level, classes, levels, grouping, 15)[0] < 0.5


def test_a_pair_counts_less_than_one_in_a_large_group():
    latents = np.array([[-1.0], [0.1], [1.0], [0.0]])
    classes, levels = np.array([0, 1, 2, 0]), np.array([0, 1, 2, 2])
    groups = np.array([0, 0, 0, 1])  # the last one is nearest to the second
    found, _ = robustness_index(latents, classes, levels, Grouping(groups, 2), 1)
    assert found == pytest.approx(by_loop(latents, classes, levels, groups, 1)) == 1
    levels[2] = 3  # no unfavorable pair is left
    found, _ = robustness_index(latents, classes, levels, Grouping(groups, 2), 1)
    assert found == np.inf


def test_index_without_a_denominator():
    latents = np.array([[0.0], [1.0], [10.0], [11.0]])
    grouping = Grouping(np.arange(4), 4)
    pairs, levels = np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1])
    assert robustness_index(latents, pairs, levels, grouping, 1) == (np.inf, 1.0)
    index, _ = robustness_index(latents, pairs, pairs, grouping, 1)
    assert np.isnan(index)
