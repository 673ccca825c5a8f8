"""The features by which strata differ, compared with a direct computation."""

import re
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from contrastive_clustering import ContrastiveAutoencoderClusterer, clustering_report
from contrastive_clustering._data.layout import read_layout
from contrastive_clustering._data.scaling import Scaler
from contrastive_clustering._report.data import Chosen, ChosenSamples
from contrastive_clustering._report.features import differ, features, measure
from contrastive_clustering._utils.grouping import Grouping


def choose(X, labels):
    rows = np.arange(len(X))
    return Chosen(X, ChosenSamples(X, rows), rows, None, np.asarray(labels), None, None)


def cells(section):
    """Return the rows of a section's table, as text."""
    rows = re.findall("<tr.*?</tr>", "".join(section.pieces), re.DOTALL)[1:]
    return [
        re.findall("<t[hd][^>]*>(?:<svg.*?</svg>)?(.*?)</t[hd]>", row) for row in rows
    ]


@pytest.fixture
def table():
    generator = np.random.default_rng(0)
    X = generator.normal(1e6, 5.0, size=(90, 7))
    labels = np.repeat([0, 1, 2], [20, 30, 40])
    X[labels == 1, 4] += 30
    X[labels == 2, 6] -= 8
    return X, labels


def estimator_of(X, names=None):
    scaler = Scaler.fit(X, read_layout(X.shape))
    found = SimpleNamespace(_model=SimpleNamespace(scaler=scaler))
    if names is not None:
        found.feature_names_in_ = names
    return found


def test_differences_match_the_formula(table):
    X, labels = table
    scaler = estimator_of(X)._model.scaler
    moments = measure(choose(X, labels), scaler)
    for index in range(3):
        differences, inside, outside = differ(moments, index, scaler)
        one, two = X[labels == index], X[labels != index]
        np.testing.assert_allclose(inside, one.mean(axis=0))
        np.testing.assert_allclose(outside, two.mean(axis=0))
        pooled = np.sqrt(
            ((len(one) - 1) * one.var(axis=0, ddof=1)) / (len(X) - 2)
            + ((len(two) - 1) * two.var(axis=0, ddof=1)) / (len(X) - 2)
        )
        expected = (one.mean(axis=0) - two.mean(axis=0)) / pooled
        np.testing.assert_allclose(differences, expected, rtol=1e-6)


def test_five_most_different_features_are_named(table):
    X, labels = table
    (section,) = features(estimator_of(X, list("abcdefg")), choose(X, labels))
    rows = cells(section)
    assert [row[0] for row in rows] == ["0"] * 5 + ["1"] * 5 + ["2"] * 5
    assert rows[5][1] == "e"
    assert rows[5][2].startswith("+")
    assert rows[10][1] == "g"
    assert rows[10][2].startswith("-")
    (section,) = features(estimator_of(X), choose(X, labels))
    assert cells(section)[5][1] == "feature 4"


def test_strata_of_few_groups_are_left_out_of_all_means(table):
    X, labels = table
    scaler = estimator_of(X)._model.scaler

    def strata_of(codes):
        grouping = Grouping.read(codes, 90)
        return measure(choose(X, labels), scaler, grouping).strata.tolist()

    codes = np.arange(90)
    assert strata_of(codes) == [0, 1, 2]
    assert strata_of(codes // 5) == [1, 2]  # four groups of stratum 0
    codes[35:50] = 35  # half of stratum 1
    assert strata_of(codes) == [0, 2]
    # The values of a single group are not shown.
    assert features(estimator_of(X), choose(X, labels), Grouping(labels, 3)) == []


def test_noise_alone_has_no_features(table):
    X, _ = table
    assert features(estimator_of(X), choose(X, np.full(90, -1))) == []


def test_small_strata_are_left_out_of_all_means(table):
    X, labels = table
    alone = X.copy(), labels.copy()
    alone[1][:4] = 3  # four members
    alone[0][:4] = 5e6
    scaler = estimator_of(X)._model.scaler
    moments = measure(choose(*alone), scaler)
    assert moments.strata.tolist() == [0, 1, 2]
    assert moments.sizes.tolist() == [16, 30, 40]
    for index in range(3):
        _, inside, outside = differ(moments, index, scaler)
        assert inside.max() < 2e6
        assert outside.max() < 2e6


def test_copies_count_once_as_members(table):
    X, labels = table
    X[labels == 2] = X[labels == 2][:4].repeat(10, axis=0)
    moments = measure(choose(X, labels), estimator_of(X)._model.scaler)
    assert moments.strata.tolist() == [0, 1]


def test_noise_is_not_a_stratum(table):
    X, labels = table
    moments = measure(
        choose(X, np.where(labels == 2, -1, labels)), estimator_of(X)._model.scaler
    )
    assert moments.strata.tolist() == [0, 1]


def test_constant_features(table):
    X, labels = table
    X[:, 0] = 3.0
    X[:, 1] = labels == 1
    scaler = estimator_of(X)._model.scaler
    differences, _, _ = differ(measure(choose(X, labels), scaler), 1, scaler)
    assert differences[0] == 0
    assert differences[1] == np.inf
    (section,) = features(estimator_of(X), choose(X, labels))
    assert ["1", "feature 1", "+inf", "1", "0"] in cells(section)


def test_images_and_single_strata_have_no_feature_table(table):
    X, labels = table
    assert features(estimator_of(X), choose(X, np.zeros(90, int))) == []
    images = np.random.default_rng(0).normal(size=(90, 8, 8))
    assert features(estimator_of(images), choose(images, labels)) == []


def test_report_shows_features_and_the_name_of_a_series(table, tmp_path):
    X, labels = table
    frame = pd.DataFrame(X, columns=["age", "<weight>", *"cdefg"])
    clusterer = ContrastiveAutoencoderClusterer(
        2, clusterer="kmeans", latent_dim=2, max_epochs=1, refinement_epochs=0
    ).fit(frame)
    y = pd.Series(labels, name="scanner & site")
    path = clustering_report(clusterer, frame, y, tmp_path / "report.html")
    page = path.read_text("utf-8")
    assert 'id="features"' in page
    assert "<weight>" not in page
    assert "most frequent scanner &amp; site" in page
    assert "against the labels y (scanner &amp; site)" in page
