import pickle
import sys
from dataclasses import replace

import numpy as np
import pytest
from sklearn.cluster import KMeans
from sklearn.datasets import make_blobs

from contrastive_clustering._evaluation.stability import cluster_stability


@pytest.fixture(scope="module")
def blobs():
    return make_blobs(200, centers=4, cluster_std=0.4, random_state=3)


@pytest.fixture(scope="module")
def by_group(blobs):
    """Four clusters, the last of which has a single group."""
    X, y = blobs
    groups = np.where(y == 3, -1, np.arange(200) // 2)
    return cluster_stability(
        KMeans(4, n_init=10), X, groups=groups, random_state=0
    ), groups


def test_table(blobs, monkeypatch):
    result = cluster_stability(KMeans(4, n_init=10), blobs[0], random_state=0)
    frame = result.table
    assert frame.columns.tolist() == [
        "n_samples",
        "jaccard_mean",
        "jaccard_low",
        "jaccard_high",
        "jaccard_chance",
        "stable",
    ]
    assert frame["n_samples"].sum() == 200
    assert frame.index.name == "stratum"
    assert (
        pickle.loads(pickle.dumps(result)).adjusted_rand_mean
        == result.adjusted_rand_mean
    )
    monkeypatch.setitem(sys.modules, "pandas", None)
    needed = "^ClusterStability.table needs pandas.*pip install pandas"
    with pytest.raises(ImportError, match=needed):
        result.table  # noqa: B018


def test_table_with_groups(by_group):
    result, groups = by_group
    frame = result.table
    assert frame.columns[:2].tolist() == ["n_samples", "n_groups"]
    assert frame["n_groups"].sum() == len(np.unique(groups))


def test_a_stratum_of_one_sample_is_in_the_singular(by_group):
    result = replace(
        by_group[0], sample_counts=np.array([1, 50, 50, 1]), group_counts=None
    )
    lines = str(result).splitlines()
    assert lines[1].startswith("  stratum 0 (1 sample): Jaccard")
    assert lines[2].startswith("  stratum 1 (50 samples): Jaccard")


def test_reasons_why_no_stratum_is_stable(by_group):
    result = replace(
        by_group[0],
        stable=np.zeros(4, bool),
        jaccard_mean=np.array([0.9, 0.9, 0.9, 0.7]),
        jaccard_interval=np.array([[0.8, 1]] * 4),
        jaccard_chance=np.array([0.1, 0.1, 0.8, 0.1]),
        group_counts=np.array([4, 1, 25, 25]),
    )
    assert str(result).splitlines()[-2:] == [
        "No stratum is stable: refits to subsets of the groups find other strata, or "
        "shuffled labels may be as similar, or strata have too few groups. Do not "
        "report these.",
        "Fewer than 5 groups cannot be stable: strata 0 and 1.",
    ]


def test_text_with_groups(by_group):
    result, groups = by_group
    small = int(result.group_counts.argmin())
    assert result.group_counts[small] == 1
    assert result.stable.sum() == 3
    lines = str(result).splitlines()
    assert lines[0].startswith(f"4 strata of 200 samples, {len(set(groups))} groups in")
    assert f"stratum {small} (50 samples, 1 group): Jaccard" in lines[1 + small]
    assert lines[-2].endswith(f"Unstable strata: {small}.")
    assert lines[-1] == f"Fewer than 5 groups cannot be stable: stratum {small}."
