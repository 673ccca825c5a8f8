import numpy as np
import pytest

from contrastive_clustering import (
    ClusterNumberDisplay,
    ClusterNumberResult,
    ClusterNumberSearch,
    ContrastiveAutoencoderClusterer,
)

pytestmark = pytest.mark.usefixtures("no_window")


def test_curve_and_choice():
    result = ClusterNumberResult(
        n_clusters=4,
        candidates=np.array([2, 3, 4, 5]),
        scores=np.array([0.1, 0.2, 0.6, 0.5]),
        criterion="stability",
    )
    display = ClusterNumberDisplay.from_result(result)
    curve, choice = display.ax_.get_lines()
    np.testing.assert_array_equal(curve.get_xdata(), result.candidates)
    np.testing.assert_array_equal(curve.get_ydata(), result.scores)
    assert choice.get_xydata().tolist() == [[4, 0.6]]
    assert display.ax_.get_ylabel() == "stability"
    (text,) = display.ax_.get_legend().texts
    assert text.get_text() == "chosen: 4"


def test_search_of_an_estimator(tiny_images, fast):
    search = ClusterNumberSearch(min_clusters=2, max_clusters=4)
    estimator = ContrastiveAutoencoderClusterer(**fast | {"n_clusters": search})
    display = ClusterNumberDisplay.from_estimator(estimator.fit(tiny_images))
    assert display.result is estimator.cluster_number_search_
    assert display.ax_.get_lines()[0].get_xdata().tolist() == [2, 3, 4]


def test_missing_search_is_reported(fitted_kind):
    _, estimator = fitted_kind("gray")
    with pytest.raises(ValueError, match=r'did not search .*n_clusters=2\. .*"auto"'):
        ClusterNumberDisplay.from_estimator(estimator)
    with pytest.raises(TypeError, match="result is a dict"):
        ClusterNumberDisplay.from_result({})
