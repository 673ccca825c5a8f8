import numpy as np
import pytest

from contrastive_clustering import audit_perturbations

X = np.repeat(np.arange(8.0), 5)[:, None]


class Halves:
    def predict(self, X):
        return (np.asarray(X)[:, 0] >= 4).astype(int)


@pytest.fixture
def audit():
    changes = {"none": lambda X: X, "less": lambda X: X - 1}
    return audit_perturbations(Halves(), X, perturbations=changes, random_state=0)


def test_tables(audit):
    assert audit.table.index.tolist() == ["none", "less"]
    assert audit.table["same_stratum"].tolist() == [1, 35 / 40]
    assert audit.table.loc["less", "size"] == pytest.approx(1 / X.std())
    assert audit.table.loc["less", "low"] < 35 / 40 < audit.table.loc["less", "high"]
    assert audit.by_stratum.loc[1].tolist() == [1, 0.75]
    assert audit.by_stratum.loc[0].tolist() == [1, 1]


def test_text(audit):
    lines = str(audit).splitlines()
    assert lines[0].startswith("2 strata of 40 samples: share that stays")
    assert lines[1] == "  none (size 0): 1.00, least in stratum 0: 1.00"
    assert lines[2].startswith("  less (size 0.44): 0.88 [0.")
    assert lines[2].endswith("least in stratum 1: 0.75")


def test_groups_are_counted_in_the_text():
    audit = audit_perturbations(Halves(), X, groups=X[:, 0], random_state=0)
    assert str(audit).startswith("2 strata of 40 samples of 8 groups: ")


def test_a_single_stratum_has_no_least():
    audit = audit_perturbations(Halves(), X[:10], random_state=0)
    assert str(audit).startswith("1 stratum of 10 samples: ")
    assert "least" not in str(audit)
