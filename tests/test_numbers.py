"""Extreme but finite values give finite results; divergence is reported."""

import numpy as np
import pytest

from contrastive_clustering import ContrastiveAutoencoderClusterer

RNG = np.random.default_rng(0)
TABLE = RNG.normal(size=(60, 5))
IMAGES = RNG.normal(size=(40, 8, 8))
GRAY = RNG.integers(0, 256, size=(40, 8, 8), dtype=np.uint8)


def with_outlier(X, value):
    X = X.copy()
    X[3].flat[1] = value
    return X


def half_black(X):
    X = X.copy()
    X[::2] = 0
    return X


EXTREMES = {
    "table of tiny values": TABLE * 1e-30,
    "table of huge values": TABLE * 1e30,
    "table near the smallest square": TABLE * 1e-150,
    "table near the largest square": TABLE * 1e149,
    "table of mixed magnitudes": TABLE * 10.0 ** np.array([-30, -10, 0, 10, 30]),
    "table with a constant feature": TABLE * np.array([1, 0, 1, 1, 1]),
    "table with a constant huge feature": np.c_[TABLE, np.full(60, 1e30)],
    "table with an outlier": with_outlier(TABLE, 1e8),
    "table with a huge outlier": with_outlier(TABLE, 1e30),
    "table of few distinct rows": np.repeat(TABLE[:2], 30, axis=0),
    "table of float32 at its limits": (TABLE * 1e37).astype(np.float32),
    "table far from zero": TABLE * 1e-3 + 1e9,
    "images of tiny values": IMAGES * 1e-30,
    "images of huge values": IMAGES * 1e30,
    "images with an outlier": with_outlier(IMAGES, 1e8),
    "black images among others": half_black(GRAY),
    "black images but for one pixel": with_outlier(np.zeros_like(GRAY), 255),
    "images of few distinct kinds": np.repeat(GRAY[:2], 20, axis=0),
    "images of constant brightness each": np.broadcast_to(
        RNG.integers(0, 256, size=(40, 1, 1), dtype=np.uint8), (40, 8, 8)
    ),
}


@pytest.mark.filterwarnings(
    "ignore:.*distinct clusters",
    "ignore:.*exact copies",
    "ignore:.*standard deviations from the mean",
)
@pytest.mark.parametrize("refinement", ["self_training", "prototypes"])
@pytest.mark.parametrize("name", EXTREMES)
def test_extreme_values_give_finite_results(fast, name, refinement):
    X = EXTREMES[name]
    clusterer = ContrastiveAutoencoderClusterer(**fast, refinement=refinement).fit(X)
    for method in ("transform", "predict_proba", "score_samples"):
        assert np.isfinite(getattr(clusterer, method)(X)).all()
    np.testing.assert_array_equal(clusterer.predict(X), clusterer.labels_)
    assert np.isfinite(clusterer.inverse_transform(clusterer.cluster_centers_)).all()
    for row in clusterer.history_:
        assert all(np.isfinite(v) for k, v in row.items() if k.endswith("_loss"))


def test_subnormal_values_are_refused(fast):
    # Their squares are zero, so that no feature would seem to vary.
    with pytest.raises(ValueError, match=r"squares underflow\. Scale X up"):
        ContrastiveAutoencoderClusterer(**fast).fit(TABLE * 1e-310)


@pytest.mark.parametrize("value", [1e9, -1e30, 1e149])
def test_distant_rows_have_finite_predictions(fast, value):
    clusterer = ContrastiveAutoencoderClusterer(**fast).fit(TABLE)
    far = with_outlier(TABLE, value)
    assert np.isfinite(clusterer.transform(far)).all()
    assert np.isfinite(clusterer.predict_proba(far)).all()
    typical = clusterer.score_samples(far)
    assert np.isfinite(typical).all()
    assert typical.argmin() == 3
    others = np.arange(60) != 3
    np.testing.assert_array_equal(
        clusterer.transform(far)[others], clusterer.transform(TABLE)[others]
    )


def test_divergence_names_the_epoch_the_batch_and_the_remedy(tiny_images, fast):
    calls = []

    def breaks(batch):
        calls.append(1)
        # The values are finite, but their squares overflow in float32.
        return batch * (1e30 if len(calls) > 2 * 4 + 2 * 2 else 1)

    clusterer = ContrastiveAutoencoderClusterer(
        **fast, augmentation=breaks, batch_size=10, lr=0.01
    )
    message = (
        r"Training diverged: reconstruction_loss is (?:nan|inf) in epoch 2 of 2 of the "
        r"first phase, batch 3, with lr=0\.01\. Lower lr, .* must return finite"
    )
    with pytest.raises(ValueError, match=message):
        clusterer.fit(tiny_images)
    assert not hasattr(clusterer, "net_")


def test_a_diverged_fit_keeps_the_previous_weights(tiny_images, fast):
    clusterer = ContrastiveAutoencoderClusterer(**{**fast, "refinement_epochs": 0}).fit(
        tiny_images
    )
    before = clusterer.transform(tiny_images)
    clusterer.set_params(augmentation=lambda batch: batch * 1e30, warm_start=True)
    with pytest.raises(ValueError, match="Training diverged"):
        clusterer.fit(tiny_images)
    np.testing.assert_array_equal(clusterer.transform(tiny_images), before)
