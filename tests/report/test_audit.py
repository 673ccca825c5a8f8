import numpy as np
import pandas as pd
import pytest
from people import LABELS, META, PATIENT, N, choose
from sklearn.metrics import balanced_accuracy_score

from contrastive_clustering import audit_confounding
from contrastive_clustering._report.audit import (
    audit_strata,
    find_auditable,
    split_variables,
)
from contrastive_clustering._utils.grouping import Grouping
from contrastive_clustering._utils.nuisance import Nuisance

GROUPING = Grouping(PATIENT, N // 2)
NUISANCE = Nuisance.read({"site": META["site"], "view": np.arange(N) % 4}, N)


def test_probabilities_decide_between_equally_frequent_strata():
    labels = np.arange(N) % 2  # each patient has a sample in either stratum
    proba = np.where(labels[:, None] == [0, 1], 0.6, 0.4)
    is_second = PATIENT % 4 > 0
    proba[is_second & (labels == 1)] = 0.1, 0.9
    y = np.where(np.arange(N) // 2 % 10, is_second, ~is_second).astype(int)
    audit = audit_strata(NUISANCE, choose(labels=labels, proba=proba, y=y), GROUPING, 0)
    sites = pd.crosstab(is_second[::2], META["site"][::2])
    np.testing.assert_array_equal(audit.composition["site"][["A", "B"]], sites)
    expected = balanced_accuracy_score(y[::2], is_second[::2])
    assert audit.y_balanced_accuracy == pytest.approx(expected)


def test_without_ties_the_audit_is_that_of_the_samples():
    class Known:
        def predict(self, X):
            return LABELS[X[:, 0]]

    audit = audit_strata(NUISANCE, choose(), None, 0)
    columns = {"site": META["site"], "view": np.arange(N) % 4}
    expected = audit_confounding(
        Known(), np.arange(N)[:, None], nuisance=columns, random_state=0
    )
    np.testing.assert_array_equal(audit.composition, expected.composition)
    assert audit.table["p"].tolist() == expected.table["p"].tolist()
    assert np.isnan(audit.y_balanced_accuracy)


def test_variables_of_one_level_are_left_out():
    rows = np.flatnonzero(np.arange(N) % 4 == 1)
    kept, others = find_auditable(NUISANCE.take(rows), GROUPING.take(rows))
    assert kept.names == ("site",)
    assert others == ("view",)
    assert split_variables(NUISANCE, [False, False]) == (None, ["site", "view"])
