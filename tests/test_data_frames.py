"""Data frames of pandas and polars as input and output."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.datasets import load_iris
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import validation

from contrastive_clustering import (
    ContrastiveAutoencoderClusterer,
    cluster_stability,
    evaluate_clustering,
)
from contrastive_clustering._utils.arrays import with_names

FRAMES = {
    "pandas": lambda X, names: pd.DataFrame(X, columns=names),
    "polars": lambda X, names: pl.DataFrame(X, schema=names),
}
TYPES = {"pandas": pd.DataFrame, "polars": pl.DataFrame}
NAMES = [f"contrastiveautoencoderclusterer{i}" for i in range(4)]


@pytest.fixture(params=sorted(FRAMES))
def library(request):
    return request.param


@pytest.fixture
def table():
    iris = load_iris()
    return iris.data, list(iris.feature_names), iris.target


@pytest.fixture
def clusterer(fast):
    return ContrastiveAutoencoderClusterer(**fast)


def test_a_frame_gives_the_results_of_its_values(table, clusterer, library):
    X, names, _ = table
    frame = FRAMES[library](X, names)
    clusterer.fit(frame)
    assert list(clusterer.feature_names_in_) == names
    assert clusterer.n_features_in_ == 4
    latents, labels = clusterer.transform(frame), clusterer.labels_
    np.testing.assert_array_equal(clusterer.predict(frame), labels)
    clusterer.fit(X)
    assert not hasattr(clusterer, "feature_names_in_")
    np.testing.assert_array_equal(clusterer.labels_, labels)
    np.testing.assert_array_equal(clusterer.transform(X), latents)


def test_feature_names_are_compared(table, clusterer, library):
    X, names, _ = table
    make = FRAMES[library]
    clusterer.fit(make(X, names))
    other = make(X, [*names[:3], "other"])
    methods = ("predict", "transform", "predict_proba", "score", "score_samples")
    for method in (*methods, "partial_fit"):
        with pytest.raises(ValueError, match="feature names should match"):
            getattr(clusterer, method)(other)
    with pytest.raises(ValueError, match="same order as they were in fit"):
        clusterer.predict(make(X[:, ::-1], names[::-1]))
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        clusterer.predict(X)
    # Frames of both libraries with the same names are accepted.
    for other_make in FRAMES.values():
        np.testing.assert_array_equal(
            clusterer.predict(other_make(X, names)), clusterer.labels_
        )


def test_a_saved_estimator_keeps_the_names(table, clusterer, library, tmp_path):
    X, names, _ = table
    frame = FRAMES[library](X, names)
    clusterer.fit(frame).save(tmp_path / "iris.safetensors")
    loaded = ContrastiveAutoencoderClusterer.load(str(tmp_path / "iris.safetensors"))
    assert list(loaded.feature_names_in_) == names
    np.testing.assert_array_equal(loaded.predict(frame), clusterer.labels_)
    with pytest.raises(ValueError, match="feature names should match"):
        loaded.predict(FRAMES[library](X, [*names[:3], "other"]))
    with pytest.raises(ValueError, match="same order as they were in fit"):
        loaded.predict(FRAMES[library](X[:, ::-1], names[::-1]))


def test_latents_are_returned_as_frames(table, clusterer, library):
    X, names, _ = table
    frame = FRAMES[library](X, names)
    latents = clusterer.fit(frame).transform(frame)
    assert list(clusterer.get_feature_names_out()) == NAMES
    clusterer.set_output(transform=library)
    found = clusterer.transform(frame)
    assert isinstance(found, TYPES[library])
    assert list(found.columns) == NAMES
    np.testing.assert_array_equal(found.to_numpy(), latents)
    assert isinstance(clusterer.fit_transform(frame), TYPES[library])
    # Frames of latents can also be decoded.
    np.testing.assert_array_equal(
        clusterer.inverse_transform(found), clusterer.inverse_transform(latents)
    )
    with pytest.raises(ValueError, match=r"^X has .* in another order"):
        clusterer.inverse_transform(found[NAMES[::-1]])
    clusterer.set_output(transform="default")
    assert isinstance(clusterer.transform(frame), np.ndarray)


def test_latents_of_images_are_returned_as_frames(tiny_images, clusterer, library):
    latents = clusterer.fit(tiny_images).transform(tiny_images)
    found = clusterer.set_output(transform=library).transform(tiny_images)
    assert isinstance(found, TYPES[library])
    np.testing.assert_array_equal(found.to_numpy(), latents)
    out = np.empty_like(latents)
    written = clusterer.transform(tiny_images, out=out)
    assert isinstance(written, TYPES[library])
    np.testing.assert_array_equal(out, latents)


def test_frames_keep_their_index(table, clusterer):
    X, names, _ = table
    frame = pd.DataFrame(X, columns=names, index=[f"patient {i}" for i in range(150)])
    found = clusterer.fit(frame).set_output(transform="pandas").transform(frame[:3])
    assert list(found.index) == ["patient 0", "patient 1", "patient 2"]


def test_a_pipeline_passes_frames(table, clusterer, library):
    X, names, _ = table
    frame = FRAMES[library](X, names)
    pipeline = make_pipeline(StandardScaler(), clusterer).set_output(transform=library)
    found = pipeline.fit(frame).transform(frame)
    assert isinstance(found, TYPES[library])
    scaled = pipeline[0].transform(frame).columns  # old scikit-learn renames them
    assert list(pipeline[-1].feature_names_in_) == list(scaled)
    assert list(pipeline.get_feature_names_out()) == NAMES
    np.testing.assert_array_equal(pipeline.predict(frame), pipeline[-1].labels_)


def test_a_frame_may_contain_flattened_images(tiny_images, fast, library):
    X = tiny_images.reshape(40, -1)
    frame = FRAMES[library](X, [f"pixel{i}" for i in range(64)])
    clusterer = ContrastiveAutoencoderClusterer(image_shape=(8, 8), **fast)
    labels = clusterer.fit(frame).labels_
    np.testing.assert_array_equal(clusterer.predict(frame), labels)
    np.testing.assert_array_equal(clusterer.fit(X).labels_, labels)


def test_columns_may_have_different_types(table, clusterer, library):
    X, names, _ = table
    rounded = X.round()
    columns = {
        names[0]: rounded[:, 0].astype(np.int64),
        names[1]: rounded[:, 1].astype(np.float32),
        names[2]: rounded[:, 2] > 3,
        names[3]: rounded[:, 3].astype(np.uint8),
    }
    clusterer.fit(TYPES[library](columns))
    values = np.column_stack([column.astype(float) for column in columns.values()])
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        np.testing.assert_array_equal(clusterer.predict(values), clusterer.labels_)


def test_values_that_are_not_numbers_are_rejected(table, clusterer, library):
    X, names, _ = table
    for value in (None, float("nan"), "text"):
        columns = {name: list(X[:, i]) for i, name in enumerate(names)}
        columns[names[1]] = [value] * 150 if value == "text" else [value, *X[1:, 1]]
        with pytest.raises(ValueError, match=r"^X .*(NaN|string|numbers)"):
            clusterer.fit(TYPES[library](columns))


def test_stability_and_evaluation_accept_frames(table, clusterer, library):
    X, names, y = table
    frame = FRAMES[library](X, names)
    stability = cluster_stability(clusterer, frame, n_resamples=2, random_state=0)
    assert stability.labels.shape == (150,)
    clusterer.fit(frame)
    evaluation = evaluate_clustering(clusterer, frame, y, frame, y)
    assert 0 <= evaluation.mapped_accuracy <= 1


def test_old_scikit_learn_can_read_column_names_of_polars(table, monkeypatch):
    X, names, _ = table
    frame = pl.DataFrame(X, schema=names)
    monkeypatch.delattr(validation, "nw", raising=False)  # as versions before 1.9
    readable = with_names(frame)
    assert readable.__dataframe__().column_names() == names
    assert readable.shape == (150, 4)
    other = pd.DataFrame(X, columns=names)
    assert with_names(other) is other
    assert with_names(X) is X
