import numpy as np
import pytest
from custom_clusterers import Named, NamedByFit
from sklearn.base import BaseEstimator, ClusterMixin
from sklearn.cluster import (
    DBSCAN,
    AgglomerativeClustering,
    Birch,
    BisectingKMeans,
    KMeans,
    MeanShift,
    MiniBatchKMeans,
    SpectralClustering,
)
from sklearn.datasets import make_blobs
from sklearn.decomposition import PCA
from sklearn.metrics import adjusted_rand_score
from sklearn.mixture import BayesianGaussianMixture, GaussianMixture
from sklearn.neighbors import RadiusNeighborsTransformer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from contrastive_clustering._clustering.consensus import ConsensusClustering
from contrastive_clustering._clustering.latent_clustering import (
    fit_clustering,
    nearest_members,
)
from contrastive_clustering._utils.grouping import Grouping

SPACES = [(False, False), (True, False), (False, True), (True, True)]


@pytest.fixture(scope="module")
def blobs():
    """Three blobs of 60 latents in 6 dimensions, of unequal size; and their labels."""
    X, y = make_blobs([100, 50, 30], 6, cluster_std=0.8, random_state=3)
    return X.astype(np.float32), y


def cluster(latents, clusterer="kmeans", n_clusters=3, whiten=False, normalize=False):
    return fit_clustering(
        latents, n_clusters, clusterer, whiten=whiten, normalize=normalize, seed=0
    )


@pytest.mark.parametrize(("whiten", "normalize"), SPACES)
@pytest.mark.parametrize(
    "clusterer",
    [
        "kmeans",
        "gaussian_mixture",
        MiniBatchKMeans(batch_size=64),
        BisectingKMeans(),
        BayesianGaussianMixture(),
        AgglomerativeClustering(),
    ],
    ids=str,
)
def test_clusterers_find_blobs_and_predict_consistently(
    blobs, clusterer, whiten, normalize
):
    latents, y = blobs
    fitted = cluster(latents, clusterer, whiten=whiten, normalize=normalize)
    assert adjusted_rand_score(y, fitted.labels) > 0.95
    assert sorted(set(fitted.labels)) == [0, 1, 2]
    np.testing.assert_array_equal(fitted.predict(latents), fitted.labels)
    proba = fitted.predict_proba(latents)
    np.testing.assert_allclose(proba.sum(axis=1), 1, atol=1e-5)
    np.testing.assert_array_equal(proba.argmax(axis=1), fitted.labels)
    for label in range(3):
        np.testing.assert_allclose(
            fitted.latent_centers[label],
            latents[fitted.labels == label].mean(axis=0),
            rtol=1e-5,
            atol=1e-5,
        )


def test_results_do_not_depend_on_other_samples(blobs):
    latents, _ = blobs
    for clusterer in ("kmeans", "gaussian_mixture", AgglomerativeClustering()):
        fitted = cluster(latents, clusterer, whiten=True)
        alone = np.concatenate([fitted.predict_proba(row[None]) for row in latents])
        np.testing.assert_allclose(fitted.predict_proba(latents), alone, atol=1e-6)


def test_kmeans_soft_assignment_is_the_posterior_of_isotropic_gaussians(blobs):
    latents, _ = blobs
    fitted = cluster(latents)
    prepared, centers = fitted.prepare(latents), fitted.clusterer.cluster_centers_
    members = prepared - centers[fitted.labels]
    variance = np.mean(members**2)
    densities = np.array(
        [
            [np.exp(-np.sum((x - c) ** 2) / (2 * variance)) for c in centers]
            for x in prepared
        ]
    )
    expected = densities / densities.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(fitted.predict_proba(latents), expected, atol=1e-5)


def test_noise_stays_noise(blobs):
    latents, _ = blobs
    outlier = np.full((1, 6), 100, dtype=np.float32)
    with_noise = np.concatenate([latents, outlier])
    fitted = cluster(with_noise, DBSCAN(eps=0.5))
    assert fitted.n_clusters == 3
    assert fitted.labels[-1] == -1
    np.testing.assert_array_equal(fitted.predict(with_noise), fitted.labels)
    np.testing.assert_allclose(fitted.predict_proba(with_noise).sum(1), 1, atol=1e-5)


def test_only_noise_is_an_error(blobs):
    with pytest.raises(ValueError, match="found no cluster"):
        cluster(blobs[0], DBSCAN(eps=1e-9))


def test_empty_clusters_leave_no_gap():
    # Only two distinct points: the mixture's third component has no member.
    latents = np.repeat(
        np.array([[0.0, 0.0], [5.0, 5.0]], dtype=np.float32), 30, axis=0
    )
    latents += np.random.default_rng(0).normal(scale=1e-3, size=latents.shape)
    mixture = BayesianGaussianMixture(weight_concentration_prior=1e-6, max_iter=500)
    fitted = cluster(latents, mixture, n_clusters=6)
    assert fitted.n_clusters < 6
    assert sorted(set(fitted.labels)) == list(range(fitted.n_clusters))
    far = np.random.default_rng(1).uniform(-20, 20, size=(200, 2)).astype(np.float32)
    assert fitted.predict_proba(far).shape == (200, fitted.n_clusters)
    assert set(fitted.predict(far)) <= set(range(fitted.n_clusters))
    np.testing.assert_allclose(fitted.predict_proba(far).sum(1), 1, atol=1e-5)


NAMES = [
    (1, 2, 3),
    (22, 3, 32),
    (2, 0, 1),
    (-3, -2, 0),
    (-1, 0, 1),
    (0.5, 1.5, 0.25),
    ("b", "a", "c"),
    (True, False),
]


@pytest.mark.parametrize("names", NAMES, ids=str)
def test_clusters_can_have_any_labels(blobs, names):
    latents, _ = blobs
    n = len(names)
    plain = cluster(latents, KMeans(n_init=3, random_state=0), n_clusters=n)
    fitted = cluster(latents, Named(names=names), n_clusters=n)
    assert fitted.n_clusters == n
    # Strata are numbered in the order of the names.
    expected = np.argsort(np.argsort(names))[plain.labels]
    np.testing.assert_array_equal(fitted.labels, expected)
    np.testing.assert_array_equal(fitted.predict(latents), expected)
    np.testing.assert_array_equal(
        fitted.predict_proba(latents).argmax(axis=1), expected
    )


@pytest.mark.parametrize("names", NAMES, ids=str)
def test_neighbors_vote_for_clusters_with_any_labels(blobs, names):
    latents, _ = blobs
    fitted = cluster(latents, NamedByFit(names=names), n_clusters=len(names))
    is_noise = -1 in names  # no column says that it is a cluster
    assert fitted.n_clusters == len(names) - is_noise
    assert (fitted.labels == -1).any() == is_noise
    np.testing.assert_array_equal(fitted.predict(latents), fitted.labels)
    kept = fitted.labels != -1
    np.testing.assert_array_equal(
        fitted.predict_proba(latents).argmax(axis=1)[kept], fitted.labels[kept]
    )


class WithColumns(Named):
    """Returns other columns than it names."""

    def predict_proba(self, X):
        return np.full((len(X), 7), 1 / 7)


def test_gaussians_replace_columns_that_cannot_be_identified(blobs):
    latents, _ = blobs
    fitted = cluster(latents, WithColumns(names=("a", "b", "c")))
    proba = fitted.predict_proba(latents)
    np.testing.assert_array_equal(proba.argmax(axis=1), fitted.labels)
    np.testing.assert_allclose(proba.sum(axis=1), 1, atol=1e-5)


class OneForAll(Named):
    def predict_proba(self, X):
        return np.full(4, 0.25)


def test_a_wrong_number_of_rows_is_rejected(blobs):
    fitted = cluster(blobs[0], OneForAll())
    with pytest.raises(ValueError, match=r"predict_proba of .* shape \(4,\) for 180"):
        fitted.predict_proba(blobs[0])


class OtherSpace(ClusterMixin, BaseEstimator):
    """Clusters reduced data; its centers have another width or meaning."""

    def __init__(self, n_clusters=3, width=2):
        self.n_clusters = n_clusters
        self.width = width

    def fit(self, X, y=None):
        self.reduction_ = PCA(self.width).fit(X)
        self.kmeans_ = KMeans(self.n_clusters, n_init=3, random_state=0)
        self.labels_ = self.kmeans_.fit_predict(self.reduction_.transform(X))
        self.cluster_centers_ = self.kmeans_.cluster_centers_
        return self

    def predict(self, X):
        return self.kmeans_.predict(self.reduction_.transform(X))


@pytest.mark.parametrize("width", [2, 6])
def test_centers_in_another_space_are_ignored(blobs, width):
    latents, _ = blobs
    fitted = cluster(latents, OtherSpace(width=width))
    np.testing.assert_array_equal(
        fitted.predict_proba(latents).argmax(axis=1), fitted.labels
    )


@pytest.mark.parametrize(
    "clusterer",
    [
        AgglomerativeClustering(n_clusters=None, distance_threshold=5.0),
        Birch(n_clusters=None, threshold=1.5),
        Birch(n_clusters=KMeans(7, n_init=1)),
        make_pipeline(StandardScaler(), KMeans(7, n_init=3)),
        make_pipeline(PCA(2), GaussianMixture(7)),
        make_pipeline(
            RadiusNeighborsTransformer(radius=4.0),
            DBSCAN(eps=2.0, metric="precomputed"),
        ),
        MeanShift(),
        SpectralClustering(n_components=2),
    ],
    ids=lambda clusterer: type(clusterer).__name__,
)
def test_other_clusterers_find_blobs_repeatedly(blobs, clusterer):
    latents, y = blobs
    fitted, again = (cluster(latents, clusterer) for _ in range(2))
    assert adjusted_rand_score(y, fitted.labels) > 0.95
    np.testing.assert_array_equal(again.labels, fitted.labels)
    np.testing.assert_array_equal(fitted.predict(latents), fitted.labels)


@pytest.mark.parametrize(
    "clusterer",
    [
        BisectingKMeans(),
        Birch(threshold=0.2),
        make_pipeline(StandardScaler(), KMeans(n_init=1)),
        KMeans(n_init=1),
    ],
    ids=lambda clusterer: type(clusterer).__name__,
)
def test_largest_entry_is_the_predicted_stratum(clusterer):
    # Without blobs, strata are adjacent to each other.
    latents = np.random.default_rng(0).uniform(size=(500, 4)).astype(np.float32)
    latents[:, 0] *= 3
    fitted = cluster(latents, clusterer, n_clusters=7)
    proba = fitted.predict_proba(latents)
    np.testing.assert_array_equal(proba.argmax(axis=1), fitted.predict(latents))
    # The entries are the same, in another order.
    expected = np.sort(fitted._gaussian_proba(fitted.prepare(latents)))
    np.testing.assert_allclose(np.sort(proba), expected, atol=1e-6)


def test_clusterers_may_modify_their_input(blobs):
    latents, _ = blobs
    in_place, on_a_copy = (
        cluster(latents, make_pipeline(StandardScaler(copy=copy), KMeans(n_init=1)))
        for copy in (False, True)
    )
    np.testing.assert_array_equal(in_place.centers, on_a_copy.centers)
    np.testing.assert_array_equal(
        in_place.predict_proba(latents), on_a_copy.predict_proba(latents)
    )


def test_noise_labeled_only_by_fit_is_kept(blobs):
    latents, _ = blobs
    with_noise = np.concatenate([latents, np.full((1, 6), 100, dtype=np.float32)])
    shift = MeanShift(
        bandwidth=1.0, min_bin_freq=5, bin_seeding=True, cluster_all=False
    )
    fitted = cluster(with_noise, shift)
    own = fitted.clusterer.labels_
    assert (own == -1).any()
    np.testing.assert_array_equal(fitted.labels == -1, own == -1)
    # Its predict assigns all samples.
    assert (fitted.predict(with_noise) >= 0).all()


@pytest.mark.parametrize(
    "clusterer",
    [AgglomerativeClustering(metric="cosine"), KMeans()],
    ids=lambda clusterer: type(clusterer).__name__,
)
def test_a_clusterer_that_fails_is_named(blobs, clusterer):
    with pytest.raises(ValueError, match="cannot cluster latents of shape"):
        cluster(blobs[0], clusterer, n_clusters=1000)


def test_nearest_members():
    latents = np.array([[0.0], [1.0], [2.0], [9.0]])
    nearest = nearest_members(
        latents, np.array([0, 0, 1, -1]), np.array([[0.9], [9.0], [5.0]])
    )
    assert nearest.tolist() == [1, 2, -1]


def grouped(blobs):
    """Return the blobs with 30 copies of some latents, their labels and groups."""
    latents, y = blobs
    rows = np.arange(0, 180, 30)
    copies = np.repeat(rows, 30)
    jitter = np.random.default_rng(0).normal(0, 1e-3, (len(copies), 6))
    repeated = np.concatenate([latents, latents[copies] + jitter.astype(np.float32)])
    codes = np.append(np.arange(180), copies)
    return repeated, np.append(y, y[copies]), Grouping.read(codes, len(codes))


@pytest.mark.parametrize(("whiten", "normalize"), SPACES)
@pytest.mark.parametrize(
    "clusterer",
    [
        "consensus",
        "kmeans",
        "gaussian_mixture",
        BisectingKMeans(),
        AgglomerativeClustering(),
        make_pipeline(StandardScaler(), GaussianMixture()),
        DBSCAN(eps=0.5, min_samples=4),
    ],
    ids=lambda clusterer: getattr(type(clusterer), "__name__", clusterer),
)
def test_a_group_weighs_as_one(blobs, clusterer, whiten, normalize):
    latents, labels, groups = grouped(blobs)
    fitted = fit_clustering(
        latents,
        3,
        clusterer,
        whiten=whiten,
        normalize=normalize,
        seed=0,
        groups=groups,
    )
    kept = fitted.labels >= 0
    assert kept.mean() > 0.9
    assert adjusted_rand_score(labels[kept], fitted.labels[kept]) > 0.95
    np.testing.assert_array_equal(fitted.predict(latents), fitted.labels)
    weights, prepared = groups.weights(), fitted.prepare(latents)
    for stratum in range(fitted.n_clusters):
        rows = fitted.labels == stratum
        for found, space in (
            (fitted.centers, prepared),
            (fitted.latent_centers, latents),
        ):
            np.testing.assert_allclose(
                found[stratum],
                weights[rows] @ space[rows] / weights[rows].sum(),
                rtol=1e-5,
                atol=1e-6,
            )
    squares = (prepared - fitted.centers[fitted.labels])[kept] ** 2
    expected = weights[kept] @ squares.mean(axis=1) / weights[kept].sum()
    assert fitted.spread == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize(
    ("clusterer", "n_voters"),
    [(AgglomerativeClustering(), 180), (DBSCAN(eps=0.5, min_samples=4), 360)],
    ids=["representatives", "weights"],
)
def test_samples_that_the_clusterer_labeled_vote(blobs, clusterer, n_voters):
    latents, _, groups = grouped(blobs)
    fitted = fit_clustering(
        latents, 3, clusterer, whiten=False, normalize=False, seed=0, groups=groups
    )
    assert len(fitted.voters._fit_X) == n_voters


def test_core_samples_are_counted_by_groups(blobs):
    latents, _, groups = grouped(blobs)
    copies_are_dense = DBSCAN(eps=0.02, min_samples=10)
    assert cluster(latents, copies_are_dense).n_clusters == 6
    with pytest.raises(ValueError, match="labeled all 360 samples as noise"):
        fit_clustering(
            latents,
            3,
            copies_are_dense,
            whiten=False,
            normalize=False,
            seed=0,
            groups=groups,
        )


@pytest.mark.parametrize("clusterer", ["consensus", "kmeans", "gaussian_mixture"])
def test_fewer_groups_than_clusters_are_an_error(blobs, clusterer):
    latents, _ = blobs
    groups = Grouping.read(np.arange(180) % 4, 180)
    with pytest.raises(ValueError, match="n_clusters=5 is more than the number of gr"):
        fit_clustering(
            latents, 5, clusterer, whiten=False, normalize=False, seed=0, groups=groups
        )


def test_a_clusterer_that_finds_the_number_itself_needs_no_more_groups(blobs):
    latents, y = blobs
    groups = Grouping.read(y, 180)
    shift = MeanShift(bandwidth=0.5)
    fitted = fit_clustering(
        latents, 9, shift, whiten=False, normalize=False, seed=0, groups=groups
    )
    assert adjusted_rand_score(y, fitted.labels) > 0.95


@pytest.mark.parametrize(
    "clusterer", ["kmeans", "gaussian_mixture", AgglomerativeClustering()], ids=str
)
def test_renumbered_strata_are_assigned_like_before(blobs, clusterer):
    latents, _ = blobs
    fitted, order = cluster(latents, clusterer), np.array([2, 0, 1])
    renumbered = fitted.renumbered(order)
    # Stratum 2 is now number 0, and so on.
    np.testing.assert_array_equal(order[renumbered.labels], fitted.labels)
    np.testing.assert_array_equal(
        order[renumbered.predict(latents)], fitted.predict(latents)
    )
    np.testing.assert_allclose(
        renumbered.predict_proba(latents), fitted.predict_proba(latents)[:, order]
    )
    np.testing.assert_array_equal(
        renumbered.latent_centers, fitted.latent_centers[order]
    )


def test_silhouettes_of_a_consensus_are_computed_in_three_spaces(blobs):
    latents, _ = blobs
    clusterer = ConsensusClustering(n_members=2, cosine_fraction=0.5)
    positions, directions, whitened = cluster(latents, clusterer).silhouette_spaces(
        latents
    )
    np.testing.assert_allclose(positions / latents, (positions / latents)[0, 0], 1e-5)
    offsets = positions - positions.mean(axis=0)
    lengths = np.linalg.norm(offsets, axis=1, keepdims=True)
    np.testing.assert_allclose(directions, offsets / lengths, atol=1e-6)
    covariance = np.cov(whitened, rowvar=False, ddof=0)
    np.testing.assert_allclose(
        covariance / covariance[0, 0], np.eye(len(covariance)), atol=1e-6
    )


def test_other_silhouettes_are_computed_in_the_space_of_the_clusterer(blobs):
    latents, _ = blobs
    for clusterer in ("kmeans", ConsensusClustering(n_members=2)):
        fitted = cluster(latents, clusterer)
        (space,) = fitted.silhouette_spaces(latents)
        np.testing.assert_array_equal(space, fitted.prepare(latents))
