import numpy as np
import pytest

from contrastive_clustering._evaluation.survival_column import SurvivalColumn
from contrastive_clustering._evaluation.table_columns import Column
from contrastive_clustering._evaluation.variable_row import make_row

LABELS = np.repeat([0, 1, 2], 10)
NAN = np.nan
NUMBERS = np.arange(30.0)
LEVELS = np.arange(30) % 3


def row(column, labels=LABELS, **parameters):
    defaults = {
        "blocks": np.zeros(len(labels), int),
        "names": ["a", "b", "c"],
        "reason": "",
        "n_permutations": 99,
        "confidence_level": 0.9,
        "seed": 0,
    }
    return make_row(column, labels, **defaults | parameters)


def numeric(values):
    return Column("x", "numeric", np.asarray(values, float))


def categorical(codes):
    return Column("x", "categorical", np.asarray(codes), tuple("abcd"))


def survival(time, event):
    return SurvivalColumn("x", np.asarray(time, float), np.asarray(event, float))


@pytest.mark.parametrize(
    ("column", "kind", "test"),
    [
        (numeric(NUMBERS), "numeric", "Kruskal-Wallis"),
        (categorical(LEVELS), "categorical", "chi-squared"),
        (survival(NUMBERS, LEVELS == 0), "survival", "log-rank"),
    ],
)
def test_each_kind_has_its_test(column, kind, test):
    found = row(column)
    assert (found["kind"], found["test"]) == (kind, test)
    assert (found["n"], found["n_missing"]) == (30, 0)
    assert found["effect_low"] <= found["effect"] <= found["effect_high"]
    assert 0.01 <= found["p"] <= 1
    assert row(column) == found


@pytest.mark.parametrize(
    ("column", "reason"),
    [
        (numeric(np.full(30, NAN)), "all values are missing"),
        (numeric(np.ones(30)), "constant"),
        (categorical(np.full(30, 2)), "constant"),
        (numeric(np.where(LABELS == 1, NUMBERS, NAN)), "only one stratum has values"),
        (Column("x", "categorical", np.arange(30), tuple("x" * 30)), "an identifier"),
        (survival(NUMBERS, np.zeros(30)), "no event was observed"),
        (survival(np.full(30, NAN), LEVELS == 0), "all values are missing"),
    ],
)
def test_unsuitable_variables_have_a_reason_and_no_numbers(column, reason):
    found = row(column)
    assert found["note"].startswith(reason)
    assert found["test"] == ""
    for name in ("statistic", "effect", "effect_low", "effect_high", "p"):
        assert np.isnan(found[name])


@pytest.mark.parametrize(
    ("column", "effect"),
    [
        (categorical(LABELS), 1),
        (numeric(LABELS), 1),
        (survival(np.zeros(30), LABELS < 2), 0),
    ],
)
def test_resamples_that_are_all_alike_give_no_interval(column, effect):
    found = row(column)
    assert found["effect"] == pytest.approx(effect)
    assert np.isnan([found["effect_low"], found["effect_high"]]).all()
    assert np.isfinite(found["p"])


def test_a_given_reason_prevents_the_test():
    found = row(numeric(NUMBERS), reason="clustered")
    assert found["note"] == "clustered"
    assert np.isnan(found["p"])


def test_missing_values_and_their_strata_are_left_out():
    values = np.where(LABELS == 1, NAN, NUMBERS)
    complete = numeric(NUMBERS[LABELS != 1])
    expected = row(complete, LABELS[LABELS != 1] // 2)
    found = row(numeric(values))
    assert (found["n"], found["n_missing"]) == (20, 10)
    for name in ("statistic", "effect", "effect_low", "effect_high", "p"):
        assert found[name] == expected[name]


def test_survival_names_the_strata_that_have_values():
    time = np.where(LABELS == 0, NAN, NUMBERS)
    note = row(survival(time, LEVELS == 0))["note"]
    assert note.startswith("stratum c minus stratum b, up to ")


@pytest.mark.parametrize(
    ("column", "blocks"),
    [
        (numeric(NUMBERS), np.arange(30)),
        (categorical(np.arange(30) < 2), np.zeros(30, int)),
        (survival(NUMBERS, np.arange(30) == 0), np.zeros(30, int)),
    ],
)
def test_the_note_says_that_no_p_can_be_small(column, blocks):
    found = row(column, n_permutations=999, blocks=blocks)
    assert found["p"] > 0.05
    end = ", so that a large p says nothing"
    before, _, smallest = found["note"].removesuffix(end).rpartition(" is ")
    assert found["note"].endswith(end)
    assert before.endswith("the smallest p of the permutations")
    assert found["p"] >= float(smallest) - 0.005 > 0.05
    assert before.startswith("stratum ") == (column.kind == "survival")


def test_the_note_is_empty_if_p_can_be_small():
    assert row(numeric(NUMBERS), n_permutations=9)["note"] == ""
    assert row(categorical(LEVELS), n_permutations=999)["note"] == ""
