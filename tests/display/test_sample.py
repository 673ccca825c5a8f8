import numpy as np
import pytest

from contrastive_clustering import SampleDisplay
from contrastive_clustering._model.fitted import FittedModel

pytestmark = pytest.mark.usefixtures("no_window")


def test_rows_are_samples_of_strata(fitted_digits):
    display = SampleDisplay.from_estimator(
        fitted_digits, n_samples=4, strata=[5, 2], random_state=0
    )
    rng = np.random.RandomState(0)
    expected = [
        fitted_digits.sample(4, stratum=stratum, random_state=rng)[0]
        for stratum in (5, 2)
    ]
    np.testing.assert_array_equal(display.images, expected)
    shown = [image.get_array() for image in display.ax_.get_images()]
    np.testing.assert_array_equal(shown, display.images.reshape(-1, 8, 8))
    names = [label.get_text() for label in display.ax_.get_yticklabels()]
    assert names == ["stratum 5", "stratum 2"]
    assert fitted_digits.predict(display.images[0]).tolist() == [5] * 4


@pytest.mark.filterwarnings("ignore:.*generated samples are predicted:UserWarning")
def test_all_strata_by_default(fitted_kind):
    _, estimator = fitted_kind("gray")
    display = SampleDisplay.from_estimator(estimator, n_samples=3, random_state=0)
    assert display.images.shape == (2, 3, 8, 8)
    assert display.strata.tolist() == [0, 1]


def test_warning_about_other_strata_is_passed_on(fitted_kind, monkeypatch):
    _, estimator = fitted_kind("gray")
    monkeypatch.setattr(FittedModel, "predict", lambda model, X: np.ones(len(X), int))
    with pytest.warns(UserWarning, match="2 of the 2 generated samples are predicted"):
        SampleDisplay.from_estimator(estimator, n_samples=2, strata=[0])


def test_invalid_parameters_are_reported(fitted_kind):
    _, estimator = fitted_kind("gray")
    with pytest.raises(ValueError, match="'n_samples' parameter"):
        SampleDisplay.from_estimator(estimator, n_samples=0)
    with pytest.raises(ValueError, match=r"strata\[0\] is 9"):
        SampleDisplay.from_estimator(estimator, strata=[9])
