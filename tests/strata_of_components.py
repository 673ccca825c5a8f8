"""Strata of principal components of four blobs, for tests of evaluations."""

from sklearn.cluster import KMeans
from sklearn.datasets import make_blobs
from sklearn.decomposition import PCA

from contrastive_clustering._clustering.hierarchy import link_centers


def blobs():
    """Return training samples with their classes, and test samples with theirs."""
    X, y = make_blobs(
        400, n_features=8, centers=4, cluster_std=4, center_box=(-6, 6), random_state=0
    )
    return X[:250], y[:250], X[250:], y[250:]


class Strata:
    """A fitted estimator whose latents are principal components."""

    def __init__(self, X, n_clusters):
        self.pca = PCA(5).fit(X)
        self.kmeans = KMeans(n_clusters, random_state=0).fit(self.transform(X))
        self.linkage_ = link_centers(self.kmeans.cluster_centers_)

    def transform(self, X):
        return self.pca.transform(X)

    def inverse_transform(self, Z):
        return self.pca.inverse_transform(Z)

    def _project(self, X):
        return self.transform(X)[:, :2]

    def predict(self, X):
        return self.kmeans.predict(self.transform(X))
