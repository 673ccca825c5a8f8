import numpy as np
import pytest
from scipy.cluster.hierarchy import leaves_list
from sklearn.metrics.pairwise import cosine_similarity
from stratum_colors import colors_of, tick_colors

from contrastive_clustering import (
    CenterSimilarityDisplay,
    ContrastiveAutoencoderClusterer,
)

pytestmark = pytest.mark.usefixtures("no_window")


@pytest.mark.parametrize("kind", ["gray", "many strata"])
def test_matrix_has_the_order_of_the_tree(fitted_kind, kind):
    _, estimator = fitted_kind(kind)
    display = CenterSimilarityDisplay.from_estimator(estimator)
    np.testing.assert_allclose(
        display.similarities, np.corrcoef(estimator.cluster_centers_), atol=1e-6
    )
    np.testing.assert_array_equal(display.order, leaves_list(estimator.linkage_))
    (image,) = display.ax_.get_images()
    np.testing.assert_array_equal(
        image.get_array(), display.similarities[display.order][:, display.order]
    )
    assert image.get_clim() == (-1, 1)
    for labels in (display.ax_.get_xticklabels(), display.ax_.get_yticklabels()):
        assert [int(label.get_text()) for label in labels] == display.order.tolist()
    for axis in (display.ax_.xaxis, display.ax_.yaxis):
        assert tick_colors(axis) == colors_of(display.order)


def test_leaves_are_aligned_with_rows(fitted_kind):
    _, estimator = fitted_kind("many strata")
    display = CenterSimilarityDisplay.from_estimator(estimator)
    merges = display.tree_ax_.get_lines()
    assert len(merges) == 39
    # Each merge is at its height; leaves are at height 0 in the middle of a row.
    heights = sorted(merge.get_xdata().max() for merge in merges)
    np.testing.assert_allclose(heights, estimator.linkage_[:, 2])
    leaves = sorted(
        y for merge in merges for x, y in merge.get_xydata()[[0, -1]] if x == 0
    )
    assert leaves == list(range(40))
    assert display.tree_ax_.get_ylim() == display.ax_.get_ylim()


def test_cosine_and_annotations(fitted_kind):
    _, estimator = fitted_kind("gray")
    display = CenterSimilarityDisplay.from_estimator(estimator, similarity="cosine")
    np.testing.assert_allclose(
        display.similarities, cosine_similarity(estimator.cluster_centers_), atol=1e-6
    )
    values = [float(text.get_text()) for text in display.ax_.texts]
    order = display.order
    np.testing.assert_allclose(
        np.reshape(values, (2, 2)), display.similarities[order][:, order], atol=0.051
    )


def test_one_stratum_has_no_tree(tiny_images, fast):
    estimator = ContrastiveAutoencoderClusterer(**fast | {"n_clusters": 1})
    display = CenterSimilarityDisplay.from_estimator(estimator.fit(tiny_images))
    assert display.tree_ax_ is None
    assert display.ax_.get_images()[0].get_array() == pytest.approx(1)


def test_correlation_needs_several_latents(tiny_images, fast):
    estimator = ContrastiveAutoencoderClusterer(**fast | {"latent_dim": 1})
    estimator.fit(tiny_images)
    with pytest.raises(ValueError, match=r'latent_dim=1\. Use similarity="cosine"'):
        CenterSimilarityDisplay.from_estimator(estimator)
    CenterSimilarityDisplay.from_estimator(estimator, similarity="cosine")
    with pytest.raises(ValueError, match="'similarity' parameter"):
        CenterSimilarityDisplay.from_estimator(estimator, similarity="euclidean")
