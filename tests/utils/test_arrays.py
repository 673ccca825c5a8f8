"""Single cases that the generated inputs of test_bad_input.py have revealed."""

import traceback
import warnings

import numpy as np
import numpy.lib.recfunctions
import pandas as pd
import polars as pl
import pytest
import torch
from layouts import LAYOUTS
from sklearn.cluster import KMeans
from sklearn.exceptions import NotFittedError

from contrastive_clustering import (
    ClusterNumberSearch,
    ConsensusClustering,
    ContrastiveAutoencoderClusterer,
    GrayImageAugmentation,
    RGBImageAugmentation,
    TableAugmentation,
    cluster_stability,
    evaluate_clustering,
    nt_xent,
)
from contrastive_clustering._augmentation.auto import resolve_augmentation
from contrastive_clustering._data.validation import check_latents, check_samples
from contrastive_clustering._utils.arrays import (
    errors_about,
    from_tensor,
    name_of,
    to_array,
)
from contrastive_clustering.datasets import load_medmnist_file
from contrastive_clustering.metrics import (
    clustering_accuracy,
    clustering_accuracy_scorer,
    map_clusters_to_labels,
    mapped_accuracy,
)


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(0)
    return rng.normal(size=(12, 3)) + 5 * (np.arange(12) < 6)[:, None]


@pytest.fixture(scope="module")
def fitted(table):
    """Return an estimator that tests must not modify."""
    return ContrastiveAutoencoderClusterer(
        2, clusterer="kmeans", latent_dim=2, max_epochs=1, refinement_epochs=0
    ).fit(table)


TENSORS = [
    (lambda: torch.ones(3, 2, device="meta"), "on meta"),
    (lambda: torch.eye(2).to_sparse(), "sparse"),
    (
        # PyTorch imports many modules for it, which would slow down the collection.
        lambda: torch.nested.nested_tensor([torch.ones(2)], layout=torch.jagged),
        "nested",
    ),
]


@pytest.mark.parametrize(("make", "message"), TENSORS)
def test_tensors_without_values_are_named(fitted, make, message):
    tensor = make()
    with pytest.raises(TypeError, match=f"Y is a tensor.*{message}"):
        to_array(tensor, "Y")
    with pytest.raises(TypeError, match="X is a tensor"):
        check_samples(tensor)
    with pytest.raises(TypeError, match="x_a is a tensor"):
        fitted.interpolate(tensor, 0)


def test_tensors_in_any_state_are_read():
    numbers = torch.tensor([[1.0, 2.0], [-3.0, 4.0]])
    for tensor in (
        torch._neg_view(-numbers),
        numbers.clone().requires_grad_(),
        numbers.to(torch.float8_e4m3fn),
        numbers.to(torch.bfloat16),
    ):
        np.testing.assert_array_equal(from_tensor(tensor, "X"), numbers)
    with pytest.raises(ValueError, match=r"X cannot be read.*Complex data"):
        check_samples(numbers.to(torch.complex64).conj())


@pytest.mark.parametrize(
    ("X", "kind", "message"),
    [
        ([["a", "b"]], ValueError, "X cannot be read as an array of samples"),
        ([[{}, {}]], TypeError, "X cannot be read as an array of samples"),
        ([[10**400, 1]], ValueError, "X cannot be read.*too large"),
        (
            pd.DataFrame({"a": ["x"], "b": [1]}),
            ValueError,
            r"text, first in X\[0, 0\], c",
        ),
        (np.array([[np.inf, -np.inf]]), ValueError, "X contains NaN or infinity"),
        (np.array([[1e300, 1.0]]), ValueError, r"X has values as large as 1e\+300"),
        (np.ldexp(np.ones((2, 2), "g"), 4000), ValueError, "X has values as large as"),
        (np.ma.masked_array([[1, 2]], [[0, 1]]), ValueError, "X has masked values"),
        (np.zeros((2, 2), "f4,i2"), (TypeError, ValueError), "^X "),
    ],
)
def test_unusable_values_are_named_without_warnings(X, kind, message):
    with pytest.raises(kind, match=message):
        check_samples(X)


IMAGES = np.arange(128.0).reshape(2, 8, 8)


@pytest.mark.parametrize(
    "make",
    [
        lambda: pd.Series(list(IMAGES), index=[7, 8]),
        lambda: pd.Series(IMAGES.tolist()),
        lambda: pl.Series(IMAGES),
        lambda: np.array([*IMAGES, None], dtype=object)[:2],
    ],
)
def test_a_column_of_arrays_is_accepted_as_a_list(make):
    with pytest.raises(
        ValueError, match=r"entries are arrays; .* a list, list\(X\)\.$"
    ):
        check_samples(make())
    np.testing.assert_array_equal(check_samples(list(make())), IMAGES)


def test_the_remedy_for_records_is_named():
    records = pd.DataFrame(IMAGES[0]).to_records(index=False)
    for wrong in (records, records[:, None]):
        with pytest.raises(ValueError, match=r"structured_to_unstructured\(X\)\.$"):
            check_samples(wrong)
    table = np.lib.recfunctions.structured_to_unstructured(records)
    np.testing.assert_array_equal(check_samples(table), IMAGES[0])


def test_errors_about_an_array_leave_other_errors_unchanged():
    with pytest.raises(NotFittedError), errors_about("X", "samples"):
        raise NotFittedError
    with (
        pytest.raises(ValueError, match=r"X cannot be read as samples\. too large"),
        errors_about("X", "samples"),
    ):
        raise OverflowError("too large")


def test_latents_in_any_layout_are_decoded_and_not_modified(fitted, table):
    Z = fitted.transform(table)
    expected = fitted.inverse_transform(Z)
    backwards = fitted.inverse_transform(Z[::-1])
    np.testing.assert_allclose(backwards, expected[::-1], rtol=1e-5, atol=1e-5)
    Z.flags.writeable = False
    np.testing.assert_array_equal(fitted.inverse_transform(Z), expected)
    with pytest.raises(ValueError, match=r"X contains.*too large for float32 in X"):
        check_latents(np.full((1, 2), 1e300), 2)


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (np.array([0, "ill"], object), "y_true cannot be read as labels"),
        ([None], "y_true cannot be read as labels. Some labels are missing"),
        ([0.0, np.nan], "y_true cannot be read as labels. Some labels are missing"),
        (np.array(["2020", "NaT"], "M8[D]"), "y_true cannot.*missing"),
        (
            [0.0, np.inf],
            r"y_true does not hold labels: y_true\[1\] is not a",
        ),
        (pd.Series([1, None], dtype="Int64"), "y_true cannot be read as labels"),
        ([[1, 2], [3]], "y_true.*ragged"),
    ],
)
def test_invalid_labels_are_named_by_parameter(y, message):
    for function in (clustering_accuracy, map_clusters_to_labels):
        with pytest.raises((ValueError, TypeError), match=message):
            function(y, [0] * len(y))


def test_balanced_accuracy_of_classes_that_are_only_predicted_does_not_warn():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert mapped_accuracy([0, 1], [0, 1], [0, 0], [0, 1], balanced=True) == 0.5
    with pytest.raises(ValueError, match="'balanced' parameter"):
        mapped_accuracy([0, 1], [0, 1], balanced="yes")


@pytest.mark.parametrize("estimator", [None, KMeans, pd.DataFrame([[1.0]])])
def test_the_scorer_rejects_other_estimators(table, estimator):
    with pytest.raises(TypeError, match="does not have the method"):
        clustering_accuracy_scorer(estimator, table, np.zeros(12))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((np.ones((4, 3)), torch.ones(4, 3)), "projections_a has type ndarray"),
        ((torch.ones(4, 3), torch.ones(4, 2)), r"projections_b has shape \(4, 2\)"),
        ((torch.ones(4), torch.ones(4)), r"projections_a has shape \(4,\)"),
        ((torch.ones(0, 3), torch.ones(0, 3)), r"projections_a has shape \(0, 3\)"),
        ((torch.ones(4, 3, dtype=int),) * 2, "projections_a has dtype torch.int64"),
        ((torch.ones(4, 3), torch.ones(4, 3), 0), "temperature=0"),
        ((torch.ones(4, 3), torch.ones(4, 3), 1e-300), "temperature=1e-300"),
        ((torch.ones(4, 3), torch.ones(4, 3), "hot"), "temperature='hot'"),
    ],
)
def test_invalid_views_are_named(arguments, message):
    with pytest.raises((ValueError, TypeError), match=message):
        nt_xent(*arguments)


@pytest.mark.parametrize(
    ("kind", "parameter"),
    [
        (GrayImageAugmentation, {"degrees": 1e300}),
        (GrayImageAugmentation, {"scale": 0}),
        (GrayImageAugmentation, {"intensity": "much"}),
        (RGBImageAugmentation, {"blur": -1}),
        (RGBImageAugmentation, {"saturation": True}),
        (TableAugmentation, {"dropout": 1.5}),
        (TableAugmentation, {"noise": np.nan}),
    ],
)
def test_invalid_parameters_of_presets_are_named(kind, parameter):
    with pytest.raises(ValueError, match=f"'{next(iter(parameter))}' parameter"):
        kind(**parameter)


@pytest.mark.parametrize(
    ("batch", "generator", "message"),
    [
        (np.ones((4, 1, 8, 8)), torch.Generator(), "must be a dense tensor"),
        (torch.ones(4, 1, 8, 8, dtype=int), torch.Generator(), "must be a dense"),
        (torch.ones(4, 8), torch.Generator(), r"batch has shape \(4, 8\)"),
        (torch.ones(0, 1, 8, 8), torch.Generator(), r"batch has shape \(0, 1, 8, 8\)"),
        (torch.ones(4, 1, 8, 8), None, "generator=None is not a torch.Generator"),
    ],
)
def test_invalid_batches_are_named(batch, generator, message):
    with pytest.raises((ValueError, TypeError), match=message):
        GrayImageAugmentation()(batch, generator)


def test_presets_for_other_samples_are_named():
    with pytest.raises(ValueError, match="does not suit samples that are rows"):
        resolve_augmentation(GrayImageAugmentation(), LAYOUTS["table"])
    with pytest.raises(ValueError, match="is a class"):
        resolve_augmentation(GrayImageAugmentation, LAYOUTS["gray"])
    noisy = TableAugmentation(noise=0.5)
    assert resolve_augmentation(noisy, LAYOUTS["gray"]) is noisy
    with pytest.raises(ValueError, match="blur=30 extends over 60 pixels"):
        RGBImageAugmentation(blur=30)(torch.ones(4, 3, 8, 8), torch.Generator())


def test_parameters_of_the_evaluated_estimator_are_checked(table):
    with pytest.raises(ValueError, match="'n_clusters' parameter of KMeans"):
        cluster_stability(KMeans(0), table)
    with pytest.raises(ValueError, match="'temperature' parameter"):
        cluster_stability(ContrastiveAutoencoderClusterer(temperature=-1), table)


def test_evaluation_reads_tensors_and_names_its_sets(fitted, table):
    X, y = torch.tensor(table, requires_grad=True), np.arange(12) < 6
    result = evaluate_clustering(fitted, X, y, X, y, n_neighbors=2)
    assert 0 <= result.mapped_accuracy <= 1
    with pytest.raises(ValueError, match="X_test cannot be read as samples"):
        evaluate_clustering(fitted, table, y, table + np.inf, y, n_neighbors=2)


def test_values_whose_squares_overflow_are_named():
    with pytest.raises(ValueError, match="X has values as large as"):
        ConsensusClustering(2).fit(np.diag(np.full(9, 1e300)))
    with pytest.raises(ValueError, match="latents has values as large as"):
        ClusterNumberSearch()._search(np.diag(np.full(9, 1e300)), None, 0)


def test_the_number_of_clusters_may_be_unsigned_and_changed_after_fit(table):
    clusterer = ConsensusClustering(np.uint64(2), n_members=2, random_state=0)
    clusterer.fit(table).set_params(n_clusters=5)
    assert clusterer.predict_proba(table).shape == (12, 2)


def test_files_whose_arrays_do_not_match_are_errors(tmp_path):
    path = tmp_path / "own.npz"
    for images, labels in ((np.ones((3, 8, 8)), np.ones(4)), (np.ones(()), np.ones(1))):
        np.savez(path, train_images=images, train_labels=labels)
        with pytest.raises(ValueError, match="has images of shape"):
            load_medmnist_file(path)


def test_no_epoch_is_stopped_early(table):
    clusterer = ContrastiveAutoencoderClusterer(
        2, max_epochs=0, refinement_epochs=0, early_stopping=True
    )
    clusterer.set_params(validation_fraction=0.25, clusterer="kmeans").fit(table)
    assert len(clusterer.history_) == 0


def test_errors_about_complex_arrays_do_not_show_values():
    X = np.full((3, 8, 8), 123.456 + 1j)
    with pytest.raises(ValueError, match="Complex data not supported") as info:
        ContrastiveAutoencoderClusterer().fit(X)
    shown = "".join(traceback.format_exception(info.value))
    assert "123.456" not in shown


def test_errors_without_a_message_are_named():
    with (
        pytest.raises(ValueError, match=r"^X cannot be read as a table\. ValueError$"),
        errors_about("X", "a table"),
    ):
        raise ValueError


def test_names_of_series_and_of_single_columns():
    values = [1, 2]
    assert name_of(pd.Series(values, name="age"), "label") == "age"
    assert name_of(pl.Series("age", values), "label") == "age"
    assert name_of(pd.DataFrame({"age": values}), "label") == "age"
    for unnamed in (
        values,
        np.array(values),
        torch.tensor(values),
        pd.Series(values),
        pd.Series(values, name=3),
        pl.Series(values),
        pd.DataFrame({"age": values, "sex": values}),
    ):
        assert name_of(unnamed, "label") == "label"


def test_data_sets_instead_of_arrays_are_not_read():
    class Endless(torch.utils.data.Dataset):
        def __getitem__(self, index):
            raise AssertionError("it was read")

    with pytest.raises(TypeError, match="labels is a Endless, a data set"):
        to_array(Endless(), "labels")
