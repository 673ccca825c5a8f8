"""The plots of a report, drawn by the displays, each with a text alternative."""

import copy
import io
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import numpy as np
from markupsafe import Markup

from contrastive_clustering._display import (
    CenterSimilarityDisplay,
    ClusterGalleryDisplay,
    ClusterNumberDisplay,
    EmbeddingDisplay,
    LabelSpreadDisplay,
    ReconstructionDisplay,
    TrainingCurveDisplay,
)
from contrastive_clustering._display.drawing.image_grid import ImageStyle, to_images
from contrastive_clustering._display.drawing.style import literal
from contrastive_clustering._report.data import Chosen
from contrastive_clustering._report.page import (
    PIXEL_RATIO,
    Card,
    cards,
    figure,
    paragraph,
    stratum_name,
)
from contrastive_clustering._report.privacy import count_members
from contrastive_clustering._utils.messages import quantity
from contrastive_clustering._utils.optional import import_pyplot

# By the definition of CSS.
CSS_PIXELS_PER_INCH = 96

# Number of typical and of atypical members that the gallery shows of each stratum.
N_MEMBERS = 5

# Number of samples that are shown with their reconstructions.
N_RECONSTRUCTED = 8

# t-SNE takes about ten seconds for this many samples.
MAX_MAPPED = 2_000


@contextmanager
def default_style() -> Iterator[None]:
    """Plot in the default style of matplotlib, whatever style the user has set."""
    pyplot = import_pyplot("clustering_report")
    with pyplot.style.context("default"), pyplot.ioff():
        yield


def embed(display: Any, alt: str, caption: str) -> Markup:
    """Return the plot of a display as a figure of the page, and close it."""
    file = io.BytesIO()
    try:
        display.figure_.savefig(
            file,
            format="png",
            dpi=PIXEL_RATIO * CSS_PIXELS_PER_INCH,
            facecolor="white",
            metadata={"Software": None},
        )
    finally:
        import_pyplot("clustering_report").close(display.figure_)
    return figure(file.getvalue(), alt, caption)


def centers(estimator: Any, strata: np.ndarray) -> list[Markup]:
    """Return the decoded centers of strata, side by side."""
    scaler, counts = estimator._model.scaler, count_members(estimator)
    style = ImageStyle.of(scaler)
    decoded = estimator.inverse_transform(estimator.cluster_centers_[strata])
    shown = []
    for stratum, pixels in zip(strata, to_images(decoded, scaler), strict=True):
        file = io.BytesIO()
        import_module("matplotlib.image").imsave(
            file, pixels, format="png", metadata={"Software": None}, **style.options
        )
        shown.append(
            Card(
                file.getvalue(),
                f"Decoded center of stratum {stratum}",
                stratum_name(
                    stratum,
                    f"Stratum {stratum}, {quantity(counts[stratum], 'member')}",
                ),
            )
        )
    text = "The decoded mean latent of each stratum."
    if style.label is not None:
        text += f" Colors show {style.label}: red above the mean, blue below."
    if len(scaler.layout.network_shape) == 4:
        text += " Volumes are shown by their middle slice."
    return [paragraph(text), cards(shown)]


def members(estimator: Any, chosen: Chosen) -> Markup:
    """Return a plot of the most and least typical samples of each stratum."""
    display = ClusterGalleryDisplay.from_estimator(
        estimator, chosen.X, n_typical=N_MEMBERS, n_atypical=N_MEMBERS
    )
    return embed(
        display,
        f"A row for each of the {estimator.n_clusters_} strata: its decoded center, "
        f"then its {N_MEMBERS} most typical and {N_MEMBERS} least typical samples.",
        "Samples of X beside the decoded center of their stratum: the most typical, "
        "then the least typical ones.",
    )


def maps(
    estimator: Any, chosen: Chosen, y: np.ndarray | None, *, centers: bool, seed: int
) -> list[Markup]:
    """Return maps of the latents, colored by stratum and, if any, by class."""
    by_stratum = EmbeddingDisplay.from_estimator(
        estimator,
        chosen.X,
        centers=centers,
        max_samples=MAX_MAPPED,
        random_state=seed,
    )
    displays = [(by_stratum, "stratum", "strata", np.unique(chosen.labels))]
    if y is not None:
        # A second run of t-SNE would move the points, and prevent a comparison.
        by_class = copy.copy(by_stratum)
        by_class.values, by_class.coloring = y[by_stratum.rows], "label"
        by_class.value_label = chosen.y_name
        by_class.center_images = None
        by_class.plot()
        displays.append((by_class, "class", "classes", chosen.classes))
    n_points = f"{len(by_stratum.rows):,}"
    return [
        embed(
            display,
            f"Map of {n_points} samples as points in two dimensions, colored by "
            f"{by}; there are {len(groups)} {noun}.",
            f"t-SNE of the latents of {n_points} samples, colored by {by}. Nearby "
            "points have similar latents; the sizes of groups and large distances are "
            "not meaningful.",
        )
        for display, by, noun, groups in displays
    ]


def label_spread(estimator: Any, chosen: Chosen, y: np.ndarray) -> Markup:
    """Return a plot of the distribution of the classes over the strata."""
    display = LabelSpreadDisplay.from_estimator(estimator, chosen.X, y)
    display.ax_.set_xlabel(literal(chosen.y_name))
    return embed(
        display,
        f"Distribution of the {len(chosen.classes)} classes of "
        f"{len(chosen.rows):,} samples over the {estimator.n_clusters_} strata. The "
        "table in the summary gives the most frequent class of each stratum.",
        "Classes of the members of each stratum.",
    )


def similarity(estimator: Any) -> Markup:
    """Return a plot of the similarity of the strata."""
    # Correlation is not defined for a single latent.
    kind = "correlation" if estimator.cluster_centers_.shape[1] > 1 else "cosine"
    display = CenterSimilarityDisplay.from_estimator(estimator, similarity=kind)
    pairs = np.triu_indices(estimator.n_clusters_, 1)
    values = display.similarities[pairs]
    one, other = (indices[values.argmax()] for indices in pairs)
    return embed(
        display,
        f"Matrix of the {kind} between the centers of the {estimator.n_clusters_} "
        "strata, beside the tree by which they merge. The most similar strata are "
        f"{one} and {other}, with {values.max():.2f}.",
        "Very similar strata may be one stratum; labels_at merges them without "
        "retraining.",
    )


def training_curve(estimator: Any) -> Markup:
    """Return a plot of the losses over the epochs."""
    display = TrainingCurveDisplay.from_estimator(estimator)
    return embed(
        display,
        f"Curves of the losses over {quantity(len(estimator.history_), 'epoch')}. The "
        "table gives the first and last value of each loss.",
        "Loss in each epoch. If a curve is still falling, train for more epochs.",
    )


def cluster_number(estimator: Any) -> Markup:
    """Return a plot of the score of each candidate number of strata."""
    display = ClusterNumberDisplay.from_estimator(estimator)
    result = estimator.cluster_number_search_
    return embed(
        display,
        f"Curve of the criterion {result.criterion} over {result.candidates[0]} to "
        f"{result.candidates[-1]} strata; {result.n_clusters} were chosen. The table "
        "gives the values.",
        "A flat curve means that other numbers of strata are about as good.",
    )


def reconstructions(estimator: Any, chosen: Chosen, seed: int) -> Markup:
    """Return a plot of samples and their reconstructions."""
    display = ReconstructionDisplay.from_estimator(
        estimator, chosen.X, n_samples=N_RECONSTRUCTED, random_state=seed
    )
    return embed(
        display,
        f"{min(N_RECONSTRUCTED, len(chosen.rows))} samples of X, with the "
        "reconstruction of each below it, and the difference below that.",
        "Details missing from a reconstruction are not encoded in the latents.",
    )
