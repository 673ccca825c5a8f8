from dataclasses import fields

import numpy as np
import pytest
import torch

from contrastive_clustering import (
    GrayImageAugmentation,
    RGBImageAugmentation,
    VolumeAugmentation,
)
from contrastive_clustering._augmentation.presets import PRESETS
from contrastive_clustering._utils.seeding import make_generator

SHAPES = {"gray": (1, 9, 9), "rgb": (3, 9, 9), "volume": (1, 7, 7, 7), "table": (20,)}


@pytest.mark.parametrize(
    ("name", "parameter"),
    [(name, each.name) for name in PRESETS for each in fields(PRESETS[name])],
)
def test_each_parameter_changes_views(name, parameter):
    if parameter == "blur":
        pytest.importorskip("kornia")
    values = {each.name: 1.0 * (each.name == "scale") for each in fields(PRESETS[name])}
    batch = torch.randn(16, *SHAPES[name], generator=make_generator(0))
    if name in ("rgb", "volume"):  # mirrored at random
        batch = batch + batch.flip(-1)
    same = PRESETS[name](**values)(batch, make_generator(1))
    torch.testing.assert_close(same, batch, atol=1e-5, rtol=0)
    strength = {"degrees": 90.0, "scale": 2.0, "shear": 45.0}
    values[parameter] = strength.get(parameter, 1.0)
    changed = PRESETS[name](**values)(batch, make_generator(1))
    assert ((changed - batch).abs().flatten(1).amax(dim=1) > 0.01).float().mean() > 0.5


@pytest.mark.parametrize("preset", PRESETS.values())
def test_parameters_are_given_by_name(preset):
    # Presets have different third parameters.
    with pytest.raises(TypeError, match="positional"):
        preset(0.1, 0.1, 0.1)


def test_only_volumes_are_restored():
    presets = [preset for preset in PRESETS.values() if preset.restores]
    assert presets == [VolumeAugmentation]


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
