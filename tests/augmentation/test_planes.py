import numpy as np
import pytest
import torch
from scipy.ndimage import rotate

from contrastive_clustering import GrayImageAugmentation, VolumeAugmentation
from contrastive_clustering._augmentation import planes
from contrastive_clustering._augmentation.geometry import random_affine, random_pose
from contrastive_clustering._augmentation.planes import long_axes, rotation_planes
from contrastive_clustering._utils.seeding import make_generator


def slabs(n_slabs=60, sides=(8, 64, 64)):
    """Return slabs with a spot of content in a random place within the disk."""
    generator = np.random.default_rng(0)
    grids = np.indices(sides)
    result = np.zeros((n_slabs, 1, *sides), dtype=np.float32)
    for slab in result:
        radius = 0.3 * generator.random() * min(sides[1:])
        angle = 2 * np.pi * generator.random()
        center = (
            generator.uniform(1, sides[0] - 2),
            sides[1] / 2 + radius * np.sin(angle),
            sides[2] / 2 + radius * np.cos(angle),
        )
        widths = (1.0, 3.0, 3.0)
        squares = [
            ((grid - middle) / width) ** 2
            for grid, middle, width in zip(grids, center, widths, strict=True)
        ]
        slab[0] = np.exp(-sum(squares) / 2)
    # Voxels outside a volume repeat its border, which must not count as content.
    result[..., 0, :] = result[..., -1, :] = result[..., 0] = result[..., -1] = 0
    return torch.from_numpy(result)


def share_kept(view, batch):
    """Return the median share of the content that remains in a view."""
    sums = [each.clamp(min=0).flatten(1).sum(1) for each in (view, batch)]
    return float((sums[0] / sums[1]).median())


@pytest.mark.parametrize("name", ["pose", "affine"])
def test_views_of_a_slab_keep_its_content(monkeypatch, name):
    batch = slabs()

    def view():
        if name == "pose":
            return random_pose(batch, make_generator(0), degrees=180, translate=0.1)
        # A slab of coronal slices: its short axis is the second.
        view = random_affine(
            batch.movedim(2, 3),
            make_generator(0),
            degrees=90,
            translate=0.1,
            scale=1.0,
        )
        return view.movedim(3, 2)

    after = share_kept(view(), batch)
    monkeypatch.setattr(planes, "ALIKE", np.inf)
    monkeypatch.setattr(planes, "SHORT", np.inf)
    before = share_kept(view(), batch)
    assert after == pytest.approx(1, abs=0.02)
    assert before < 0.8


def test_slices_of_a_slab_are_rotated_in_their_plane():
    batch = slabs(3)
    view = random_pose(batch, make_generator(1), degrees=90, translate=0)
    draw = make_generator(1)
    signs = torch.where(torch.randn(3, 3, generator=draw)[:, 0] < 0, -1, 1)
    degrees = 90 * torch.rand(3, generator=draw) * signs
    mirrored = torch.rand(3, generator=draw) < 0.5
    for before, after, angle, flips in zip(batch, view, degrees, mirrored, strict=True):
        volume = before[0].flip(-1) if flips else before[0]
        wanted = rotate(volume, float(angle), (1, 2), reshape=False, order=1)
        np.testing.assert_allclose(after[0], wanted, atol=0.05)


def test_a_slab_is_not_shifted_along_its_short_axis():
    batch = slabs(4)
    for augmentation in (
        VolumeAugmentation(intensity=0.0),
        GrayImageAugmentation(intensity=0.0),
    ):
        view = augmentation(batch, make_generator(0))
        depth = torch.arange(8.0)[:, None, None]
        means = [
            (each * depth).sum((1, 2, 3, 4)) / each.sum((1, 2, 3, 4))
            for each in (view, batch)
        ]
        torch.testing.assert_close(*means, atol=0.1, rtol=0)


def test_volumes_with_three_different_sides_are_not_rotated():
    batch = torch.randn(4, 1, 8, 16, 40)
    view = random_pose(batch, make_generator(0), degrees=180, translate=0)
    for before, after in zip(batch, view, strict=True):
        kept = [torch.allclose(after, x, atol=1e-4) for x in (before, before.flip(-1))]
        assert any(kept)


def test_planes_have_similar_sides():
    assert len(rotation_planes((20, 28, 30))) == 3
    assert rotation_planes((100, 8, 110)) == [(0, 2)]
    assert long_axes((20, 30, 40)) == (False, True, True)
