import sys

import numpy as np
import pytest
from sklearn.cluster import KMeans

from contrastive_clustering._evaluation import group_bootstrap
from contrastive_clustering._evaluation.evaluate import evaluate_clustering


@pytest.fixture(scope="module")
def evaluation(sets):
    strata = KMeans(9, random_state=0).fit(sets[0])
    return evaluate_clustering(strata, *sets)


def test_table_and_text(evaluation):
    frame = evaluation.table
    assert frame.columns.tolist() == ["value"]
    assert frame.loc["mapped_accuracy", "value"] == evaluation.mapped_accuracy
    assert (
        frame.loc["knn_latent_accuracy", "value"]
        == (evaluation.probes["knn_latent_accuracy"])
    )
    assert len(frame) == 9 + 8
    lines = str(evaluation).splitlines()
    assert lines[0] == "9 strata, 4 classes, 150 samples"
    assert f"{evaluation.mapped_accuracy:.3f}" in lines[1]
    assert len(lines) == 1 + len(frame)


def test_table_and_text_with_groups(sets, monkeypatch):
    monkeypatch.setattr(group_bootstrap, "N_RESAMPLES", 50)
    strata = KMeans(9, random_state=0).fit(sets[0])
    result = evaluate_clustering(strata, *sets, groups_test=np.arange(150) // 3)
    frame = result.table
    assert frame.columns.tolist() == ["value", "low", "high"]
    low, high = result.intervals["adjusted_rand"]
    assert frame.loc["adjusted_rand", ["low", "high"]].tolist() == [low, high]
    assert frame.loc["davies_bouldin", ["low", "high"]].isna().all()
    lines = str(result).splitlines()
    assert lines[0].endswith("150 samples, 50 groups, with 95 % intervals by group")
    assert lines[6].endswith(f"{result.adjusted_rand:.3f} [{low:.3f}, {high:.3f}]")
    assert "[" not in lines[8]


def test_tables_without_pandas(evaluation, monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    for name in ("table", "label_spread"):
        needed = f"^ClusteringEvaluation.{name} needs pandas.*pip install pandas"
        with pytest.raises(ImportError, match=needed):
            getattr(evaluation, name)
