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


def test_each_sample_gets_its_own_view():
    batch = torch.randn(1, 1, 12, 12, generator=make_generator(0)).expand(8, -1, -1, -1)
    view = GrayImageAugmentation()(batch, make_generator(1))
    assert all(not torch.equal(view[0], other) for other in view[1:])


def test_gray_preset_never_flips():
    # A bright left side stays left of the center in all views.
    batch = torch.zeros(200, 1, 16, 16)
    batch[..., :6] = 4.0
    view = GrayImageAugmentation()(batch, make_generator(0))
    assert (view[..., :8].mean((1, 2, 3)) > view[..., 8:].mean((1, 2, 3))).all()


def test_volume_preset_preserves_sizes():
    z, y, x = np.indices((24, 24, 24)) - 11.5
    organ = (z / 3) ** 2 + (y / 5) ** 2 + (x / 7) ** 2 < 1
    batch = torch.from_numpy(organ.astype(np.float32)).expand(50, 1, -1, -1, -1)
    views = VolumeAugmentation(intensity=0.0)(batch, make_generator(0))
    sizes = views.sum((1, 2, 3, 4))
    torch.testing.assert_close(sizes, batch.sum((1, 2, 3, 4)), rtol=0.02, atol=0)
    # It was rotated out of each of its planes.
    for axis in (2, 3, 4):
        extent = views.amax([a for a in (2, 3, 4) if a != axis]).flatten(1).sum(1)
        assert extent.max() > 1.15 * extent.min()


def test_one_view_of_a_pair_keeps_the_orientation():
    batch = torch.randn(20, 1, 8, 8, 8, generator=make_generator(1))
    still, turned = VolumeAugmentation(intensity=0.0).pair(batch, make_generator(0))
    assert torch.equal(still, batch)
    assert not torch.isclose(turned, batch).flatten(1).all(dim=1).any()
    paler, _ = VolumeAugmentation(intensity=0.4).pair(batch, make_generator(0))
    for before, after in zip(batch, paler, strict=True):
        slope, intercept = np.polyfit(before.flatten(), after.flatten(), 1)
        assert abs(slope - 1) > 1e-4
        torch.testing.assert_close(slope * before + intercept, after, atol=1e-5, rtol=0)


def test_other_presets_draw_both_views_of_a_pair(batch):
    preset = GrayImageAugmentation()
    first, second = preset.pair(batch, make_generator(0))
    generator = make_generator(0)
    assert torch.equal(first, preset(batch, generator))
    assert torch.equal(second, preset(batch, generator))
    assert not torch.equal(first, second)


@pytest.mark.parametrize("preset", [GrayImageAugmentation, RGBImageAugmentation])
def test_views_lose_a_rectangle_and_nothing_else(batch, preset):
    plain = preset(erase=0.0)(batch, make_generator(0))
    erased = preset(erase=1.0)(batch, make_generator(0))
    kept = (plain == erased).all(dim=1).float().mean((1, 2))
    # A rectangle covers at most a quarter of the image, up to a pixel at its edges.
    assert (kept < 1).all()
    assert (kept > 0.6).all()


# Presets, shapes of samples, and the number of draws that have an effect.
CHANGED = [
    (GrayImageAugmentation(), (1, 9, 12), 7),
    (GrayImageAugmentation(shear=0, intensity=0), (1, 8, 8), 4),
    (GrayImageAugmentation(scale=1, translate=0), (1, 8, 8), 4),
    (RGBImageAugmentation(), (3, 9, 9), 7),
    (RGBImageAugmentation(), (1, 8, 8, 8), 8),
    # A slab is neither turned nor moved along its short side.
    (RGBImageAugmentation(), (1, 4, 16, 16), 7),
    (VolumeAugmentation(), (1, 8, 8, 8), 5),
    (VolumeAugmentation(), (1, 4, 16, 16), 4),
    (TableAugmentation(), (7,), 0),
]


@pytest.mark.parametrize(("preset", "shape", "n_changes"), CHANGED)
def test_changes_come_with_the_same_views(preset, shape, n_changes):
    batch = torch.randn(6, *shape, generator=make_generator(0))
    pair = preset.pair(batch, make_generator(1))
    *views, changes = preset.pair_with_changes(batch, make_generator(1))
    for view, expected in zip(views, pair, strict=True):
        assert torch.equal(view, expected)
    assert changes.shape == (6, n_changes)
    assert (changes.abs() <= 2).all()
    assert (changes != changes[0]).any(dim=0).all()


def test_changes_of_intensity_are_those_of_the_views():
    none = {"degrees": 0.0, "translate": 0.0, "scale": 1.0, "shear": 0.0}
    preset = GrayImageAugmentation(**none, intensity=0.3)
    batch = torch.randn(8, 1, 8, 8, generator=make_generator(0))
    first, second, changes = preset.pair_with_changes(batch, make_generator(1))
    contrasts = (first.std((1, 2, 3)) / second.std((1, 2, 3))).log() / 0.3
    torch.testing.assert_close(changes[:, 0], contrasts)
    dark = torch.zeros_like(batch)
    first, second, changes = preset.pair_with_changes(dark, make_generator(1))
    brightness = (first - second).mean((1, 2, 3)) / 0.3
    torch.testing.assert_close(changes[:, 1], brightness)


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
    first, second, changes = preset.pair_with_changes(batch, make_generator(1))
    seen = moments(first) - moments(second)
    growth, across, down = changes.T.numpy()
    np.testing.assert_allclose(growth * np.log(1.2), seen[2], atol=0.03)
    # Where the view is read further to the right, the spot moves to the left. It moves
    # farther in a magnified view.
    for shift, center in ((across, seen[0]), (down, seen[1])):
        assert np.corrcoef(-shift, center)[0, 1] > 0.98


def test_the_first_view_of_a_volume_is_not_shifted():
    batch = torch.zeros(50, 1, 8, 8, 8)
    preset = VolumeAugmentation(intensity=0.0)
    _, _, shifts = preset.pair_with_changes(batch, make_generator(0))
    assert shifts.shape == (50, 3)
    assert (shifts.abs() <= 1).all()  # differences of two draws would reach 2
