import pickle
import warnings

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.cluster import DBSCAN
from sklearn.datasets import load_iris
from sklearn.exceptions import NotFittedError
from sklearn.metrics import roc_auc_score

from contrastive_clustering import ContrastiveAutoencoderClusterer
from contrastive_clustering._clustering.density import LatentDensity
from contrastive_clustering._model.fitted import REDRAWS, FittedModel


@pytest.fixture
def small(tiny_images, fast):
    """An estimator with two strata, which a test may modify."""
    return ContrastiveAutoencoderClusterer(**fast).fit(tiny_images)


@pytest.fixture(scope="module")
def fitted_x_rays(real_images):
    X, _ = real_images("pneumoniamnist", n=1500)
    return ContrastiveAutoencoderClusterer(
        n_clusters=2, max_epochs=8, random_state=0
    ).fit(X), X


# Decoded images are smoother than the training images.
@pytest.mark.filterwarnings("ignore:.*not look like the images")
def test_generated_samples_are_predicted_to_be_of_their_stratum(fitted_digits):
    for cluster in (0, np.int64(7)):
        X, labels = fitted_digits.sample(40, stratum=cluster, random_state=0)
        assert X.shape == (40, 8, 8)
        assert X.dtype == np.float64  # the dtype of the digits
        assert labels.tolist() == [cluster] * 40
        assert np.mean(fitted_digits.predict(X) == labels) >= 0.9
        assert X.min() >= 0
        assert X.max() <= 16
        assert len(np.unique(X, axis=0)) == 40


# Decoded images are smoother than the training images.
@pytest.mark.filterwarnings("ignore:.*not look like the images")
def test_strata_are_generated_in_proportion_to_their_sizes(fitted_digits):
    X, labels = fitted_digits.sample(1000, random_state=0)
    expected = np.bincount(fitted_digits.labels_, minlength=10) / len(
        fitted_digits.labels_
    )
    proportions = np.bincount(labels, minlength=10) / 1000
    np.testing.assert_allclose(proportions, expected, atol=0.05)
    assert np.mean(fitted_digits.predict(X) == labels) >= 0.9


def test_generated_samples_depend_on_the_seed(fitted_digits):
    first, labels = fitted_digits.sample(20, random_state=3)
    same, same_labels = fitted_digits.sample(20, random_state=np.random.RandomState(3))
    np.testing.assert_array_equal(first, same)
    np.testing.assert_array_equal(labels, same_labels)
    assert not np.array_equal(first, fitted_digits.sample(20, random_state=4)[0])
    assert len(fitted_digits.sample()[0]) == 1


def test_the_number_of_redraws_is_limited(small, monkeypatch):
    rounds = []
    draw = LatentDensity.sample

    def counted(density, n, cluster, rng):
        rounds.append(n)
        return draw(density, n, cluster, rng)

    def all_stray(model, latents):
        return np.full(len(latents), -1)

    monkeypatch.setattr(LatentDensity, "sample", counted)
    monkeypatch.setattr(FittedModel, "assign", all_stray)
    with pytest.warns(UserWarning, match="3 of the 3 generated samples") as caught:
        X, labels = small.sample(3, stratum=1, random_state=0)
    assert caught[0].filename == __file__
    assert X.shape == (3, 8, 8)
    assert labels.tolist() == [1, 1, 1]
    assert rounds == [3] * (1 + REDRAWS)


def test_only_samples_of_other_strata_are_redrawn(small, monkeypatch):
    model = small._model
    first = model.decode(model.density.sample(6, 0, np.random.RandomState(0))[0])
    answers = iter([np.array([0, 1, 0, 0, 1, 0]), np.array([0, 1]), np.array([0])])

    def prepared_answers(model, latents):
        answer = next(answers)
        assert len(answer) == len(latents)
        return answer

    monkeypatch.setattr(FittedModel, "assign", prepared_answers)
    X, _ = small.sample(6, stratum=0, random_state=0)
    changed = [not np.array_equal(a, b) for a, b in zip(X, first, strict=True)]
    assert changed == [False, True, False, False, True, False]


def test_decoded_samples_of_low_contrast_are_accepted(small, monkeypatch):
    # `predict` of the estimator would reject float images that are nearly constant.
    constant = np.full((4, 8, 8), 100, np.float32)
    monkeypatch.setattr(
        FittedModel, "decode", lambda model, z: constant[: len(z)].copy()
    )
    stratum = int(small.predict(np.full((1, 8, 8), 100, np.uint8))[0])
    X, labels = small.sample(4, stratum=stratum, random_state=0)
    assert X.shape == (4, 8, 8)
    assert labels.tolist() == [stratum] * 4


def test_score_samples_returns_the_density_of_the_latents(fitted_digits, digits):
    images, _ = digits
    scores = fitted_digits.score_samples(images[:50])
    assert scores.shape == (50,)
    expected = fitted_digits._model.density.score_samples(
        fitted_digits.transform(images[:50])
    )
    np.testing.assert_array_equal(scores, expected)
    noise = np.random.default_rng(0).uniform(0, 16, size=(50, 8, 8))
    odd = fitted_digits.score_samples(noise)
    assert roc_auc_score(np.repeat([1, 0], 50), np.r_[scores, odd]) > 0.95


def test_interpolation_is_linear_in_the_latents(fitted_digits, digits):
    a, b = digits[0][:2]
    path = fitted_digits.interpolate(a, b[None], n_steps=5)
    assert path.shape == (5, 8, 8)
    z_a, z_b = fitted_digits.transform(digits[0][:2]).astype(np.float64)
    for step, image in enumerate(path):
        latent = z_a + (z_b - z_a) * step / 4
        expected = fitted_digits.inverse_transform(latent[None])[0]
        np.testing.assert_allclose(image, expected, atol=1e-4)


def test_interpolation_between_strata_connects_their_centers(fitted_digits):
    path = fitted_digits.interpolate(0, np.int64(9))
    assert path.shape == (10, 8, 8)
    ends = fitted_digits.inverse_transform(fitted_digits.cluster_centers_[[0, 9]])
    np.testing.assert_allclose(path[[0, -1]], ends, atol=1e-4)


@pytest.mark.parametrize("convert", [np.ndarray.tolist, torch.tensor])
def test_endpoints_may_be_lists_and_tensors(fitted_digits, digits, convert):
    a = digits[0][0]
    np.testing.assert_array_equal(
        fitted_digits.interpolate(convert(a), 1), fitted_digits.interpolate(a, 1)
    )


def test_endpoints_may_be_rows_of_a_data_frame(fast):
    table = load_iris(as_frame=True).data
    clusterer = ContrastiveAutoencoderClusterer(**fast).fit(table)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # scikit-learn warns of missing names
        found = clusterer.interpolate(table.iloc[0], table.iloc[[99]])
    latents = clusterer.transform(table.iloc[[0, 99]])
    expected = clusterer.inverse_transform(latents)
    np.testing.assert_allclose(found[[0, -1]], expected, rtol=1e-5)
    with pytest.raises(ValueError, match=r"^x_a cannot (.|\n)* in the same order"):
        clusterer.interpolate(table.iloc[0, ::-1], 1)


def test_generation_of_all_kinds_of_samples(tiny_images, fast):
    rgb = np.stack([tiny_images] * 3, axis=-1)
    flat = tiny_images.reshape(40, 64)
    rng = np.random.default_rng(0)
    table = np.concatenate([rng.normal(0, 1, (30, 5)), rng.normal(9, 1, (30, 5))])
    for X, parameters in [
        (rgb, {}),
        (flat, {"image_shape": (8, 8)}),
        (table, {}),
        (table, {"clusterer": DBSCAN(eps=1.0, min_samples=5)}),
    ]:
        estimator = ContrastiveAutoencoderClusterer(**{**fast, **parameters}).fit(X)
        with warnings.catch_warnings():
            # After two epochs the decoder is poor, so the warning is expected.
            warnings.filterwarnings("ignore", "[0-9]+ of the 6 generated")
            generated, labels = estimator.sample(6, random_state=0)
        assert generated.shape == (6, *X.shape[1:])
        assert set(labels) <= set(range(estimator.n_clusters_))
        assert np.isfinite(generated).all()
        assert estimator.interpolate(X[0], 0, n_steps=3).shape == (3, *X.shape[1:])
        assert estimator.score_samples(X).shape == (len(X),)


def test_pickling_does_not_change_interpolation(small):
    again = pickle.loads(pickle.dumps(small))
    np.testing.assert_array_equal(
        small.interpolate(0, 1, n_steps=4), again.interpolate(0, 1, n_steps=4)
    )


def test_global_generators_are_unchanged(fitted_digits):
    before = np.random.get_state()[1].copy(), torch.get_rng_state()
    fitted_digits.sample(5, random_state=0)
    fitted_digits.interpolate(0, 1)
    np.testing.assert_array_equal(before[0], np.random.get_state()[1])
    assert torch.equal(before[1], torch.get_rng_state())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n_samples": 0}, "n_samples"),
        ({"n_samples": 2.5}, "n_samples"),
        ({"stratum": 10}, "stratum=10 is not a stratum. Pass an int from 0 to 9"),
        ({"stratum": -1}, "stratum=-1 is not a stratum"),
        ({"stratum": True}, "stratum=True is not a stratum"),
        ({"stratum": "0"}, "stratum"),
        ({"random_state": "now"}, "random_state"),
    ],
)
def test_invalid_arguments_of_sample_are_named(fitted_digits, arguments, message):
    with pytest.raises(ValueError, match=message):
        fitted_digits.sample(**arguments)


@pytest.mark.parametrize(
    ("ends", "message"),
    [
        ((10, 0), "x_a=10 is not a stratum. Pass an int from 0 to 9"),
        ((0, -1), "x_b=-1 is not a stratum"),
        ((0, False), "x_b=False is not a stratum"),
        ((0, np.zeros((2, 8, 8))), r"x_b has shape \(2, 8, 8\)"),
        ((np.zeros((8, 9)), 0), r"x_a has shape \(8, 9\)"),
        ((0.5, 0), r"x_a has shape \(\)"),
        ((None, 0), r"x_a has shape \(\)"),
        (([[1, 2], [3]], 0), "x_a is a ragged list"),
        ((0, np.full((8, 8), np.nan)), "x_b cannot be read as a sample.*NaN"),
        ((np.full((8, 8), 1e6), 0), "x_a cannot be read as a sample.*units"),
    ],
)
def test_invalid_ends_of_interpolate_are_named(fitted_digits, ends, message):
    with pytest.raises(ValueError, match=message):
        fitted_digits.interpolate(*ends)


@pytest.mark.parametrize("n_steps", [1, 2.5])
def test_invalid_numbers_of_steps_are_named(fitted_digits, n_steps):
    with pytest.raises(ValueError, match="n_steps"):
        fitted_digits.interpolate(0, 1, n_steps=n_steps)


def test_a_seed_by_position_is_refused(fitted_digits):
    """In the order of scikit-learn's KernelDensity, it would name a stratum."""
    with pytest.raises(TypeError, match="positional"):
        fitted_digits.sample(5, 0)
    with pytest.raises(TypeError, match="positional"):
        fitted_digits.interpolate(0, 1, 5)


def test_samples_of_another_shape_are_rejected(fitted_digits):
    with pytest.raises(ValueError, match="shape"):
        fitted_digits.score_samples(np.zeros((3, 9, 9)))


def test_methods_raise_before_fit(fitted_digits, digits):
    unfitted = clone(fitted_digits)
    for use in (
        unfitted.sample,
        lambda: unfitted.score_samples(digits[0]),
        lambda: unfitted.interpolate(0, 1),
    ):
        with pytest.raises(NotFittedError):
            use()


@pytest.mark.slow
def test_digits_have_a_low_density_among_x_rays(fitted_x_rays, real_images):
    estimator, _ = fitted_x_rays
    x_rays, _ = real_images("pneumoniamnist", "test")
    digits, _ = real_images("mnist", "test", n=1000)
    scores = np.r_[estimator.score_samples(x_rays), estimator.score_samples(digits)]
    is_digit = np.repeat([0, 1], [len(x_rays), len(digits)])
    assert roc_auc_score(is_digit, -scores) >= 0.95


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*generated samples are predicted:UserWarning")
def test_generated_x_rays_are_predicted_to_be_of_their_stratum(fitted_x_rays):
    estimator, X = fitted_x_rays
    generated, labels = estimator.sample(300, random_state=0)
    assert np.mean(estimator.predict(generated) == labels) >= 0.9
    # Without redraws, most latents are of their stratum, and decoding changes the
    # stratum about as rarely as for real images.
    model = estimator._model
    latents, labels = model.density.sample(1000, None, np.random.RandomState(0))
    assert np.mean(model.assign(latents) == labels) >= 0.85
    generated_agreement = np.mean(estimator.predict(model.decode(latents)) == labels)
    decoded = estimator.inverse_transform(estimator.transform(X))
    real_agreement = np.mean(estimator.predict(decoded) == estimator.labels_)
    assert generated_agreement >= real_agreement - 0.05
