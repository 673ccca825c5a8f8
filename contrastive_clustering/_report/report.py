"""A report on a fitted estimator: one page that needs nothing but a browser."""

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from markupsafe import Markup
from numpy.typing import ArrayLike
from sklearn.utils import check_random_state

from contrastive_clustering._data.sources import open_samples
from contrastive_clustering._display.fitted import check_fitted
from contrastive_clustering._report import plots as pictures
from contrastive_clustering._report import sections
from contrastive_clustering._report.data import (
    Chosen,
    check_classes,
    choose_samples,
    take_fingerprint,
)
from contrastive_clustering._report.features import features
from contrastive_clustering._report.metrics import (
    Figure,
    measure_against_classes,
    measure_strata,
)
from contrastive_clustering._report.notes import (
    MOST_CLASSES_DRAWN,
    what_to_know,
)
from contrastive_clustering._report.page import Section, facts, notes, page
from contrastive_clustering._report.privacy import Privacy, count_members, examine
from contrastive_clustering._utils.arrays import from_tensor, name_of
from contrastive_clustering._utils.files import as_output_path, write_atomically
from contrastive_clustering._utils.library_settings import default_library_settings
from contrastive_clustering._utils.messages import show
from contrastive_clustering._utils.param_validation import Count, validate_params

# A map of fewer samples shows nothing.
LEAST_MAPPED = 5


@default_library_settings()
@validate_params(
    {
        "title": [str],
        "show_samples": ["boolean"],
        "max_samples": [Count(2)],
        "random_state": ["random_state"],
    }
)
def clustering_report(
    estimator: Any,
    X: ArrayLike,
    y: ArrayLike | None = None,
    path: str | os.PathLike[str] = "report.html",
    *,
    title: str = "Clustering report",
    show_samples: bool = False,
    max_samples: int = 10_000,
    random_state: int | np.random.RandomState | None = None,
) -> Path:
    """Write all that is known of a fitted estimator to one page of HTML.

    It holds the strata with their decoded centers and sizes, metrics, the features of a
    table by which strata differ most, a map of the latents, the training's losses, the
    parameters, versions and a fingerprint of X.
    Everything stands in the one file: it opens without a network, loads nothing and
    runs no script.

    Parameters
    ----------
    estimator : ContrastiveAutoencoderClusterer
        The fitted estimator.

    X : array-like of shape (n_samples, ...)
        Samples of the shape and in the units seen in `fit`; those of `fit`, or others
        to see how the strata hold for them. What is larger than memory is read piece
        by piece.

    y : array-like of shape (n_samples,), default=None
        Classes to hold the strata against, under the name of a series. The estimator
        never sees them.

    path : str or path-like, default="report.html"
        The file. It is overwritten if it exists, and keeps its mode; a symbolic link to
        it stays a link. It appears when it is complete. "~" stands for the home folder.

    title : str, default="Clustering report"
        Title of the page.

    show_samples : bool, default=False
        Whether to show samples: typical and atypical members of each stratum, and
        reconstructions. With False the page holds no sample. It leaves out the decoded
        center of a stratum that has one distinct training sample, and one that
        resembles a single sample of X; copies are counted, and training samples
        compared, only if X is the training set.

    max_samples : int, default=10_000
        Number of samples to look at, drawn at random if there are more. The fingerprint
        is of all of X.

    random_state : int, RandomState instance or None, default=None
        Seed of that draw and of the map.

    Returns
    -------
    path : Path
        The file.

    Raises
    ------
    TypeError, ValueError
        If the estimator is another or not fitted, if X is not what `fit` has seen in
        shape and units, if `y` does not hold one class for each sample, or if `path`
        is not a path or the title blank.

    OSError
        If the file cannot be written, or if `path` leads to a folder, a named pipe, a
        socket or a device.

    ImportError
        If matplotlib is not installed.

    See Also
    --------
    evaluate_clustering : Figures of a test set, and of probes of the latents.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from sklearn.datasets import load_digits
    >>> from contrastive_clustering import (
    ...     ContrastiveAutoencoderClusterer,
    ...     clustering_report,
    ... )
    >>> images = load_digits().images[:100]
    >>> clusterer = ContrastiveAutoencoderClusterer(
    ...     n_clusters=3, max_epochs=2, refinement_epochs=1, random_state=0
    ... ).fit(images)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder) / "digits.html"
    ...     path = clustering_report(clusterer, images, path=file)
    ...     page = path.read_text("utf-8")
    >>> path.name, page[:15]
    ('digits.html', '<!DOCTYPE html>')
    """
    estimator = check_fitted(estimator, "clustering_report")
    if not title.strip():
        raise ValueError(f"title={show(title)} is blank. Give the page a title.")
    file = as_output_path(path, "path")
    X = open_samples(from_tensor(X, "X"))
    samples, _ = estimator._read(X)
    classes = check_classes(y, len(samples))
    seed = int(check_random_state(random_state).randint(2**31 - 1))
    chosen = choose_samples(
        estimator,
        X,
        samples,
        classes,
        y_name=name_of(y, "class"),
        largest=max_samples,
        seed=seed,
    )
    inner = measure_strata(estimator, chosen, seed)
    against: list[Figure] = []
    if chosen.y is not None:
        against = measure_against_classes(chosen.labels, chosen.y, estimator.linkage_)
    privacy = None if show_samples else examine(estimator, chosen, samples)
    with pictures.drawing():
        parts = [
            sections.summary(estimator, chosen, len(samples)),
            sections.metrics(inner, against, len(chosen.rows), chosen.y_name),
            *features(estimator, chosen),
            *_pictured(estimator, chosen, privacy, seed),
            sections.parameters(estimator),
            sections.origins(take_fingerprint(samples)),
        ]
    (error,) = (f.value for f in inner if f.name == "Reconstruction error")
    opening = [
        facts(_key_figures(estimator, inner, against), large=True),
        notes(what_to_know(estimator, chosen, len(samples), privacy, error)),
    ]
    closing = f"Written on {datetime.now(UTC):%Y-%m-%d at %H:%M} UTC."
    write_atomically(file, page(title, opening, parts, closing).encode("utf-8"))
    return file


def _pictured(
    estimator: Any, chosen: Chosen, privacy: Privacy | None, seed: int
) -> list[Section]:
    """Return the sections that show pictures, of samples if there is no `privacy`."""
    parts: list[Section] = []

    def add(anchor: str, title: str, *pieces: Markup) -> None:
        parts.append(Section(anchor, title, pieces))

    drawn = chosen.y if len(chosen.classes) <= MOST_CLASSES_DRAWN else None
    strata = np.arange(estimator.n_clusters_)
    shown = strata if privacy is None else privacy.shown
    if len(shown):
        pieces = pictures.centers(estimator, shown)
        if privacy is None:
            pieces.append(pictures.members(estimator, chosen))
        add("strata", "Strata", *pieces)
    if len(chosen.rows) >= LEAST_MAPPED and np.ptp(chosen.latents, axis=0).any():
        all_shown = len(shown) == len(strata)
        maps = pictures.maps(estimator, chosen, drawn, centers=all_shown, seed=seed)
        add("map", "Map of the latents", *maps)
    if drawn is not None:
        picture = pictures.label_spread(estimator, chosen, drawn)
        add("labels", "Strata and labels", picture)
    if estimator.n_clusters_ > 1:
        add("similarity", "Similarity of strata", pictures.similarity(estimator))
    if estimator.cluster_number_search_ is not None:
        curve = pictures.cluster_number(estimator)
        add("search", "Number of strata", curve, sections.search_table(estimator))
    if estimator.history_:
        curve = pictures.training_curve(estimator)
        add("training", "Training", curve, sections.losses_table(estimator))
    if privacy is None:
        picture = pictures.reconstructions(estimator, chosen, seed)
        add("reconstructions", "Reconstructions", picture)
    return parts


def _key_figures(
    estimator: Any, inner: list[Figure], against: list[Figure]
) -> list[tuple[str, object]]:
    """Return the few figures that stand at the top."""
    largest = count_members(estimator).max() / len(estimator.labels_)
    standing_out = [
        figure
        for figure in (*inner, *against)
        if figure.name in {"Silhouette", "Balanced accuracy"}
    ]
    return [
        ("strata", estimator.n_clusters_),
        ("samples trained on", f"{len(estimator.labels_):,}"),
        ("in the largest stratum", sections.percent(largest)),
        *(
            (figure.name.lower(), sections.number(figure.value))
            for figure in standing_out
        ),
    ]
