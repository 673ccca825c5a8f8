import numpy as np
import pytest
import torch

from contrastive_clustering import (
    GrayImageAugmentation,
    RGBImageAugmentation,
    TableAugmentation,
    VolumeAugmentation,
)
from contrastive_clustering._utils.seeding import make_generator

# Presets, shapes of samples, and the number of draws that have an effect.
CHANGED = [
    (GrayImageAugmentation(), (1, 9, 12), 7),
    (GrayImageAugmentation(shear=0, intensity=0), (1, 8, 8), 4),
    (GrayImageAugmentation(scale=1, translate=0), (1, 8, 8), 4),
    (RGBImageAugmentation(), (3, 9, 9), 7),
    (RGBImageAugmentation(), (3, 8, 8, 8), 8),
    # A single channel has no saturation.
    (RGBImageAugmentation(), (1, 8, 8, 8), 7),
    # A slab is neither turned nor moved along its short side.
    (RGBImageAugmentation(), (3, 4, 16, 16), 7),
    (VolumeAugmentation(), (1, 8, 8, 8), 5),
    (VolumeAugmentation(), (1, 4, 16, 16), 4),
    (TableAugmentation(), (7,), 0),
]


@pytest.mark.parametrize(("preset", "shape", "n_changes"), CHANGED)
def test_changes_come_with_the_same_views(preset, shape, n_changes):
    batch = torch.randn(6, *shape, generator=make_generator(0))
    pair = preset.pair(batch, make_generator(1))
    changes = []
    views = preset.pair(batch, make_generator(1), changes)
    for view, expected in zip(views, pair, strict=True):
        assert torch.equal(view, expected)
    assert len(changes) == n_changes
    for change in changes:
        assert change.shape == (6,)
        assert (change.abs() <= 2).all()
        assert (change != change[0]).any()


def test_changes_of_intensity_are_those_of_the_views():
    none = {"degrees": 0.0, "translate": 0.0, "scale": 1.0, "shear": 0.0}
    preset = GrayImageAugmentation(**none, intensity=0.3)
    batch = torch.randn(8, 1, 8, 8, generator=make_generator(0))
    changes = []
    first, second = preset.pair(batch, make_generator(1), changes)
    contrasts = (first.std((1, 2, 3)) / second.std((1, 2, 3))).log() / 0.3
    torch.testing.assert_close(changes[0], contrasts)
    dark = torch.zeros_like(batch)
    changes = []
    first, second = preset.pair(dark, make_generator(1), changes)
    brightness = (first - second).mean((1, 2, 3)) / 0.3
    torch.testing.assert_close(changes[1], brightness)


def test_changes_of_positions_are_those_of_the_views():
    y, x = np.indices((33, 33)) - 16.0
    spot = torch.from_numpy(np.exp(-(x**2 + y**2) / 8).astype(np.float32))
    batch = spot.expand(30, 1, -1, -1)

    def moments(view):
        weights = (view[:, 0] / view.sum((1, 2, 3))[:, None, None]).numpy()
        centers = [(weights * axis).sum((1, 2)) for axis in (x, y)]
        spread = (weights * (x**2 + y**2)).sum((1, 2)) - sum(c**2 for c in centers)
        return np.stack([*centers, np.log(spread) / 2])

    preset = GrayImageAugmentation(degrees=0, shear=0, intensity=0, scale=1.2)
    changes = []
    first, second = preset.pair(batch, make_generator(1), changes)
    seen = moments(first) - moments(second)
    growth, across, down = (change.numpy() for change in changes)
    np.testing.assert_allclose(growth * np.log(1.2), seen[2], atol=0.03)
    # Where the view is read further to the right, the spot moves to the left. It moves
    # farther in a magnified view.
    for shift, center in ((across, seen[0]), (down, seen[1])):
        assert np.corrcoef(-shift, center)[0, 1] > 0.98


def test_the_first_view_of_a_volume_is_not_shifted():
    batch = torch.zeros(50, 1, 8, 8, 8)
    preset = VolumeAugmentation(intensity=0.0)
    shifts = []
    preset.pair(batch, make_generator(0), shifts)
    assert len(shifts) == 3
    # Differences of two draws would reach 2.
    assert all((shift.abs() <= 1).all() for shift in shifts)
