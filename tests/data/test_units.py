import numpy as np
import pytest

from contrastive_clustering._data.layout import read_layout
from contrastive_clustering._data.scaling import Scaler
from contrastive_clustering._data.units import check_units

SETS = ["pneumoniamnist", "bloodcells", "retinamnist", "hippocampus3d"]


def fit(X, **kwargs):
    return Scaler.fit(X, read_layout(X.shape, **kwargs))


def hounsfield(X):
    return X * 8.0 - 1000


@pytest.fixture
def noise():
    return np.random.default_rng(0).integers(0, 256, size=(60, 8, 8)).astype(np.uint8)


@pytest.mark.parametrize("n_learned", [20, 60])
@pytest.mark.parametrize(
    "X_new",
    [
        np.linspace(0, 1, 64).reshape(1, 8, 8),  # 0-1 instead of 0-255
        np.full((1, 8, 8), 65535, dtype=np.uint16),  # 16 bits instead of 8
        np.full((1, 8, 8), -1e5),
        np.full((1, 8, 8), 1e60),
        np.linspace(500, 600, 64).reshape(1, 8, 8),  # no pixel where there were any
        np.outer([200, 1e150], np.linspace(0, 1, 64)).reshape(2, 8, 8),  # one of two
    ],
)
def test_impossible_images_are_an_error(noise, n_learned, X_new):
    with pytest.raises(ValueError, match="Convert X to the units"):
        check_units(X_new, fit(noise[:n_learned]))


def test_impossible_images_are_named(noise):
    X = np.concatenate([noise] * 20).astype(np.float64)
    X[[123, 400, 401, 402]] += 1e6
    with pytest.raises(ValueError, match=r"X\[123\], X\[400\].* \(4 of 1200 samples\)"):
        check_units(X, fit(noise))


def test_impossible_contrast_of_all_images_is_an_error(noise):
    scaler = fit(noise)
    flat = 128 + (noise - 128.0) / 10
    with pytest.raises(ValueError, match="standard deviations of its images"):
        check_units(flat, scaler)
    with pytest.warns(UserWarning, match=r"10 of 60 samples\) do not look"):
        check_units(np.concatenate([flat[:10], noise[10:]]), scaler)


@pytest.mark.filterwarnings("ignore:X.0. .* does not look like:UserWarning")
@pytest.mark.parametrize("scale", [1, 3, 7.7, 255])
def test_blank_images_pass(scale):
    # With this number of pixels, the mean of equal values is rounded.
    X = scale * np.random.default_rng(0).random((60, 9, 11))
    scaler = fit(X)
    for value in np.linspace(0, scale, 7):
        check_units(np.full((1, 9, 11), value), scaler)


def test_much_more_contrast_of_all_images_is_an_error(noise):
    brightness = np.linspace(5, 250, 60)[:, None, None]
    scaler = fit(brightness + (noise - 128.0) / 50)
    with pytest.raises(ValueError, match="standard deviations of its images"):
        check_units(noise, scaler)


@pytest.mark.parametrize("offset", [-5000, 0, 5000])
@pytest.mark.parametrize(
    ("low", "high", "is_possible"),
    [
        (0, 250, True),
        (-2400, 250, True),  # outside by less than ten times the range of fit
        (0, 2650, True),
        (-2600, 250, False),
        (0, 2850, False),
        (300, 350, True),  # wholly outside, but by less than half of the range
        (-100, -50, True),
        (400, 450, False),
        (-200, -140, False),
        (100, 120, True),
        (100, 105, False),  # a range like that from 0 to 1
        (100, 111, False),
        (100, 114, True),
    ],
)
def test_a_range_is_compared_with_that_of_fit(low, high, is_possible, offset):
    learned = np.linspace(0, 250, 20 * 64).reshape(20, 8, 8).round().astype(np.int16)
    scaler = fit(learned + np.int16(offset))
    X_new = np.linspace(low, high, 64).reshape(1, 8, 8) + offset
    if is_possible:
        check_units(X_new, scaler)
    else:
        with pytest.raises(ValueError, match="Convert X to the units"):
            check_units(X_new, scaler)


def test_kinds_of_training_images_that_alternate_pass(noise, monkeypatch):
    X = noise.copy()
    X[1::2] = 128 + (noise[1::2] - 128.0) / 10
    monkeypatch.setattr("contrastive_clustering._data.appearance.MAX_LEARNED", 60)
    scaler = fit(np.concatenate([X, X]))
    for kind in (X[::2], X[1::2]):
        check_units(kind, scaler)


def test_images_like_those_of_fit_pass(noise):
    scaler = fit(noise)
    check_units(noise[::-1], scaler)
    check_units(noise.astype(np.float32), scaler)
    check_units(noise[:1], scaler)


def test_half_precision_images_pass(noise):
    X = 200.0 * noise  # ten times this range exceeds that of float16
    check_units(X.astype(np.float16), fit(X))


def test_tables_pass(noise):
    scaler = fit(noise.reshape(60, 64))
    check_units(np.linspace(0, 1, 64)[None], scaler)
    check_units(np.full((3, 64), 1e9), scaler)


def test_flattened_images_are_checked(noise):
    scaler = fit(noise.reshape(60, 64), image_shape=(8, 8))
    with pytest.raises(ValueError, match="Convert X to the units"):
        check_units(noise.reshape(60, 64) / 255, scaler)


def test_a_single_unusual_image_causes_a_warning(noise):
    with pytest.warns(UserWarning, match=r"X\[0\] \(1 of 1 samples\) does not look"):
        check_units(np.zeros((1, 8, 8)), fit(noise))
    # Noise has no negative.
    with pytest.warns(UserWarning, match=r" in fit\)\. If X is in other units"):
        check_units(np.zeros((1, 8, 8)), fit(noise))


def test_callers_that_look_for_unusual_images_get_no_warning(noise):
    check_units(np.zeros((1, 8, 8)), fit(noise), may_be_odd=True)


def test_a_probable_number_of_unusual_images_passes(noise):
    X = np.concatenate([noise] * 5)
    X[7] = 0
    check_units(X, fit(noise))


@pytest.mark.parametrize("name", SETS)
def test_mistakes_are_caught_and_held_out_images_pass(real_images, name):
    X, _ = real_images(name, n=400)
    learned, new = X[: len(X) * 2 // 3], X[len(X) * 2 // 3 :]
    scaler = fit(hounsfield(learned))
    check_units(hounsfield(new), scaler)  # warnings are errors
    with pytest.raises(ValueError, match="standard deviations"):
        check_units(new / 255, scaler)  # windowed
    for mistake in (
        new.astype(np.float64),  # 8 bits
        new * 8.0,  # without the intercept
        hounsfield(float(X.max()) - new),  # inverted
    ):
        with pytest.raises((UserWarning, ValueError), match=r"do not look|not in the"):
            check_units(mistake, scaler)


def test_negatives_are_named(real_images):
    X, _ = real_images("pneumoniamnist", n=200)
    with pytest.warns(UserWarning, match="They resemble the negative"):
        check_units(255 - X, fit(X))


def test_images_unlike_the_average_are_not_negatives(noise):
    average = 4.0 * np.arange(64).reshape(8, 8)
    scaler = fit(average + noise / 16)
    shuffled = np.random.default_rng(0).permutation(average.ravel()).reshape(1, 8, 8)
    with pytest.warns(UserWarning, match=r" in fit\)\. If X is in other units"):
        check_units(shuffled, scaler)
    with pytest.warns(UserWarning, match="They resemble the negative"):
        check_units(260 - average[None], scaler)
