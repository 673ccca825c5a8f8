import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from contrastive_clustering._augmentation.values import (
    SHARPEST,
    random_blur,
    random_dropout,
    random_erasing,
    random_intensity,
    random_noise,
    random_saturation,
)
from contrastive_clustering._utils.seeding import make_generator


def test_intensity_is_one_factor_and_one_shift_per_sample(batch):
    view = random_intensity(batch, make_generator(0), strength=0.2)
    for before, after in zip(batch, view, strict=True):
        slope, intercept = np.polyfit(before.flatten(), after.flatten(), 1)
        assert np.exp(-0.2) - 1e-5 <= slope <= np.exp(0.2) + 1e-5
        assert abs(intercept) <= 0.2 + 1e-5
        torch.testing.assert_close(slope * before + intercept, after, atol=1e-5, rtol=0)


def test_intensity_and_saturation_follow_their_draws(batch):
    draw, changes = make_generator(3), []
    gain, offset = (2 * torch.rand(2, 16, generator=draw) - 1).reshape(2, 16, 1, 1, 1)
    view = random_intensity(batch, make_generator(3), strength=0.4, changes=changes)
    expected = batch * torch.exp(0.4 * gain) + 0.4 * offset
    torch.testing.assert_close(view, expected)
    for found, drawn in zip(changes, (gain, offset), strict=True):
        torch.testing.assert_close(found, drawn.flatten())
    changes.clear()
    view = random_saturation(batch, make_generator(3), strength=0.4, changes=changes)
    gray = batch.mean(1, keepdim=True)
    expected = gray + torch.exp(0.4 * gain) * (batch - gray)
    torch.testing.assert_close(view, expected)
    torch.testing.assert_close(changes, [gain.flatten()])


def test_saturation_of_one_channel_is_not_a_change():
    batch, changes = torch.randn(16, 1, 8, 8, generator=make_generator(0)), []
    view = random_saturation(batch, make_generator(3), strength=0.4, changes=changes)
    assert torch.equal(view, batch)
    assert not changes


def test_noise_has_a_strength_of_its_own_for_each_sample():
    batch = torch.randn(200, 1, 30, 30, generator=make_generator(0))
    noise = random_noise(batch, make_generator(1), strength=0.5) - batch
    strengths = noise.flatten(1).std(1)
    assert strengths.max() < 0.55
    # Strengths are uniform from 0 to 0.5.
    np.testing.assert_allclose(
        np.quantile(strengths, [0.1, 0.5, 0.9]), [0.05, 0.25, 0.45], atol=0.04
    )
    assert (noise.flatten(1).mean(1).abs() < 0.1).all()
    again = random_noise(batch, make_generator(1), strength=0.5) - batch
    assert torch.equal(again, noise)


def test_without_noise_no_random_numbers_are_drawn(batch):
    generator = make_generator(1)
    assert random_noise(batch, generator, strength=0.0) is batch
    assert torch.equal(generator.get_state(), make_generator(1).get_state())


def test_saturation_preserves_the_gray_level(batch):
    view = random_saturation(batch, make_generator(0), strength=0.5)
    torch.testing.assert_close(view.mean(1), batch.mean(1), atol=1e-6, rtol=0)
    assert not torch.allclose(view, batch)


def test_a_tiny_blur_changes_nothing(batch):
    # The square of the width underflows in float32.
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


def test_blur_is_that_of_scipy_within_two_widths():
    batch = torch.randn(5, 2, 12, 15, generator=make_generator(0))
    view = random_blur(batch, make_generator(3), sigma=1.7)
    draws = torch.rand(5, generator=make_generator(3)).numpy()
    for image, blurred, draw in zip(batch, view, draws, strict=True):
        width = 1.7 * (SHARPEST + (1 - SHARPEST) * draw)
        expected = gaussian_filter(
            image.numpy(), (0, width, width), radius=(0, 4, 4), mode="mirror"
        )
        np.testing.assert_allclose(blurred, expected, atol=1e-5)


def test_dropout_depends_only_on_its_generator():
    ones = torch.ones(30, 30)
    first, again = (
        random_dropout(ones, make_generator(2), probability=0.5) for _ in range(2)
    )
    assert torch.equal(first, again)


def test_dropout_drops_the_given_fraction():
    view = random_dropout(torch.ones(100, 100), make_generator(0), probability=0.1)
    assert set(view.unique().tolist()) == {0.0, 1.0}
    assert 0.08 < 1 - view.mean() < 0.12


@pytest.mark.parametrize("shape", [(3, 2, 9, 10), (3, 2, 8, 9, 10)])
def test_blur_without_synchronization_is_the_same(shape, monkeypatch):
    batch = torch.randn(shape, generator=make_generator(1))
    expected = random_blur(batch, make_generator(0), sigma=1.5)
    monkeypatch.setattr(
        "contrastive_clustering._augmentation.values.is_asynchronous",
        lambda device: True,
    )
    found = random_blur(batch, make_generator(0), sigma=1.5)
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("sides", [(20, 28), (10, 14, 20)])
def test_erasing_fills_a_rectangle_with_the_median(sides):
    batch = torch.randn(400, 2, *sides, generator=make_generator(0))
    view = random_erasing(batch, make_generator(1), probability=0.8)
    n_erased, longest = 0, 0.0
    for before, after in zip(batch.numpy(), view.numpy(), strict=True):
        changed = (before != after).any(axis=0)
        if not changed.any():
            continue
        n_erased += 1
        indices = np.nonzero(changed)
        inside = tuple(slice(p.min(), p.max() + 1) for p in indices)
        # The whole rectangle is erased and nothing else. The centers of its pixels span
        # 2/7 to 1/2 of the side.
        for image, erased in zip(before, after, strict=True):
            expected = image.copy()
            n_pixels = image.size
            expected[inside] = np.sort(image, axis=None)[(n_pixels - 1) // 2]
            np.testing.assert_array_equal(erased, expected)
        for side, stretch in zip(sides, inside, strict=True):
            length = stretch.stop - stretch.start
            assert 2 / 7 * side - 1 <= length <= side / 2 + 1
            longest = max(longest, length / side)
    assert longest > 0.45
    assert 0.72 < n_erased / 400 < 0.88
    assert torch.equal(random_erasing(batch, make_generator(1), probability=0.0), batch)


def test_deterministic_erasing_is_the_same(batch, monkeypatch):
    expected = random_erasing(batch, make_generator(0), probability=0.5)
    monkeypatch.setattr(
        "contrastive_clustering._augmentation.values.is_asynchronous",
        lambda device: True,
    )
    found = random_erasing(batch, make_generator(0), probability=0.5)
    assert torch.equal(found, expected)
    assert not torch.equal(found, batch)
