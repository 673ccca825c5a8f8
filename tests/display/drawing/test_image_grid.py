import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from contrastive_clustering._display.drawing.image_grid import (
    MAX_SCORE,
    ImageStyle,
    add_colorbar,
    draw_images,
    figure_size,
    mosaic,
    to_images,
)


def test_gray_images_keep_units_and_are_clipped(fitted_kind):
    X, estimator = fitted_kind("gray")
    scaler = estimator._model.scaler
    np.testing.assert_array_equal(to_images(X, scaler), X)
    bright = to_images(X + 1000.0, scaler)
    assert (bright == X.max()).all()
    style = ImageStyle.of(scaler)
    assert (style.low, style.high, style.label) == (X.min(), X.max(), None)


def test_flattened_images_are_shown_as_images(fitted_kind):
    X, estimator = fitted_kind("flat")
    images = to_images(X, estimator._model.scaler)
    np.testing.assert_array_equal(images, X.reshape(-1, 8, 8))


def test_three_channels_are_shown_in_color(fitted_kind):
    X, estimator = fitted_kind("rgb")
    images = to_images(X, estimator._model.scaler)
    expected = (X - float(X.min())) / (float(X.max()) - X.min())
    np.testing.assert_allclose(images, expected)
    assert images.min() == 0
    assert images.max() == 1


def test_five_channels_are_shown_side_by_side(fitted_kind):
    X, estimator = fitted_kind("five channels")
    images = to_images(X, estimator._model.scaler)
    assert images.shape == (40, 8 + 1 + 8, 8 + 1 + 8 + 1 + 8)
    np.testing.assert_array_equal(images[:, :8, :8], X[..., 0])
    np.testing.assert_array_equal(images[:, :8, 18:], X[..., 2])
    np.testing.assert_array_equal(images[:, 9:, 9:17], X[..., 4])
    assert np.isnan(images[:, 9:, 18:]).all()  # the sixth cell is empty
    assert np.isnan(images[:, 8]).all()


def test_volumes_are_shown_by_their_middle_axial_slice(fitted_kind):
    X, estimator = fitted_kind("volume")
    images = to_images(X, estimator._model.scaler)
    np.testing.assert_array_equal(images, X[:, 4])  # the fifth of 9 slices


def test_tables_are_shown_as_strips_of_standard_scores(fitted_kind):
    X, estimator = fitted_kind("table")
    images = to_images(X, estimator._model.scaler)
    scores = (X - X.mean(axis=0)) / X.std(axis=0)
    assert images.shape == (150, 1, 4)
    np.testing.assert_allclose(images[:, 0], scores.clip(-3, 3))
    far = to_images(X + 1e9, estimator._model.scaler)
    assert (far == MAX_SCORE).all()
    style = ImageStyle.of(estimator._model.scaler)
    assert (style.low, style.high) == (-3, 3)
    assert "standard scores" in style.label


def test_mosaic_of_one_tile_is_that_tile():
    tiles = np.arange(12.0).reshape(2, 1, 2, 3)
    np.testing.assert_array_equal(mosaic(tiles), tiles[:, 0])


def test_images_are_at_their_positions():
    ax = Figure().add_subplot()
    style = ImageStyle(0, 1, "gray")
    images = [np.full((4, 8), value) for value in (0.0, 0.5, 1.0)]
    rows = [(images[:2], style), ([None, images[2]], style)]
    draw_images(ax, rows, [0, 1.5])
    artists = ax.get_images()
    assert len(artists) == 3
    for artist, image, center in zip(
        artists, images, [(0.5, 0.25), (2.0, 0.25), (2.0, 0.75)], strict=True
    ):
        np.testing.assert_array_equal(artist.get_array(), image)
        left, right, bottom, top = artist.get_extent()
        assert ((left + right) / 2, (bottom + top) / 2) == pytest.approx(center)
        assert top < bottom  # y points down
        assert artist.get_clim() == (0, 1)
    np.testing.assert_allclose(ax.get_yticks(), [0.25, 0.75])
    assert ax.get_xlim() == (0, 2.5)
    assert ax.get_ylim() == (1, 0)


@pytest.mark.parametrize(("side", "is_sharp"), [(28, True), (100, False)])
def test_small_images_keep_sharp_pixels(side, is_sharp):
    figure = Figure(figsize=(2, 2), dpi=80)
    ax = figure.add_axes((0, 0, 1, 1))
    board = np.indices((side, side)).sum(axis=0) % 2
    style = ImageStyle(0, 1, "gray")
    draw_images(ax, [([board, board.astype(float)], style)] * 2, [0, 1])
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    # The inside of an image, which is enlarged 2.6 and 0.7 times.
    inside = np.asarray(canvas.buffer_rgba())[15:65, 15:65, 0]
    assert (set(np.unique(inside)) == {0, 255}) == is_sharp


def test_figures_of_tables_are_larger_for_the_color_bar():
    assert figure_size(2.0, 3.0, ImageStyle(0, 1, "gray")) == (2.0, 3.0)
    assert figure_size(2.0, 3.0, ImageStyle(0, 1, "gray", "scores")) == (4.5, 4.0)


def test_only_tables_have_a_color_bar(fitted_kind):
    for kind, n_axes in (("gray", 1), ("table", 2)):
        figure = Figure()
        ax = figure.add_subplot()
        add_colorbar(ax, ImageStyle.of(fitted_kind(kind)[1]._model.scaler))
        assert len(figure.axes) == n_axes
