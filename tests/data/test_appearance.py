import numpy as np
import pytest
from scipy.stats import skew

from contrastive_clustering._data.appearance import (
    Appearance,
    _distances,
    _leave_one_out,
)
from contrastive_clustering._data.layout import read_layout
from contrastive_clustering._data.scaling import Scaler


def draw(*shape, seed=0):
    return np.random.default_rng(seed).gamma(2.0, 20.0, size=shape)


def fit(X, **kwargs):
    return Scaler.fit(X, read_layout(X.shape, **kwargs)).appearance


@pytest.mark.parametrize(
    ("shape", "channel_axis"),
    [
        ((60, 9, 10), None),
        ((60, 9, 10, 3), -1),
        ((60, 3, 9, 10), 1),
        ((60, 9, 10, 8), None),
        ((60, 9, 10, 8, 4), -1),
    ],
)
def test_measures_match_numpy(shape, channel_axis):
    X = draw(*shape) + 1e6
    layout = read_layout(X.shape, channel_axis=channel_axis)
    appearance = Scaler.fit(X, layout).appearance
    values, spreads = appearance.measure(X[:5], layout)
    named = dict(zip(appearance.names, appearance.to_units(values).T, strict=True))
    n_channels = layout.network_shape[0]
    for row, image in enumerate(X[:5]):
        channels = [image] if n_channels == 1 else np.moveaxis(image, channel_axis, 0)
        if channel_axis == 1:
            channels = image
        for number, channel in enumerate(channels):
            where = "" if n_channels == 1 else f" of channel {number}"
            assert named[f"mean{where}"][row] == pytest.approx(channel.mean())
            assert named[f"standard deviation{where}"][row] == pytest.approx(
                channel.std(), rel=1e-6
            )
        assert named["minimum"][row] == pytest.approx(image.min())
        assert named["maximum"][row] == pytest.approx(image.max())
        assert named["skewness"][row] == pytest.approx(skew(image, axis=None), rel=0.01)
        assert spreads[row] * appearance.scale == pytest.approx(image.std())


def test_distances_are_those_of_mahalanobis():
    X = draw(80, 8, 8)
    layout = read_layout(X.shape)
    appearance = Scaler.fit(X, layout).appearance
    values, _ = appearance.measure(X, layout)
    covariance = np.cov(values.T) + 0.1**2 * np.eye(values.shape[1])
    inverse = np.linalg.inv(covariance)
    wanted = [
        np.sqrt((row - values.mean(axis=0)) @ inverse @ (row - values.mean(axis=0)))
        for row in values
    ]
    np.testing.assert_allclose(appearance.distances(values), wanted)


def test_distances_leave_each_image_out():
    values = np.random.default_rng(0).normal(size=(50, 6))
    deviations = values - values.mean(axis=0)
    distances = _distances(deviations, np.linalg.inv(np.cov(values.T)))
    left_out = []
    for row in range(len(values)):
        others = np.delete(values, row, axis=0)
        deviation = values[row] - others.mean(axis=0)
        square = deviation @ np.linalg.inv(np.cov(others.T)) @ deviation
        left_out.append(np.sqrt(square))
    np.testing.assert_allclose(_leave_one_out(distances), left_out)


def test_few_training_images_are_beyond_the_limit():
    X = draw(400, 8, 8)
    layout = read_layout(X.shape)
    appearance = Scaler.fit(X, layout).appearance
    distances = appearance.distances(appearance.measure(X, layout).values)
    assert np.mean(distances > appearance.limit) <= 0.005
    assert appearance.limit < 2 * np.quantile(distances, 0.99)


def test_usual_measures_and_spreads_are_those_of_the_training_images():
    X = draw(400, 8, 8)
    layout = read_layout(X.shape)
    appearance = fit(X)
    values, _ = appearance.measure(X, layout)
    for found, share in zip(appearance.usual, (0.01, 0.99), strict=True):
        np.testing.assert_allclose(found, np.quantile(values, share, axis=0))
    spreads = X.std(axis=(1, 2)) / appearance.scale
    np.testing.assert_allclose(appearance.spreads, [spreads.min(), spreads.max()])
    assert appearance.average.size == 64  # cells of the coarse map


def test_constant_images_do_not_count_as_the_least_contrast():
    X = draw(60, 8, 8)
    X[::3] = 7
    appearance = fit(X)
    least = np.delete(X, np.s_[::3], axis=0).std(axis=(1, 2)).min()
    assert appearance.spreads[0] == pytest.approx(least / appearance.scale)


def test_a_perfect_correlation_is_finite():
    X = np.linspace(1, 2, 60)[:, None, None] * draw(8, 8)
    appearance = fit(X)
    values, _ = appearance.measure(X, read_layout(X.shape))
    assert np.isfinite(values).all()
    assert np.isfinite(appearance.limit)


def test_an_image_and_its_negative_correlate_oppositely():
    X = draw(60, 16, 16) + np.linspace(0, 500, 16)
    appearance = fit(X)
    layout = read_layout(X.shape)
    values, _ = appearance.measure(np.stack([X[0], X.max() - X[0]]), layout)
    same, negative = appearance.to_units(values)[:, -1]
    assert same > 0.9
    assert negative < -0.9


def test_tables_and_few_images_have_none():
    assert fit(draw(60, 64)) is None
    assert fit(draw(49, 8, 8)) is None
    assert fit(draw(50, 8, 8)) is not None


def test_constant_images_are_finite():
    X = np.repeat(np.arange(50.0), 64).reshape(50, 8, 8)
    appearance = fit(X)
    values, _ = appearance.measure(X, read_layout(X.shape))
    assert np.isfinite(appearance.distances(values)).all()
    assert appearance.spreads.tolist() == [1, 1]


def test_many_images_are_sampled(monkeypatch):
    X = draw(300, 8, 8)
    whole = fit(X)
    monkeypatch.setattr("contrastive_clustering._data.appearance.MAX_LEARNED", 100)
    part = fit(X)
    np.testing.assert_allclose(part.center, whole.center, atol=0.2)
    assert not np.array_equal(part.center, whole.center)


def test_both_kinds_of_alternating_images_are_sampled(monkeypatch):
    X = draw(200, 8, 8)
    X[1::2] += 1000.0
    low, high = fit(X).usual[:, 0]
    monkeypatch.setattr("contrastive_clustering._data.appearance.MAX_LEARNED", 100)
    assert np.ptp(fit(X).usual[:, 0]) > 0.5 * (high - low)


def test_many_channels_are_measured_together():
    X = draw(60, 8, 8, 7)
    layout = read_layout(X.shape, channel_axis=-1)
    assert Appearance.fit(X, layout, 40.0, 30.0).names[:2] == [
        "mean",
        "standard deviation",
    ]
