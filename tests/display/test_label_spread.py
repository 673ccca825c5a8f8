import numpy as np
import pytest
from sklearn.metrics.cluster import contingency_matrix

from contrastive_clustering import LabelSpreadDisplay, evaluate_clustering

pytestmark = pytest.mark.usefixtures("no_window")


def cell_texts(display):
    """Return the number in each cell, 0 where there is none."""
    found = np.zeros_like(display.label_counts)
    for text in display.ax_.texts:
        column, row = text.get_position()
        found[row, column] = int(text.get_text())
    return found


def test_counts_and_parts_are_drawn():
    labels, y = [0, 0, 0, 2, 2, -1], ["b", "b", "a", "a", "a", "b"]
    display = LabelSpreadDisplay.from_labels(labels, y)
    np.testing.assert_array_equal(display.label_counts, contingency_matrix(labels, y))
    np.testing.assert_array_equal(cell_texts(display), display.label_counts)
    (image,) = display.ax_.get_images()
    np.testing.assert_allclose(image.get_array(), [[0, 1], [1 / 3, 2 / 3], [1, 0]])
    rows = [label.get_text() for label in display.ax_.get_yticklabels()]
    assert rows == ["noise (n=1)", "0 (n=3)", "2 (n=2)"]
    columns = [label.get_text() for label in display.ax_.get_xticklabels()]
    assert columns == ["a", "b"]


def test_of_an_estimator_all_strata_have_a_row(fitted_kind):
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


def test_of_an_evaluation(fitted_kind):
    X, estimator = fitted_kind("grey")
    y = np.repeat([3, 7], 20)
    evaluation = evaluate_clustering(estimator, X, y, X, y)
    display = LabelSpreadDisplay.from_evaluation(evaluation)
    np.testing.assert_array_equal(cell_texts(display), evaluation.label_counts)
    assert display.classes.tolist() == [3, 7]


def test_numbers_can_be_read_on_dark_and_on_light():
    display = LabelSpreadDisplay.from_labels([0] * 20, [0] * 19 + [1])
    many, few = display.ax_.texts
    assert (many.get_color(), few.get_color()) == ("white", "black")


def test_wrong_input_is_named(fitted_kind):
    X, estimator = fitted_kind("grey")
    with pytest.raises(ValueError, match=r"y has shape \(2,\), but there are 40"):
        LabelSpreadDisplay.from_estimator(estimator, X, [0, 1])
    with pytest.raises(TypeError, match="evaluation is a list"):
        LabelSpreadDisplay.from_evaluation([])
    with pytest.raises(ValueError, match="labels of shape"):
        LabelSpreadDisplay.from_labels([], [])
