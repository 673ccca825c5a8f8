import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.metrics import adjusted_rand_score, silhouette_score
from sklearn.preprocessing import Normalizer, StandardScaler

from contrastive_clustering import ContrastiveAutoencoderClusterer
from contrastive_clustering._data.layout import read_layout
from contrastive_clustering._data.scaling import Scaler
from contrastive_clustering._evaluation.sample_silhouette import sample_silhouette
from contrastive_clustering._utils.grouping import Grouping


def scale(X, **kwargs):
    return Scaler.fit(X, read_layout(X.shape, **kwargs))


def test_a_table_is_standardized():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 5)) * [1, 1, 1, 1, 1e6]
    labels = rng.integers(0, 3, size=60)
    components = PCA(5).fit_transform(StandardScaler().fit_transform(X))
    wanted = silhouette_score(Normalizer().transform(components), labels)
    assert sample_silhouette(X, labels, scale(X)) == pytest.approx(wanted)


def test_images_are_compared_by_leading_components(digits):
    images, y = digits
    components = PCA(50).fit_transform(images[:300].reshape(300, -1))
    wanted = silhouette_score(Normalizer().transform(components), y[:300])
    found = sample_silhouette(images[:300], y[:300], scale(images))
    assert found == pytest.approx(wanted, abs=1e-3)


@pytest.mark.parametrize("shape", [(40, 80, 90), (40, 80, 90, 3), (40, 20, 30, 17)])
def test_large_images_are_averaged_down(shape):
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1], 20)
    X = rng.normal(size=shape)
    X[:20, : shape[1] // 2] += 5
    assert sample_silhouette(X, labels, scale(X)) > 0.8


@pytest.mark.parametrize("labels", [np.zeros(9, int), np.arange(9)])
def test_one_stratum_and_single_members_have_the_lowest_value(labels):
    X = np.random.default_rng(0).normal(size=(9, 8, 8))
    assert sample_silhouette(X, labels, scale(X)) == -1


def test_units_do_not_matter(digits):
    images, y = digits
    found = [
        sample_silhouette(X, y[:200], scale(X))
        for X in (images[:200], images[:200] * 50 - 1000)
    ]
    assert found[0] == pytest.approx(found[1])


def test_copies_within_groups_do_not_matter(digits):
    """Neither in the principal components nor in the silhouette."""
    images, y = digits[0][:200], digits[1][:200]
    scaler = scale(images)
    copies = np.repeat(np.arange(200), np.random.default_rng(0).integers(1, 9, 200))
    alone = sample_silhouette(images, y, scaler)
    found = sample_silhouette(
        images[copies], y[copies], scaler, groups=Grouping(copies, 200)
    )
    assert found == pytest.approx(alone, abs=1e-4)
    assert sample_silhouette(images[copies], y[copies], scaler) > found + 0.03


def test_groups_of_one_sample_change_nothing(digits):
    images, y = digits[0][:200], digits[1][:200]
    found = sample_silhouette(
        images, y, scale(images), groups=Grouping(np.arange(200)[::-1], 200)
    )
    assert found == sample_silhouette(images, y, scale(images))


def test_strata_of_one_group_each_have_the_lowest_value(digits):
    codes = np.repeat([0, 1, 2], 4)
    images = digits[0][:12]
    found = sample_silhouette(images, codes + 5, scale(images), Grouping(codes, 3))
    assert found == -1


@pytest.mark.slow
def test_the_score_ranks_latent_dimensions_as_labels_do(digits, fitted_digits):
    images, y = digits
    flat = ContrastiveAutoencoderClusterer(
        10, latent_dim=2, max_epochs=5, refinement_epochs=1, random_state=0
    ).fit(images)
    rand = [adjusted_rand_score(y, c.labels_) for c in (flat, fitted_digits)]
    score = [c.score(images) for c in (flat, fitted_digits)]
    assert rand[0] < rand[1]
    assert score[0] < score[1]
