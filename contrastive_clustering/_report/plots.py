"""The pictures of a report: drawn by the displays, and told in words beside."""

import copy
import io
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import numpy as np
from markupsafe import Markup

from contrastive_clustering._display import (
    ClusterGalleryDisplay,
    ClusterNumberDisplay,
    EmbeddingDisplay,
    LabelSpreadDisplay,
    PrototypeSimilarityDisplay,
    ReconstructionDisplay,
    TrainingCurveDisplay,
)
from contrastive_clustering._display.drawing.image_grid import PictureStyle, to_pictures
from contrastive_clustering._display.drawing.style import literal
from contrastive_clustering._report.data import Chosen
from contrastive_clustering._report.page import (
    PIXEL_RATIO,
    Card,
    cards,
    figure,
    paragraph,
    quantity,
)
from contrastive_clustering._report.privacy import count_members
from contrastive_clustering._utils.optional import import_pyplot

# By the definition of CSS.
CSS_PIXELS_PER_INCH = 96

# Members of a stratum that the gallery shows at either end, if samples may be shown.
N_MEMBERS = 5

# Samples that are shown beside what the autoencoder makes of them.
N_RECONSTRUCTED = 8

# Most samples on the map: t-SNE takes some ten seconds for so many.
LARGEST_MAP = 2_000


@contextmanager
def drawing() -> Iterator[None]:
    """Draw in matplotlib's own style, on whatever the user has set.

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    """
    pyplot = import_pyplot("clustering_report")
    with pyplot.style.context("default"), pyplot.ioff():
        yield


def embed(display: Any, alternative: str, caption: str) -> Markup:
    """Return the picture of a display as a part of the page, and close it.

    Parameters
    ----------
    display : display
        Any that keeps a `figure_`.

    alternative : str
        What the picture shows, for who cannot see it.

    caption : str
        What to know when looking at it.

    Returns
    -------
    fragment : Markup
        The figure.
    """
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
    return figure(file.getvalue(), alternative, caption)


def centers(estimator: Any, strata: np.ndarray) -> list[Markup]:
    """Return the decoded centers of strata, one beside the other."""
    scaler, counts = estimator._scaler, count_members(estimator)
    style = PictureStyle.of(scaler)
    decoded = estimator.inverse_transform(estimator.cluster_centers_[strata])
    shown = []
    for stratum, pixels in zip(strata, to_pictures(decoded, scaler), strict=True):
        file = io.BytesIO()
        import_module("matplotlib.image").imsave(
            file, pixels, format="png", metadata={"Software": None}, **style.options
        )
        shown.append(
            Card(
                file.getvalue(),
                f"Decoded center of stratum {stratum}",
                f"Stratum {stratum}, {quantity(counts[stratum], 'member')}",
            )
        )
    said = "What the decoder makes of the mean latent of each stratum."
    if style.label is not None:
        said += f" Colors are {style.label}: red is more, blue is less."
    if len(scaler.layout.network_shape) == 4:
        said += " Of each volume the middle slice is shown."
    return [paragraph(said), cards(shown)]


def members(estimator: Any, chosen: Chosen) -> Markup:
    """Return the most and the least typical samples of each stratum."""
    display = ClusterGalleryDisplay.from_estimator(
        estimator, chosen.X, n_typical=N_MEMBERS, n_atypical=N_MEMBERS
    )
    return embed(
        display,
        f"A row for each of the {estimator.n_clusters_} strata: its decoded center, "
        f"then the {N_MEMBERS} samples of X that are most typical of it, then the "
        f"{N_MEMBERS} that are least.",
        "Samples of X beside the decoded center of their stratum: first the most, then "
        "the least typical.",
    )


def maps(
    estimator: Any, chosen: Chosen, y: np.ndarray | None, *, centers: bool, seed: int
) -> list[Markup]:
    """Return a map of the samples' latents by stratum, and by class if there are."""
    by_stratum = EmbeddingDisplay.from_estimator(
        estimator,
        chosen.X,
        centers=centers,
        max_samples=LARGEST_MAP,
        random_state=seed,
    )
    displays = [(by_stratum, "stratum", "strata", np.unique(chosen.labels))]
    if y is not None:
        # The same places: another map would have to be learnt to be compared.
        by_class = copy.copy(by_stratum)
        by_class.values, by_class.coloring = y[by_stratum.rows], "label"
        by_class.value_label = chosen.y_name
        by_class.center_pictures = None
        by_class.plot()
        displays.append((by_class, "class", "classes", chosen.classes))
    n_points = f"{len(by_stratum.rows):,}"
    return [
        embed(
            display,
            f"Map of {n_points} samples as points in two dimensions, colored by "
            f"{by}; there are {len(groups)} {noun}.",
            f"t-SNE of the latents of {n_points} samples, colored by {by}. Points "
            "near each other have like latents; sizes of groups and distances between "
            "far ones say little.",
        )
        for display, by, noun, groups in displays
    ]


def label_spread(estimator: Any, chosen: Chosen, y: np.ndarray) -> Markup:
    """Return how classes spread over strata."""
    display = LabelSpreadDisplay.from_estimator(estimator, chosen.X, y)
    display.ax_.set_xlabel(literal(chosen.y_name))
    return embed(
        display,
        f"How the {len(chosen.classes)} classes of {len(chosen.rows):,} samples "
        f"spread over the {estimator.n_clusters_} strata. The table of the strata's "
        "members names the most frequent class of each.",
        "Classes of the members of each stratum.",
    )


def similarity(estimator: Any) -> Markup:
    """Return how alike strata are."""
    # Of one number there is no correlation.
    kind = "correlation" if estimator.cluster_centers_.shape[1] > 1 else "cosine"
    display = PrototypeSimilarityDisplay.from_estimator(estimator, similarity=kind)
    pairs = np.triu_indices(estimator.n_clusters_, 1)
    values = display.similarities[pairs]
    one, other = (places[values.argmax()] for places in pairs)
    return embed(
        display,
        f"Matrix of the {kind} of the centers of each two of the "
        f"{estimator.n_clusters_} strata, beside the tree by which they merge. Most "
        f"alike are {one} and {other}, with {values.max():.2f}.",
        "Strata that are much alike may be one: labels_at merges them without training "
        "again.",
    )


def training_curve(estimator: Any) -> Markup:
    """Return the losses over the epochs."""
    display = TrainingCurveDisplay.from_estimator(estimator)
    return embed(
        display,
        f"Curves of the losses over {len(estimator.history_)} epochs. The table of "
        "losses gives the first and the last value of each.",
        "Losses of each epoch. A curve that still falls asks for more epochs.",
    )


def cluster_number(estimator: Any) -> Markup:
    """Return the scores of the numbers of strata that a search has looked at."""
    display = ClusterNumberDisplay.from_estimator(estimator)
    result = estimator.cluster_number_search_
    return embed(
        display,
        f"Curve of the criterion {result.criterion} over {result.candidates[0]} to "
        f"{result.candidates[-1]} strata, with {result.n_clusters} chosen. The table "
        "below gives its values.",
        "A flat curve means that other numbers of strata would do as well.",
    )


def reconstructions(estimator: Any, chosen: Chosen, seed: int) -> Markup:
    """Return samples beside what the autoencoder makes of them."""
    display = ReconstructionDisplay.from_estimator(
        estimator, chosen.X, n_samples=N_RECONSTRUCTED, random_state=seed
    )
    return embed(
        display,
        f"{min(N_RECONSTRUCTED, len(chosen.rows))} samples of X, below each what the "
        "autoencoder makes of it, and below that the difference.",
        "What is missing from a reconstruction, the latents do not hold.",
    )
