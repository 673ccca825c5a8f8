"""A report on a fitted estimator as a single, self-contained HTML page."""

import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from markupsafe import Markup
from numpy.typing import ArrayLike
from sklearn.utils import check_random_state

from contrastive_clustering._data.sources import open_samples
from contrastive_clustering._display.fitted import check_fitted
from contrastive_clustering._evaluation.evaluate import read_optional_classes
from contrastive_clustering._report import plots, sections
from contrastive_clustering._report.data import (
    Chosen,
    choose_samples,
    take_fingerprint,
)
from contrastive_clustering._report.features import features
from contrastive_clustering._report.metrics import (
    Metric,
    measure_against_classes,
    measure_strata,
)
from contrastive_clustering._report.notes import (
    MAX_CLASSES_PLOTTED,
    caveats,
)
from contrastive_clustering._report.page import Section, facts, notes, page
from contrastive_clustering._report.people import PeopleData, examine_people
from contrastive_clustering._report.people_sections import (
    people_notes,
    people_sections,
)
from contrastive_clustering._report.privacy import Privacy, count_members, examine
from contrastive_clustering._report.small_changes import small_changes
from contrastive_clustering._utils.arrays import name_of
from contrastive_clustering._utils.files import as_output_path, write_atomically
from contrastive_clustering._utils.library_settings import default_library_settings
from contrastive_clustering._utils.messages import show
from contrastive_clustering._utils.param_validation import Count, validate_params

# A map of fewer samples is not informative.
MIN_MAPPED = 5


@default_library_settings()
@validate_params(
    {
        "title": [str],
        "survival": [tuple, list, None],
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
    metadata: Any = None,
    groups: ArrayLike | str | None = None,
    survival: tuple[Any, Any] | None = None,
    nuisance: Any = None,
    title: str = "Clustering report",
    show_samples: bool = False,
    max_samples: int = 10_000,
    random_state: int | np.random.RandomState | None = None,
) -> Path:
    """Write a report on a fitted estimator as a single HTML page.

    The report shows the strata with their decoded centers and sizes, metrics, whether
    small changes move samples to other strata, the features of a table by which strata
    differ most, associations with metadata, confounders, a map of the latents, the
    training losses, the parameters, package versions and a fingerprint of X. The file
    is self-contained: it opens without a network, loads nothing and runs no script.

    Parameters
    ----------
    estimator : ContrastiveAutoencoderClusterer
        The fitted estimator.

    X : array-like of shape (n_samples, ...)
        Samples with the shape and units seen in `fit`: the training set, or other
        samples to be assigned to the strata. Data larger than memory are read in
        chunks.

    y : array-like of shape (n_samples,), default=None
        Classes to compare the strata with; the name of a series is shown. The estimator
        does not use them.

    path : str or path-like, default="report.html"
        The file. An existing file is overwritten and keeps its mode, and a symbolic
        link remains a link. The file appears only when it is complete. "~" stands for
        the home folder.

    metadata : pandas.DataFrame, polars.DataFrame or dict of columns, default=None
        Variables to compare the strata with, one row for each sample: see `metadata` of
        :func:`associate_strata`. Columns whose values may identify persons are left
        out, such as names most of which differ between groups. Without `groups`, names
        of persons with several samples are recognized less reliably.

    groups : array-like of shape (n_samples,) or str, default=None
        Identifier of the group of each sample, such as the patient, or the name of a
        column of `metadata`. A group weighs as one in metrics, and counts once in the
        sections on metadata, survival and nuisance. The sizes of strata, differences
        between the features of a table, and plots are those of samples. Groups are not
        shown.

    survival : tuple of (time, event), default=None
        Time to an event or to the end of observation, and whether the event was
        observed: names of columns of `metadata`, or array-likes of shape (n_samples,).

    nuisance : str, array-like, data frame or mapping of names to columns, default=None
        Variables that the strata should not follow: the name of a column of `metadata`,
        or values as in :func:`audit_confounding`.

    title : str, default="Clustering report"
        Title of the page.

    show_samples : bool, default=False
        Whether to show samples: typical and atypical members of each stratum, and
        reconstructions. If False, the page contains no sample, and decoded centers are
        left out if their stratum has a single distinct training sample, if they
        resemble a single sample of X, or if more than 45 % of the stratum's samples
        belong to one group. Copies are detected, and training samples compared, only if
        X is the training set.

    max_samples : int, default=10_000
        Maximum number of samples to use, drawn at random if there are more; with
        groups, from as many groups as possible. The fingerprint always covers all of X.

    random_state : int, RandomState instance or None, default=None
        Seed of this random selection, of noise that is added and of the map.

    Returns
    -------
    path : Path
        The file.

    Raises
    ------
    TypeError, ValueError
        If `estimator` is of another type or not fitted, if X differs from the training
        set in shape or units, if `y`, `metadata`, `groups`, `survival` or `nuisance`
        do not hold one value for each sample, if `path` is not a path, or if `title` is
        blank.

    OSError
        If the file cannot be written, or if `path` is a folder, a named pipe, a socket
        or a device.

    ImportError
        If matplotlib is not installed; with `metadata`, `survival` or `nuisance`, also
        if pandas is not.

    See Also
    --------
    associate_strata : Tests of the strata against other variables.

    audit_confounding : Whether strata follow nuisance variables.

    audit_perturbations : Whether small changes move samples to other strata.

    evaluate_clustering : Metrics on a test set, and probes of the latents.

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
    return write_report(
        estimator,
        X,
        y,
        path,
        metadata=metadata,
        groups=groups,
        survival=survival,
        nuisance=nuisance,
        title=title,
        show_samples=show_samples,
        max_samples=max_samples,
        random_state=random_state,
    )


@default_library_settings()
def write_report(
    estimator: Any,
    X: ArrayLike,
    y: ArrayLike | None = None,
    path: str | os.PathLike[str] = "report.html",
    *,
    metadata: Any = None,
    groups: ArrayLike | str | None = None,
    survival: tuple[Any, Any] | None = None,
    nuisance: Any = None,
    title: str = "Clustering report",
    show_samples: bool = False,
    max_samples: int = 10_000,
    random_state: int | np.random.RandomState | None = None,
    reading: Sequence[tuple[str, str]] = (),
) -> Path:
    """Write a report whose simple parameters are valid; see `clustering_report`.

    Parameters
    ----------
    estimator, X, y, path, metadata, groups, survival, nuisance, title, show_samples, \
max_samples, random_state : object
        As in `clustering_report`.

    reading : sequence of tuple of str, default=()
        Names and values of what determined how X was read from files, which the page
        shows beside the fingerprint of X.

    Returns
    -------
    path : Path
        The file.
    """
    estimator = check_fitted(estimator, "clustering_report")
    if not title.strip():
        raise ValueError(f"title={show(title)} is blank. Pass a title for the page.")
    file = as_output_path(path, "path")
    X = open_samples(X, "X")
    samples = estimator._read(X)
    classes = read_optional_classes(y, len(samples))
    data = PeopleData.read(metadata, groups, survival, nuisance, len(samples))
    of_all = None if data is None or not data.grouped else data.grouping
    seed = int(check_random_state(random_state).randint(2**31 - 1))
    chosen = choose_samples(
        estimator,
        X,
        samples,
        classes,
        y_name=name_of(y, "class"),
        max_samples=max_samples,
        seed=seed,
        grouping=of_all,
    )
    grouping = None if of_all is None else of_all.take(chosen.rows)
    internal = measure_strata(estimator, chosen, seed, grouping)
    external: list[Metric] = []
    if chosen.y is not None:
        external = measure_against_classes(
            chosen.labels, chosen.y, estimator.linkage_, grouping
        )
    people = None if data is None else examine_people(data, chosen, seed)
    privacy = None
    if not show_samples:
        privacy = examine(estimator, chosen, samples, of_all)
    with plots.default_style():
        parts = [
            sections.summary(estimator, chosen, len(samples), grouping),
            sections.metrics(
                internal,
                external,
                len(chosen.rows),
                chosen.y_name,
                None if grouping is None else grouping.n_groups,
            ),
            small_changes(estimator, chosen, grouping, seed),
            *features(estimator, chosen, grouping),
            *([] if people is None else people_sections(people)),
            *_plot_sections(estimator, chosen, privacy, seed),
            sections.parameters(estimator),
            sections.origins(take_fingerprint(samples), reading),
        ]
    (error,) = (m.value for m in internal if m.name == "Reconstruction error")
    remarks = caveats(
        estimator, chosen, len(samples), privacy, error, grouping=grouping
    )
    if people is not None:
        remarks += people_notes(people)
    opening = [
        facts(_key_facts(estimator, internal, external), large=True),
        notes(remarks),
    ]
    closing = f"Written on {datetime.now(UTC):%Y-%m-%d at %H:%M} UTC."
    write_atomically(file, page(title, opening, parts, closing).encode("utf-8"))
    return file


def _plot_sections(
    estimator: Any, chosen: Chosen, privacy: Privacy | None, seed: int
) -> list[Section]:
    """Return the sections with plots; samples are shown if `privacy` is None."""
    parts: list[Section] = []

    def add(anchor: str, title: str, *pieces: Markup) -> None:
        parts.append(Section(anchor, title, pieces))

    plotted = chosen.y if len(chosen.classes) <= MAX_CLASSES_PLOTTED else None
    strata = np.arange(estimator.n_clusters_)
    shown = strata if privacy is None else privacy.shown
    if len(shown):
        pieces = plots.centers(estimator, shown)
        if privacy is None:
            pieces.append(plots.members(estimator, chosen))
        add("strata", "Strata", *pieces)
    if len(chosen.rows) >= MIN_MAPPED and np.ptp(chosen.latents, axis=0).any():
        all_shown = len(shown) == len(strata)
        maps = plots.maps(estimator, chosen, plotted, centers=all_shown, seed=seed)
        add("map", "Map of the latents", *maps)
    if plotted is not None:
        spread = plots.label_spread(estimator, chosen, plotted)
        add("labels", "Strata and labels", spread)
    if estimator.n_clusters_ > 1:
        add("similarity", "Similarity of strata", plots.similarity(estimator))
    if estimator._model.search is not None:
        curve = plots.cluster_number(estimator)
        add("search", "Number of strata", curve, sections.search_table(estimator))
    if estimator.history_:
        curve = plots.training_curve(estimator)
        add("training", "Training", curve, sections.losses_table(estimator))
    if privacy is None:
        examples = plots.reconstructions(estimator, chosen, seed)
        add("reconstructions", "Reconstructions", examples)
    return parts


def _key_facts(
    estimator: Any, internal: list[Metric], external: list[Metric]
) -> list[tuple[str, object]]:
    """Return the numbers at the top of the page."""
    largest = count_members(estimator).max() / len(estimator.labels_)
    main_metrics = [
        metric
        for metric in (*internal, *external)
        if metric.name in {"Silhouette", "Balanced accuracy"}
    ]
    return [
        ("strata", estimator.n_clusters_),
        ("training samples", f"{len(estimator.labels_):,}"),
        ("in the largest stratum", sections.percent(largest)),
        *(
            (metric.name.lower(), sections.number(metric.value))
            for metric in main_metrics
        ),
    ]
