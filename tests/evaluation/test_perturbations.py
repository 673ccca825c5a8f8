import numpy as np
import pytest
from scipy import ndimage

from contrastive_clustering._data.layout import read_layout
from contrastive_clustering._evaluation.perturbations import (
    check_perturbations,
    default_perturbations,
    moments,
    perturb,
)
from contrastive_clustering._utils import chunks

NAMES = [
    "noise",
    "blur",
    "brightness",
    "contrast",
    "shift",
    "rotation",
    "magnification",
]


def defaults(samples, **layout):
    rng = np.random.RandomState(0)
    return default_perturbations(samples, read_layout(samples.shape, **layout), rng)


def smooth_images(*shape):
    noise = np.random.default_rng(0).normal(size=shape)
    return ndimage.gaussian_filter(noise, [0, *[2] * (len(shape) - 1)])


def test_images_are_changed_as_documented():
    X = smooth_images(5, 20, 24)
    changed = {name: f(X) for name, f in defaults(X).items()}
    assert list(changed) == NAMES
    std, inner = X.std(), np.s_[:, 3:-3, 3:-3]
    unlimited = np.abs(X - (X.min() + X.max()) / 2) < np.ptp(X) / 2 - std
    noise = (changed["noise"] - X)[unlimited]
    assert noise.std() == pytest.approx(0.1 * std, rel=0.1)
    for name, expected in {
        "blur": ndimage.gaussian_filter(X, [0, 0.5, 0.5], mode="nearest"),
        "brightness": X + 0.1 * std,
        "contrast": X.mean() + 1.1 * (X - X.mean()),
    }.items():
        np.testing.assert_allclose(changed[name], expected.clip(X.min(), X.max()))
    # Half a pixel along each axis is the mean of four pixels.
    np.testing.assert_allclose(
        changed["shift"][:, :-1, :-1],
        (X[:, :-1, :-1] + X[:, 1:, :-1] + X[:, :-1, 1:] + X[:, 1:, 1:]) / 4,
    )
    turned = ndimage.rotate(X, -2, (1, 2), reshape=False, order=1, mode="nearest")
    np.testing.assert_allclose(changed["rotation"][inner], turned[inner])
    assert abs(changed["magnification"] - X)[inner].mean() < 0.1 * std


def test_images_are_magnified_about_their_center():
    position = np.broadcast_to(np.arange(21.0) - 10, (2, 21, 21)).copy()
    magnified = defaults(position)["magnification"](position)
    np.testing.assert_allclose(magnified[:, 3, 2:-2], position[:, 3, 2:-2] / 1.03)


@pytest.mark.parametrize(
    ("shape", "layout", "channels"),
    [
        ((4, 12, 12, 3), {}, 3),
        ((4, 3, 12, 12), {"channel_axis": 1}, 1),
        ((4, 9, 10, 11), {}, None),
        ((4, 9, 10, 11, 3), {}, 4),
    ],
)
def test_channels_are_changed_alike(shape, layout, channels):
    X = smooth_images(*shape)
    if channels is not None:
        single = X.take([0], channels)
        X = np.concatenate([single, 2 * single, single], channels)
    for name, change in defaults(X, **layout).items():
        changed = change(X)
        assert changed.shape == X.shape
        if channels is not None and name not in ("noise", "brightness", "contrast"):
            first, _, third = np.split(changed, 3, channels)
            np.testing.assert_array_equal(first, third)


def test_noise_and_brightness_depend_on_the_channel():
    X = smooth_images(6, 16, 16, 1) * [1.0, 10.0, 1.0]
    X[0, 0, 0], X[0, 0, 1] = 100, -100  # nothing is limited
    changes = defaults(X)
    added = (changes["brightness"](X) - X)[1, 5, 5]
    np.testing.assert_allclose(added, 0.1 * X.std(axis=(0, 1, 2)))
    noise = (changes["noise"](X) - X)[1:].std(axis=(0, 1, 2))
    np.testing.assert_allclose(noise, 0.1 * X.std(axis=(0, 1, 2)), rtol=0.1)


@pytest.mark.parametrize("axis", [None, 1, 3])
def test_moments_are_those_of_all_chunks(axis, monkeypatch):
    monkeypatch.setattr(chunks, "CHUNK_VALUES", 200)  # three samples
    samples = np.random.default_rng(0).integers(0, 256, (10, 3, 5, 4), dtype=np.uint8)
    others = tuple(i for i in range(4) if i != axis)
    mean, std = moments(samples, axis)
    np.testing.assert_allclose(mean, samples.mean(axis=others, keepdims=True))
    np.testing.assert_allclose(std, samples.std(axis=others, keepdims=True))


def test_flattened_images_are_changed_like_images():
    X = smooth_images(5, 12, 10)
    flat = X.reshape(5, -1)
    of_images, of_flat = defaults(X), defaults(flat, image_shape=(12, 10))
    for name in NAMES:
        np.testing.assert_array_equal(
            of_flat[name](flat), of_images[name](X).reshape(5, -1)
        )


def test_only_noise_is_added_to_tables():
    X = np.random.default_rng(0).normal(size=(2000, 3)) * [1, 10, 0]
    (name,) = changes = defaults(X)
    noise = changes[name](X) - X
    assert name == "noise"
    np.testing.assert_allclose(noise.std(axis=0), [0.1, 1, 0], rtol=0.1)


@pytest.mark.parametrize("dtype", ["uint8", "int16", "float32", "bool"])
def test_the_dtype_is_kept(dtype):
    X = np.array([[0, 1], [1, 0]], dtype)
    changed = perturb(X, "up", lambda samples: samples * 300.4 - 20)
    assert changed.dtype == X.dtype
    expected = {"uint8": [0, 255], "int16": [-20, 280], "bool": [False, True]}
    np.testing.assert_allclose(changed[0], expected.get(dtype, [-20, 280.4]), rtol=1e-6)


def test_samples_are_not_changed_in_place():
    X = np.zeros((2, 3))

    def fill(samples):
        samples[:] = 1
        return samples

    assert perturb(X, "fill", fill).all()
    assert not X.any()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda X: X[:1],
            r"^perturbations\['bad'\] returned an array of shape \(1, 3\)",
        ),
        (
            lambda X: X.astype(str),
            r"dtype <U32 for samples of shape \(2, 3\)\. It must",
        ),
        (lambda X: None, r"shape \(\) and dtype object"),
        (
            lambda X: X / 0,
            r"\['bad'\] returned NaN or infinity for 2 of 2 samples\. It",
        ),
    ],
)
@pytest.mark.filterwarnings("ignore:invalid value encountered")
def test_invalid_results_are_reported(change, message):
    with pytest.raises(ValueError, match=message):
        perturb(np.zeros((2, 3)), "bad", change)


@pytest.mark.parametrize(
    ("perturbations", "message"),
    [
        ({}, r"^perturbations=<dict of 0 entries> does not name changes\. Pass a dict"),
        ([abs], r"^perturbations=.* does not name changes"),
        ({"a": 1}, r"^perturbations\['a'\]=1 is not valid\. Pass a dict"),
        ({"a": float}, r"^perturbations\['a'\]=.*float.* is not valid"),
        ({1: abs}, r"^perturbations\[1\]=.* is not valid"),
    ],
)
def test_invalid_perturbations_are_reported(perturbations, message):
    with pytest.raises(TypeError, match=message):
        check_perturbations(perturbations)
