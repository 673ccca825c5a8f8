import numpy as np
import pytest
from matplotlib import pyplot as plt
from matplotlib.colors import to_rgba_array
from matplotlib.offsetbox import AnnotationBbox, OffsetImage

from contrastive_clustering._display.drawing.image_grid import ImageStyle
from contrastive_clustering._display.drawing.thumbnails import (
    draw_thumbnails,
    spread_apart,
)

pytestmark = pytest.mark.usefixtures("no_window")


@pytest.mark.parametrize("seed", range(3))
def test_boxes_are_moved_apart_within_bounds(seed):
    bounds = np.array([300.0, 260.0])
    positions = np.random.default_rng(seed).uniform(0, 200, size=(40, 2))
    positions[1] = positions[0]  # two boxes coincide
    moved = spread_apart(positions, (20.0, 30.0), bounds)
    away = np.abs(moved[:, None] - moved)
    apart = (away[..., 0] > 20 - 0.01) | (away[..., 1] > 30 - 0.01)
    assert apart[~np.eye(40, dtype=bool)].all()
    assert (moved >= (10, 15)).all()
    assert (moved <= bounds - (10, 15)).all()


def test_separate_boxes_do_not_move():
    positions = np.array([[10.0, 10.0], [40.0, 10.0]])
    moved = spread_apart(positions, (20.0, 20.0), np.array([50.0, 20.0]))
    np.testing.assert_array_equal(moved, positions)


def test_spreading_too_many_boxes_terminates():
    moved = spread_apart(np.zeros((30, 2)), (20.0, 20.0), np.array([25.0, 25.0]))
    assert np.isfinite(moved).all()


@pytest.mark.parametrize("n", [1, 12, 60])
def test_frames_are_within_the_map_and_do_not_overlap(n):
    figure, ax = plt.subplots(layout="constrained")
    positions = np.random.default_rng(0).normal(size=(n, 2))
    ax.scatter(*positions.T, label="points")
    ax.legend(loc="upper left", bbox_to_anchor=(1, 1))
    colors = to_rgba_array(["red"] * n)
    images = np.random.default_rng(1).uniform(size=(n, 8, 8))
    draw_thumbnails(
        ax,
        positions,
        np.arange(n),
        colors,
        images=images,
        style=ImageStyle(0, 1, "gray"),
    )
    figure.draw_without_rendering()
    boxes = ax.findobj(AnnotationBbox)
    assert len(boxes) == n
    frames = [box.patch.get_window_extent() for box in boxes]
    around = ax.get_window_extent().padded(1)
    for index, frame in enumerate(frames):
        assert around.containsx(frame.x0)
        assert around.containsx(frame.x1)
        assert around.containsy(frame.y0)
        assert around.containsy(frame.y1)
        assert not any(frame.overlaps(other) for other in frames[index + 1 :])
    for box, image, position in zip(boxes, images, positions, strict=True):
        (shown,) = box.findobj(OffsetImage)
        np.testing.assert_array_equal(shown.get_data(), image)
        np.testing.assert_array_equal(box.xy, position)


def test_thumbnails_keep_sharp_pixels():
    figure, ax = plt.subplots(figsize=(3, 3), dpi=180)
    board = np.indices((28, 28)).sum(axis=0) % 2
    draw_thumbnails(
        ax,
        np.zeros((1, 2)),
        np.zeros(1, dtype=int),
        ["red"],
        images=board[None],
        style=ImageStyle(0, 1, "gray"),
    )
    figure.canvas.draw()
    (shown,) = ax.findobj(OffsetImage)
    box = shown.get_window_extent()
    assert 2 < box.width / 28 < 3
    top = figure.bbox.height - box.y1
    pixels = np.asarray(figure.canvas.buffer_rgba())[..., 0]
    inside = pixels[int(top) + 5 : int(top) + 50, int(box.x0) + 5 : int(box.x0) + 50]
    assert set(np.unique(inside)) == {0, 255}


def test_empty_input():
    _, ax = plt.subplots()
    draw_thumbnails(ax, np.empty((0, 2)), np.empty(0), np.empty((0, 4)))
    assert not ax.findobj(AnnotationBbox)
