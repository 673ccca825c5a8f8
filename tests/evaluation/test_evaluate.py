import numpy as np
import pandas as pd
import pytest
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import (
    adjusted_rand_score,
    balanced_accuracy_score,
    davies_bouldin_score,
    normalized_mutual_info_score,
    silhouette_score,
)
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import StandardScaler
from strata_of_components import Strata
from torch.utils.data import Dataset

from contrastive_clustering._clustering.hierarchy import cut_linkage, link_centers
from contrastive_clustering._evaluation import compactness as _compactness
from contrastive_clustering._evaluation import evaluate as _evaluation
from contrastive_clustering._evaluation import group_bootstrap
from contrastive_clustering._evaluation.evaluate import (
    evaluate_clustering,
    read_optional_classes,
)
from contrastive_clustering.metrics import (
    clustering_accuracy,
    mapped_accuracy,
)


class Fixed:
    """Predicts the value of the first column."""

    def predict(self, X):
        return np.asarray(X)[:, 0].astype(int)


class FixedLatents(Fixed):
    def transform(self, X):
        return np.asarray(X)


def test_agreement_with_the_classes(evaluation, strata, sets):
    X, y, X_new, y_new = sets
    train, test = strata.predict(X), strata.predict(X_new)
    mapped = np.array([np.bincount(y[train == c]).argmax() for c in test])
    assert evaluation.mapped_accuracy == np.mean(mapped == y_new)
    assert evaluation.balanced_accuracy == pytest.approx(
        balanced_accuracy_score(y_new, mapped)
    )
    assert evaluation.one_to_one_accuracy == clustering_accuracy(y_new, test)
    assert evaluation.adjusted_rand == adjusted_rand_score(y_new, test)
    assert evaluation.normalized_mutual_info == pytest.approx(
        normalized_mutual_info_score(y_new, test)
    )
    assert evaluation.classification_report["accuracy"] == pytest.approx(
        evaluation.mapped_accuracy
    )
    assert evaluation.classification_report["macro avg"]["recall"] == pytest.approx(
        evaluation.balanced_accuracy
    )


def test_compactness_and_reconstruction(evaluation, strata, sets):
    X_new = sets[2]
    latents, test = strata.transform(X_new), strata.predict(X_new)
    assert evaluation.silhouette == pytest.approx(silhouette_score(latents, test))
    expected = davies_bouldin_score(latents, test)
    assert evaluation.davies_bouldin == pytest.approx(expected)
    error = ((strata.inverse_transform(latents) - X_new) ** 2).mean()
    variance = X_new.var(axis=0).mean()
    assert evaluation.reconstruction_error == pytest.approx(error / variance)
    assert 0 < evaluation.reconstruction_error < 1


@pytest.mark.parametrize("space", ["latent", "projection"])
def test_probes(evaluation, strata, sets, space):
    X, y, X_new, y_new = sets
    encode = strata.transform if space == "latent" else strata._project
    Z, Z_new = encode(X), encode(X_new)
    scaler = StandardScaler().fit(Z)
    foretold = {
        "knn": KNeighborsClassifier(15).fit(Z, y).predict(Z_new),
        "linear": LogisticRegression()
        .fit(scaler.transform(Z), y)
        .predict(scaler.transform(Z_new)),
    }
    for probe, labels in foretold.items():
        for name, score in (
            ("accuracy", np.mean(labels == y_new)),
            ("balanced_accuracy", balanced_accuracy_score(y_new, labels)),
        ):
            found = evaluation.probes[f"{probe}_{space}_{name}"]
            assert found == pytest.approx(score)
    assert len(evaluation.probes) == 8


def test_merging_along_the_hierarchy(evaluation, strata, sets):
    X, y, X_new, y_new = sets
    train, test = strata.predict(X), strata.predict(X_new)
    assert evaluation.merge_levels.tolist() == list(range(9, 1, -1))
    for n, accuracy in zip(
        evaluation.merge_levels, evaluation.merge_accuracies, strict=True
    ):
        coarse = cut_linkage(strata.linkage_, n)
        assert accuracy == mapped_accuracy(y, coarse[train], y_new, coarse[test])
    assert evaluation.merge_accuracies[0] == evaluation.mapped_accuracy
    assert evaluation.merged_accuracy == evaluation.merge_accuracies[9 - 4]


def test_fewer_strata_than_classes_are_not_merged(sets):
    few = evaluate_clustering(Strata(sets[0], 2), *sets)
    assert few.merged_accuracy == few.mapped_accuracy
    assert few.merge_levels.tolist() == [2]
    one = evaluate_clustering(Strata(sets[0], 1), *sets)
    assert one.merged_accuracy == one.mapped_accuracy
    assert one.merge_levels.shape == one.merge_accuracies.shape == (0,)
    assert np.isnan([one.silhouette, one.davies_bouldin]).all()


def test_label_spread(evaluation, strata, sets):
    y_new, test = sets[3], strata.predict(sets[2])
    for i, cluster in enumerate(evaluation.strata):
        for j, label in enumerate(evaluation.classes):
            expected = np.sum((test == cluster) & (y_new == label))
            assert evaluation.label_counts[i, j] == expected
    frame = evaluation.label_spread
    assert frame.loc[3, 2] == evaluation.label_counts[3, 2]
    assert (frame.index.name, frame.columns.name) == ("stratum", "class")


def test_metrics_of_missing_methods_are_left_out():
    X, y = np.repeat([[0.0], [1], [2]], 20, axis=0), np.repeat([0, 1, 1], 20)
    result = evaluate_clustering(Fixed(), X, y, X, y)
    assert result.mapped_accuracy == 1
    left_out = [result.silhouette, result.davies_bouldin, result.merged_accuracy]
    assert np.isnan([*left_out, *result.probes.values()]).all()
    assert np.isnan(result.reconstruction_error)
    assert result.merge_levels is result.merge_accuracies is None
    assert "not available" in str(result)


def test_noise_is_a_cluster_except_for_compactness():
    rng = np.random.default_rng(0)
    labels = np.repeat([-1, 0, 1], 20)
    X = np.column_stack([labels, rng.normal(labels, 0.1)])
    y = np.repeat(["b", "a", "b"], 20)
    result = evaluate_clustering(FixedLatents(), X, y, X, y, n_neighbors=3)
    assert result.strata.tolist() == [-1, 0, 1]
    assert result.stratum_classes.tolist() == ["b", "a", "b"]
    assert result.label_counts.tolist() == [[0, 20], [20, 0], [0, 20]]
    assert result.silhouette == pytest.approx(silhouette_score(X[20:], labels[20:]))
    assert str(result).startswith("2 strata")
    all_noise = np.full((60, 2), -1.0)
    result = evaluate_clustering(FixedLatents(), all_noise, y, all_noise, y)
    assert np.isnan([result.silhouette, result.davies_bouldin]).all()
    assert result.mapped_accuracy == pytest.approx(2 / 3)


def test_noise_stays_when_strata_merge():
    estimator = FixedLatents()
    estimator.linkage_ = link_centers([[0.0, 5], [1, 5], [-1, -9]])
    labels = np.repeat([-1, 0, 1, 2], 20)
    y = np.repeat([2, 0, 0, 1], 20)
    X = np.column_stack([labels, labels])
    result = evaluate_clustering(estimator, X, y, X, y)
    assert result.merge_levels.tolist() == [3, 2]
    assert result.merge_accuracies.tolist() == [1, 1]


def test_a_class_that_occurs_in_one_set(recwarn):
    X = np.repeat([[0.0], [1], [2]], 10, axis=0)
    y, y_new = np.repeat([0, 1, 2], 10), np.repeat([0, 1, 5], 10)
    result = evaluate_clustering(Fixed(), X, y, X, y_new)
    assert result.classes.tolist() == [0, 1, 2, 5]
    assert result.mapped_accuracy == result.balanced_accuracy == pytest.approx(2 / 3)
    assert not recwarn.list


def test_large_sets_are_subsampled(strata, sets, monkeypatch):
    monkeypatch.setattr(_compactness, "MAX_SILHOUETTE", 60)
    monkeypatch.setattr(_evaluation, "MAX_PROBED", 100)
    X, y, X_new, y_new = sets
    first, again, other = (
        evaluate_clustering(strata, *sets, random_state=seed) for seed in (0, 0, 1)
    )
    assert first.silhouette == again.silhouette != other.silhouette
    rows = np.random.RandomState(0).permutation(len(X))[:100]
    rows = np.union1d(rows, [np.flatnonzero(y == c)[0] for c in range(4)])
    foretold = KNeighborsClassifier(15).fit(strata.transform(X[rows]), y[rows])
    expected = foretold.score(strata.transform(X_new), y_new)
    assert first.probes["knn_latent_accuracy"] == expected


def test_subsets_do_not_depend_on_the_order_of_samples(strata, sets, monkeypatch):
    monkeypatch.setattr(_evaluation, "MAX_PROBED", 50)
    X, y, X_new, y_new = sets
    first, second = np.flatnonzero(y == 0)[:50], np.flatnonzero(y == 1)[:50]
    rows = np.column_stack([first, second]).ravel()  # alternating classes
    for groups in (None, np.arange(len(rows)) // 2):
        result = evaluate_clustering(
            strata, X[rows], y[rows], X_new, y_new, groups_train=groups, random_state=0
        )
        assert result.probes["linear_latent_accuracy"] > 0.4


def test_a_rare_class_is_in_a_subset(strata, sets, monkeypatch):
    monkeypatch.setattr(_evaluation, "MAX_PROBED", 20)
    X, y, X_new, y_new = sets
    rows = np.append(np.flatnonzero(y == 0)[:60], np.flatnonzero(y == 1)[0])
    for seed in range(3):
        result = evaluate_clustering(
            strata, X[rows], y[rows], X_new, y_new, random_state=seed
        )
        assert result.probes["linear_latent_accuracy"] > 0


def test_labels_in_one_column_and_as_strings(strata, sets, evaluation):
    X, y, X_new, y_new = sets
    names = np.array(["ill", "well", "old", "young"])
    named = evaluate_clustering(strata, X, names[y], X_new, names[y_new].tolist())
    column = evaluate_clustering(strata, X, y[:, None], X_new, y_new[:, None])
    assert column.mapped_accuracy == evaluation.mapped_accuracy
    assert named.mapped_accuracy == evaluation.mapped_accuracy
    assert named.classes.tolist() == sorted(names)


def test_groups_do_not_make_an_estimator_without_latents_fail(monkeypatch):
    monkeypatch.setattr(group_bootstrap, "N_RESAMPLES", 20)
    X, y = np.repeat([[0.0], [1], [2]], 20, axis=0), np.repeat(["a", "b", "b"], 20)
    result = evaluate_clustering(Fixed(), X, y, X, y, groups_test=np.arange(60) // 2)
    assert np.isnan(result.intervals["mapped_accuracy"]).all()
    assert "mapped accuracy                     1.000 (no interval)" in str(result)
    assert result.table.loc["mapped_accuracy", ["low", "high"]].isna().all()
    assert len(result.intervals) == 5


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"y_train": [0, 1]}, "X_train has 250 samples, but y_train has 2"),
        ({"y_test": []}, "y_test is empty"),
        ({"y_test": np.zeros((150, 2))}, r"y_test has shape \(150, 2\)"),
        (
            {"y_train": np.linspace(0, 1, 250)},
            r"does not hold labels: y_train\[1\] is not a whole",
        ),
        ({"y_test": [None] * 150}, "y_test cannot be read.* first at index 0"),
        ({"y_test": np.full(150, np.nan)}, "y_test cannot be read.* first at index 0"),
        (
            {"y_train": [1, "1"] * 125},
            "y_train cannot be read as labels. Labels have diff",
        ),
        (
            {"y_test": ["a", None] * 75},
            "y_test cannot be read.* missing.*index 1",
        ),
        (
            {"y_test": ["0"] * 150},
            "y_train has . classes of dtype int64 and y_test 1 of dtype .*, none in",
        ),
        ({"y_test": np.full(150, 9)}, "y_test 1 of dtype int64, none in common"),
        ({"y_train": np.zeros(250, int)}, "y_train has one class only. Pass"),
        (
            {"n_neighbors": 251},
            "n_neighbors=251 is larger than the number",
        ),
        ({"groups_train": np.arange(250) // 20}, "number of training groups, 13"),
        ({"groups_test": [1, 2]}, "groups_test has 2 values, but there are 150"),
        ({"n_neighbors": 0}, "'n_neighbors' parameter"),
        ({"estimator": PCA()}, "'estimator' parameter"),
        ({"estimator": KMeans}, "must be an instance of a class .* 'predict'"),
        ({"random_state": "x"}, "'random_state' parameter"),
    ],
)
def test_bad_input(strata, sets, change, message):
    names = ("X_train", "y_train", "X_test", "y_test")
    arguments = {"estimator": strata, **dict(zip(names, sets, strict=True)), **change}
    with pytest.raises(ValueError, match=message):
        evaluate_clustering(**arguments)


@pytest.mark.parametrize("method", ["transform", "_project"])
def test_unusable_latents_are_reported(strata, sets, method):
    class Flat(FixedLatents):
        predict = strata.predict

    setattr(Flat, method, lambda self, X: X[:, 0])
    message = rf"^estimator.{method} returned an array of shape \("
    with pytest.raises(ValueError, match=message):
        evaluate_clustering(Flat(), *sets)


@pytest.mark.parametrize("name", ["X_train", "X_test"])
def test_lists_of_files_are_refused_by_the_name_of_the_set(strata, sets, name):
    names = ("X_train", "y_train", "X_test", "y_test")
    arguments = {**dict(zip(names, sets, strict=True)), name: ["a.png", "b.png"]}
    with pytest.raises(TypeError, match=rf"^{name} is a list .*: {name}\[0\] is a str"):
        evaluate_clustering(strata, **arguments)


def test_unfitted(sets):
    with pytest.raises(NotFittedError):
        evaluate_clustering(KMeans(3), *sets)


def test_the_estimator_on_digits(fitted_digits, digits):
    images, labels = digits
    result = evaluate_clustering(
        fitted_digits, images[:1200], labels[:1200], images[1200:], labels[1200:]
    )
    assert result.mapped_accuracy > 0.5
    assert result.probes["knn_latent_accuracy"] > 0.8
    assert result.probes["linear_latent_balanced_accuracy"] > 0.8
    assert 0 < result.reconstruction_error < 1
    assert -1 <= result.silhouette <= 1


@pytest.mark.parametrize(
    "y",
    [[0, 1, 1], ["ill", "well", "ill"], np.array([[1], [0], [1]]), [True, False] * 2],
)
def test_classes_are_returned_as_an_array(y):
    classes = read_optional_classes(y, len(y))
    assert classes.tolist() == np.ravel(y).tolist()


@pytest.mark.parametrize(
    "y",
    [
        [0, 1],
        [0.5, 1.5, 2.5],
        [0.0, 1.0, np.nan],
        ["a", None, "b"],
        np.zeros((3, 2)),
        3,
        [],
    ],
)
def test_invalid_classes_are_rejected(y):
    with pytest.raises((TypeError, ValueError), match=r"\by\b"):
        read_optional_classes(y, 3)


@pytest.mark.parametrize(
    ("y", "place"),
    [
        ([0.0, 1.5, 2.0], r"y\[1\] is not a whole number"),
        (pd.Series(pd.to_datetime(["2020"] * 3)), r"y\[0\] is of type datetime64"),
        (pd.Series(pd.cut([1, 2, 3], 2)), r"y\[0\] is of type Interval"),
        ([b"a", b"b", b"a"], r"y\[0\] is of type bytes"),
        (pd.Series([1, None, 2], dtype="Int64"), "missing, the first at index 1"),
    ],
)
def test_values_that_are_not_classes_are_named(y, place):
    with pytest.raises(ValueError, match=place):
        read_optional_classes(y, 3)


@pytest.mark.parametrize("dtype", [object, float, "Int64", "category", np.uint8])
def test_columns_of_whole_numbers_are_classes(dtype):
    classes = read_optional_classes(pd.Series([3, 0, 3], dtype=dtype), 3)
    assert classes.dtype.kind in "iu"
    assert classes.tolist() == [3, 0, 3]


class Broken(Dataset):
    def __init__(self, X):
        self.X = X

    def __len__(self):
        return len(self.X)

    def __getitem__(self, index):
        if index == 5:
            raise OSError("the disk is gone")
        return self.X[index]


class Slices:
    def __init__(self, X):
        self.X, self.shape, self.dtype = X, X.shape, X.dtype

    def __getitem__(self, index):
        if isinstance(index, slice) and index.stop > 5:
            raise OSError("the disk is gone")
        return self.X[index]


@pytest.mark.parametrize("kind", [Broken, Slices])
@pytest.mark.parametrize("place", [0, 2])
def test_unreadable_samples_of_either_set_are_named(kind, place, strata, sets):
    name = "X_train" if place == 0 else "X_test"
    changed = [*sets]
    changed[place] = kind(sets[place])
    with pytest.raises(OSError, match=rf"^(\[Errno.*\] )?{name}\[.*disk is gone"):
        evaluate_clustering(strata, *changed)


def test_missing_classes_stay_none():
    assert read_optional_classes(None, 3) is None
