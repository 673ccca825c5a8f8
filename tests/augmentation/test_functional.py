import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy.ndimage import map_coordinates, rotate
from scipy.spatial.transform import Rotation

from contrastive_clustering._augmentation.functional import (
    _affine_grid,
    random_affine,
    random_blur,
    random_dropout,
    random_erasing,
    random_flip,
    random_intensity,
    random_pose,
    random_saturation,
)
from contrastive_clustering._utils.seeding import make_generator

STILL = {"degrees": 0.0, "translate": 0.0, "scale": 1.0}


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


def test_a_pose_is_that_of_scipys_rotations():
    sides = np.array([8, 12, 10])
    batch = torch.randn(9, 2, *sides, generator=make_generator(0))
    moved = random_pose(batch, make_generator(5), degrees=120.0, translate=0.1)

    draw = make_generator(5)
    axes = torch.randn(9, 3, generator=draw).numpy()
    angles = np.radians(120) * torch.rand(9, generator=draw).numpy()
    mirrored = torch.rand(9, generator=draw).numpy() < 0.5
    shifts = 0.1 * (2 * torch.rand(3, 9, generator=draw).numpy() - 1)
    assert 0 < mirrored.sum() < 9
    center = (sides - 1) / 2
    voxels = np.indices(sides).reshape(3, -1).T - center  # (n_voxels, 3), z first
    for i in range(9):
        vector = angles[i] * axes[i] / np.linalg.norm(axes[i])
        read = Rotation.from_rotvec(vector).apply(voxels[:, ::-1])  # x first
        if mirrored[i]:
            read[:, 0] *= -1
        read = (read + shifts[:, i] * sides[::-1])[:, ::-1] + center
        for channel, view in zip(batch[i], moved[i], strict=True):
            wanted = map_coordinates(channel.numpy(), read.T, order=1, mode="nearest")
            np.testing.assert_allclose(view.flatten(), wanted, atol=1e-4)


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


def test_saturation_keeps_the_gray(batch):
    view = random_saturation(batch, make_generator(0), strength=0.5)
    torch.testing.assert_close(view.mean(1), batch.mean(1), atol=1e-6, rtol=0)
    assert not torch.allclose(view, batch)


def test_a_blur_of_next_to_nothing_changes_nothing(batch):
    # Its square is 0 in float32.
    view = random_blur(batch, make_generator(0), sigma=1e-30)
    torch.testing.assert_close(view, batch, rtol=0, atol=0)
    faint = random_blur(batch, make_generator(0), sigma=0.05)
    torch.testing.assert_close(faint, batch, rtol=0, atol=1e-6)


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


@pytest.mark.parametrize("sides", [(8, 8), (9, 14), (5, 8, 12)])
def test_places_to_read_from_are_those_of_torch(sides):
    theta = torch.randn(6, len(sides), len(sides) + 1, generator=make_generator(0))
    torch.testing.assert_close(
        _affine_grid(theta, torch.Size(sides)),
        F.affine_grid(theta, [6, 1, *sides], align_corners=False),
    )


@pytest.mark.parametrize("shape", [(3, 2, 9, 10), (3, 2, 8, 9, 10)])
def test_blur_is_the_same_where_no_number_may_be_read(shape, monkeypatch):
    batch = torch.randn(shape, generator=make_generator(1))
    expected = random_blur(batch, make_generator(0), sigma=1.5)
    monkeypatch.setattr(
        "contrastive_clustering._augmentation.functional.is_asynchronous",
        lambda device: True,
    )
    found = random_blur(batch, make_generator(0), sigma=1.5)
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("sides", [(20, 28), (10, 14, 20)])
def test_erasing_paints_a_rectangle_of_the_median(sides):
    batch = torch.randn(400, 2, *sides, generator=make_generator(0))
    view = random_erasing(batch, make_generator(1), probability=0.8)
    n_erased = 0
    for before, after in zip(batch.numpy(), view.numpy(), strict=True):
        changed = (before != after).any(axis=0)
        if not changed.any():
            continue
        n_erased += 1
        places = np.nonzero(changed)
        inside = tuple(slice(p.min(), p.max() + 1) for p in places)
        # All of the rectangle, and nothing beside it; its pixels' centers lie in a
        # stretch of 2/7 to 1/2 of the side.
        for image, erased in zip(before, after, strict=True):
            expected = image.copy()
            n_pixels = image.size
            expected[inside] = np.sort(image, axis=None)[(n_pixels - 1) // 2]
            np.testing.assert_array_equal(erased, expected)
        for side, stretch in zip(sides, inside, strict=True):
            length = stretch.stop - stretch.start
            assert 2 / 7 * side - 1 <= length <= side / 2 + 1
    assert 0.72 < n_erased / 400 < 0.88
    assert torch.equal(random_erasing(batch, make_generator(1), probability=0.0), batch)


def test_erasing_is_the_same_where_algorithms_are_deterministic(batch, monkeypatch):
    expected = random_erasing(batch, make_generator(0), probability=0.5)
    monkeypatch.setattr(
        "contrastive_clustering._augmentation.functional.is_asynchronous",
        lambda device: True,
    )
    found = random_erasing(batch, make_generator(0), probability=0.5)
    assert torch.equal(found, expected)
    assert not torch.equal(found, batch)
