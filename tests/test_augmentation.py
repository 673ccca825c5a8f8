import numpy as np
import pytest
import torch
import torch.nn.functional as F
from kornia.augmentation import RandomAffine
from scipy.ndimage import rotate

from contrastive_clustering._augmentation import (
    CallableAugmentation,
    GreyImageAugmentation,
    RGBImageAugmentation,
    TableAugmentation,
    _affine_grid,
    random_affine,
    random_blur,
    random_dropout,
    random_flip,
    random_intensity,
    random_saturation,
    resolve_augmentation,
)
from contrastive_clustering._random import make_generator

STILL = {"degrees": 0.0, "translate": 0.0, "scale": 1.0}


@pytest.fixture
def batch():
    return torch.from_numpy(
        np.random.default_rng(0).normal(size=(16, 3, 12, 12)).astype(np.float32)
    )


@pytest.mark.parametrize(
    ("preset", "shape"),
    [
        (GreyImageAugmentation(), (16, 1, 12, 9)),
        (GreyImageAugmentation(), (16, 1, 8, 10, 9)),
        (RGBImageAugmentation(), (16, 3, 12, 9)),
        (RGBImageAugmentation(), (16, 3, 8, 9, 10)),
        (TableAugmentation(), (16, 5)),
        (CallableAugmentation(lambda x: x + torch.randn_like(x)), (16, 1, 8, 8)),
        (CallableAugmentation(RandomAffine(10.0)), (16, 1, 8, 8)),
    ],
)
def test_same_seed_same_views(preset, shape):
    batch = torch.randn(shape, generator=make_generator(0))
    kept = batch.clone()
    generators = [make_generator(1), make_generator(1)]
    first, second = (preset(batch, generator) for generator in generators)
    torch.testing.assert_close(first, second, rtol=0, atol=0)
    assert first.shape == batch.shape
    assert not torch.equal(first, preset(batch, generators[0]))  # the next view differs
    assert torch.equal(batch, kept)


def test_each_sample_gets_its_own_view():
    batch = torch.randn(1, 1, 12, 12, generator=make_generator(0)).expand(8, -1, -1, -1)
    view = GreyImageAugmentation()(batch, make_generator(1))
    assert all(not torch.equal(view[0], other) for other in view[1:])


def test_affine_that_does_nothing_is_the_identity(batch):
    moved = random_affine(batch, make_generator(0), **STILL)
    torch.testing.assert_close(moved, batch, atol=1e-5, rtol=0)


def test_affine_rotates_by_the_angle_drawn():
    # A smooth picture of unequal sides, turned by SciPy by the angle that was drawn.
    y, x = np.mgrid[0:24, 0:40] / 8.0
    picture = np.exp(-((y - 1.2) ** 2) - (x - 2.9) ** 2).astype(np.float32)
    view = random_affine(
        torch.from_numpy(picture)[None, None],
        make_generator(3),
        degrees=30.0,
        translate=0.0,
        scale=1.0,
    )[0, 0].numpy()
    degrees = float(30 * (2 * torch.rand(1, generator=make_generator(3)) - 1))
    errors = [
        np.abs(rotate(picture, sign * degrees, reshape=False, order=1) - view)[
            6:-6, 6:-6
        ].max()
        for sign in (1, -1)
    ]
    assert abs(degrees) > 3
    assert min(errors) < 0.03 < max(errors)


def test_affine_shifts_by_parts_of_the_side():
    batch = torch.zeros(200, 1, 20, 20)
    batch[:, :, 10, 10] = 1
    moved = random_affine(
        batch, make_generator(0), degrees=0.0, translate=0.1, scale=1.0
    )
    rows, columns = torch.meshgrid(
        torch.arange(20.0), torch.arange(20.0), indexing="ij"
    )
    offsets = torch.stack(
        [(moved[:, 0] * axis).sum((1, 2)) - 10 for axis in (rows, columns)]
    )
    assert offsets.abs().max() <= 2 + 1e-4
    assert offsets.abs().max() > 1.5


def test_intensity_is_one_factor_and_one_shift_a_sample(batch):
    view = random_intensity(batch, make_generator(0), strength=0.2)
    for before, after in zip(batch, view, strict=True):
        slope, intercept = np.polyfit(before.flatten(), after.flatten(), 1)
        assert np.exp(-0.2) - 1e-5 <= slope <= np.exp(0.2) + 1e-5
        assert abs(intercept) <= 0.2 + 1e-5
        torch.testing.assert_close(slope * before + intercept, after, atol=1e-5, rtol=0)


def test_flip_mirrors_about_half(batch):
    view = random_flip(batch, make_generator(0))
    mirrored = [torch.equal(a, b.flip(-1)) for a, b in zip(view, batch, strict=True)]
    kept = [torch.equal(a, b) for a, b in zip(view, batch, strict=True)]
    assert all(a != b for a, b in zip(mirrored, kept, strict=True))
    assert 3 < sum(mirrored) < 13


def test_saturation_keeps_the_grey(batch):
    view = random_saturation(batch, make_generator(0), strength=0.5)
    torch.testing.assert_close(view.mean(1), batch.mean(1), atol=1e-6, rtol=0)
    assert not torch.allclose(view, batch)


@pytest.mark.parametrize("shape", [(6, 3, 12, 12), (6, 2, 8, 12, 12)])
def test_blur_smooths_and_keeps_the_mean(shape):
    batch = torch.randn(shape, generator=make_generator(0))
    view = random_blur(batch, make_generator(0), sigma=1.0)
    roughness = [
        x.diff(dim=-1).square().flatten(1).mean(1).numpy() for x in (batch, view)
    ]
    assert (roughness[1] < roughness[0]).any()
    assert (roughness[1] <= roughness[0] + 1e-5).all()
    assert view.shape == batch.shape


def test_dropout_drops_the_part_asked_for():
    view = random_dropout(torch.ones(100, 100), make_generator(0), probability=0.1)
    assert set(view.unique().tolist()) == {0.0, 1.0}
    assert 0.08 < 1 - view.mean() < 0.12


def test_grey_preset_never_flips():
    # A bright left side stays left of the middle, whatever is drawn.
    batch = torch.zeros(200, 1, 16, 16)
    batch[..., :6] = 4.0
    view = GreyImageAugmentation()(batch, make_generator(0))
    assert (view[..., :8].mean((1, 2, 3)) > view[..., 8:].mean((1, 2, 3))).all()


def test_auto_follows_the_samples():
    assert resolve_augmentation("auto", "grey") == GreyImageAugmentation()
    assert resolve_augmentation("auto", "rgb") == RGBImageAugmentation()
    assert resolve_augmentation("auto", "table") == TableAugmentation()
    assert resolve_augmentation(None, "grey") is None
    mild = GreyImageAugmentation(degrees=1.0)
    assert resolve_augmentation(mild, "grey") is mild


@pytest.mark.parametrize(("name", "kind"), [("grey", "table"), ("table", "rgb")])
def test_preset_for_other_samples_is_an_error(name, kind):
    with pytest.raises(ValueError, match=f"augmentation='{name}' does not suit"):
        resolve_augmentation(name, kind)


@pytest.mark.parametrize("function", [lambda x: x[:1], lambda x: x.numpy()])
def test_callable_that_returns_no_view_is_an_error(function, batch):
    with pytest.raises(ValueError, match="must return a tensor of the batch's shape"):
        CallableAugmentation(function)(batch, make_generator(0))


@pytest.mark.parametrize("sides", [(8, 8), (9, 14), (5, 8, 12)])
def test_places_to_read_from_are_those_of_torch(sides):
    theta = torch.randn(6, len(sides), len(sides) + 1, generator=make_generator(0))
    torch.testing.assert_close(
        _affine_grid(theta, torch.Size(sides)),
        F.affine_grid(theta, [6, 1, *sides], align_corners=False),
    )
