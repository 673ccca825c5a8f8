"""Custom clusterers, whose labels may be numbers or strings."""

import numpy as np
from sklearn.base import BaseEstimator, ClusterMixin
from sklearn.cluster import KMeans


class Named(ClusterMixin, BaseEstimator):
    """K-means with given labels, which are also the order of the columns."""

    def __init__(self, n_clusters=3, names=(0, 1, 2)):
        self.n_clusters = n_clusters
        self.names = names

    def fit(self, X, y=None):
        self.kmeans_ = KMeans(self.n_clusters, n_init=3, random_state=0).fit(X)
        self.classes_ = np.array(self.names)
        self.labels_ = self.classes_[self.kmeans_.labels_]
        return self

    def predict(self, X):
        return self.classes_[self.kmeans_.predict(X)]

    def predict_proba(self, X):
        proba = np.exp(-self.kmeans_.transform(X))
        return proba / proba.sum(axis=1, keepdims=True)


class NamedByFit(ClusterMixin, BaseEstimator):
    """The same clusterer without `predict`."""

    def __init__(self, n_clusters=3, names=(0, 1, 2)):
        self.n_clusters = n_clusters
        self.names = names

    def fit(self, X, y=None):
        kmeans = KMeans(self.n_clusters, n_init=3, random_state=0).fit(X)
        self.labels_ = np.array(self.names)[kmeans.labels_]
        return self
