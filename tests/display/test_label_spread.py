import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.metrics.cluster import contingency_matrix
from stratum_colors import colors_of, tick_colors

from contrastive_clustering import LabelSpreadDisplay, evaluate_clustering

SERIES_VALUES = {pd: "data", pl: "values"}

pytestmark = pytest.mark.usefixtures("no_window")


def cell_texts(display):
    """Return the number in each cell, 0 for empty cells."""
    found = np.zeros_like(display.label_counts)
    for text in display.ax_.texts:
        column, row = text.get_position()
        found[row, column] = int(text.get_text())
    return found


def test_counts_and_fractions_are_plotted():
    strata, y = [0, 0, 0, 2, 2, -1], ["b", "b", "a", "a", "a", "b"]
    display = LabelSpreadDisplay.from_strata(strata, y)
    np.testing.assert_array_equal(display.label_counts, contingency_matrix(strata, y))
    np.testing.assert_array_equal(cell_texts(display), display.label_counts)
    (image,) = display.ax_.get_images()
    np.testing.assert_allclose(image.get_array(), [[0, 1], [1 / 3, 2 / 3], [1, 0]])
    rows = [label.get_text() for label in display.ax_.get_yticklabels()]
    assert rows == ["noise (n=1)", "0 (n=3)", "2 (n=2)"]
    assert tick_colors(display.ax_.yaxis) == colors_of([-1, 0, 2])
    columns = [label.get_text() for label in display.ax_.get_xticklabels()]
    assert columns == ["a", "b"]


def test_all_strata_of_an_estimator_have_a_row(fitted_kind):
    X, estimator = fitted_kind("many strata")
    y = np.arange(20) % 3
    display = LabelSpreadDisplay.from_estimator(estimator, X[:20], y)
    assert display.label_counts.shape == (40, 3)
    assert display.label_counts.sum() == 20
    predicted = estimator.predict(X[:20])
    for stratum in range(40):
        np.testing.assert_array_equal(
            display.label_counts[stratum],
            np.bincount(y[predicted == stratum], minlength=3),
        )


def test_counts_of_an_evaluation(fitted_kind):
    X, estimator = fitted_kind("gray")
    y = np.repeat([3, 7], 20)
    evaluation = evaluate_clustering(estimator, X, y, X, y)
    display = LabelSpreadDisplay.from_evaluation(evaluation)
    np.testing.assert_array_equal(cell_texts(display), evaluation.label_counts)
    assert display.classes.tolist() == [3, 7]


def test_numbers_have_contrast_on_dark_and_light_cells():
    display = LabelSpreadDisplay.from_strata([0] * 20, [0] * 19 + [1])
    many, few = display.ax_.texts
    assert (many.get_color(), few.get_color()) == ("white", "black")


def test_invalid_input_is_reported(fitted_kind):
    X, estimator = fitted_kind("gray")
    with pytest.raises(ValueError, match=r"y has shape \(2,\), but there are 40"):
        LabelSpreadDisplay.from_estimator(estimator, X, [0, 1])
    with pytest.raises(TypeError, match="evaluation is a list"):
        LabelSpreadDisplay.from_evaluation([])
    with pytest.raises(ValueError, match="strata is empty"):
        LabelSpreadDisplay.from_strata([], [])
    with pytest.raises(
        ValueError, match=r"strata cannot.* missing, the first at index 1"
    ):
        LabelSpreadDisplay.from_strata([0, np.nan], [0, 1])


@pytest.mark.parametrize(
    ("strata", "rows"),
    [
        (pd.Series([1.0, 0.0, -1.0]), ["noise", "0", "1"]),
        (pd.DataFrame({"stratum": [1, 0, -1]}), ["noise", "0", "1"]),
        (pd.Series(["b", "a", "$x_"]), [r"\$x_", "a", "b"]),
    ],
)
def test_strata_may_be_columns_of_floats_or_names(strata, rows):
    display = LabelSpreadDisplay.from_strata(strata, ["x", "x", "y"])
    np.testing.assert_array_equal(display.label_counts, [[0, 1], [1, 0], [1, 0]])
    names = [label.get_text() for label in display.ax_.get_yticklabels()]
    assert names == [f"{row} (n=1)" for row in rows]


@pytest.mark.parametrize(
    "y", [np.random.default_rng(0).uniform(18, 95, 500), np.arange(500)]
)
def test_many_ages_are_grouped_into_ranges(y):
    display = LabelSpreadDisplay.from_strata(np.arange(500) % 3, y)
    assert display.label_counts.shape == (3, 500)
    assert max(display.figure_.get_size_inches()) < 10
    assert len(display.ax_.get_xticks()) == 10
    (image,) = display.ax_.get_images()
    np.testing.assert_allclose(image.get_array().sum(axis=1), 1)


def test_number_of_names_is_limited():
    y = [f"patient {number}" for number in range(500)]
    display = LabelSpreadDisplay.from_strata(np.arange(500) % 3, y)
    assert max(display.figure_.get_size_inches()) < 25
    assert display.ax_.get_xticklabels()[-1].get_text() == "461 others"


@pytest.mark.parametrize("library", [pd, pl])
def test_name_of_a_series_labels_the_axis(library):
    y = library.Series(name="sex", **{SERIES_VALUES[library]: ["m", "f", "m"]})
    display = LabelSpreadDisplay.from_strata([0, 0, 1], y)
    assert display.ax_.get_xlabel() == "sex"
    assert LabelSpreadDisplay.from_strata([0, 1], [3, 4]).ax_.get_xlabel() == "label"


def test_evaluation_keeps_the_name_of_the_labels(fitted_kind):
    X, estimator = fitted_kind("gray")
    y = pd.Series(np.repeat([3, 7], 20), name="$grade_")
    evaluation = evaluate_clustering(estimator, X, y, X, y)
    display = LabelSpreadDisplay.from_evaluation(evaluation)
    assert display.ax_.get_xlabel() == r"\$grade_"


def test_labels_may_be_of_string_dtype():
    y = np.array(["a", "b", "a"], dtype=np.dtypes.StringDType())
    display = LabelSpreadDisplay.from_strata([0, 0, 1], y)
    np.testing.assert_array_equal(display.label_counts, [[1, 1], [1, 0]])


def test_rows_of_unsigned_strata_are_named_by_integers():
    strata = np.array([0, 1, 1], dtype=np.uint64)
    display = LabelSpreadDisplay.from_strata(strata, ["a", "b", "b"])
    names = [label.get_text() for label in display.ax_.get_yticklabels()]
    assert names == ["0 (n=1)", "1 (n=2)"]
