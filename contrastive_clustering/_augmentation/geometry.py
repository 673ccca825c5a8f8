"""Random transformations of positions, with independent parameters for each sample.

A batch is a standardized float32 tensor (zero mean and unit variance over the training
set) of shape ``(n, n_channels, height, width)``, ``(n, n_channels, depth, height,
width)`` or ``(n, n_features)``. All random numbers come from the given generator, and
all computations run on the device of the batch.
"""

import math

import torch
import torch.nn.functional as F

from contrastive_clustering._augmentation.draws import (
    Changes,
    note,
    per_sample,
    uniform,
)
from contrastive_clustering._augmentation.planes import long_axes, rotation_planes


def random_affine(
    batch: torch.Tensor,
    generator: torch.Generator,
    *,
    degrees: float,
    translate: float,
    scale: float,
    shear: float = 0.0,
    changes: Changes | None = None,
) -> torch.Tensor:
    """Rotate, shear, shift and scale each image or volume at random.

    Pixels outside the image repeat its border. Volumes are rotated and sheared in the
    plane of their last two axes, the axial slices, if these sides are alike, and
    shifted and scaled along all axes that are longer than half the longest.

    Parameters
    ----------
    batch : torch.Tensor of shape (n, n_channels, [depth,] height, width)
        Images or volumes.

    generator : torch.Generator
        Source of all random numbers, on the device of `batch`.

    degrees : float
        Rotation angles are drawn uniformly from ``[-degrees, degrees]``.

    translate : float
        Shifts are drawn uniformly from ``[-translate, translate]``, as fractions of
        the side.

    scale : float
        Magnifications are drawn log-uniformly from ``[1 / scale, scale]``.

    shear : float, default=0.0
        Shear angles of the rows are drawn uniformly from ``[-shear, shear]`` degrees.

    changes : list, default=None
        Receives the angle, the logarithm of the magnification, the shear angle and the
        shifts of each sample, from -1 to 1 times the largest, if they vary.

    Returns
    -------
    moved : torch.Tensor
        Tensor with the shape and dtype of `batch`.
    """
    n_samples, n_axes = len(batch), batch.ndim - 2
    height, width = batch.shape[-2:]
    turn, growth, skew = (uniform(n_samples, -1, 1, generator) for _ in range(3))
    sides = tuple(batch.shape[2:])
    moves = long_axes(sides) if n_axes == 3 else (True, True)
    if n_axes == 3 and (1, 2) not in rotation_planes(sides):
        degrees = shear = 0.0
    angle = math.radians(degrees) * turn
    zoom = torch.exp(math.log(scale) * growth)
    slant = torch.tan(math.radians(shear) * skew)
    note(changes, (degrees, turn), (scale - 1, growth), (shear, skew))
    # Magnifications along x, y and z. A plane that is rotated stays as it is along its
    # short axes, and is not stretched by the rotation.
    zooms = [zoom if moved else torch.ones_like(zoom) for moved in reversed(moves)]
    cosine, sine = torch.cos(angle), torch.sin(angle)

    # theta maps each output position in [-1, 1] to the position to read from.
    # Coordinates are ordered (x, y[, z]), width first. The aspect ratio preserves
    # angles if the sides differ.
    theta = batch.new_zeros(n_samples, n_axes, n_axes + 1)
    theta[:, 0, 0] = cosine / zooms[0]
    theta[:, 0, 1] = (cosine / zooms[1] * slant - sine / zooms[1]) * height / width
    theta[:, 1, 0] = sine / zooms[0] * width / height
    theta[:, 1, 1] = sine / zooms[1] * slant + cosine / zooms[1]
    if n_axes == 3:
        theta[:, 2, 2] = 1 / zooms[2]
    for axis, moves_along in enumerate(reversed(moves)):
        # [-1, 1] has length 2, so a shift by one side is 2.
        shift = uniform(n_samples, -1, 1, generator)
        theta[:, axis, -1] = 2 * translate * shift if moves_along else 0
        note(changes, (translate if moves_along else 0.0, shift))
    grid = _affine_grid(theta, batch.shape[2:])
    return F.grid_sample(batch, grid, padding_mode="border", align_corners=False)


def random_pose(
    batch: torch.Tensor,
    generator: torch.Generator,
    *,
    degrees: float,
    translate: float,
    changes: Changes | None = None,
) -> torch.Tensor:
    """Mirror, rotate and shift each volume in space at random.

    Each volume is mirrored along its last axis with probability one half, and rotated
    about a random axis through its center. Voxels outside the volume repeat its border.
    Sizes and shapes are preserved.

    A slab, such as 8 slices of 128 x 128 pixels, would leave its own field of view. If
    the sides differ, volumes are rotated only in the plane of two sides that are alike,
    and not shifted along sides that are at most half as long as the longest.

    Parameters
    ----------
    batch : torch.Tensor of shape (n, n_channels, depth, height, width)
        Volumes with isotropic voxels.

    generator : torch.Generator
        Source of all random numbers, on the device of `batch`.

    degrees : float
        Angles are drawn uniformly from ``[0, degrees]``, and rotation axes uniformly
        from all directions, or from the two directions perpendicular to the plane.

    translate : float
        Shifts are drawn uniformly from ``[-translate, translate]``, as fractions of
        the side.

    changes : list, default=None
        Receives the shifts of each volume, from -1 to 1 times the largest, along the
        axes on which they vary.

    Returns
    -------
    moved : torch.Tensor
        Tensor with the shape and dtype of `batch`.

    Notes
    -----
    By Rodrigues' formula, the rotation by an angle t about a unit vector a is
    I + sin(t) A + (1 - cos(t)) A A, where A v is the cross product of a and v.
    """
    n_samples = len(batch)
    axes = torch.randn(
        n_samples,
        3,
        generator=generator,
        device=generator.device,
        dtype=torch.float32,
    )
    angles = math.radians(degrees) * uniform(n_samples, 0, 1, generator)
    mirrored = uniform(n_samples, 0, 1, generator) < 0.5
    draws = [uniform(n_samples, -1, 1, generator) for _ in range(3)]
    shifts = [2 * translate * draw for draw in draws]

    planes = rotation_planes(tuple(batch.shape[2:]))
    if len(planes) == 1:
        # Coordinates are (x, y, z), and the axis perpendicular to (d, h) is x.
        perpendicular = F.one_hot(torch.tensor(sum(planes[0]) - 1), 3)
        signs = torch.where(axes[:, :1] < 0, -1.0, 1.0)
        axes = signs * perpendicular.to(batch.device, non_blocking=True)
    elif not planes:
        angles = torch.zeros_like(angles)
    for coordinate, moves_along in enumerate(
        reversed(long_axes(tuple(batch.shape[2:])))
    ):
        if not moves_along:
            shifts[coordinate] = torch.zeros_like(shifts[coordinate])
        note(changes, (translate if moves_along else 0.0, draws[coordinate]))

    identity = torch.eye(3, device=batch.device, dtype=torch.float32)
    axes = F.normalize(axes, dim=1)[:, None]
    cross = torch.linalg.cross(axes, identity[None], dim=2).mT
    angles = per_sample(angles, cross)
    turns = identity + torch.sin(angles) * cross
    turns = turns + (1 - torch.cos(angles)) * (cross @ cross)
    # As in random_affine, coordinates are (x, y, z), and [-1, 1] is a full side.
    # Creating the tensor of numbers directly on a GPU would synchronize with it.
    sides = torch.tensor(batch.shape[:1:-1], device="cpu")
    sides = sides.to(batch.device, non_blocking=True)
    turns = turns * sides / sides[:, None]
    turns[:, 0] *= torch.where(mirrored, -1.0, 1.0)[:, None]
    theta = torch.cat([turns, torch.stack(shifts, dim=1)[:, :, None]], dim=2)
    grid = _affine_grid(theta.to(batch.dtype), batch.shape[2:])
    return F.grid_sample(batch, grid, padding_mode="border", align_corners=False)


def _affine_grid(theta: torch.Tensor, sides: torch.Size) -> torch.Tensor:
    """Compute the same as torch's affine_grid, several times as fast on a CPU.

    The coordinates of a position are a sum with one term per axis, and only the last
    addition involves all positions.
    """
    n_samples, n_axes, _ = theta.shape
    grid = theta[:, :, -1].reshape(n_samples, *[1] * n_axes, n_axes)
    # The last side belongs to the first coordinate. Start with the smallest tensors.
    for coordinate, side in reversed(list(enumerate(reversed(sides)))):
        shape = [1] * (n_axes + 2)
        shape[n_axes - coordinate] = side
        # Centers of the pixels.
        positions = torch.arange(side, device=theta.device, dtype=torch.float32)
        positions = (2 * positions + 1) / side - 1
        step = theta[:, :, coordinate].reshape(n_samples, *[1] * n_axes, n_axes)
        grid = grid + positions.reshape(shape).to(theta.dtype) * step
    return grid


def random_flip(batch: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Mirror each sample left to right with probability one half."""
    mirrored = uniform(len(batch), 0, 1, generator) < 0.5
    return torch.where(per_sample(mirrored, batch), batch.flip(-1), batch)
