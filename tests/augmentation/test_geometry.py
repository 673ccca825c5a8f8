import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy.ndimage import map_coordinates, rotate
from scipy.spatial.transform import Rotation

from contrastive_clustering._augmentation.geometry import (
    _affine_grid,
    random_affine,
    random_flip,
    random_pose,
)
from contrastive_clustering._utils.seeding import make_generator

STILL = {"degrees": 0.0, "translate": 0.0, "scale": 1.0}


def test_affine_that_does_nothing_is_the_identity(batch):
    moved = random_affine(batch, make_generator(0), **STILL)
    torch.testing.assert_close(moved, batch, atol=1e-5, rtol=0)


def test_affine_rotates_by_the_angle_drawn():
    # A smooth image with unequal sides, rotated by SciPy by the same angle.
    y, x = np.mgrid[0:24, 0:40] / 8.0
    image = np.exp(-((y - 1.2) ** 2) - (x - 2.9) ** 2).astype(np.float32)
    view = random_affine(
        torch.from_numpy(image)[None, None],
        make_generator(3),
        degrees=30.0,
        translate=0.0,
        scale=1.0,
    )[0, 0].numpy()
    degrees = float(30 * (2 * torch.rand(1, generator=make_generator(3)) - 1))
    errors = [
        np.abs(rotate(image, sign * degrees, reshape=False, order=1) - view)[
            6:-6, 6:-6
        ].max()
        for sign in (1, -1)
    ]
    assert abs(degrees) > 3
    assert min(errors) < 0.03 < max(errors)


def test_affine_shifts_by_fractions_of_the_side():
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


def test_slices_of_a_tall_volume_are_rotated_without_being_stretched():
    # Both sides of a slice are short, so that neither is magnified.
    images = torch.randn(6, 1, 16, 16, generator=make_generator(0))
    tall = images[:, :, None].expand(-1, -1, 40, -1, -1)
    turns = {"degrees": 180.0, "translate": 0.0, "shear": 10.0}
    moved = random_affine(tall, make_generator(1), scale=1.3, **turns)
    wanted = random_affine(images, make_generator(1), scale=1.0, **turns)
    torch.testing.assert_close(
        moved, wanted[:, :, None].expand_as(moved), atol=1e-4, rtol=0
    )


@pytest.mark.parametrize(
    ("sides", "turns", "moves"),
    [
        ((14, 10), True, (True, True)),
        ((10, 12, 11), True, (True, True, True)),
        ((3, 12, 11), True, (False, True, True)),
        ((11, 12, 4), False, (True, True, False)),
    ],
)
def test_affine_turns_shears_magnifies_and_shifts(sides, turns, moves):
    batch = torch.randn(5, 2, *sides, generator=make_generator(0))
    moved = random_affine(
        batch, make_generator(5), degrees=60.0, translate=0.2, scale=1.5, shear=20.0
    )
    draw = make_generator(5)
    turn, growth, skew, *shifts = (
        2 * torch.rand(3 + len(sides), 5, generator=draw).numpy() - 1
    )
    center = (np.array(sides) - 1) / 2
    pixels = np.indices(sides).reshape(len(sides), -1).T - center
    for i in range(5):
        angle, slant = np.radians(60) * turn[i], np.tan(np.radians(20) * skew[i])
        matrix = np.eye(len(sides))
        if turns:  # of (y, x), the last two axes
            rotation = [[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]]
            matrix[-2:, -2:] = np.array(rotation) @ [[1, 0], [slant, 1]]
        read = pixels @ matrix.T / 1.5 ** growth[i]
        for axis, is_long in enumerate(moves):
            if is_long:
                read[:, axis] += 0.2 * shifts[::-1][axis][i] * sides[axis]
            else:
                read[:, axis] = pixels[:, axis]
        for channel, view in zip(batch[i], moved[i], strict=True):
            wanted = map_coordinates(
                channel.numpy(), (read + center).T, order=1, mode="nearest"
            )
            np.testing.assert_allclose(view.flatten(), wanted, atol=1e-4)


@pytest.mark.parametrize(
    ("sides", "only_axis", "moves"),
    [
        ((8, 12, 10), None, (1, 1, 1)),
        ((12, 11, 3), (1, 0, 0), (0, 1, 1)),  # of x, y, z
        ((12, 3, 11), (0, 1, 0), (1, 0, 1)),
        ((3, 12, 11), (0, 0, 1), (1, 1, 0)),
        ((4, 9, 20), (0, 0, 0), (1, 0, 0)),  # no two sides are alike
    ],
)
def test_poses_match_scipys_rotations(sides, only_axis, moves):
    sides = np.array(sides)
    batch = torch.randn(9, 2, *sides, generator=make_generator(0))
    moved = random_pose(batch, make_generator(5), degrees=120.0, translate=0.1)

    draw = make_generator(5)
    axes = torch.randn(9, 3, generator=draw).numpy()
    angles = np.radians(120) * torch.rand(9, generator=draw).numpy()
    mirrored = torch.rand(9, generator=draw).numpy() < 0.5
    shifts = 0.1 * (2 * torch.rand(3, 9, generator=draw).numpy() - 1)
    shifts *= np.array(moves)[:, None]
    if only_axis is not None:
        axes = np.where(axes[:, :1] < 0, -1, 1) * only_axis
    assert 0 < mirrored.sum() < 9
    center = (sides - 1) / 2
    voxels = np.indices(sides).reshape(3, -1).T - center  # (n_voxels, 3), z first
    for i in range(9):
        vector = angles[i] * axes[i] / max(np.linalg.norm(axes[i]), 1e-9)
        read = Rotation.from_rotvec(vector).apply(voxels[:, ::-1])  # x first
        if mirrored[i]:
            read[:, 0] *= -1
        read = (read + shifts[:, i] * sides[::-1])[:, ::-1] + center
        for channel, view in zip(batch[i], moved[i], strict=True):
            wanted = map_coordinates(channel.numpy(), read.T, order=1, mode="nearest")
            np.testing.assert_allclose(view.flatten(), wanted, atol=1e-4)


def test_flip_mirrors_about_half(batch):
    view = random_flip(batch, make_generator(0))
    mirrored = [torch.equal(a, b.flip(-1)) for a, b in zip(view, batch, strict=True)]
    kept = [torch.equal(a, b) for a, b in zip(view, batch, strict=True)]
    assert all(a != b for a, b in zip(mirrored, kept, strict=True))
    assert 3 < sum(mirrored) < 13


@pytest.mark.parametrize("sides", [(8, 8), (9, 14), (5, 8, 12)])
def test_affine_grids_match_torch(sides):
    theta = torch.randn(6, len(sides), len(sides) + 1, generator=make_generator(0))
    torch.testing.assert_close(
        _affine_grid(theta, torch.Size(sides)),
        F.affine_grid(theta, [6, 1, *sides], align_corners=False),
    )
