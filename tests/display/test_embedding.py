import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.offsetbox import AnnotationBbox, OffsetImage, TextArea
from sklearn.cluster import HDBSCAN

from contrastive_clustering import ContrastiveAutoencoderClusterer, EmbeddingDisplay
from contrastive_clustering._display.drawing.palette import NOISE_COLOR

pytestmark = pytest.mark.usefixtures("no_window")


def draw(estimator, X, *args, **options):
    return EmbeddingDisplay.from_estimator(
        estimator, X, *args, **{"method": "pca", "random_state": 0} | options
    )


def legend_of(display):
    legend = display.ax_.get_legend()
    return legend.get_title().get_text(), [text.get_text() for text in legend.texts]


def thumbnails(display):
    """Return the number and the images of each thumbnail on the map."""
    found = {}
    for box in display.ax_.findobj(AnnotationBbox):
        (text,) = box.findobj(TextArea)
        images = [image.get_data() for image in box.findobj(OffsetImage)]
        found[int(text.get_text())] = images
    return found


def points(display):
    return np.concatenate([each.get_offsets() for each in display.ax_.collections])


def test_each_sample_is_a_point_and_each_center_a_thumbnail(fitted_kind):
    X, estimator = fitted_kind("gray")
    display = draw(estimator, X)
    assert points(display).shape == (40, 2)
    assert {tuple(point) for point in points(display)} == {
        tuple(point) for point in display.positions
    }
    decoded = estimator.inverse_transform(estimator.cluster_centers_)
    shown = thumbnails(display)
    assert sorted(shown) == [0, 1]
    for stratum, (image,) in shown.items():
        np.testing.assert_array_equal(image, decoded[stratum])
    assert legend_of(display) == ("stratum", ["0", "1"])
    np.testing.assert_array_equal(display.strata, estimator.predict(X))


def test_forty_strata_are_distinguishable(fitted_kind):
    X, estimator = fitted_kind("many strata")
    display = draw(estimator, X)
    assert legend_of(display)[1] == [str(stratum) for stratum in range(40)]
    signs = {
        (to_hex(each.get_facecolor()[0]), len(each.get_paths()[0].vertices))
        for each in display.ax_.collections
    }
    assert len(signs) == 40
    assert sorted(thumbnails(display)) == list(range(40))


def test_thumbnails_do_not_overlap(fitted_kind):
    X, estimator = fitted_kind("many strata")
    display = draw(estimator, X)
    display.figure_.draw_without_rendering()
    boxes = [
        box.patch.get_window_extent() for box in display.ax_.findobj(AnnotationBbox)
    ]
    assert len(boxes) == 40
    for index, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[index + 1 :])


def test_labels_color_the_points(fitted_kind):
    X, estimator = fitted_kind("gray")
    y = np.array(["ill", "well"])[np.arange(40) % 2]
    display = draw(estimator, X, y)
    assert legend_of(display) == ("label", ["ill", "well"])
    ill, well = display.ax_.collections
    np.testing.assert_array_equal(ill.get_offsets(), display.positions[::2])
    assert to_hex(ill.get_facecolor()[0]) != to_hex(well.get_facecolor()[0])
    assert sorted(thumbnails(display)) == [0, 1]


def test_values_have_a_color_bar_and_nan_is_gray(fitted_kind):
    X, estimator = fitted_kind("gray")
    age = np.linspace(20, 80, 40)
    age[3] = np.nan
    display = draw(estimator, X, color=age, color_label="age")
    (drawn,) = display.ax_.collections
    assert drawn.get_clim() == (20, 80)
    display.figure_.draw_without_rendering()
    assert to_hex(drawn.get_facecolor()[3]) == NOISE_COLOR
    assert display.ax_.get_legend() is None
    assert display.figure_.axes[1].get_ylabel() == "age"
    assert display.coloring == "value"


def test_without_centers_the_map_shows_numbers(fitted_kind):
    X, estimator = fitted_kind("gray")
    assert thumbnails(draw(estimator, X, centers=False)) == {0: [], 1: []}
    by_value = draw(estimator, X, color=np.arange(40), centers=False)
    assert thumbnails(by_value) == {}


def test_number_of_mapped_samples_is_limited(fitted_kind):
    X, estimator = fitted_kind("gray")
    age = np.arange(40.0)
    display = draw(estimator, X, color=age, max_samples=10)
    assert len(display.positions) == len(np.unique(display.rows)) == 10
    np.testing.assert_array_equal(display.values, age[display.rows])
    np.testing.assert_array_equal(display.strata, estimator.predict(X[display.rows]))


def test_tsne_is_the_default_and_reproducible(fitted_kind):
    X, estimator = fitted_kind("gray")
    first, second = (
        EmbeddingDisplay.from_estimator(estimator, X, random_state=0) for _ in range(2)
    )
    assert first.ax_.get_xlabel() == "t-SNE 1"
    np.testing.assert_array_equal(first.positions, second.positions)


@pytest.mark.parametrize("kind", ["rgb", "volume", "table", "five channels"])
def test_thumbnails_of_other_samples(fitted_kind, kind):
    X, estimator = fitted_kind(kind)
    display = draw(estimator, X)
    shown = thumbnails(display)
    assert sorted(shown) == [0, 1]
    for stratum, (image,) in shown.items():
        np.testing.assert_array_equal(image, display.center_images[stratum])


def test_noise_is_gray_and_in_the_legend(fast):
    rng = np.random.default_rng(0)
    X = np.vstack([rng.normal(size=(60, 4)), rng.normal(9, 1, size=(60, 4))])
    X = np.vstack([X, rng.uniform(-40, 40, size=(10, 4))])
    parameters = fast | {"refinement_epochs": 0, "clusterer": HDBSCAN(copy=True)}
    estimator = ContrastiveAutoencoderClusterer(**parameters).fit(X)
    assert (estimator.labels_ == -1).any()
    display = draw(estimator, X)
    assert legend_of(display)[1][0] == "noise"
    assert to_hex(display.ax_.collections[0].get_facecolor()[0]) == NOISE_COLOR
    assert -1 not in thumbnails(display)


def test_latents_of_any_clusterer():
    latents = np.vstack([np.eye(4), 9 + np.eye(4)])
    display = EmbeddingDisplay.from_latents(
        latents, [0, 0, 0, -1, 2, 2, 2, 2], method="pca"
    )
    assert legend_of(display) == ("stratum", ["noise", "0", "2"])
    assert thumbnails(display) == {0: [], 2: []}  # stratum 1 is empty
    np.testing.assert_allclose(
        display.center_positions[2], display.positions[4:].mean(axis=0), atol=1e-9
    )


def test_all_samples_may_be_noise():
    display = EmbeddingDisplay.from_latents(np.eye(3), [-1, -1, -1], method="pca")
    assert legend_of(display) == ("stratum", ["noise"])
    assert thumbnails(display) == {}


def test_invalid_input_is_reported(fitted_kind):
    X, estimator = fitted_kind("gray")
    with pytest.raises(ValueError, match="y and color are given"):
        draw(estimator, X, np.arange(40) % 2, color=np.arange(40))
    with pytest.raises(ValueError, match=r"y has shape \(3,\).* 40 samples"):
        draw(estimator, X, [1, 2, 3])
    with pytest.raises(ValueError, match=r"color has shape \(2,\)"):
        draw(estimator, X, color=[0.5, 1.0])
    with pytest.raises(TypeError, match="a continuous scale needs numbers"):
        draw(estimator, X, color=["a"] * 40)
    for wrong in ({"method": "mds"}, {"color": "age"}, {"max_samples": 2}):
        with pytest.raises(ValueError, match=f"The '{next(iter(wrong))}' parameter of"):
            draw(estimator, X, **wrong)
    with pytest.raises(ValueError, match=r"numbers of strata, first in strata\[0\]"):
        EmbeddingDisplay.from_latents(np.eye(3), strata=[-5, 1, 2])
    with pytest.raises(ValueError, match=r"latents contains NaN .* latents\[0\]"):
        EmbeddingDisplay.from_latents([[np.nan, 1.0]], [0])


def test_objects_with_nan_have_one_entry_each_in_the_legend():
    latents = np.random.default_rng(0).normal(size=(6, 3))
    y = np.array([2, np.nan, 1, 2, np.nan, 1], dtype=object)
    display = EmbeddingDisplay.from_latents(latents, np.zeros(6, int), y, method="pca")
    entries = display.ax_.get_legend().get_texts()
    assert [entry.get_text() for entry in entries] == ["1", "2", "nan"]
