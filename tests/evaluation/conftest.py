import pytest
from strata_of_components import Strata, blobs

from contrastive_clustering._evaluation.evaluate import evaluate_clustering


@pytest.fixture(scope="session")
def sets():
    return blobs()


@pytest.fixture(scope="session")
def strata(sets):
    return Strata(sets[0], 9)


@pytest.fixture(scope="session")
def evaluation(strata, sets):
    return evaluate_clustering(strata, *sets)
