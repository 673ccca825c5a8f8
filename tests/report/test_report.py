import base64
import copy
import hashlib
import io
import re
import sys
import warnings
from dataclasses import replace

import h5py
import numpy as np
import pandas as pd
import pytest
import torch
from html_page import Page, check_accessible, check_self_contained
from matplotlib import pyplot as plt
from sklearn.exceptions import NotFittedError
from torch.utils.data import TensorDataset

from contrastive_clustering import (
    ClusterNumberSearch,
    ContrastiveAutoencoderClusterer,
    clustering_report,
)
from contrastive_clustering._report import plots
from contrastive_clustering._report.page import paragraph

NASTY = '<script>alert("$x^$")</script>'

# A color that neither a barely trained decoder nor a color map produces.
MARK = (255, 0, 255)


def fit(X, **params):
    return ContrastiveAutoencoderClusterer(
        **{
            "n_clusters": 3,
            "clusterer": "kmeans",
            "max_epochs": 2,
            "refinement_epochs": 1,
            "random_state": 0,
            **params,
        }
    ).fit(X)


def write(estimator, X, y=None, *, folder, **options):
    path = clustering_report(
        estimator, X, y, folder / "report.html", random_state=0, **options
    )
    page = Page(path.read_text("utf-8"))
    check_self_contained(page)
    check_accessible(page)
    return page


@pytest.fixture(scope="module")
def marked():
    """Color images with pixels of a unique color, and a fit of them."""
    rng = np.random.default_rng(0)
    X = rng.integers(0, 256, size=(30, 16, 16, 3), dtype=np.uint8)
    X[:10, :8] //= 4
    X[10:20, 8:] //= 4
    X[:, 4:12, 4:12] = MARK
    X[:, 4:12:2, 4:12:2] = 0
    return X, fit(X, n_clusters=2)


@pytest.fixture(scope="module")
def searched(digits):
    images, y = digits[0][:100], digits[1][:100]
    return (
        images,
        y,
        fit(images, n_clusters=ClusterNumberSearch(min_clusters=2, max_clusters=4)),
    )


@pytest.fixture
def without_plots(monkeypatch):
    """Leave out the plots, which take most of the time."""

    def embed(display, alt, caption):
        plt.close(display.figure_)
        return paragraph(f"{alt} {caption}")

    monkeypatch.setattr(plots, "embed", embed)


def count_marked(page):
    """Return the number of pixels of the unique color in the images of the page."""
    n_pixels = 0
    for attrs in page.all("img"):
        file = io.BytesIO(base64.b64decode(attrs["src"].partition(",")[2]))
        pixels = (plt.imread(file, "png")[..., :3] * 255).round()
        n_pixels += int((np.abs(pixels - MARK) <= 8).all(axis=-1).sum())
    return n_pixels


def test_report_has_all_sections(searched, tmp_path):
    images, y, estimator = searched
    page = write(
        estimator, images, [f"{NASTY} {k}" for k in y], folder=tmp_path, title=NASTY
    )
    assert page.text("h2") == [
        "Summary",
        "Metrics",
        "Small changes",
        "Strata",
        "Map of the latents",
        "Strata and labels",
        "Similarity of strata",
        "Number of strata",
        "Training",
        "Parameters",
        "Data and versions",
    ]
    assert page.text("h1") == [NASTY] == page.text("title")
    assert any(cell.startswith(NASTY) for cell in page.text("td"))
    assert hashlib.sha256(images.tobytes()).hexdigest() in page.text("dd")
    assert "most likely the training set" in "".join(page.text("li"))


@pytest.mark.usefixtures("without_plots")
def test_report_without_labels_does_not_mention_classes(searched, tmp_path):
    images, _, estimator = searched
    page = write(estimator, images[:60], folder=tmp_path)
    assert "Strata and labels" not in page.text("h2")
    text = " ".join(page.text())
    assert "class" not in text.replace("classes or", "")
    assert "Silhouette" in text


def test_samples_are_shown_only_on_request(marked, tmp_path):
    X, estimator = marked
    page = write(estimator, X, folder=tmp_path)
    assert count_marked(page) == 0
    assert page.text("li")[0].startswith("This page shows no sample")
    page = write(estimator, X, folder=tmp_path, show_samples=True)
    assert count_marked(page) > 1000
    assert page.text("li")[0].startswith("This page shows samples of X")
    assert "Reconstructions" in page.text("h2")


@pytest.mark.usefixtures("without_plots")
def test_center_of_a_single_sample_is_not_shown(searched, tmp_path):
    images, _, estimator = searched
    lonely = copy.copy(estimator)
    labels = (np.arange(len(images)) == 0).astype(np.intp)
    model = estimator._model
    lonely._model = replace(model, clustering=replace(model.clustering, labels=labels))
    page = write(lonely, images, folder=tmp_path)
    shown = [attrs["alt"] for attrs in page.all("img")]
    assert "Decoded center of stratum 0" in shown
    assert "Decoded center of stratum 1" not in shown
    assert any("is not shown: with at most one" in text for text in page.text("li"))


@pytest.fixture(scope="module")
def repeated(digits):
    """Digits with 40 noisy copies of one and 40 exact copies of another, and a fit."""
    rng = np.random.default_rng(0)
    images = digits[0][:60]
    noisy = images[:1] + 0.2 * rng.normal(size=(40, 8, 8))
    X = np.concatenate([images, noisy, images[1:2].repeat(40, axis=0)])
    with pytest.warns(UserWarning, match="40 of 140 samples of X are exact copies"):
        return X, fit(X, n_clusters=8, max_epochs=40)


@pytest.mark.usefixtures("without_plots")
def test_centers_of_repeated_samples_are_not_shown(repeated, tmp_path):
    X, estimator = repeated
    page = write(estimator, X, folder=tmp_path)
    shown = {attrs["alt"] for attrs in page.all("img")}
    of_noisy, of_copies = estimator.labels_[60], estimator.labels_[-1]
    assert (estimator.labels_[60:100] == of_noisy).all()
    for stratum in (of_noisy, of_copies):
        assert f"Decoded center of stratum {stratum}" not in shown
    assert shown
    text = " ".join(page.text("li"))
    assert f"center of stratum {of_copies} is not shown: with at most one" in text
    assert "resembles one sample of X" in text
    assert "X does not appear to be the training set" not in text


@pytest.mark.usefixtures("without_plots")
def test_limits_for_other_samples_are_stated(repeated, tmp_path):
    X, estimator = repeated
    page = write(estimator, X[::-1], folder=tmp_path)
    assert "compared only with samples of X" in " ".join(page.text("li"))
    shown = {attrs["alt"] for attrs in page.all("img")}
    assert f"Decoded center of stratum {estimator.labels_[60]}" not in shown


@pytest.mark.usefixtures("without_plots")
def test_number_of_samples_used_is_limited(searched, tmp_path):
    images, y, estimator = searched
    page = write(estimator, images, y, folder=tmp_path, max_samples=20)
    assert any("20 samples, drawn at random from 100" in t for t in page.text("li"))
    assert "Metrics without labels, on 20 samples" in page.text("span")
    assert hashlib.sha256(images.tobytes()).hexdigest() in page.text("dd")


@pytest.mark.usefixtures("without_plots")
def test_tables_volumes_files_and_data_sets_are_reported(tmp_path):
    rng = np.random.default_rng(0)
    table = pd.DataFrame(rng.normal(size=(30, 4)), columns=list("abcd"))
    volumes = rng.normal(size=(12, 8, 8, 8)).astype(np.float32)
    data_set = TensorDataset(torch.from_numpy(volumes[:, 0]))
    with h5py.File(tmp_path / "images.h5", "w") as file:
        file["images"] = volumes[:, 0]
    images = h5py.File(tmp_path / "images.h5")["images"]
    for X, params in (
        (images, {"n_clusters": 8}),
        (table, {"latent_dim": 1}),
        (volumes, {"n_clusters": 2, "refinement_epochs": 0}),
        (data_set, {"n_clusters": 2, "kl_weight": 0.1}),
    ):
        estimator = fit(X, **params)
        page = write(estimator, X, folder=tmp_path, show_samples=True)
        assert len(page.all("img")) == estimator.n_clusters_  # the centers
        assert "8 samples of X, with the reconstruction" in " ".join(page.text("p"))


@pytest.mark.usefixtures("without_plots")
def test_degenerate_fits_are_reported(searched, tmp_path):
    images, _, estimator = searched
    one = fit(images, n_clusters=1, max_epochs=0, refinement_epochs=0)
    page = write(one, images[:1].repeat(9, axis=0), np.zeros(9), folder=tmp_path)
    assert "Training" not in page.text("h2")
    assert "Map of the latents" not in page.text("h2")
    assert "not defined" in page.text("td")
    page = write(estimator, images[:1], folder=tmp_path, show_samples=True)
    assert "Map of the latents" not in page.text("h2")


@pytest.mark.usefixtures("without_plots")
def test_metadata_of_patients_are_compared_and_patients_are_not_named(
    searched, tmp_path
):
    images, y, estimator = searched
    patient = np.arange(100) // 2
    rng = np.random.default_rng(0)
    metadata = pd.DataFrame(
        {
            "patient": [f"{NASTY}{p}" for p in patient],
            "age": rng.integers(40, 60, 50)[patient],
            "site": np.where(estimator.labels_ == 0, "A", "B"),
            "days": rng.integers(1, 900, 50)[patient],
            "died": rng.integers(2, size=50)[patient],
        }
    )
    page = write(
        estimator,
        images,
        y,
        folder=tmp_path,
        metadata=metadata,
        groups="patient",
        survival=("days", "died"),
        nuisance="site",
        max_samples=90,
    )
    titles = page.text("h2")
    assert "Strata and other variables" in titles
    assert "Confounding" in titles
    assert any(text.startswith("site: ") for text in page.text("li"))
    source = (tmp_path / "report.html").read_text("utf-8")
    assert "alert" not in source


@pytest.mark.usefixtures("without_plots")
def test_many_classes_are_counted_but_not_plotted(searched, tmp_path):
    images, _, estimator = searched
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # scikit-learn's, for many classes
        page = write(estimator, images, np.arange(100) // 2, folder=tmp_path)
    assert "Strata and labels" not in page.text("h2")
    assert any("50 classes, too many" in text for text in page.text("li"))


@pytest.mark.usefixtures("without_plots")
def test_saved_estimator_gives_the_same_report(searched, tmp_path):
    images, y, estimator = searched
    estimator.save(tmp_path / "saved")
    loaded = ContrastiveAutoencoderClusterer.load(tmp_path / "saved")
    pages = []
    for each in (estimator, loaded):
        path = tmp_path / "report.html"
        assert clustering_report(each, images, y, path, random_state=0) == path
        pages.append(re.sub(r"Written on .*UTC", "", path.read_text("utf-8")))
    assert pages[0] == pages[1]


@pytest.fixture
def nothing_drawn(tmp_path, monkeypatch):
    """Work in an empty folder, which stays so, and without figures."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(plt, "figure", None)
    monkeypatch.setattr(plt, "subplots", None)
    yield
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("nothing_drawn")
@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"estimator": "kmeans"}, TypeError, "estimator"),
        ({"estimator": ContrastiveAutoencoderClusterer()}, NotFittedError, "fit"),
        ({"X": np.zeros((3, 9, 9))}, ValueError, "X has samples of shape"),
        ({"y": [0, 1]}, ValueError, "y has 2 labels"),
        ({"groups": [0, 1]}, ValueError, "groups has 2 values"),
        ({"groups": "patient"}, ValueError, "not a column of metadata"),
        ({"nuisance": [0, 1]}, ValueError, "nuisance has 2 values"),
        ({"survival": "days"}, ValueError, "survival"),
        ({"path": 3}, TypeError, "path=3 is not a path"),
        ({"path": "nowhere/report.html"}, OSError, "path='nowhere/report.html'"),
        (
            {"path": "."},
            OSError,
            "path='.' cannot be written (it is the",
        ),
        ({"path": "a\0b"}, ValueError, "path="),
        ({"title": " "}, ValueError, "title=' '"),
        ({"show_samples": "no"}, ValueError, "show_samples"),
        ({"max_samples": 1}, ValueError, "max_samples"),
        ({"random_state": "x"}, ValueError, "random_state"),
    ],
    ids=str,
)
def test_bad_input_is_named_before_anything_is_drawn(searched, arguments, error, words):
    images, _, estimator = searched
    with pytest.raises(error, match=re.escape(words)):
        clustering_report(**{"estimator": estimator, "X": images, **arguments})


def test_missing_matplotlib_is_named_before_anything_is_read(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    estimator = fit(np.random.default_rng(0).normal(size=(9, 4)))
    with pytest.raises(ImportError, match="clustering_report needs matplotlib"):
        clustering_report(estimator, X=None)


def test_folder_that_is_not_writable_is_named(searched, tmp_path, monkeypatch):
    images, _, estimator = searched
    monkeypatch.setattr("os.access", lambda *_, **__: False)  # root may write anywhere
    with pytest.raises(PermissionError, match="its folder is not writable"):
        clustering_report(estimator, images, path=tmp_path / "report.html")


@pytest.mark.usefixtures("without_plots")
def test_failed_report_leaves_the_old_one(searched, tmp_path, monkeypatch):
    images, _, estimator = searched
    path = tmp_path / "report.html"
    path.write_text("old")

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", fail)
    with pytest.raises(OSError, match=r"report\.html.*No space left"):
        clustering_report(estimator, images, path=path, max_samples=10)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]
