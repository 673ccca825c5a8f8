import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from sklearn.cluster import DBSCAN, KMeans
from sklearn.exceptions import NotFittedError
from sklearn.metrics import balanced_accuracy_score

from contrastive_clustering import audit_confounding

N = 240
GROUPS = np.repeat(np.arange(N // 2), 2)


class Planted:
    """A clusterer whose strata are the first column, and latents the others."""

    def predict(self, X):
        return np.asarray(X)[:, 0].astype(int)

    def transform(self, X):
        return np.asarray(X)[:, 1:]


def draw(rng, share=0.5):
    """Return a binary variable of groups, and another one that often equals it."""
    one = rng.integers(2, size=N // 2)
    other = np.where(rng.random(N // 2) < share, one, 1 - one)
    return one[GROUPS], other[GROUPS]


def audit(strata, site, y=None, *, latents=None, groups=GROUPS, **parameters):
    if latents is None:
        latents = np.random.default_rng(5).normal(size=(len(strata), 4))
    return audit_confounding(
        Planted(),
        np.c_[strata, latents],
        nuisance={"site": site},
        y=y,
        groups=groups,
        random_state=0,
        **parameters,
    )


def test_a_nuisance_that_is_independent_is_no_sign():
    y, site = draw(np.random.default_rng(0))
    strata = np.where(np.random.default_rng(2).random(N) < 0.9, y, 1 - y)
    result = audit(strata, site, y)
    assert result.verdict == "no sign of confounding"
    row = result.table.loc["site"]
    assert row["p"] > 0.05
    assert row["probe_low"] < 0.5 == row["probe_chance"]
    assert row["positivity"]
    assert result.y_balanced_accuracy > 0.8


def test_strata_that_are_the_nuisance_are_confounded():
    y, site = draw(np.random.default_rng(0))
    result = audit(site, site, y, latents=np.c_[site, site] + np.arange(N)[:, None] / N)
    assert result.verdict == "confounded"
    assert result.table.loc["site", "adjusted_mutual_info"] == pytest.approx(1)
    assert result.table.loc["site", "probe_low"] > 0.9


@pytest.mark.parametrize(("is_divided", "least"), [(False, 19), (True, 39)])
def test_too_few_permutations_to_find_anything_give_a_warning(is_divided, least):
    _, site = draw(np.random.default_rng(0))
    strata = np.where(np.arange(N) < is_divided, 1 - site, site)
    assert audit(strata, site, n_permutations=least).table.loc["site", "p"] <= 0.05
    with pytest.warns(UserWarning, match=f"follow site.* to at least {least}"):
        audit(strata, site, n_permutations=least - 1)


def test_a_probe_of_harmonized_latents_lies_below_chance():
    y, site = draw(np.random.default_rng(0))
    latents = np.random.default_rng(1).normal(size=(N, 30))
    for level in (0, 1):
        latents[site == level] -= latents[site == level].mean(axis=0)
    row = audit(y, site, y, latents=latents).table.loc["site"]
    assert row["probe_high"] < row["probe_chance"]
    assert "a harmonization of site" in row["note"]


def test_latents_alone_may_encode_the_nuisance():
    y, site = draw(np.random.default_rng(0))
    latents = np.random.default_rng(1).normal(size=(N, 3)) + 2 * site[:, None]
    assert audit(y, site, y, latents=latents).verdict == "encoded in the latents"


def test_classes_that_are_the_nuisance_are_not_identifiable():
    _, site = draw(np.random.default_rng(0))
    result = audit(np.arange(N) % 2, site, site)
    assert result.verdict == "not identifiable"
    row = result.table.loc["site"]
    assert not row["positivity"]
    assert "y and site cannot be told apart" in row["note"]


def test_classes_that_go_with_the_nuisance_cause_a_warning():
    y, site = draw(np.random.default_rng(0), share=0.85)
    result = audit(np.arange(N) % 2, site, y)
    assert result.verdict == "no sign of confounding"
    row = result.table.loc["site"]
    assert row["positivity"]
    assert "removing site also removes a part of the finding" in row["note"]
    assert audit(y, site, y).verdict == "confounded"


def test_composition_holds_all_variables():
    y, site = draw(np.random.default_rng(0))
    nuisance = {"site": site, "year": np.where(site == 1, None, "2020")}
    X = np.c_[y, np.ones((N, 2))]
    result = audit_confounding(
        Planted(), X, nuisance=nuisance, groups=GROUPS, random_state=0
    )
    expected = pd.crosstab(y[::2], site[::2])
    found = result.composition["site"][["0", "1"]]
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(result.composition["year"]["missing"], expected[1])
    assert result.composition.index.tolist() == [0, 1]


def test_accuracy_of_classes_counts_groups():
    rng = np.random.default_rng(0)
    y, site = draw(rng)
    strata = np.where(rng.random(N) < 0.8, y, 1 - y)
    # The first of two images counts, whether they agree or not.
    expected = balanced_accuracy_score(y[::2], strata[::2])
    assert audit(strata, site, y).y_balanced_accuracy == pytest.approx(
        expected, abs=1e-12
    )


def test_results_do_not_depend_on_the_numbers_of_strata():
    rng = np.random.default_rng(0)
    y, site = draw(rng)
    strata, new = rng.integers(-1, 3, N), np.array([2, 0, 1, -1])
    first, second = (audit(each, site, y) for each in (strata, new[strata]))
    pd.testing.assert_frame_equal(second.table, first.table)
    renamed = second.composition.loc[new[:3]]
    np.testing.assert_array_equal(renamed, first.composition)
    assert second.y_balanced_accuracy == pytest.approx(first.y_balanced_accuracy)


def test_the_same_seed_gives_the_same_result_whatever_the_other_variables():
    y, site = draw(np.random.default_rng(0))
    alone = audit(y, site, y).table
    X = np.c_[y, np.random.default_rng(5).normal(size=(N, 4))]
    nuisance = {"hand": np.arange(N) % 3, "site": site}
    both = audit_confounding(
        Planted(), X, nuisance=nuisance, y=y, groups=GROUPS, random_state=0
    ).table
    pd.testing.assert_frame_equal(alone, both.loc[["site"]])


@pytest.mark.parametrize(
    "convert",
    [pd.DataFrame, torch.as_tensor, pl.DataFrame, list],
    ids=["pandas", "torch", "polars", "list"],
)
def test_samples_of_other_libraries(convert):
    y, site = draw(np.random.default_rng(0))
    X = np.random.default_rng(1).normal(size=(N, 3)) + 4 * site[:, None]
    expected = audit_confounding(Planted(), X, nuisance=site, y=y, random_state=0)
    found = audit_confounding(Planted(), convert(X), nuisance=site, y=y, random_state=0)
    pd.testing.assert_frame_equal(expected.table, found.table)


def test_fitted_estimator_of_this_package(fitted_kind):
    X, estimator = fitted_kind("gray")
    site = np.arange(len(X)) % 2
    result = audit_confounding(
        estimator, X, nuisance=site, groups=np.arange(len(X)) // 2, random_state=0
    )
    assert result.n_groups == len(X) // 2
    assert result.strata.tolist() == np.unique(estimator.predict(X)).tolist()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"nuisance": np.zeros(N)}, "nuisance has one level only"),
        ({"nuisance": np.arange(N)}, "nuisance has 240 levels for 240 samples"),
        ({"nuisance": np.arange(3)}, "nuisance has 3 values, but there are 240"),
        ({"groups": np.zeros(N)}, "groups has one group only"),
        ({"groups": [1, 2]}, "groups has 2 values, but there are 240 samples"),
        ({"y": np.ones(3, int)}, "y has 3 labels, but X has 240 samples"),
        ({"y": np.ones(N, int)}, "y has only one class"),
        ({"y": np.full(N, np.nan)}, "y cannot be read as labels.* at index 0"),
        (
            {"y": [1, "1"] * (N // 2)},
            "y cannot be read as labels. Labels have different",
        ),
        ({"n_neighbors": N}, "n_neighbors=240 is larger than the number of samples"),
        ({"n_neighbors": 0}, "n_neighbors"),
        ({"confidence_level": 1.0}, "confidence_level"),
        ({"n_permutations": 0}, "n_permutations"),
    ],
)
def test_invalid_input_is_reported(changes, message):
    y, site = draw(np.random.default_rng(0))
    X = np.c_[y, np.ones((N, 2))]
    arguments = {"nuisance": site, "y": y, **changes}
    with pytest.raises(ValueError, match=message):
        audit_confounding(Planted(), X, **arguments)


def test_classes_and_nuisance_cannot_be_mistaken_for_each_other():
    y, site = draw(np.random.default_rng(0))
    X = np.c_[y, np.ones((N, 2))]
    for arguments in ((site, y), (y, site)):
        with pytest.raises(TypeError, match="positional"):
            audit_confounding(Planted(), X, *arguments)
    with pytest.raises(TypeError, match="nuisance"):
        audit_confounding(Planted(), X, y)
    options = {"nuisance": site, "random_state": 0}
    by_position = audit_confounding(Planted(), X, y, **options)
    by_name = audit_confounding(Planted(), X, y=y, **options)
    pd.testing.assert_frame_equal(by_position.table, by_name.table)


def test_unsuitable_estimators_are_reported():
    y, site = draw(np.random.default_rng(0))
    X = np.c_[y, np.ones((N, 2))]
    with pytest.raises(ValueError, match="estimator"):
        audit_confounding(DBSCAN(), X, nuisance=site)
    with pytest.raises(NotFittedError):
        audit_confounding(KMeans(2), X, nuisance=site)

    class Short:
        def predict(self, X):
            return X[:5, 0]

    with pytest.raises(ValueError, match="returned 5 labels for 240 samples"):
        audit_confounding(Short(), X, nuisance=site)
    with pytest.raises(ValueError, match="All samples of X are noise"):
        audit_confounding(Planted(), np.full((N, 3), -1.0), nuisance=site)


def test_unusable_latents_are_reported():
    class Flat(Planted):
        def transform(self, X):
            return X[:, 0]

    y, site = draw(np.random.default_rng(0))
    with pytest.raises(ValueError, match=r"^estimator.transform returned an array of"):
        audit_confounding(Flat(), np.c_[y, np.ones((N, 2))], nuisance=site)


def test_names_of_strata_need_not_be_numbers():
    class Named:
        def predict(self, X):
            return np.where(X[:, 0] > 0, "large", "small")

    y, site = draw(np.random.default_rng(0))
    result = audit_confounding(Named(), y[:, None], nuisance=site, random_state=0)
    assert result.strata.tolist() == ["large", "small"]
    assert result.n_noise == 0


def test_missing_pandas_is_reported(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pandas", None)
    with pytest.raises(ImportError, match="audit_confounding needs pandas"):
        audit_confounding(Planted(), np.ones((4, 2)), nuisance=[0, 0, 1, 1])
