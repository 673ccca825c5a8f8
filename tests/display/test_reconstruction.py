import numpy as np
import pytest

from contrastive_clustering import ReconstructionDisplay

pytestmark = pytest.mark.usefixtures("no_window")


def test_samples_reconstructions_and_differences_are_shown(fitted_kind):
    X, estimator = fitted_kind("gray")
    display = ReconstructionDisplay.from_estimator(
        estimator, X, n_samples=3, random_state=0
    )
    originals = X[display.rows].astype(float)
    decoded = estimator.inverse_transform(estimator.transform(X[display.rows]))
    np.testing.assert_array_equal(display.original_images, originals)
    np.testing.assert_allclose(display.decoded_images, decoded, rtol=1e-5)
    np.testing.assert_array_equal(
        display.difference_images, np.abs(originals - display.decoded_images)
    )
    shown = [image.get_array() for image in display.ax_.get_images()]
    np.testing.assert_array_equal(shown[:3], display.original_images)
    np.testing.assert_array_equal(shown[3:6], display.decoded_images)
    np.testing.assert_array_equal(shown[6:], display.difference_images)
    assert [label.get_text() for label in display.ax_.get_yticklabels()] == [
        "sample",
        "decoded",
        "difference",
    ]


def test_selection_depends_on_the_seed_and_few_samples_are_all_shown(fitted_kind):
    X, estimator = fitted_kind("gray")
    rows = [
        ReconstructionDisplay.from_estimator(
            estimator, X, n_samples=5, random_state=seed
        ).rows.tolist()
        for seed in (0, 0, 1)
    ]
    assert rows[0] == rows[1] != rows[2]
    few = ReconstructionDisplay.from_estimator(estimator, X[:2])
    assert few.rows.tolist() == [0, 1]


def test_differences_of_colors_are_in_the_users_units(fitted_kind):
    X, estimator = fitted_kind("rgb")
    display = ReconstructionDisplay.from_estimator(estimator, X[:4])
    decoded = estimator.inverse_transform(estimator.transform(X[:4]))
    expected = np.abs(X[:4] - decoded).mean(axis=-1)
    np.testing.assert_allclose(display.difference_images, expected, atol=1e-3)
    last = display.ax_.get_images()[-1]
    assert last.get_clim() == (0, display.difference_images.max())
