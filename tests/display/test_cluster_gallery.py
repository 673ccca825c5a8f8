import numpy as np
import pytest
from stratum_colors import colors_of, tick_colors

from contrastive_clustering import ClusterGalleryDisplay

pytestmark = pytest.mark.usefixtures("no_window")


def texts(labels):
    return [label.get_text() for label in labels]


@pytest.mark.parametrize("kind", ["gray", "rgb", "volume", "many strata"])
def test_rows_show_center_typical_and_atypical_members(fitted_kind, kind):
    X, estimator = fitted_kind(kind)
    display = ClusterGalleryDisplay.from_estimator(
        estimator, X, n_typical=2, n_atypical=1
    )
    labels, centers = estimator.predict(X), estimator.cluster_centers_
    distances = np.linalg.norm(estimator.transform(X) - centers[labels], axis=1)
    shown = iter(display.ax_.get_images())
    for stratum in range(estimator.n_clusters_):
        members = np.flatnonzero(labels == stratum)
        ordered = members[distances[members].argsort(kind="stable")]
        assert display.sample_counts[stratum] == len(members)
        assert display.typical_rows[stratum].tolist() == ordered[:2].tolist()
        rest = ordered[2:]
        assert display.atypical_rows[stratum].tolist() == rest[-1:].tolist()
        for image in (
            display.center_images[stratum],
            *display.typical_images[stratum],
            *display.atypical_images[stratum],
        ):
            np.testing.assert_array_equal(next(shown).get_array(), image)
    assert next(shown, None) is None


def test_a_stratum_keeps_its_color_in_a_selection(fitted_kind):
    X, estimator = fitted_kind("gray")
    display = ClusterGalleryDisplay.from_estimator(estimator, X, strata=[1])
    assert tick_colors(display.ax_.yaxis) == colors_of([1])


def test_images_match_the_samples(fitted_kind):
    X, estimator = fitted_kind("gray")
    display = ClusterGalleryDisplay.from_estimator(estimator, X)
    np.testing.assert_array_equal(
        display.center_images, estimator.inverse_transform(estimator.cluster_centers_)
    )
    for stratum in range(2):
        np.testing.assert_array_equal(
            display.typical_images[stratum], X[display.typical_rows[stratum]]
        )
        np.testing.assert_array_equal(
            display.atypical_images[stratum], X[display.atypical_rows[stratum]]
        )


def test_labels_of_rows_and_columns(fitted_kind):
    X, estimator = fitted_kind("gray")
    display = ClusterGalleryDisplay.from_estimator(estimator, X, strata=[1, 0])
    sizes = np.bincount(estimator.predict(X))
    assert texts(display.ax_.get_yticklabels()) == [
        f"stratum 1 (n={sizes[1]})",
        f"stratum 0 (n={sizes[0]})",
    ]
    assert texts(display.ax_.get_xticklabels()) == [
        "decoded\ncenter",
        "typical\n(nearest)",
        "atypical\n(farthest)",
    ]
    without = ClusterGalleryDisplay.from_estimator(estimator, X, n_atypical=0)
    assert texts(without.ax_.get_xticklabels())[1:] == ["typical\n(nearest)"]
    assert all(len(rows) == 0 for rows in without.atypical_rows)


def test_small_and_empty_strata_leave_cells_empty(fitted_kind):
    X, estimator = fitted_kind("gray")
    of_first = X[estimator.predict(X) == 0][:3]
    display = ClusterGalleryDisplay.from_estimator(
        estimator, of_first, n_typical=2, n_atypical=2
    )
    assert display.sample_counts.tolist() == [3, 0]
    assert [len(rows) for rows in display.typical_rows] == [2, 0]
    assert [len(rows) for rows in display.atypical_rows] == [1, 0]
    assert not set(display.typical_rows[0]) & set(display.atypical_rows[0])
    assert len(display.ax_.get_images()) == 2 + 3


def test_invalid_strata_are_reported(fitted_kind):
    X, estimator = fitted_kind("gray")
    with pytest.raises(ValueError, match=r"strata\[0\] is 2, but there are 2 strata"):
        ClusterGalleryDisplay.from_estimator(estimator, X, strata=[2])
    with pytest.raises(ValueError, match="'n_typical' parameter"):
        ClusterGalleryDisplay.from_estimator(estimator, X, n_typical=-1)
