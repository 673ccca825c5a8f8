import base64
import io

import matplotlib as mpl
import numpy as np
import pytest
from html_page import Page
from matplotlib import pyplot as plt

from contrastive_clustering import ContrastiveAutoencoderClusterer
from contrastive_clustering._report.data import choose_samples
from contrastive_clustering._report.plots import (
    centers,
    default_style,
    embed,
    label_spread,
    maps,
    members,
    reconstructions,
    similarity,
    training_curve,
)


@pytest.fixture(autouse=True)
def plotted_as_in_the_report():
    """Plot as the report does, and check that no figure stays open."""
    plt.close("all")  # figures of other tests
    with default_style():
        yield
    assert plt.get_fignums() == []


@pytest.fixture(scope="module")
def fitted(digits):
    """An estimator, and a subset of samples without members of stratum 2."""
    images, y = digits[0][:100], digits[1][:100]
    estimator = ContrastiveAutoencoderClusterer(
        4,
        clusterer="kmeans",
        max_epochs=2,
        refinement_epochs=1,
        batch_size=100,
        random_state=0,
    ).fit(images)
    kept = estimator.labels_ != 2
    images, y = images[kept], y[kept]
    return estimator, choose_samples(
        estimator, images, images, y, max_samples=60, seed=0
    )


def pixels(fragment):
    """Return the pixels of each image, from 0 to 1."""
    return [
        plt.imread(io.BytesIO(base64.b64decode(attrs["src"].partition(",")[2])), "png")
        for attrs in Page(fragment).all("img")
    ]


class PlottedDisplay:
    """A display of two inches by one."""

    def __init__(self):
        self.figure_ = plt.figure(figsize=(2, 1))


def test_figure_is_sharp_and_closed():
    fragment = embed(PlottedDisplay(), "A figure of two inches", "caption")
    (image,) = Page(fragment).all("img")
    assert (image["width"], image["height"]) == ("192", "96")
    assert pixels(fragment)[0].shape == (192, 384, 4)
    assert plt.get_fignums() == []


def test_figure_is_closed_even_if_plotting_fails():
    display = PlottedDisplay()
    display.figure_.suptitle("$no formula^^$")
    with pytest.raises(ValueError, match="formula"):
        embed(display, "A figure", "caption")
    assert plt.get_fignums() == []


def test_user_style_is_neither_used_nor_changed():
    with mpl.rc_context({"figure.facecolor": "black", "savefig.dpi": 10}):
        with default_style():
            assert mpl.rcParams["figure.facecolor"] == "white"
        assert mpl.rcParams["figure.facecolor"] == "black"


def test_centers_match_the_decoder(fitted):
    estimator, _ = fitted
    strata = np.array([1, 3])
    _, fragment = centers(estimator, strata)
    shown = pixels(fragment)
    decoded = estimator.inverse_transform(estimator.cluster_centers_[strata]) / 16
    for image, expected in zip(shown, decoded, strict=True):
        np.testing.assert_allclose(image[..., 0], expected, atol=2 / 255)
    counts = np.bincount(estimator.labels_)
    assert Page(fragment).text("figcaption") == [
        f"Stratum {k}, {counts[k]} members" for k in strata
    ]
    alts = [attrs["alt"] for attrs in Page(fragment).all("img")]
    assert alts == [f"Decoded center of stratum {k}" for k in strata]


@pytest.mark.parametrize(
    ("shape", "words", "width"),
    [((12,), "as standard scores", 12), ((8, 8, 9), "middle slice", 9)],
    ids=["table", "volumes"],
)
def test_text_explains_centers_of_tables_and_volumes(shape, words, width):
    X = np.random.default_rng(0).normal(size=(40, *shape))
    estimator = ContrastiveAutoencoderClusterer(
        2, clusterer="kmeans", max_epochs=1, refinement_epochs=0, random_state=0
    ).fit(X)
    text, fragment = centers(estimator, np.arange(2))
    assert words in text
    assert [image.shape[1] for image in pixels(fragment)] == [width, width]


def test_both_maps_have_the_same_points(fitted):
    estimator, chosen = fitted
    by_stratum, by_class = maps(estimator, chosen, chosen.y, centers=False, seed=0)
    assert "60 samples" in Page(by_stratum).all("img")[0]["alt"]
    assert "colored by stratum; there are 3 strata" in by_stratum
    n_classes = len(set(chosen.y))
    assert f"colored by class; there are {n_classes} classes" in by_class
    assert len(maps(estimator, chosen, None, centers=True, seed=0)) == 1


def test_most_similar_strata_are_named(fitted):
    estimator, _ = fitted
    alike = np.corrcoef(estimator.cluster_centers_)
    np.fill_diagonal(alike, -1)
    one, other = sorted(np.unravel_index(alike.argmax(), alike.shape))
    alt = Page(similarity(estimator)).all("img")[0]["alt"]
    assert (
        f"The most similar strata are {one} and {other}, with {alike.max():.2f}." in alt
    )


def test_a_single_epoch_is_in_the_singular(fitted, monkeypatch):
    estimator = fitted[0]
    monkeypatch.setattr(type(estimator), "history_", estimator.history_[:1])
    (image,) = Page(training_curve(estimator)).all("img")
    assert "over 1 epoch. The table" in image["alt"]


@pytest.mark.parametrize(
    ("draw", "words"),
    [
        (members, "each of the 4 strata"),
        (lambda e, c: label_spread(e, c, c.y), "{n_classes} classes of 60 samples"),
        (lambda e, _: training_curve(e), "over 3 epochs"),
        (lambda e, c: reconstructions(e, c, 0), "8 samples of X"),
    ],
    ids=["members", "labels", "training", "reconstructions"],
)
def test_plots_have_text_alternatives(fitted, draw, words):
    fragment = draw(*fitted)
    words = words.format(n_classes=len(set(fitted[1].y)))
    assert words in Page(fragment).all("img")[0]["alt"]
    (image,) = pixels(fragment)
    assert image[..., :3].std() > 0.05  # the plot is not blank
