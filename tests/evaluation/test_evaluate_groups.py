"""Evaluations of samples that come in groups, such as patients."""

from functools import partial

import numpy as np
import pytest
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.metrics import (
    accuracy_score,
    balanced_accuracy_score,
    davies_bouldin_score,
    normalized_mutual_info_score,
)
from sklearn.pipeline import make_pipeline

from contrastive_clustering._clustering.hierarchy import cut_linkage
from contrastive_clustering._evaluation import group_bootstrap
from contrastive_clustering._evaluation.evaluate import evaluate_clustering
from contrastive_clustering._evaluation.group_agreement import (
    group_adjusted_rand,
    normalized_mutual_info,
)
from contrastive_clustering._evaluation.group_bootstrap import group_intervals
from contrastive_clustering._evaluation.group_silhouette import group_silhouette
from contrastive_clustering._evaluation.probes import predict_probes
from contrastive_clustering._utils.grouping import Grouping
from contrastive_clustering.metrics import (
    clustering_accuracy,
    map_clusters_to_labels,
    mapped_accuracy,
)


def patients_of(n_samples, name):
    """Unequal groups, with identifiers of one set of samples."""
    codes = np.random.default_rng(0).choice(40, n_samples, p=np.arange(40) / 780)
    return [f"{name} {code}" for code in codes]


@pytest.fixture(scope="module", autouse=True)
def few_resamples():
    """Intervals of fewer resamples than usual, which take seconds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(group_bootstrap, "N_RESAMPLES", 60)
        yield


@pytest.fixture(scope="module")
def grouped(strata, sets, few_resamples):
    return evaluate_clustering(
        strata,
        *sets,
        groups_train=patients_of(250, "train"),
        groups_test=patients_of(150, "test"),
        random_state=0,
    )


def test_groups_of_the_test_set_give_intervals(grouped, evaluation):
    assert evaluation.intervals == {}
    assert evaluation.n_groups is None
    assert grouped.n_groups == len(set(patients_of(150, "test")))
    without = {"silhouette", "davies_bouldin", "reconstruction_error"}
    frame = grouped.table
    assert set(frame.index) == without | set(grouped.intervals)
    for name, (low, high) in grouped.intervals.items():
        assert low < frame.loc[name, "value"] < high


def copies_of(groups):
    """Return rows that repeat samples until all groups have the same number."""
    codes = Grouping.read(groups, len(groups)).codes
    sizes = np.bincount(codes)
    return np.repeat(np.arange(len(groups)), np.lcm.reduce(sizes) // sizes[codes])


def test_a_group_weighs_as_one(strata, sets):
    """Metrics of copies, such that all groups have the same number of samples."""
    X, y, X_new, y_new = sets
    groups = np.repeat(np.arange(90), np.tile(np.arange(1, 9), 12)[:90])
    train_groups, test_groups = groups[:250], groups[-150:] + 100
    found = evaluate_clustering(
        strata, *sets, groups_train=train_groups, groups_test=test_groups
    )
    rows, new = copies_of(train_groups), copies_of(test_groups)
    train, test = strata.predict(X), strata.predict(X_new)
    mapped = map_clusters_to_labels(y[rows], train[rows], test)
    classes, copied = y_new[new], test[new]
    assert found.mapped_accuracy == pytest.approx(np.mean(mapped[new] == classes))
    recall = balanced_accuracy_score(classes, mapped[new])
    assert found.balanced_accuracy == pytest.approx(recall)
    one_to_one = clustering_accuracy(classes, copied)
    assert found.one_to_one_accuracy == pytest.approx(one_to_one)
    information = normalized_mutual_info_score(classes, copied)
    assert found.normalized_mutual_info == pytest.approx(information)
    weights = Grouping.read(test_groups, 150).weights()
    rand = group_adjusted_rand(y_new, test, weights, test_groups - test_groups.min())
    assert found.adjusted_rand == pytest.approx(rand)
    for n, value in zip(found.merge_levels, found.merge_accuracies, strict=True):
        coarse = cut_linkage(strata.linkage_, n)
        expected = mapped_accuracy(
            y[rows], coarse[train[rows]], classes, coarse[copied]
        )
        assert value == pytest.approx(expected)
    assert found.merged_accuracy == found.merge_accuracies[9 - 4]
    latents = strata.transform(X_new)
    index = davies_bouldin_score(latents[new], copied)
    assert found.davies_bouldin == pytest.approx(index)
    grouping = Grouping.read(test_groups, 150)
    assert found.silhouette == pytest.approx(group_silhouette(latents, test, grouping))
    squares = (strata.inverse_transform(latents) - X_new) ** 2
    error = squares[new].mean() / X_new[new].var(axis=0).mean()
    assert found.reconstruction_error == pytest.approx(error)
    support = found.classification_report["weighted avg"]["support"]
    assert support == pytest.approx(found.n_groups)
    assert found.classification_report["accuracy"] == pytest.approx(
        found.mapped_accuracy
    )
    assert found.label_counts.sum() == 150


def test_groups_of_one_sample_give_the_values_without_groups(strata, sets):
    alone, plain = (
        evaluate_clustering(strata, *sets, random_state=0, **groups)
        for groups in ({}, {"groups_test": np.arange(150)})
    )
    frame = plain.table["value"]
    assert frame.tolist() == alone.table["value"].tolist()
    assert plain.classification_report == alone.classification_report


def test_intervals_of_the_strata(grouped, strata, sets):
    X, y, X_new, y_new = sets
    test = strata.predict(X_new)
    train_weights = Grouping.read(patients_of(250, "train"), 250).weights()
    mapped = map_clusters_to_labels(
        y, strata.predict(X), test, sample_weight=train_weights
    )
    grouping = Grouping.read(patients_of(150, "test"), 150)

    def accuracy(a, b, weights):
        return accuracy_score(a, b, sample_weight=weights)

    def recall(a, b, weights):
        rows = weights > 0
        return balanced_accuracy_score(a[rows], b[rows], sample_weight=weights[rows])

    def one_to_one(a, b, weights):
        return clustering_accuracy(a, b, sample_weight=weights)

    metrics = {
        "mapped_accuracy": (accuracy, mapped),
        "balanced_accuracy": (recall, mapped),
        "one_to_one_accuracy": (one_to_one, test),
        "normalized_mutual_info": (normalized_mutual_info, test),
        "adjusted_rand": (partial(group_adjusted_rand, groups=grouping.codes), test),
    }
    expected = group_intervals(
        metrics, y_new, grouping, 0, biased=["normalized_mutual_info"]
    )
    for name, limits in expected.items():
        assert grouped.intervals[name] == pytest.approx(limits, abs=1e-12)


def test_a_group_weighs_as_one_in_the_training_of_probes(grouped, strata, sets):
    X, y, X_new, y_new = sets
    groups = patients_of(250, "train")
    alone = evaluate_clustering(strata, *sets, groups_train=groups)
    assert alone.intervals == {}
    predicted = predict_probes(
        strata.transform(X), y, strata.transform(X_new), 15, Grouping.read(groups, 250)
    )
    weights = Grouping.read(patients_of(150, "test"), 150).weights()
    for probe, classes in predicted.items():
        name = f"{probe}_latent_accuracy"
        assert alone.probes[name] == np.mean(classes == y_new)
        expected = accuracy_score(y_new, classes, sample_weight=weights)
        assert grouped.probes[name] == pytest.approx(expected)


def test_patients_on_both_sides_are_refused(strata, sets):
    groups = {"groups_train": np.arange(250), "groups_test": np.arange(240, 390)}
    with pytest.raises(ValueError, match=r"10 of 150 groups.*at index 0.*Split by"):
        evaluate_clustering(strata, *sets, **groups)


def test_x_rays_of_few_patients_have_wide_intervals(real_images):
    """Copies of an X-ray look like many samples, but are one patient."""
    X, y = real_images("pneumoniamnist", "val")
    X = X.reshape(len(X), -1)
    pipeline = make_pipeline(PCA(20), KMeans(6, n_init=2, random_state=0)).fit(X[:300])
    copies = np.repeat(np.arange(300, 360), 8)
    widths = []
    for groups in (np.arange(480), copies):
        result = evaluate_clustering(
            pipeline, X[:300], y[:300], X[copies], y[copies], groups_test=groups
        )
        low, high = result.intervals["balanced_accuracy"]
        widths.append(high - low)
    assert widths[1] > 2 * widths[0]
