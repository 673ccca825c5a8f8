"""The estimator against scikit-learn's own checks, with no failure expected."""

from sklearn.utils.estimator_checks import parametrize_with_checks

from contrastive_clustering import ContrastiveAutoencoderClusterer

FAST = {"max_epochs": 8, "latent_dim": 8, "device": "cpu"}


@parametrize_with_checks(
    [
        ContrastiveAutoencoderClusterer(),
        ContrastiveAutoencoderClusterer(**FAST),
        ContrastiveAutoencoderClusterer(clusterer="gaussian_mixture", **FAST),
        ContrastiveAutoencoderClusterer(whiten=True, normalize=True, **FAST),
    ]
)
def test_check(estimator, check):
    check(estimator)
