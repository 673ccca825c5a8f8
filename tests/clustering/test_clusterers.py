import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClusterMixin, DensityMixin
from sklearn.cluster import (
    DBSCAN,
    HDBSCAN,
    AgglomerativeClustering,
    Birch,
    BisectingKMeans,
    KMeans,
    MiniBatchKMeans,
    SpectralClustering,
)
from sklearn.decomposition import PCA
from sklearn.mixture import BayesianGaussianMixture, GaussianMixture
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from contrastive_clustering import ClusterNumberSearch, ContrastiveAutoencoderClusterer
from contrastive_clustering._clustering.clusterers import (
    NAMED_CLUSTERERS,
    check_clusterer,
    check_n_groups,
    resolve_clusterer,
    takes_number,
)
from contrastive_clustering._clustering.consensus import ConsensusClustering
from contrastive_clustering._utils.grouping import Grouping


class ReduceThenCluster(ClusterMixin, BaseEstimator):
    """Its `n_components` is the number of dimensions of a reduction."""

    def __init__(self, n_clusters=8, n_components=2):
        self.n_clusters = n_clusters
        self.n_components = n_components


class Embedding(ClusterMixin, BaseEstimator):
    """Finds the number of clusters itself; `n_components` is not that number."""

    def __init__(self, n_components=2):
        self.n_components = n_components


class Mixture(DensityMixin, BaseEstimator):
    """A mixture from outside scikit-learn."""

    def __init__(self, n_components=2, random_state=None):
        self.n_components = n_components
        self.random_state = random_state


class Wrapper(ClusterMixin, BaseEstimator):
    """Passes everything to another clusterer."""

    def __init__(self, inner, tries=2):
        self.inner = inner
        self.tries = tries


class Undecided(ClusterMixin, BaseEstimator):
    """Its default number of clusters is not an integer."""

    def __init__(self, n_clusters=None):
        self.n_clusters = n_clusters


class Automatic(ClusterMixin, BaseEstimator):
    """Its default number of clusters is None."""

    def __init__(self, n_clusters="auto"):
        self.n_clusters = n_clusters


def number_of(clusterer, name="n_clusters"):
    return resolve_clusterer(clusterer, 3, 5).get_params()[name]


def test_number_of_clusters_and_seed_are_set():
    assert number_of(KMeans(7)) == 3
    mixture = resolve_clusterer(GaussianMixture(7), 3, 5)
    assert (mixture.n_components, mixture.random_state) == (3, 5)
    assert resolve_clusterer(KMeans(random_state=9), 3, 5).random_state == 9
    mine = KMeans(7)
    resolve_clusterer(mine, 3, 5)
    assert mine.n_clusters == 7


@pytest.mark.parametrize(
    "clusterer",
    [SpectralClustering(4, n_components=10), ReduceThenCluster(n_components=10)],
)
def test_number_of_components_is_kept_with_a_number_of_clusters(clusterer):
    assert number_of(clusterer, "n_components") == 10
    assert number_of(clusterer) == 3


def test_number_of_components_is_the_number_of_clusters_only_for_mixtures():
    for mixture in (GaussianMixture(7), BayesianGaussianMixture(), Mixture(7)):
        assert number_of(mixture, "n_components") == 3
    assert number_of(Embedding(7), "n_components") == 7


def test_number_of_clusters_is_set_on_the_nested_clusterer():
    pipe = make_pipeline(KMeans(50), StandardScaler(), KMeans(7))
    assert number_of(pipe, "kmeans-2__n_clusters") == 3
    assert number_of(pipe, "kmeans-1__n_clusters") == 50
    reducing = make_pipeline(PCA(n_components=4), GaussianMixture(7))
    assert number_of(reducing, "gaussianmixture__n_components") == 3
    assert number_of(reducing, "pca__n_components") == 4
    assert number_of(Wrapper(KMeans(7)), "inner__n_clusters") == 3
    assert number_of(Wrapper(pipe), "inner__kmeans-2__n_clusters") == 3
    assert number_of(Birch(n_clusters=KMeans(7)), "n_clusters__n_clusters") == 3


@pytest.mark.parametrize(
    "clusterer",
    [
        AgglomerativeClustering(n_clusters=None, distance_threshold=2.0),
        make_pipeline(AgglomerativeClustering(n_clusters=None, distance_threshold=2.0)),
        Birch(n_clusters=None),
        Birch(n_clusters=DBSCAN()),
        DBSCAN(),
        make_pipeline(StandardScaler(), HDBSCAN(copy=True)),
        Embedding(),
    ],
    ids=lambda clusterer: type(clusterer).__name__,
)
def test_clusterers_that_find_the_number(clusterer):
    assert not takes_number(clusterer)
    before = str(clusterer.get_params())
    assert str(resolve_clusterer(clusterer, 3, 5).get_params()) == before


@pytest.mark.parametrize(
    "clusterer",
    [*NAMED_CLUSTERERS, KMeans(), Birch(), make_pipeline(PCA(), GaussianMixture())],
    ids=lambda clusterer: type(clusterer).__name__,
)
def test_clusterers_that_take_a_number(clusterer):
    assert takes_number(clusterer)


def test_default_numbers_are_replaced():
    assert number_of(Undecided()) == 3
    assert number_of(Automatic()) == 3
    assert number_of(Undecided("auto")) == "auto"
    assert number_of(Automatic(None)) is None


def test_nested_seeds_are_set_and_fixed_ones_are_kept():
    pipe = make_pipeline(
        PCA(), MiniBatchKMeans(9, random_state=11), Wrapper(KMeans(7, n_init=1))
    )
    found = resolve_clusterer(pipe, 3, 5).get_params()
    assert found["minibatchkmeans__random_state"] == 11
    seeds = [found["pca__random_state"], found["wrapper__inner__random_state"]]
    assert all(isinstance(seed, int) for seed in seeds)
    assert len(set(seeds)) == 2
    again = resolve_clusterer(pipe, 3, 5).get_params()
    other = resolve_clusterer(pipe, 3, 6).get_params()
    assert again["pca__random_state"] == seeds[0] != other["pca__random_state"]
    assert pipe.get_params()["pca__random_state"] is None


def test_threshold_and_number_are_mutually_exclusive():
    both = AgglomerativeClustering(distance_threshold=2.0)
    for clusterer in (both, make_pipeline(both)):
        with pytest.raises(ValueError, match="Set its n_clusters to None"):
            check_clusterer(clusterer)


class Stubborn(ClusterMixin, BaseEstimator):
    """Its constructor changes a parameter."""

    def __init__(self, n_clusters=3):
        self.n_clusters = [n_clusters]

    def fit_predict(self, X, y=None):
        return np.zeros(len(X), int)


@pytest.mark.parametrize(
    ("clusterer", "name"),
    [
        (KMeans(init=np.eye(3)), "init"),
        (make_pipeline(PCA(2), KMeans(init=np.eye(3, 2))), "init"),
        (GaussianMixture(3, means_init=np.eye(3)), "means_init"),
        (GaussianMixture(3, weights_init=np.full(3, 1 / 3)), "weights_init"),
        (
            GaussianMixture(3, precisions_init=np.ones(3), covariance_type="spherical"),
            "precisions_init",
        ),
    ],
)
def test_starts_of_another_number_of_clusters_are_refused(clusterer, name):
    for n_clusters in (5, "auto", ClusterNumberSearch()):
        message = f"has {name}=<ndarray .* for 3 clusters, but n_clusters=.* Set n_cl"
        with pytest.raises(ValueError, match=message):
            check_clusterer(clusterer, 3, n_clusters)
    for n_clusters in (3, ClusterNumberSearch(min_clusters=3, max_clusters=3)):
        check_clusterer(clusterer, 3, n_clusters)


def test_a_shared_matrix_and_names_of_starts_are_accepted():
    tied = GaussianMixture(precisions_init=np.eye(3), covariance_type="tied")
    for clusterer in (tied, KMeans(init="random"), DBSCAN(), "kmeans"):
        check_clusterer(clusterer, 3, 5)
    with pytest.raises(ValueError, match=r"has means_init=.* its input has 3 columns"):
        check_clusterer(GaussianMixture(2, means_init=np.eye(2)), 3, 2)


@pytest.mark.parametrize(
    ("clusterer", "message"),
    [
        (KMeans, "Pass an instance such as KMeans"),
        (KMeans(n_init=-1), "'n_init' parameter of KMeans"),
        (make_pipeline(PCA(), KMeans(tol=-1)), "'tol' parameter of KMeans"),
        (Birch(n_clusters=KMeans(init="x")), "'init' parameter of KMeans"),
        (BisectingKMeans(init=np.eye(3, 4)), "Got <ndarray of shape"),
        (Stubborn(), "cannot be cloned"),
        (DBSCAN(metric="precomputed"), "has metric='precomputed', but its input"),
        (SpectralClustering(affinity="precomputed"), "Choose another affinity"),
    ],
)
def test_invalid_clusterers_are_rejected_before_training(
    tiny_images, fast, clusterer, message
):
    with pytest.raises(ValueError, match=message):
        check_clusterer(clusterer)
    epochs = {"max_epochs": 10**6}  # would never end
    with pytest.raises(ValueError, match=message):
        ContrastiveAutoencoderClusterer(**fast | {"clusterer": clusterer} | epochs).fit(
            tiny_images
        )


def test_no_search_for_clusterers_that_find_the_number(tiny_images, fast):
    ward = AgglomerativeClustering(n_clusters=None, distance_threshold=3.0)
    parameters = fast | {"clusterer": ward, "max_epochs": 1}
    estimator = ContrastiveAutoencoderClusterer(**parameters | {"n_clusters": "auto"})
    assert not hasattr(estimator.fit(tiny_images), "cluster_number_search_")
    with pytest.raises(ValueError, match="finds the number itself"):
        estimator.set_params(n_clusters=ClusterNumberSearch()).fit(tiny_images)


def test_named_clusterers_get_their_settings():
    consensus = resolve_clusterer("consensus", 4, 7, 40, 0.25)
    assert (
        consensus.get_params()
        == ConsensusClustering(
            4, n_members=40, cosine_fraction=0.5, kmeans_fraction=0.25, random_state=7
        ).get_params()
    )
    assert resolve_clusterer("consensus", 4, 7).kmeans_fraction == 0
    kmeans = resolve_clusterer("kmeans", 4, 7)
    assert kmeans.get_params() == KMeans(4, n_init=10, random_state=7).get_params()
    mixture = resolve_clusterer("gaussian_mixture", 4, 7)
    expected = GaussianMixture(4, n_init=5, reg_covar=1e-3, random_state=7)
    assert mixture.get_params() == expected.get_params()


def test_only_clusterers_that_take_a_number_need_as_many_groups():
    groups = Grouping.read([0, 0, 1, 1, 2], 5)
    check_n_groups(3, groups, "kmeans")
    check_n_groups(9, None, "kmeans")
    check_n_groups(9, groups, DBSCAN())
    with pytest.raises(ValueError, match="n_clusters=4 is more than the number of gr"):
        check_n_groups(4, groups, KMeans())
