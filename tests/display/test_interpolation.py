import numpy as np
import pytest

from contrastive_clustering import InterpolationDisplay

pytestmark = pytest.mark.usefixtures("no_window")


def test_steps_match_interpolate(fitted_kind):
    X, estimator = fitted_kind("gray")
    display = InterpolationDisplay.from_estimator(estimator, X[0], 1, n_steps=5)
    np.testing.assert_array_equal(
        display.images, estimator.interpolate(X[0], 1, n_steps=5)
    )
    shown = [image.get_array() for image in display.ax_.get_images()]
    np.testing.assert_array_equal(shown, display.images)
    names = [label.get_text() for label in display.ax_.get_xticklabels()]
    assert names == ["sample\na", "25%", "50%", "75%", "stratum\n1"]


def test_invalid_ends_are_reported(fitted_kind):
    X, estimator = fitted_kind("gray")
    with pytest.raises(ValueError, match="x_b=7 is not a stratum"):
        InterpolationDisplay.from_estimator(estimator, X[0], 7)
    with pytest.raises(ValueError, match="x_a has shape"):
        InterpolationDisplay.from_estimator(estimator, X, 0)
    with pytest.raises(ValueError, match="'n_steps' parameter"):
        InterpolationDisplay.from_estimator(estimator, 0, 1, n_steps=1)
