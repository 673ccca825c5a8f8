"""Evaluation of strata against reference labels."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import (
    adjusted_rand_score,
    classification_report,
    davies_bouldin_score,
    normalized_mutual_info_score,
    silhouette_score,
)
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import (
    assert_all_finite,
    check_random_state,
    column_or_1d,
)
from sklearn.utils._param_validation import HasMethods
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _num_samples

from contrastive_clustering._clustering.hierarchy import merge_labels
from contrastive_clustering._data.lazy_array import LazyArray
from contrastive_clustering._data.scaling import iterate_chunks
from contrastive_clustering._data.sources import open_samples, take_rows
from contrastive_clustering._data.validation import Samples
from contrastive_clustering._evaluation.result import ClusteringEvaluation
from contrastive_clustering._utils.arrays import (
    errors_about,
    from_tensor,
    name_of,
    to_array,
)
from contrastive_clustering._utils.library_settings import default_library_settings
from contrastive_clustering._utils.messages import shorten, show
from contrastive_clustering._utils.numbering import NOISE
from contrastive_clustering._utils.param_validation import Count, validate_params
from contrastive_clustering._utils.snapshot import snapshot
from contrastive_clustering.metrics import (
    clustering_accuracy,
    map_clusters_to_labels,
    mapped_accuracy,
    mean_recall,
)

# The silhouette compares all pairs of samples; it uses at most this many at random.
MAX_SILHOUETTE = 10_000

# Probes are trained on at most this many evenly spaced training samples.
MAX_PROBED = 20_000


@default_library_settings()
@validate_params(
    {
        "estimator": [HasMethods("predict")],
        "n_neighbors": [Count(1)],
        "random_state": ["random_state"],
    }
)
def evaluate_clustering(
    estimator: Any,
    X_train: ArrayLike,
    y_train: ArrayLike,
    X_test: ArrayLike,
    y_test: ArrayLike,
    *,
    n_neighbors: int = 15,
    random_state: int | np.random.RandomState | None = None,
) -> ClusteringEvaluation:
    """Evaluate the strata of a fitted clusterer against reference labels.

    Parameters
    ----------
    estimator : fitted estimator
        A fitted :class:`ContrastiveAutoencoderClusterer`, or any fitted object with
        ``predict``. Metrics that need ``transform``, ``inverse_transform``, a
        projection or ``linkage_`` are left out if the object lacks them. The output of
        ``transform`` is used as latents.

    X_train, y_train : array-like of shape (n_train, ...) and (n_train,)
        Samples to learn from, usually those of ``fit``, and their classes.

    X_test, y_test : array-like of shape (n_test, ...) and (n_test,)
        Samples to score and their classes.

    n_neighbors : int, default=15
        Number of neighbors of the nearest-neighbor probe.

    random_state : int, RandomState instance or None, default=None
        Seed of the random 10,000 test samples used for the silhouette if there are
        more.

    Returns
    -------
    evaluation : ClusteringEvaluation
        The metrics; print it for an overview.

    Raises
    ------
    TypeError, ValueError
        If the estimator has no ``predict``; if samples and classes differ in number;
        if the training set has fewer than two classes, or the sets have none in common;
        or if there are fewer training samples than neighbors.

    References
    ----------
    Ferrante, Boccato, Duggento, Spasov, Toschi, "Contrastive learning for unsupervised
    medical image clustering and reconstruction", arXiv:2209.12005.

    Examples
    --------
    >>> from sklearn.cluster import KMeans
    >>> from sklearn.datasets import make_blobs
    >>> from contrastive_clustering._evaluation.evaluate import evaluate_clustering
    >>> X, y = make_blobs(200, centers=3, cluster_std=0.1, random_state=0)
    >>> kmeans = KMeans(3, random_state=0).fit(X[:100])
    >>> result = evaluate_clustering(kmeans, X[:100], y[:100], X[100:], y[100:])
    >>> result.mapped_accuracy
    1.0
    """
    X_train = open_samples(from_tensor(X_train, "X_train"))
    X_test = open_samples(from_tensor(X_test, "X_test"))
    label_name = name_of(y_test, "label")
    y_train, y_test = _check_classes(X_train, y_train, X_test, y_test)
    n_probed = min(len(y_train), MAX_PROBED)
    if n_neighbors > n_probed:
        raise ValueError(
            f"n_neighbors={n_neighbors} is larger than the number of training samples, "
            f"{n_probed}. Lower n_neighbors."
        )
    if isinstance(estimator, BaseEstimator):
        estimator = snapshot(estimator)  # another thread may refit it in the meantime
    train = _predict(estimator, X_train, "X_train")
    test = _predict(estimator, X_test, "X_test")
    mapped = map_clusters_to_labels(y_train, train, test)
    latents = _encode(estimator, "transform", X_test)
    rows = np.arange(n_probed) * len(y_train) // n_probed
    probed = take_rows(X_train, rows)
    knn = KNeighborsClassifier(n_neighbors)
    # Latents differ in scale; standardization makes the penalty treat them equally.
    linear = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    probes: dict[str, float] = {}
    for space, method in (("latent", "transform"), ("projection", "_project")):
        encoded = _encode(estimator, method, probed)
        scored = latents if space == "latent" else _encode(estimator, method, X_test)
        for probe, classifier in (("knn", knn), ("linear", linear)):
            accuracy = balanced = np.nan
            if encoded is not None:
                predicted = classifier.fit(encoded, y_train[rows]).predict(scored)
                accuracy = float(np.mean(predicted == y_test))
                balanced = mean_recall(y_test, predicted)
            probes[f"{probe}_{space}_accuracy"] = accuracy
            probes[f"{probe}_{space}_balanced_accuracy"] = balanced
    silhouette, davies_bouldin = compactness(latents, test, random_state)
    error = np.nan
    if latents is not None and hasattr(estimator, "inverse_transform"):
        samples = X_test if isinstance(X_test, LazyArray) else np.asarray(X_test)
        error = reconstruction_error(samples, latents, estimator.inverse_transform)
    classes, clusters = np.union1d(y_train, y_test), np.union1d(train, test)
    levels, accuracies, merged_accuracy = _merge(
        getattr(estimator, "linkage_", None), (y_train, train), (y_test, test), classes
    )
    return ClusteringEvaluation(
        mapped_accuracy=float(np.mean(mapped == y_test)),
        balanced_accuracy=mean_recall(y_test, mapped),
        merged_accuracy=merged_accuracy,
        one_to_one_accuracy=clustering_accuracy(y_test, test),
        normalized_mutual_info=float(normalized_mutual_info_score(y_test, test)),
        adjusted_rand=float(adjusted_rand_score(y_test, test)),
        silhouette=silhouette,
        davies_bouldin=davies_bouldin,
        reconstruction_error=error,
        probes=probes,
        merge_levels=levels,
        merge_accuracies=accuracies,
        classes=classes,
        clusters=clusters,
        cluster_classes=map_clusters_to_labels(y_train, train, clusters),
        label_counts=(clusters[:, None] == test).astype(np.int64)
        @ (y_test[:, None] == classes),
        report=classification_report(
            y_test, mapped, labels=classes, output_dict=True, zero_division=0
        ),
        label_name=label_name,
    )


def read_classes(y: Any, name: str) -> np.ndarray:
    """Return the classes of samples.

    Parameters
    ----------
    y : array-like of shape (n_samples,)
        The classes as passed by the caller.

    name : str
        Name of the parameter, for error messages.

    Returns
    -------
    classes : ndarray of shape (n_samples,)
        One class for each sample.

    Raises
    ------
    ValueError
        If values are neither integers nor strings, or if some are missing.
    """
    try:
        with np.errstate(invalid="ignore"):  # infinities are reported below
            classes = np.asarray(column_or_1d(to_array(y, name)))
            assert_all_finite(classes)
            check_classification_targets(classes)
            np.unique(classes)
    except (TypeError, ValueError) as error:
        remedy = "Pass integers or strings, with none missing."
        raise ValueError(
            f"{name} does not hold classes: {shorten(str(error))} {remedy}"
        ) from None
    return classes


def _check_classes(
    X_train: Any, y_train: Any, X_test: Any, y_test: Any
) -> list[np.ndarray]:
    """Return the classes of both sets, or raise unless they match the samples."""
    checked = []
    for part, X, y in (("train", X_train, y_train), ("test", X_test, y_test)):
        classes = read_classes(y, f"y_{part}")
        with errors_about(f"X_{part}", "samples"):
            n_samples = _num_samples(X)
        if n_samples != len(classes):
            raise ValueError(
                f"X_{part} has {n_samples} samples, but y_{part} has {len(classes)} "
                "labels. Pass one label for each sample."
            )
        checked.append(classes)
    train, test = checked
    # Without this check 0 and "0" would count as the same class.
    alike = (train.dtype.kind in "biuf") == (test.dtype.kind in "biuf")
    if not alike or not np.isin(test, train).any():
        raise ValueError(
            f"y_train has classes {np.unique(train)[:5].tolist()} and y_test "
            f"{np.unique(test)[:5].tolist()}, none in common. Use the same classes in "
            "both."
        )
    if len(np.unique(train)) < 2:
        raise ValueError(
            f"y_train has only the class {show(train[0])}. Pass at least two classes."
        )
    return checked


def _predict(estimator: Any, X: Any, name: str) -> np.ndarray:
    with errors_about(name, "samples"):
        return np.asarray(estimator.predict(X))


def _encode(estimator: Any, method: str, X: Any) -> np.ndarray | None:
    encode = getattr(estimator, method, None)
    return None if encode is None else np.asarray(encode(X))


def compactness(
    latents: np.ndarray | None,
    labels: np.ndarray,
    random_state: int | np.random.RandomState | None,
) -> tuple[float, float]:
    """Return the silhouette and the Davies-Bouldin index of the strata without noise.

    Parameters
    ----------
    latents : ndarray of shape (n_samples, latent_dim) or None
        Latents; None if the estimator has none.

    labels : ndarray of shape (n_samples,)
        Strata.

    random_state : int, RandomState instance or None
        Seed of the random selection for the silhouette if there are many samples.

    Returns
    -------
    silhouette, davies_bouldin : float
        NaN if not defined.
    """
    if latents is None:
        return np.nan, np.nan
    kept = np.flatnonzero(labels != NOISE)
    selected = kept
    if len(kept) > MAX_SILHOUETTE:
        rng = check_random_state(random_state)
        selected = rng.permutation(kept)[:MAX_SILHOUETTE]
    scores = []
    for score, rows in ((silhouette_score, selected), (davies_bouldin_score, kept)):
        defined = 2 <= len(np.unique(labels[rows])) < len(rows)
        scores.append(float(score(latents[rows], labels[rows])) if defined else np.nan)
    return scores[0], scores[1]


def reconstruction_error(
    samples: Samples, latents: np.ndarray, decode: Callable[[np.ndarray], Any]
) -> float:
    """Return the mean squared error of decoded latents as a fraction of the variance.

    Parameters
    ----------
    samples : ndarray or LazyArray of shape (n_samples, ...)
        The samples, read in chunks.

    latents : ndarray of shape (n_samples, latent_dim)
        Their latents.

    decode : callable
        Function from latents to samples.

    Returns
    -------
    error : float
        0 is perfect, and the mean sample would score 1; NaN if all samples are the
        same.
    """
    total = np.zeros(samples.shape[1:])
    for chunk in iterate_chunks(samples):
        total += chunk.sum(axis=0, dtype=np.float64)
    mean = total / len(samples)
    error = scatter = 0.0
    start = 0
    for chunk in iterate_chunks(samples):
        values = chunk.astype(np.float64)
        decoded = np.asarray(decode(latents[start : start + len(chunk)]))
        start += len(chunk)
        error += float(np.sum((decoded.reshape(values.shape) - values) ** 2))
        scatter += float(np.sum((values - mean) ** 2))
    return error / scatter if scatter > 0 else np.nan


def _merge(
    linkage: np.ndarray | None,
    train: tuple[np.ndarray, np.ndarray],
    test: tuple[np.ndarray, np.ndarray],
    classes: np.ndarray,
) -> tuple[np.ndarray | None, np.ndarray | None, float]:
    """Return tree levels, the accuracy at each, and that at the number of classes."""
    if linkage is None:
        return None, None, np.nan

    def accuracy_at(n: int) -> float:
        (y, labels), (y_new, new) = train, test
        labels, new = merge_labels(labels, linkage, n), merge_labels(new, linkage, n)
        return float(mapped_accuracy(y, labels, y_new, new))

    n_clusters = len(linkage) + 1
    levels = np.arange(n_clusters, 1, -1)
    accuracies = np.array([accuracy_at(int(n)) for n in levels])
    return levels, accuracies, accuracy_at(min(len(classes), n_clusters))
