import warnings

import numpy as np
import pytest
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning

from contrastive_clustering._utils.kmeans import fit_kmeans


@pytest.mark.parametrize("weights", [None, np.arange(1.0, 41.0)])
def test_results_are_those_of_scikit_learn(weights):
    X = np.random.default_rng(0).normal(size=(40, 3))
    found = fit_kmeans(X, 4, n_init=2, seed=5, weights=weights)
    expected = KMeans(4, n_init=2, random_state=5).fit(X, sample_weight=weights)
    np.testing.assert_array_equal(found.labels_, expected.labels_)
    np.testing.assert_array_equal(found.cluster_centers_, expected.cluster_centers_)


def test_samples_that_hardly_differ_cause_no_warning():
    X = np.repeat(np.eye(3), 5, axis=0) + 1e-12 * np.arange(15)[:, None]
    with pytest.warns(ConvergenceWarning, match="distinct clusters"):
        KMeans(6, n_init=1, random_state=0).fit(X)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(set(fit_kmeans(X, 6, n_init=1, seed=0).labels_)) < 6
