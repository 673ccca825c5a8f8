import dataclasses
import pickle

import numpy as np
import pytest

from contrastive_clustering import associate_strata

STRATA = np.repeat([0, 1, -1], [40, 40, 4])
RNG = np.random.default_rng(0)
TABLE = {
    "age": np.r_[RNG.normal(40, 5, 40), RNG.normal(60, 5, 44)],
    "<b>sex</b>": np.where(RNG.random(84) < 0.5, "<i>f", "m"),
    "site": ["here"] * 84,
}


def associate(**parameters):
    return associate_strata(STRATA, TABLE, random_state=0, **parameters)


@pytest.fixture(scope="module")
def result():
    return associate()


def test_text_names_numbers_reasons_and_the_verdict(result):
    text = str(result)
    lines = text.splitlines()
    assert lines[0] == "2 strata of 80 samples; 4 noise samples are left out"
    age = result.table.loc["age"]
    assert lines[1].startswith(
        f"  age         Kruskal-Wallis {age['statistic']:.3g}, epsilon squared "
        f"{age['effect']:.3g} [{age['effect_low']:.3g}, {age['effect_high']:.3g}]"
    )
    assert lines[1].endswith("p = 0.001, corrected 0.002, n = 80")
    assert lines[3] == "  site        not tested: constant"
    assert "corrected by Holm for 2 variables; clusterings searched: 1" in lines[4]
    assert text.endswith("Associated at the level 0.05 after correction: age.")


def test_text_says_how_groups_were_counted():
    groups = np.r_[np.arange(40).repeat(2), np.arange(4)]
    groups[[0, 79]] = 99  # the only group with both strata
    text = str(associate(groups=groups, correction=None, n_searched=3))
    first = text.splitlines()[0]
    assert "2 strata of 41 groups (80 samples; groups in several strata: 1" in first
    assert "not corrected for the number of variables; clusterings searched: 3" in text
    assert "permutations of groups" in text


def test_text_of_survival_and_of_missing_values():
    time = np.r_[np.full(79, 5.0), np.full(5, np.nan)] + np.arange(84)
    result = associate_strata(
        STRATA, {"age": TABLE["age"]}, survival=(time, np.ones(84)), random_state=0
    )
    line = str(result).splitlines()[1]
    assert "(stratum 1 minus stratum 0, up to 44)" in line
    assert line.endswith("n = 79, 1 missing")


def test_text_says_if_there_is_no_interval_or_no_effect():
    strata = np.repeat([0, 1], [40, 4])
    result = associate_strata(
        strata,
        {"same": np.where(strata, "x", "y")},
        survival=(np.arange(44.0), np.ones(44)),
        random_state=0,
    )
    survival, same = str(result).splitlines()[1:3]
    assert "survival difference not available (fewer than two strata" in survival
    assert "Cramer's V 1, no interval, p = 0.001" in same


def test_text_without_any_association():
    result = associate_strata(STRATA, {"x": np.arange(84) % 7}, random_state=0)
    assert str(result).endswith("after correction: none.")
    refused = associate_strata(STRATA, {"x": np.ones(84)}, random_state=0)
    assert "not tested: constant" in str(refused)


def test_nothing_is_said_of_associations_if_nothing_was_tested():
    result = associate_strata(STRATA, {"site": TABLE["site"]}, random_state=0)
    assert str(result).endswith("No variable was tested.")


def test_a_single_variable_and_noise_sample_are_in_the_singular():
    result = associate_strata(STRATA[:81], {"age": TABLE["age"][:81]}, random_state=0)
    text = str(result)
    assert "; 1 noise sample is left out\n" in text
    assert "corrected by Holm for 1 variable;" in text


@pytest.mark.parametrize(("n_searched", "basis"), [(1, "without"), (3, "after")])
def test_text_says_whether_p_values_are_corrected(n_searched, basis):
    result = associate(correction=None, n_searched=n_searched)
    assert f"Associated at the level 0.05 {basis} correction: age" in str(result)


def test_html_is_escaped(result):
    html = result._repr_html_()
    assert "<b>" not in html
    assert "<i>" not in html
    assert "&lt;b&gt;sex&lt;/b&gt;" in html
    assert "&lt;i&gt;f, n (%)" in html
    assert html.count("<table") == 2
    assert "Associated at the level 0.05 after correction: age." in html


def test_result_is_frozen_and_can_be_pickled(result):
    with pytest.raises(dataclasses.FrozenInstanceError):
        result.table = None
    copy = pickle.loads(pickle.dumps(result))
    assert str(copy) == str(result)
    assert copy.baseline.equals(result.baseline)
