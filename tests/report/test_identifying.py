import numpy as np
import pandas as pd
import pytest

from contrastive_clustering._report.identifying import may_identify
from contrastive_clustering._utils.grouping import Grouping

N = 120
SAMPLE = np.arange(N)


def identifies(values, *, name="column", groups=None):
    grouping = Grouping.read(SAMPLE if groups is None else groups, N)
    return may_identify(name, pd.Series(values), grouping, grouped=groups is not None)


@pytest.mark.parametrize("n_images", [2, 4])
def test_without_groups_names_of_few_samples_may_be_those_of_persons(n_images):
    names = [f"name {number}" for number in SAMPLE // n_images]
    assert identifies(names)
    sites = [f"site {number}" for number in SAMPLE // 8]
    assert not identifies(sites)
    assert not identifies([f"site {number % 30}" for number in SAMPLE], groups=SAMPLE)


def test_without_groups_the_name_of_a_column_may_say_that_it_has_persons():
    names = [f"name {number}" for number in SAMPLE // 20]
    for name in ("Patient ID", "groups"):
        assert identifies(names, name=name)
    assert not identifies(names, name="site")
    assert not identifies(names, name="Patient ID", groups=SAMPLE)
    assert not identifies(np.where(SAMPLE % 2, "F", "M"), name="PatientSex")


@pytest.mark.parametrize(
    "name",
    ["patient", "Patient ID", "subject_no", "participants", "ID", "MRN", "Case#"],
)
def test_without_groups_integers_may_be_named_like_numbers_of_persons(name):
    assert identifies(SAMPLE // 8, name=name)
    assert not identifies(SAMPLE // 8, name=name, groups=SAMPLE)
    assert not identifies(SAMPLE // 30, name=name)
    assert not identifies(SAMPLE // 8 + 0.5, name=name)


@pytest.mark.parametrize(
    "name", ["age", "patient age", "PatientWeight", "bids", "case volume", 7]
)
def test_other_integers_are_quantities(name):
    assert not identifies(SAMPLE // 8, name=name)


def test_integers_that_are_too_large_for_floats_are_identifiers():
    assert identifies(2**60 + SAMPLE)
    assert identifies(2**60 + SAMPLE // 2)
    assert not identifies(2**20 + SAMPLE // 2)


def test_integers_of_more_than_15_digits_are_identifiers():
    for least in (10**15, -(10**16)):
        assert identifies(least + SAMPLE // 2, groups=SAMPLE)
        with_gaps = np.where(SAMPLE % 10, least + SAMPLE // 2, np.nan)
        assert identifies(with_gaps, groups=SAMPLE)
    assert not identifies(10**15 - 1 - SAMPLE // 2, groups=SAMPLE)


def test_large_numbers_that_may_have_fractions_are_quantities():
    assert not identifies(SAMPLE / 7 + 1e17)
    with_gaps = np.where(SAMPLE, np.where(SAMPLE % 10, 1e15, 0.5), np.nan)
    assert not identifies(with_gaps)
