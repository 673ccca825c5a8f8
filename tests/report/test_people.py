import sys

import numpy as np
import pandas as pd
import polars as pl
import pytest
from people import LABELS, META, OPTIONS, PATIENT, N, choose, read

from contrastive_clustering import associate_strata, audit_confounding
from contrastive_clustering._report.people import examine_people


def test_nothing_is_read_without_parameters():
    assert read(None) is None


def test_groups_alone_are_those_of_the_metrics():
    data = read(None, groups=PATIENT)
    assert data.grouped
    np.testing.assert_array_equal(data.grouping.codes, PATIENT)
    people = examine_people(data, choose(), 0)
    assert people.association is people.audit is people.survival is None
    assert not people.is_incomparable
    with pytest.raises(ValueError, match=r"groups names 'patient', which is not a col"):
        read(None, groups="patient")
    with pytest.raises(ValueError, match="groups has 2 values"):
        read(None, groups=[0, 1])


@pytest.mark.parametrize("library", [dict, pd.DataFrame, pl.DataFrame, pl.LazyFrame])
def test_columns_that_identify_patients_are_left_out(library):
    data = read(library(META), **OPTIONS)
    assert list(data.columns) == ["age", "dose", "site"]
    assert data.left_out == ("name", "number")
    assert data.grouping.n_groups == 40
    assert data.survival.name == "days"
    assert data.nuisance.names == ("site",)


def test_columns_that_identify_patients_are_left_out_without_groups():
    data = read({**META, "accession": 2**60 + PATIENT})
    assert data.left_out == ("patient", "name", "accession")
    nuisance = {"site": META["site"], "who": META["patient"]}
    assert read(None, nuisance=nuisance).left_out == ("who",)


def test_a_column_of_large_integers_names_each_group():
    patient = [2**60 + i // 2 for i in range(N - 1)] + [None]
    data = read({"patient": patient, "age": META["age"]}, groups="patient")
    assert data.grouping.n_groups == 41


def test_groups_that_are_passed_twice_are_left_out():
    data = read(META, groups=META["patient"])
    assert "patient" not in data.columns
    assert data.left_out == ("patient", "name", "number")


def test_nuisance_variables_that_identify_patients_are_left_out():
    nuisance = {"site": META["site"], "who": META["patient"]}
    data = read(None, groups=PATIENT, nuisance=nuisance)
    assert data.nuisance.names == ("site",)
    assert data.left_out == ("who",)
    data = read(META, groups="patient", nuisance="name")
    assert data.nuisance is None
    people = examine_people(data, choose(), 0)
    assert people.audit is None


def test_results_are_those_of_the_functions():
    data = read(**OPTIONS)
    y = np.random.default_rng(3).integers(2, size=N)
    people = examine_people(data, choose(y=y), 5)
    kept = {name: META[name] for name in ("age", "dose", "site", "days", "died")}
    expected = associate_strata(
        LABELS, kept, groups=PATIENT, survival=("days", "died"), random_state=5
    )
    pd.testing.assert_frame_equal(people.association.table, expected.table)

    class Planted:
        def predict(self, X):
            return LABELS[X[:, 0]]

        def transform(self, X):
            return choose().latents[X[:, 0]]

    expected = audit_confounding(
        Planted(),
        np.arange(N)[:, None],
        nuisance={"site": META["site"]},
        y=y,
        groups=PATIENT,
        random_state=5,
    )
    pd.testing.assert_frame_equal(people.audit.table, expected.table)


def test_only_the_chosen_samples_are_used():
    rows = np.arange(0, N, 2)
    people = examine_people(read(**OPTIONS), choose(rows), 0)
    assert people.association.n_samples == 40
    assert people.audit.n_samples == 40
    assert len(people.survival.time) == 40
    np.testing.assert_array_equal(
        people.survival.time, np.asarray(META["days"], float)[rows]
    )


def test_survival_needs_no_metadata():
    data = read(None, survival=(META["days"], META["died"]))
    people = examine_people(data, choose(), 0)
    assert people.association.table.index.tolist() == ["survival"]


def test_features_of_a_table_are_not_tested():
    chosen = choose(n_features=3)
    metadata = {"copy": 2 * chosen.X[:, 1] + 1, "age": META["age"]}
    people = examine_people(read(metadata), chosen, 0)
    assert np.isnan(people.association.table.loc["copy", "p"])
    assert not np.isnan(people.association.table.loc["age", "p"])


def test_strata_that_do_not_differ_between_groups_are_not_compared():
    people = examine_people(read(**OPTIONS), choose(labels=np.zeros(N, int)), 0)
    assert people.association is None
    assert people.is_incomparable
    assert people.audit.verdict == "no sign of confounding"
    people = examine_people(read(**OPTIONS), choose(labels=np.full(N, -1)), 0)
    assert people.audit is None


def test_variables_that_the_samples_used_do_not_allow_to_audit_are_named():
    data = read(
        None,
        groups=PATIENT,
        nuisance={
            "site": META["site"],
            "rare": np.where(PATIENT == 39, "B", "A"),
            "scanner": PATIENT % 15,
        },
    )
    people = examine_people(data, choose(), 0)
    assert people.audit.table.index.tolist() == ["site", "rare", "scanner"]
    assert people.not_audited == ()
    people = examine_people(data, choose(np.arange(20)), 0)
    assert people.audit.table.index.tolist() == ["site", "scanner"]
    assert people.not_audited == ("rare",)
    people = examine_people(data, choose(np.arange(0, 20, 2)), 0)
    assert people.not_audited == ("rare", "scanner")
    people = examine_people(data, choose(np.arange(2)), 0)  # one patient
    assert people.audit is None
    assert people.not_audited == ("site", "rare", "scanner")


def test_few_samples_have_few_neighbors():
    rows = np.arange(6)
    y = np.arange(N) % 2
    people = examine_people(read(**OPTIONS), choose(rows, y=y), 0)
    assert people.audit.n_neighbors == 4
    labels = np.where(np.arange(N) < 2, 0, -1)  # a single group is left
    people = examine_people(read(**OPTIONS), choose(rows, labels, y), 0)
    assert np.isnan(people.audit.table.loc["site", "y_association"])


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        (
            {"metadata": dict.fromkeys((1, "1"), np.arange(N))},
            ValueError,
            "metadata has columns named 1 and '1'",
        ),
        ({"metadata": [1, 2]}, TypeError, "metadata=<list of 2 entries> has no named"),
        ({"metadata": {"a": [1]}}, ValueError, "column 'a' of metadata has 1 values"),
        ({"groups": "who"}, ValueError, "groups names 'who', which is not a column"),
        ({"groups": [1, 2]}, ValueError, "groups has 2 values"),
        ({"nuisance": "who"}, ValueError, "nuisance names 'who'"),
        ({"nuisance": [1, 2]}, ValueError, "nuisance has 2 values"),
        ({"survival": ("who", "died")}, ValueError, "survival names 'who'"),
        ({"survival": ([1], "died")}, ValueError, "survival has 1 values"),
    ],
    ids=str,
)
def test_invalid_input_is_reported(options, error, message):
    with pytest.raises(error, match=message):
        read(**options)


def test_missing_pandas_is_reported(monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match="clustering_report with metadata needs"):
        read()


def test_probabilities_decide_between_equally_frequent_strata():
    labels = np.arange(N) % 2  # each patient has a sample in either stratum
    proba = np.where(labels[:, None] == [0, 1], 0.6, 0.4)
    is_second = PATIENT % 4 > 0
    proba[is_second & (labels == 1)] = 0.1, 0.9
    people = examine_people(
        read(META, **OPTIONS), choose(labels=labels, proba=proba), 0
    )
    np.testing.assert_array_equal(people.labels, is_second)
    units = people.association.baseline.loc[("units", "n")]
    assert units.tolist() == ["40", "10", "30"]
    assert people.association.n_divided == 40
    composition = people.audit.composition["site"]
    assert composition.sum(axis=1).tolist() == [10, 30]
    sites = pd.crosstab(is_second[::2], META["site"][::2]).to_numpy()
    np.testing.assert_array_equal(composition[["A", "B"]], sites)


def test_groups_at_several_levels_are_counted_at_each():
    people = examine_people(
        read(groups=PATIENT, nuisance={"view": np.arange(N) % 2}), choose(), 0
    )
    composition = people.audit.composition["view"]
    expected = pd.crosstab(LABELS, np.arange(N) % 2)
    np.testing.assert_array_equal(composition[["0", "1"]], expected)


def test_samples_of_noise_stay_noise():
    labels = np.where(np.arange(N) % 5, LABELS, -1)
    proba = np.full((N, 3), 1 / 3)
    data = read(META, **OPTIONS)
    people = examine_people(data, choose(labels=labels, proba=proba), 0)
    np.testing.assert_array_equal(people.labels == -1, labels == -1)
    strata = [set(labels[p == PATIENT]) - {-1} for p in range(40)]
    assert people.association.n_divided == sum(len(each) > 1 for each in strata)


def test_texts_among_numbers_are_named_once():
    ages = [str(age) for age in np.arange(N) % 12]
    ages[17] = "?"
    with pytest.warns(UserWarning, match="column 'age' of metadata .* index 17"):
        data = read({"age": ages}, groups=np.arange(N) // 2)
    # Further warnings would be errors.
    assert examine_people(data, choose(), 0).association.table["kind"].tolist() == [
        "categorical"
    ]


def test_a_series_has_no_named_columns():
    with pytest.raises(TypeError, match=r"^metadata=<Series of .* no named columns"):
        read(pd.Series(np.arange(N) + 0.5))
