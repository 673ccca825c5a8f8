"""Evaluation of strata against reference labels."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator
from sklearn.metrics import classification_report
from sklearn.utils import check_random_state
from sklearn.utils.validation import _num_samples

from contrastive_clustering._clustering.group_rows import draw_sorted_rows
from contrastive_clustering._clustering.hierarchy import merge_labels
from contrastive_clustering._data.lazy_array import LazyArray
from contrastive_clustering._data.sources import open_samples
from contrastive_clustering._evaluation.agreement import (
    ACCURACIES,
    BIASED,
    list_metrics,
)
from contrastive_clustering._evaluation.compactness import compactness
from contrastive_clustering._evaluation.encoding import encode, predict_strata
from contrastive_clustering._evaluation.group_bootstrap import group_intervals
from contrastive_clustering._evaluation.group_overlap import read_separate_groups
from contrastive_clustering._evaluation.probes import (
    PROBES,
    check_neighbors,
    predict_probes,
)
from contrastive_clustering._evaluation.reconstruction import reconstruction_error
from contrastive_clustering._evaluation.result import ClusteringEvaluation
from contrastive_clustering._utils.arrays import (
    errors_about,
    name_of,
)
from contrastive_clustering._utils.grouping import Grouping, sample_weights
from contrastive_clustering._utils.labels import check_labels, whole_numbers
from contrastive_clustering._utils.library_settings import default_library_settings
from contrastive_clustering._utils.messages import quantity
from contrastive_clustering._utils.param_validation import (
    Count,
    InstanceWith,
    validate_params,
)
from contrastive_clustering._utils.snapshot import snapshot
from contrastive_clustering._utils.weighted_tables import accuracy
from contrastive_clustering.metrics import map_clusters_to_labels

# Probes are trained on at most this many training samples, and one of each class.
MAX_PROBED = 20_000


@default_library_settings()
@validate_params(
    {
        "estimator": [InstanceWith("predict")],
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
    groups_train: ArrayLike | None = None,
    groups_test: ArrayLike | None = None,
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

    groups_train : array-like of shape (n_train,), default=None
        Identifier of the group of each training sample, such as the patient. A group
        weighs as one in the mapping of strata to classes, in which a sample weighs one
        divided by the size of its group, and in the training of the probes: the
        logistic regression is weighted, and the nearest-neighbor probe uses the sample
        of each group that is nearest to the mean of the group.

    groups_test : array-like of shape (n_test,), default=None
        Identifier of the group of each test sample. A group weighs as one in all
        metrics, and `intervals` of the result holds their 95 % intervals by resampling
        whole groups. `label_counts` still counts samples. If both are passed, groups in
        both sets are refused; with one of them alone, this cannot be checked. A sample
        without an identifier is a group of its own.

    n_neighbors : int, default=15
        Number of neighbors of the nearest-neighbor probe.

    random_state : int, RandomState instance or None, default=None
        Seed of the resamples of groups and of two random subsets: the probes learn from
        at most 20,000 training samples, from as many groups as possible, and the
        silhouette uses at most 10,000 test samples, or as many whole groups as have
        10,000 samples.

    Returns
    -------
    evaluation : ClusteringEvaluation
        The metrics; print it for an overview.

    Raises
    ------
    TypeError, ValueError
        If the estimator has no ``predict``, or its ``transform`` does not return one
        row of finite numbers for each sample; if samples and classes differ in number;
        if the training set has fewer than two classes, or the sets have none in common;
        if there are fewer training samples, or groups, than neighbors; or if a group is
        in both sets.

    References
    ----------
    Ferrante, Boccato, Duggento, Spasov, Toschi, "Contrastive learning for unsupervised
    medical image clustering and reconstruction", arXiv:2209.12005.

    Examples
    --------
    >>> from sklearn.cluster import KMeans
    >>> from sklearn.datasets import make_blobs
    >>> from contrastive_clustering import evaluate_clustering
    >>> X, y = make_blobs(200, centers=3, cluster_std=0.1, random_state=0)
    >>> kmeans = KMeans(3, random_state=0).fit(X[:100])
    >>> result = evaluate_clustering(kmeans, X[:100], y[:100], X[100:], y[100:])
    >>> result.mapped_accuracy
    1.0
    """
    X_train = open_samples(X_train, "X_train")
    X_test = open_samples(X_test, "X_test")
    label_name = name_of(y_test, "label")
    y_train, y_test = _check_classes(X_train, y_train, X_test, y_test)
    grouping, test_grouping = read_separate_groups(
        groups_train, len(y_train), groups_test, len(y_test)
    )
    weights, test_weights = sample_weights(grouping), sample_weights(test_grouping)
    rows = _choose_probed(y_train, grouping, random_state)
    if grouping is not None:
        grouping = grouping.take(rows)
    check_neighbors(n_neighbors, len(rows), grouping)
    if isinstance(estimator, BaseEstimator):
        estimator = snapshot(estimator)  # another thread may refit it in the meantime
    train = predict_strata(estimator, X_train, "X_train")
    test = predict_strata(estimator, X_test, "X_test")
    mapped = map_clusters_to_labels(y_train, train, test, sample_weight=weights)
    classes, clusters = np.union1d(y_train, y_test), np.union1d(train, test)
    levels, accuracies, merged = _merge(
        getattr(estimator, "linkage_", None),
        (y_train, train, weights),
        (y_test, test, test_weights),
        classes,
    )
    latents = encode(estimator, X_test, "X_test")
    predicted: dict[str, np.ndarray | None] = {}
    for space, method in (("latent", "transform"), ("projection", "_project")):
        encoded = encode(estimator, X_train, "X_train", rows, method=method)
        new = latents
        if space == "projection":
            new = encode(estimator, X_test, "X_test", method=method)
        found: dict[str, np.ndarray] = {}
        if encoded is not None and new is not None:
            found = predict_probes(encoded, y_train[rows], new, n_neighbors, grouping)
        predicted |= {f"{probe}_{space}": found.get(probe) for probe in PROBES}
    silhouette, davies_bouldin = compactness(latents, test, random_state, test_grouping)
    error = np.nan
    if latents is not None and hasattr(estimator, "inverse_transform"):
        samples = X_test if isinstance(X_test, LazyArray) else np.asarray(X_test)
        error = reconstruction_error(
            samples, latents, estimator.inverse_transform, test_weights
        )
    metrics = list_metrics(
        test, mapped, merged, predicted, classes, grouping=test_grouping
    )
    y_codes = np.searchsorted(classes, y_test)
    scores = {
        name: float(score(y_codes, found, test_weights))
        for name, (score, found) in metrics.items()
    }
    names = [f"{name}_{kind}" for name in predicted for kind in ACCURACIES]
    intervals, n_groups = {}, None
    if test_grouping is not None:
        n_groups = test_grouping.n_groups
        intervals = group_intervals(
            metrics, y_codes, test_grouping, random_state, biased=BIASED
        )
    return ClusteringEvaluation(
        mapped_accuracy=scores["mapped_accuracy"],
        balanced_accuracy=scores["balanced_accuracy"],
        merged_accuracy=scores.get("merged_accuracy", np.nan),
        one_to_one_accuracy=scores["one_to_one_accuracy"],
        normalized_mutual_info=scores["normalized_mutual_info"],
        adjusted_rand=scores["adjusted_rand"],
        silhouette=silhouette,
        davies_bouldin=davies_bouldin,
        reconstruction_error=error,
        probes={name: scores.get(name, np.nan) for name in names},
        merge_levels=levels,
        merge_accuracies=accuracies,
        classes=classes,
        strata=clusters,
        stratum_classes=map_clusters_to_labels(
            y_train, train, clusters, sample_weight=weights
        ),
        label_counts=(clusters[:, None] == test).astype(np.int64)
        @ (y_test[:, None] == classes),
        classification_report=classification_report(
            y_test,
            mapped,
            labels=classes,
            output_dict=True,
            zero_division=0,
            sample_weight=test_weights,
        ),
        label_name=label_name,
        intervals=intervals,
        n_groups=n_groups,
    )


def _choose_probed(
    y: np.ndarray, groups: Grouping | None, random_state: Any
) -> np.ndarray:
    """Return the indices of random training samples, of all if they are few."""
    if len(y) <= MAX_PROBED:
        return np.arange(len(y))
    rng = check_random_state(random_state)
    rows = draw_sorted_rows(len(y), MAX_PROBED, rng, groups)
    return np.union1d(rows, np.unique(y, return_index=True)[1])


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
    TypeError, ValueError
        If values are neither whole numbers nor strings, if some are missing, or if
        there are both numbers and strings.
    """
    (labels,) = check_labels(**{name: y})
    classes = whole_numbers(labels)
    is_text = classes.dtype.kind == "U" or isinstance(classes[0], str)
    if classes.dtype.kind in "biu" or is_text:
        return classes
    raise ValueError(
        f"{name} does not hold classes: {name}[0] is of type "
        f"{type(classes[0]).__name__}. Pass integers or strings, such as those of "
        "astype(str)."
    )


def read_optional_classes(y: Any, n_samples: int) -> np.ndarray | None:
    """Return the classes of samples, or raise an error that names `y`.

    Parameters
    ----------
    y : array-like of shape (n_samples,) or None
        The classes as passed by the caller.

    n_samples : int
        Number of samples.

    Returns
    -------
    classes : ndarray of shape (n_samples,) or None
        One class for each sample.

    Raises
    ------
    TypeError, ValueError
        If `y` does not hold one class for each sample.
    """
    if y is None:
        return None
    classes = read_classes(y, "y")
    if len(classes) != n_samples:
        raise ValueError(
            f"y has {len(classes)} labels, but X has {n_samples} samples. Pass one "
            "label for each sample, or y=None."
        )
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
        n_train = quantity(len(np.unique(train)), "class", "classes")
        raise ValueError(
            f"y_train has {n_train} of dtype {train.dtype} and y_test "
            f"{len(np.unique(test))} of dtype {test.dtype}, none in common. Use the "
            "same classes in both."
        )
    if len(np.unique(train)) < 2:
        raise ValueError("y_train has one class only. Pass at least two classes.")
    return checked


def _merge(
    linkage: np.ndarray | None,
    train: tuple[np.ndarray, np.ndarray, np.ndarray | None],
    test: tuple[np.ndarray, np.ndarray, np.ndarray | None],
    classes: np.ndarray,
) -> tuple[np.ndarray | None, np.ndarray | None, np.ndarray | None]:
    """Return tree levels, the accuracy at each, and classes predicted from the strata.

    The latter are those of the strata merged to the number of classes. Each set is
    given as its classes, strata and weights.
    """
    if linkage is None:
        return None, None, None
    (y, labels, weights), (y_new, new, weights_new) = train, test

    def predict_at(n: int) -> np.ndarray:
        merged = (merge_labels(each, linkage, n) for each in (labels, new))
        return map_clusters_to_labels(y, *merged, sample_weight=weights)

    n_clusters = len(linkage) + 1
    levels = np.arange(n_clusters, 1, -1)
    accuracies = np.array(
        [accuracy(y_new, predict_at(int(n)), weights_new) for n in levels]
    )
    return levels, accuracies, predict_at(min(len(classes), n_clusters))
