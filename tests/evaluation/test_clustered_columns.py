import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from scipy.sparse import csr_array

from contrastive_clustering._evaluation.clustered_columns import find_clustered
from contrastive_clustering._evaluation.table_columns import read_column

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 3))
MISSING = np.where(np.arange(40) < 5, np.nan, X[:, 1])
SEX = RNG.choice(["f", "m"], 40)
COLUMNS = {
    "same": X[:, 0],
    "other unit": 32 + 1.8 * X[:, 0],
    "reversed": -X[:, 1],
    "with gaps": MISSING,
    "noisy": X[:, 0] + RNG.normal(0, 1e-3, 40),
    "age": RNG.normal(60, 10, 40),
    "constant": np.ones(40),
    "sex": SEX,
    "hand": RNG.choice(["left", "right"], 40),
    "identifier": [f"patient {i}" for i in range(40)],
}


def find(clustered, columns=COLUMNS, n=40):
    read = [read_column(name, pd.Series(v)) for name, v in columns.items()]
    return find_clustered(read, clustered, n)


@pytest.mark.parametrize("clustered", [(), [], pd.DataFrame({"a": [1.0] * 40})])
def test_nothing_was_clustered(clustered):
    assert find(clustered) == set()


@pytest.mark.parametrize(
    "clustered",
    ["age", ["age"], ("age",), pd.Index(["age"]), np.array(["age"]), iter(["age"])],
)
def test_names(clustered):
    assert find(clustered) == {"age"}


@pytest.mark.parametrize(
    "clustered", [["same", "reversed"], ["other unit", "with gaps"]]
)
def test_columns_that_equal_a_named_one_in_another_unit_are_found(clustered):
    assert find(clustered) == FOUND


def test_columns_that_equal_a_named_one_under_other_names_are_found():
    columns = {"sex": SEX, "gender": np.where(SEX == "f", "woman", "man")}
    columns["hand"] = COLUMNS["hand"]
    assert find("gender", columns) == {"sex", "gender"}


def test_missing_categories_do_not_matter():
    columns = {"sex": np.where(np.arange(40) < 5, None, SEX), "number": SEX == "f"}
    assert find("sex", columns) == {"sex", "number"}


FOUND = {"same", "other unit", "reversed", "with gaps"}


@pytest.mark.parametrize(
    "clustered",
    [
        X,
        X.tolist(),
        np.repeat(X, 4, axis=1).reshape(40, 3, 2, 2),
        pd.DataFrame(X),
        pl.DataFrame(X),
        {"a": X[:, 0], "b": X[:, 1]},
        pd.DataFrame({"a": X[:, 0], "b": X[:, 1], "c": np.repeat(["x", "y"], 20)}),
        np.where(RNG.random((40, 3)) < 0.1, np.nan, X),
        torch.tensor(X, requires_grad=True),
    ],
    ids=lambda each: type(each).__name__,
)
def test_features(clustered):
    assert find(clustered) == FOUND


def test_scale_does_not_matter():
    assert find(X[:, :1] * 1e200) == {"same", "other unit"}
    assert find((np.abs(X) * -1e200)[:, :1], {"same": -np.abs(X[:, 0])}) == {"same"}
    assert find(X[:, :1] * 1e-200 + 0) == {"same", "other unit"}
    assert find(X[:, :1] + 1e3) == {"same", "other unit"}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("value", [np.inf, -np.inf, 1e308])
def test_values_that_cannot_be_added_match_without_a_warning(value):
    feature = X[:, 0].copy()
    feature[3:9] = value
    assert find(feature[:, None]) == set()
    if np.isfinite(value):
        assert find(feature[:, None], {"same": feature}) == {"same"}


def test_categories_match_under_other_names():
    assert find(np.where(SEX == "f", 7.0, 9.0)[:, None]) == {"sex"}
    assert find({"gender": np.where(SEX == "f", "woman", "man")}) == {"sex"}
    assert find(np.where(SEX == "f", 7, 9).astype(">i2")) == {"sex"}


def test_a_single_feature_may_be_one_dimensional():
    assert find(X[:, 0]) == {"same", "other unit"}


def test_a_single_category_matches_nothing():
    columns = {"site": ["a"] * 40, "hand": COLUMNS["hand"]}
    assert find(np.ones((40, 1)), columns) == set()


def test_an_identifier_does_not_match_distinct_numbers():
    assert "identifier" not in find(RNG.normal(size=(40, 1)))


def test_two_samples_are_too_few_to_match():
    columns = {"a": [5.0, 7.0, 9.0]}
    assert find(np.array([[1.0], [2.0], [np.nan]]), columns, n=3) == set()
    assert find(np.array([[1.0], [2.0], [3.0]]), columns, n=3) == {"a"}


@pytest.mark.parametrize(
    ("clustered", "message"),
    [
        (
            ["age", "weight"],
            "clustered names 'weight', which is not a column of metadata",
        ),
        (X[:5], r"clustered has the shape \(5, 3\), but strata has 40"),
        ({"a": [1, 2]}, "column 'a' of clustered has 2 values"),
        (
            None,
            r"clustered has the shape \(\), but strata has 40 labels",
        ),
        ([[1.0], [2.0, 3.0]] * 20, "clustered is a ragged list"),
        (np.ma.masked_less(X, 0), "clustered has masked values"),
    ],
)
def test_bad_input(clustered, message):
    with pytest.raises(ValueError, match=message):
        find(clustered)


@pytest.mark.parametrize("clustered", [set(X[:, 0]), csr_array(X)])
def test_rows_without_an_order_are_refused(clustered):
    with pytest.raises(TypeError, match=r"^clustered is of type \w+\. Pass one value"):
        find(clustered)
