import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.metrics import adjusted_rand_score

from contrastive_clustering import ContrastiveAutoencoderClusterer

SHORT = {"max_epochs": 2, "refinement_epochs": 1}


@pytest.fixture
def methods(benchmark_module):
    return benchmark_module("small_sets_methods")


@pytest.fixture
def data(benchmark_module):
    X, y = load_digits().images[:140], load_digits().target[:140]
    return benchmark_module("quality_sets").Data(X[:100], y[:100], X[100:], y[100:])


@pytest.mark.parametrize(
    "with_nuisance", [pytest.param(False, marks=pytest.mark.slow), True]
)
def test_strata_are_those_of_separate_fits(methods, data, with_nuisance):
    nuisance = np.arange(100) % 3 if with_nuisance else None
    fits = list(methods.fit_ours(data, (3, 6), 1, nuisance, **SHORT))
    assert [fit.strata for fit in fits] == [3, 6]
    for fit in fits:
        alone = ContrastiveAutoencoderClusterer(fit.strata, random_state=1, **SHORT)
        alone.fit(data.X_train, nuisance=nuisance)
        for ours, other in (
            (fit.result.train, alone.labels_),
            (fit.result.new, alone.predict(data.X_new)),
        ):
            assert adjusted_rand_score(ours, other) == 1
        np.testing.assert_array_equal(
            fit.result.latents[1], alone.transform(data.X_new)
        )


def test_baselines_have_each_number_of_strata(methods, data, benchmark_module):
    samples = benchmark_module("small_sets_samples")
    name = benchmark_module("small_sets_runs").KMEANS
    fits = list(methods.fit_baseline(name, samples.SETS["digits"], data, (3, 6), 0))
    assert [len(set(fit.result.train)) for fit in fits] == [3, 6]
    assert {len(fit.result.new) for fit in fits} == {40}
