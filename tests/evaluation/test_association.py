import sys

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom, chi2_contingency, kruskal
from scipy.stats.contingency import crosstab
from statsmodels.duration.survfunc import survdiff

from contrastive_clustering import associate_strata
from contrastive_clustering._evaluation import variable_row

NAN = np.nan
COLUMNS = [
    "kind",
    "test",
    "statistic",
    "effect",
    "effect_name",
    "effect_low",
    "effect_high",
    "n",
    "n_missing",
    "p",
    "p_corrected",
    "note",
]


def make_patients(seed=0, n=60, effect=0.0):
    """Return one row for each patient, with a stratum and four outcomes."""
    rng = np.random.default_rng(seed)
    stratum = rng.choice(3, n, p=[0.5, 0.3, 0.2])
    time = rng.exponential(np.exp(effect * stratum))
    return stratum, {
        "age": rng.normal(60, 10, n) + 10 * effect * stratum,
        "sex": np.where(rng.random(n) < 0.4 + 0.2 * effect * stratum, "f", "m"),
        "time": np.minimum(time, 2),
        "event": time < 2,
    }


def make_images(rng, n_patients=60, *, informative=False):
    """Return strata of images that cluster by patient, and their patients.

    Each patient has 1 to 20 images. Outcomes that depend on this number are
    informative.
    """
    sizes = rng.integers(1, 21, n_patients)
    patient = np.repeat(np.arange(n_patients), sizes)
    stratum = rng.choice(3, n_patients, p=[0.5, 0.3, 0.2])[patient]
    other = rng.choice(3, len(patient), p=[0.5, 0.3, 0.2])
    own_share = 0.0 if informative else 0.8
    strata = np.where(rng.random(len(patient)) < own_share, stratum, other)
    return strata, patient, sizes


def test_statistics_agree_with_scipy_and_statsmodels():
    stratum, table = make_patients()
    result = associate_strata(stratum, table, survival=("time", "event"))
    assert result.table.columns.tolist() == COLUMNS
    assert result.table.index.tolist() == ["time", "age", "sex"]
    statistic = result.table["statistic"]
    ages = [table["age"][stratum == s] for s in range(3)]
    assert statistic["age"] == pytest.approx(kruskal(*ages).statistic, rel=1e-10)
    counts = crosstab(table["sex"], stratum).count
    expected = chi2_contingency(counts, correction=False).statistic
    assert statistic["sex"] == pytest.approx(expected, rel=1e-10)
    expected = survdiff(table["time"], table["event"].astype(int), stratum)[0]
    assert statistic["time"] == pytest.approx(expected, rel=1e-10)


def test_p_agrees_with_the_asymptotic_distribution():
    stratum, table = make_patients(n=400, effect=0.1)
    p = associate_strata(
        stratum, table, survival=("time", "event"), n_permutations=4999, random_state=0
    ).table["p"]
    ages = [table["age"][stratum == s] for s in range(3)]
    counts = crosstab(table["sex"], stratum).count
    assert p["age"] == pytest.approx(kruskal(*ages).pvalue, abs=0.02)
    expected = chi2_contingency(counts, correction=False).pvalue
    assert p["sex"] == pytest.approx(expected, abs=0.02)
    expected = survdiff(table["time"], table["event"].astype(int), stratum)[1]
    assert p["time"] == pytest.approx(expected, abs=0.02)


def test_a_group_weighs_as_one_whatever_its_number_of_samples():
    """Repeating each patient four times changes nothing but the number of samples."""
    stratum, table = make_patients()
    options = {"survival": ("time", "event"), "random_state": 0}
    single = associate_strata(stratum, table, **options)
    repeated = associate_strata(
        stratum.repeat(4),
        {name: values.repeat(4) for name, values in table.items()},
        groups=np.arange(60).repeat(4),
        **options,
    )
    pd.testing.assert_frame_equal(repeated.table, single.table)
    pd.testing.assert_frame_equal(repeated.baseline, single.baseline)
    assert repeated.n_samples == 240
    assert repeated.group_counts.tolist() == single.sample_counts.tolist()
    assert repeated.sample_counts.tolist() == (4 * single.sample_counts).tolist()


def test_repeated_samples_inflate_the_statistic_without_groups():
    stratum, table = make_patients()
    single = associate_strata(stratum, {"age": table["age"]})
    repeated = associate_strata(stratum.repeat(4), {"age": table["age"].repeat(4)})
    ratio = repeated.table["statistic"] / single.table["statistic"]
    assert ratio["age"] > 3.9


def test_groups_count_in_their_most_frequent_stratum():
    strata = [0, 0, 1, 1, 1, 1, 0, -1, 1, 0]
    groups = ["a", "a", "a", "b", "b", "b", "c", "c", None, None]
    result = associate_strata(strata, {"x": np.arange(10) // 2}, groups=groups)
    # The groups a, c and one of the two without a name; four samples are in stratum 0.
    assert (result.group_counts.tolist(), result.sample_counts.tolist()) == (
        [3, 2],
        [4, 5],
    )
    assert (result.n_samples, result.n_noise, result.n_divided) == (9, 1, 1)
    assert result.n_groups == 5
    alone = associate_strata(strata, {"x": np.arange(10) // 2})
    assert alone.n_groups is None
    assert alone.group_counts is None


def test_a_stratum_in_which_no_group_counts_is_left_out():
    strata, groups = [0, 0, 1, 2, 2, 0, 0], [0, 0, 0, 1, 1, 2, 2]
    result = associate_strata(strata, {"x": np.arange(7) // 2}, groups=groups)
    assert result.strata.tolist() == [0, 2]
    assert result.group_counts.tolist() == [2, 1]
    assert result.sample_counts.tolist() == [4, 2]


@pytest.mark.parametrize("kind", [dict, pl.LazyFrame])
def test_groups_may_be_a_column(kind):
    stratum, table = make_patients()
    table = {"age": table["age"], "patient": np.arange(60) // 2}
    result = associate_strata(stratum, kind(table), groups="patient", random_state=0)
    expected = associate_strata(
        stratum, {"age": table["age"]}, groups=table["patient"], random_state=0
    )
    pd.testing.assert_frame_equal(result.table, expected.table)


@pytest.mark.parametrize("kind", [pd.DataFrame, pl.DataFrame])
def test_tables_of_any_library_give_the_same_result(kind):
    stratum, table = make_patients()
    expected = associate_strata(stratum, table, random_state=0)
    result = associate_strata(stratum, kind(table), random_state=0)
    pd.testing.assert_frame_equal(result.table, expected.table)


def test_noise_is_left_out():
    stratum, table = make_patients()
    noisy = np.where(np.arange(60) < 20, -1, stratum)
    result = associate_strata(noisy, table, random_state=0)
    rest = {name: values[20:] for name, values in table.items()}
    expected = associate_strata(stratum[20:], rest, random_state=0)
    pd.testing.assert_frame_equal(result.table, expected.table)
    assert (result.n_samples, result.n_noise) == (40, 20)


def test_strata_may_have_names():
    stratum, table = make_patients()
    named = np.array(["large", "middle", "small"])[stratum]
    result = associate_strata(named, table, random_state=0)
    expected = associate_strata(stratum, table, random_state=0)
    pd.testing.assert_frame_equal(result.table, expected.table)
    assert result.strata.tolist() == ["large", "middle", "small"]


def test_the_result_depends_on_the_seed_only():
    stratum, table = make_patients()
    before = np.random.get_state()[1].copy()
    first, second, other = (
        associate_strata(stratum, table, random_state=seed).table for seed in (0, 0, 1)
    )
    pd.testing.assert_frame_equal(first, second)
    assert not first["p"].equals(other["p"])
    np.testing.assert_array_equal(np.random.get_state()[1], before)
    alone = associate_strata(stratum, {"sex": table["sex"]}, random_state=0).table
    assert alone.loc["sex", "p"] == first.loc["sex", "p"]


def test_confidence_level():
    stratum, table = make_patients(effect=0.5)
    wide, narrow = (
        associate_strata(
            stratum, {"age": table["age"]}, confidence_level=level, random_state=0
        ).table.loc["age"]
        for level in (0.99, 0.5)
    )
    assert wide["effect_low"] < narrow["effect_low"] <= narrow["effect_high"]
    assert narrow["effect_high"] < wide["effect_high"]


def test_corrections():
    stratum, table = make_patients(effect=0.5)
    holm, bh, none, searched = (
        associate_strata(stratum, table, random_state=0, **options).table
        for options in (
            {},
            {"correction": "bh"},
            {"correction": None},
            {"correction": None, "n_searched": 5},
        )
    )
    assert none["p_corrected"].equals(none["p"].rename("p_corrected"))
    np.testing.assert_allclose(
        searched["p_corrected"], np.minimum(1, 5 * none["p"]), rtol=1e-12
    )
    assert (none["p_corrected"] <= bh["p_corrected"]).all()
    assert (bh["p_corrected"] <= holm["p_corrected"]).all()
    assert holm["p_corrected"].sum() > bh["p_corrected"].sum()


def test_clustered_variables_are_refused():
    """Clusters of noise differ in the features that they were made from."""
    from sklearn.cluster import KMeans

    X = np.random.default_rng(0).normal(size=(200, 2))
    strata = KMeans(3, n_init=3, random_state=0).fit_predict(X)
    table = {"a": X[:, 0], "b": 5 - X[:, 1], "age": np.arange(200) % 7}
    naive = associate_strata(strata, table, random_state=0).table
    assert (naive.loc[["a", "b"], "p_corrected"] < 0.01).all()
    for clustered in (X, ["a", "b"], pd.DataFrame(X)):
        result = associate_strata(strata, table, clustered=clustered, random_state=0)
        assert result.table["p"].isna().tolist() == [True, True, False]
        assert result.table.loc["b", "note"].startswith("clustered, so that its test")
        assert "a  " in str(result)
        assert "not tested: clustered" in str(result)
        assert ("b", "median [quartiles]") in result.baseline.index
        # Refused variables do not count in the correction.
        assert result.table.loc["age", "p_corrected"] == result.table.loc["age", "p"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"strata": [0, 1]}, "column 'x' of metadata has 6 values, but strata has 2"),
        ({"strata": [0] * 6}, "strata has 1 label without noise"),
        ({"strata": [-1] * 6}, "strata has 0 labels without noise"),
        ({"strata": [0, 1, NAN, 0, 1, 1]}, "Some labels are missing"),
        ({"strata": [0, None, 1, 0, 1, 1]}, "labels are missing, the first at index 1"),
        ({"strata": ["a", "b", None, "a", "b", "b"]}, "missing, the first at index 2"),
        ({"groups": [1] * 6}, "groups has one group only"),
        ({"groups": [1, 2]}, "groups has 2 values, but there are 6 samples"),
        ({"groups": "patient"}, "groups='patient' is not a column of metadata"),
        ({"groups": [0, 0, 0, 1, 1, 1]}, "same most frequent stratum"),
        ({"survival": ("x", "dead")}, "'dead', which is not a column"),
        ({"survival": "x"}, "'survival' parameter"),
        ({"clustered": ["y"]}, "clustered names 'y'"),
        ({"n_searched": 0}, "'n_searched' parameter"),
        ({"correction": "fdr"}, "'correction' parameter"),
        ({"n_permutations": 0}, "'n_permutations' parameter"),
        ({"confidence_level": 95}, "'confidence_level' parameter"),
        ({"random_state": "a"}, "'random_state' parameter"),
    ],
)
def test_bad_input(change, message):
    arguments = {"strata": [0, 0, 1, 0, 1, 0], "metadata": {"x": [1, 2, 3, 4, 5, 6]}}
    with pytest.raises(ValueError, match=message):
        associate_strata(**arguments | change)


def test_a_table_without_names():
    with pytest.raises(TypeError, match="has no named columns"):
        associate_strata([0, 1], np.zeros((2, 2)))


def test_pandas_is_needed(monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match="associate_strata needs pandas"):
        associate_strata([0, 1], {"x": [1, 2]})


def test_too_few_permutations_cause_a_warning():
    stratum, table = make_patients()
    with pytest.warns(UserWarning, match="n_permutations=19 is too small") as caught:
        associate_strata(stratum, table, n_permutations=19)
    assert caught[0].filename == __file__


cells = st.one_of(st.none(), st.sampled_from([0.0, 1.5, 2.0, -3.0, 1e300, NAN]))


@settings(max_examples=60)
@given(st.data())
def test_odd_tables_give_valid_numbers(data):
    n = data.draw(st.integers(2, 12))

    def draw(entries):
        return data.draw(st.lists(entries, min_size=n, max_size=n))

    strata = np.array(draw(st.integers(-1, 2)))
    groups = draw(st.sampled_from(["a", "b", "c", "d", None]))
    table = {
        "number": draw(cells),
        "text": draw(st.one_of(st.none(), st.sampled_from(["x", "y", "z"]))),
        "bool": draw(st.booleans()),
        "time": draw(st.floats(0, 10)),
        "event": draw(st.booleans()),
    }
    survival = data.draw(st.sampled_from([None, ("time", "event")]))
    if survival is not None:
        groups = None
    options = {"groups": groups, "survival": survival, "correction": None}
    try:
        result = associate_strata(strata, table, n_permutations=19, **options)
    except ValueError as error:
        message = str(error)
        assert "strata" in message or "groups" in message
        return
    tested = result.table["p"].notna()
    assert (result.table["note"][~tested] != "").all()
    rows = result.table[tested]
    assert rows["p"].between(1 / 20, 1).all()
    assert np.isfinite(rows["statistic"]).all()
    assert (rows["statistic"] > -1e-9).all()
    known = rows[rows["effect_low"].notna()]
    assert known["effect"].notna().all()
    assert (known["effect_low"] <= known["effect"]).all()
    assert (known["effect"] <= known["effect_high"]).all()
    grouped = result.group_counts is not None
    n_units = (result.group_counts if grouped else result.sample_counts).sum()
    assert (result.table["n"] + result.table["n_missing"] == n_units).all()
    assert str(result)
    assert result._repr_html_()


def count_rejections(n_sets, *, grouped, informative=False):
    """Return how often each of four unrelated outcomes of patients is rejected."""
    rejected = np.zeros(4)
    for seed in range(n_sets):
        rng = np.random.default_rng([7, seed])
        strata, patient, sizes = make_images(rng, informative=informative)
        n = len(sizes)
        # Sicker patients, who have more images.
        severity = sizes / 5 if informative else np.zeros(n)
        time = rng.exponential(np.exp(-severity))
        table = {
            "number": (rng.normal(size=n) + severity)[patient],
            "level": (rng.random(n) < (0.4 + 0.15 * (severity - 2) * informative))[
                patient
            ],
            "varying": rng.normal(size=n)[patient] + rng.normal(size=len(patient)),
        }
        result = associate_strata(
            strata,
            table,
            groups=patient if grouped else None,
            survival=(np.minimum(time, 1)[patient], (time < 1)[patient]),
            n_permutations=99,
            random_state=seed,
        )
        rejected += (result.table["p"] <= 0.05).to_numpy()
    return rejected


@pytest.fixture
def without_intervals(monkeypatch):
    monkeypatch.setattr(variable_row, "N_RESAMPLES", 2)


@pytest.mark.parametrize("library", [dict, pl.DataFrame])
def test_a_column_of_large_integers_names_each_group(library):
    patient = [2**60 + i // 2 for i in range(39)] + [None]
    table = library({"patient": patient, "age": np.arange(40)})
    result = associate_strata(
        np.arange(40) % 2, table, groups="patient", n_permutations=19
    )
    assert result.group_counts.sum() == 21


@pytest.mark.usefixtures("without_intervals")
@pytest.mark.parametrize("informative", [False, True])
@pytest.mark.parametrize("n_sets", [60, pytest.param(1000, marks=pytest.mark.slow)])
def test_false_alarms_with_groups_are_rare(n_sets, informative):
    rejected = count_rejections(n_sets, grouped=True, informative=informative)
    assert (rejected <= binom.ppf(0.999, n_sets, 0.05)).all()


@pytest.mark.usefixtures("without_intervals")
@pytest.mark.parametrize("sizes", [(3, 4), (5, 6, 7, 8)])
def test_ties_among_even_numbers_of_samples_cause_no_false_alarms(sizes):
    n_sets, n_rejected = 30, 0
    for seed in range(n_sets):
        rng = np.random.default_rng([8, seed])
        n_images = rng.choice(sizes, 150)
        patient = np.repeat(np.arange(150), n_images)
        sick = (n_images > np.median(sizes)) ^ (rng.random(150) < 0.1)
        result = associate_strata(
            rng.integers(0, 2, len(patient)),
            {"n_images": n_images[patient].astype(str), "sick": sick[patient]},
            groups=patient,
            n_permutations=99,
            random_state=seed,
        )
        n_rejected += (result.table["p"] <= 0.05).any()
    assert n_rejected <= binom.ppf(0.999, n_sets, 0.05)


@pytest.mark.usefixtures("without_intervals")
def test_false_alarms_without_groups_are_frequent():
    assert (count_rejections(30, grouped=False) > 15).all()


@pytest.mark.usefixtures("without_intervals")
def test_power_rises_with_the_effect():
    powers = []
    for effect in (0.0, 0.4, 1.0):
        rejected = []
        for seed in range(40):
            rng = np.random.default_rng([3, seed])
            stratum, table = make_patients(seed, 100, effect)
            patient = np.repeat(np.arange(100), rng.integers(1, 10, 100))
            result = associate_strata(
                stratum[patient],
                {name: values[patient] for name, values in table.items()},
                groups=patient,
                survival=("time", "event"),
                n_permutations=99,
                random_state=seed,
            )
            rejected.append(result.table["p"] <= 0.05)
        powers.append(np.mean(rejected, axis=0))
    assert (np.diff(powers, axis=0) > 0).all()
    assert (powers[0] < 0.2).all()
    assert (powers[-1] > 0.75).all()


def test_results_depend_neither_on_numbers_of_strata_nor_on_names_of_levels():
    rng = np.random.default_rng(0)
    patient = rng.integers(30, size=90)
    strata, days = rng.integers(-1, 3, 90), rng.integers(1, 50, 30)[patient]
    scanner = rng.choice(["A", "B", "C"], 90)  # which varies within patients
    table = {"scanner": scanner, "days": days, "died": np.ones(90)}
    options = {"survival": ("days", "died"), "groups": patient, "random_state": 0}
    expected = associate_strata(strata, table, **options)
    new = np.array([2, 0, 1, -1])
    table["scanner"] = pd.Series(scanner).map({"A": "Z", "B": "Y", "C": "X"})
    result = associate_strata(new[strata], table, **options)
    left_out = ["note", "test", "kind", "effect_name"]
    pd.testing.assert_frame_equal(
        result.table.drop(columns=left_out), expected.table.drop(columns=left_out)
    )
    for stratum in range(3):
        assert (
            result.baseline.loc["days", new[stratum]].tolist()
            == expected.baseline.loc["days", stratum].tolist()
        )
    for counts in ("sample_counts", "group_counts"):
        found, before = getattr(result, counts), getattr(expected, counts)
        assert found[new[:3]].tolist() == before.tolist()
