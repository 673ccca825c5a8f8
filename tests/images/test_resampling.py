import numpy as np
import pytest
from skimage.transform import resize

from contrastive_clustering._images.geometry import Plan
from contrastive_clustering._images.resampling import resample

rng = np.random.default_rng(0)


def resized(values, sides):
    return resample(values, Plan(sides, sides, (0,) * len(sides), None))


def blobs(*sides):
    """Return smooth values from 0 to 1."""
    axes = np.meshgrid(*[np.linspace(0, 3, side) for side in sides], indexing="ij")
    return 0.5 + 0.5 * np.prod([np.sin(axis + 1) for axis in axes], axis=0)


@pytest.mark.parametrize(
    ("shape", "sides"),
    [
        ((90, 60), (30, 20)),
        ((90, 60), (45, 90)),
        ((60, 48, 36), (20, 24, 36)),
        ((20, 20, 20), (40, 20, 30)),
    ],
)
@pytest.mark.parametrize("dtype", [np.float32, np.uint8])
def test_smooth_values_agree_with_scikit_image(shape, sides, dtype):
    scale = 255 if dtype == np.uint8 else 1000
    values = (blobs(*shape) * scale).astype(dtype)
    expected = resize(values.astype(float), sides, order=1, anti_aliasing=True)
    found = resized(values, sides)
    assert found.dtype == dtype
    assert found.shape == sides
    assert np.abs(found - expected).max() < 0.02 * scale


@pytest.mark.parametrize("dtype", [np.float32, np.uint8])
@pytest.mark.parametrize(
    ("shape", "sides"), [((96, 96), (12, 12)), ((48,) * 3, (6,) * 3)]
)
def test_fine_stripes_become_gray(shape, sides, dtype):
    """Every eighth pixel alone would be white."""
    values = np.zeros(shape, dtype)
    values[..., ::4] = 200
    found = resized(values, sides).astype(float)
    inner = found[..., 1:-1]
    assert np.abs(inner - 50).max() < 10
    assert found.min() >= 0
    assert found.max() <= 200


def test_colors_are_resized_by_channel():
    values = rng.integers(0, 256, (40, 30, 3), np.uint8)
    channels = [resized(values[..., i].copy(), (20, 15)) for i in range(3)]
    np.testing.assert_array_equal(resized(values, (20, 15)), np.dstack(channels))
    deep = values.astype(np.float32)
    np.testing.assert_allclose(
        resized(deep, (20, 15)), np.dstack(channels), rtol=0, atol=1.01
    )


def test_deep_values_keep_their_precision():
    values = np.linspace(-1000.25, 3000.75, 64 * 64, dtype=np.float32).reshape(64, 64)
    expected = values.reshape(32, 2, 32, 2).mean(axis=(1, 3))
    found = resized(values, (32, 32))
    assert np.abs(found - expected)[2:-2, 2:-2].max() < 0.01


def test_padding_takes_the_smallest_value_and_crops_are_centered():
    values = rng.uniform(-5, 5, (6, 8)).astype(np.float32)
    found = resample(values, Plan((6, 8), (8, 4), (1, -2), None))
    np.testing.assert_array_equal(found[1:7], values[:, 2:6])
    assert (found[[0, 7]] == values.min()).all()
    color = rng.integers(1, 256, (2, 2, 3), np.uint8)
    found = resample(color, Plan((2, 2), (4, 4), (1, 1), None))
    np.testing.assert_array_equal(found[1:3, 1:3], color)
    assert (found[0] == color.min()).all()


def test_same_sides_are_not_resampled():
    values = rng.uniform(size=(6, 8, 7)).astype(np.float32)
    np.testing.assert_array_equal(resized(values, (6, 8, 7)), values)
