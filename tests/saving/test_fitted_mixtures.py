import numpy as np
import pytest
from sklearn.mixture import BayesianGaussianMixture, GaussianMixture

from contrastive_clustering._io.schema import Scope
from contrastive_clustering._saving.fitted_mixtures import MIXTURE_KINDS

rng = np.random.default_rng(0)
X = np.concatenate([rng.normal(size=(30, 3)) + 4 * shift for shift in range(3)])


@pytest.mark.parametrize("kind", MIXTURE_KINDS)
def test_mixtures_survive_a_roundtrip_to_the_bit(kind):
    *prior, covariance_type = kind.removeprefix("bayesian_mixture_").rsplit("_", 1)
    parameters = {"covariance_type": covariance_type, "random_state": 0}
    if kind.startswith("bayesian"):
        mixture = BayesianGaussianMixture(
            n_components=3, weight_concentration_prior_type=prior[0], **parameters
        )
    else:
        mixture = GaussianMixture(3, **parameters)
    tree = MIXTURE_KINDS[kind].to_tree(mixture.fit(X))
    assert tree.pop("kind") == kind
    MIXTURE_KINDS[kind].fields.check(tree, "the mixture", Scope({"n_prepared": 3}))
    found = MIXTURE_KINDS[kind].from_tree(tree)
    np.testing.assert_array_equal(found.score_samples(X), mixture.score_samples(X))
