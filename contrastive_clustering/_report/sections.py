"""The sections of a report that hold facts and tables."""

import dataclasses
import functools
import inspect
import os
import platform
from collections.abc import Sequence
from numbers import Number
from typing import Any

import numpy as np
import torch
from markupsafe import Markup

from contrastive_clustering._data.layout import SampleLayout
from contrastive_clustering._networks.joint_loss import LOSS_TITLES
from contrastive_clustering._report.data import Chosen, Fingerprint
from contrastive_clustering._report.metrics import Metric
from contrastive_clustering._report.page import (
    Section,
    facts,
    paragraph,
    stratum_name,
    table,
)
from contrastive_clustering._training.loss_recording import PHASES, phase_numbers
from contrastive_clustering._utils.grouping import Grouping, sample_weights
from contrastive_clustering._utils.messages import quantity, show, without_values
from contrastive_clustering._utils.numbering import NOISE
from contrastive_clustering._utils.provenance import import_path, package_versions
from contrastive_clustering._utils.weighted_tables import first_of_largest

# Longer descriptions of a parameter are cut.
MAX_VALUE_LENGTH = 300

# Longer lists of numbers are not shown, as they may be samples.
MAX_NUMBERS = 8

TIMES = " \N{MULTIPLICATION SIGN} "


def number(value: float) -> str:
    """Return a number with three decimals, or "not defined" for NaN."""
    return "not defined" if np.isnan(value) else f"{value:.3f}"


def percent(fraction: float) -> str:
    """Return a fraction as a percentage with one decimal."""
    return f"{100 * fraction:.1f} %"


def describe_samples(layout: SampleLayout) -> str:
    """Return a description of one sample.

    Examples
    --------
    >>> from contrastive_clustering._report.sections import describe_samples
    >>> from contrastive_clustering._data.layout import read_layout
    >>> describe_samples(read_layout((100, 28, 28)))
    'gray image of 28 × 28 pixels'
    >>> describe_samples(read_layout((100, 28, 28, 28, 3)))
    'volume of 28 × 28 × 28 voxels with 3 channels'
    >>> describe_samples(read_layout((100, 12)))
    'row of 12 features'
    """
    noun, element, *_ = layout.kind
    if layout.is_table:
        return f"{noun} of {quantity(layout.sample_shape[0], element)}"
    n_channels, *sides = layout.network_shape
    size = f"{noun} of {TIMES.join(map(str, sides))} {element}s"
    return f"gray {size}" if n_channels == 1 else f"{size} with {n_channels} channels"


def summary(
    estimator: Any,
    chosen: Chosen,
    n_samples: int,
    grouping: Grouping | None = None,
) -> Section:
    """Return the section on the fit, the training set and the sizes of the strata."""
    scaler, search = estimator._model.scaler, estimator._model.search
    n_first, n_second = (len(epochs) for epochs in _epochs_of_phases(estimator))
    seconds = sum(epoch.get("dur", 0.0) for epoch in estimator.history_)
    origin = "as requested"
    if search is not None:
        origin = f"chosen by the criterion {search.criterion}"
    used = "all of them used"
    if len(chosen.rows) < n_samples:
        used = f"{len(chosen.rows):,} of them used, drawn at random"
    pairs = [
        ("Estimator", type(estimator).__name__),
        ("Trained on", quantity(len(estimator.labels_), "sample")),
        ("Sample", describe_samples(scaler.layout)),
        ("Values", f"{scaler.dtype}, from {scaler.low:g} to {scaler.high:g}"),
        ("Strata", f"{estimator.n_clusters_}, {origin}"),
        (
            "Training",
            f"{quantity(n_first, 'epoch')} in the first phase and {n_second} in "
            f"the second, {seconds:.0f} s on {estimator.net_.device}",
        ),
        ("This report", f"{quantity(n_samples, 'sample')} in X, {used}"),
    ]
    return Section(
        "summary", "Summary", [facts(pairs), strata_table(estimator, chosen, grouping)]
    )


def strata_table(
    estimator: Any, chosen: Chosen, grouping: Grouping | None = None
) -> Markup:
    """Return a table of the strata: sizes and, if there are labels, main classes.

    Sizes are numbers of samples. A group weighs as one in the main classes and their
    shares, as in the metrics.
    """
    weights = sample_weights(grouping)
    trained, found = estimator.labels_, chosen.labels
    strata = list(range(estimator.n_clusters_))
    if NOISE in trained or NOISE in found:
        strata.append(NOISE)
    columns = ["stratum", "training set", "share", "this report", "share"]
    if chosen.y is not None:
        columns += [f"most frequent {chosen.y_name}", "its share"]
    rows = []
    for stratum in strata:
        here = found == stratum
        row: list[object] = [stratum_name(stratum)]
        for members in (trained == stratum, here):
            row += [f"{members.sum():,}", percent(members.mean())]
        if chosen.y is not None:
            row += _most_frequent(
                chosen.y[here], None if weights is None else weights[here]
            )
        rows.append(row)
    title = (
        "Number of members of each stratum, in the training set and among the samples "
        "used for this report"
    )
    if chosen.y is not None and weights is not None:
        title += f"; a group weighs as one in the most frequent {chosen.y_name}"
    return table(
        "strata-sizes",
        title,
        columns,
        rows,
        numeric=[1, 2, 3, 4, 6],
    )


def _most_frequent(classes: np.ndarray, weights: np.ndarray | None) -> list[object]:
    if not len(classes):
        return ["none", ""]
    names, codes = np.unique(classes, return_inverse=True)
    sums = np.bincount(codes, weights)
    most = int(first_of_largest(sums))
    return [names[most], percent(sums[most] / sums.sum())]


def metrics(
    internal: list[Metric],
    external: list[Metric],
    n_used: int,
    y_name: str = "class",
    n_groups: int | None = None,
) -> Section:
    """Return the section on metrics: without labels and, if any, against labels."""
    pieces: list[Markup] = []
    named = "y" if y_name == "class" else f"y ({y_name})"
    used = quantity(n_used, "sample")
    if n_groups is not None:
        used += f" of {quantity(n_groups, 'group')}; a group weighs as one"
    for anchor, basis, found in (
        ("internal-metrics", "without labels", internal),
        ("external-metrics", f"against the labels {named}", external),
    ):
        if found:
            pieces.append(
                table(
                    anchor,
                    f"Metrics {basis}, on {used}",
                    ["metric", "value", "interpretation"],
                    [[m.name, number(m.value), m.interpretation] for m in found],
                    numeric=[1],
                )
            )
    return Section("metrics", "Metrics", pieces)


def search_table(estimator: Any) -> Markup:
    """Return a table of the candidate numbers of strata with their scores."""
    result = estimator.cluster_number_search_
    rows = [
        [candidate, number(score), "chosen" if candidate == result.n_clusters else ""]
        for candidate, score in zip(result.candidates, result.scores, strict=True)
    ]
    return table(
        "search-scores",
        f"Criterion {result.criterion} for each number of strata; higher is better",
        ["number of strata", "score", "choice"],
        rows,
        numeric=[0, 1],
        marked=[i for i, row in enumerate(rows) if row[2]],
    )


def losses_table(estimator: Any) -> Markup:
    """Return a table of each loss in the first and last epoch of each phase."""
    rows = []
    for phase, epochs in zip(PHASES, _epochs_of_phases(estimator), strict=True):
        for part, where in (("train", "training"), ("valid", "validation")):
            for key, title in LOSS_TITLES.items():
                values = [e[f"{part}_{key}"] for e in epochs if f"{part}_{key}" in e]
                if values:
                    rows.append(
                        [phase, where, title, number(values[0]), number(values[-1])]
                    )
    return table(
        "losses",
        "Losses in the first and last epoch of each phase",
        ["phase", "data", "loss", "first epoch", "last epoch"],
        rows,
        numeric=[3, 4],
    )


def _epochs_of_phases(estimator: Any) -> list[list[dict[str, Any]]]:
    """Return the epochs of each of `PHASES`."""
    epochs, numbers = list(estimator.history_), phase_numbers(estimator.history_)
    return [
        [epoch for epoch, found in zip(epochs, numbers, strict=True) if found == phase]
        for phase in range(1, 1 + len(PHASES))
    ]


def parameters(estimator: Any) -> Section:
    """Return the section on parameters, with changed ones highlighted."""
    defaults = type(estimator)().get_params(deep=False)
    rows, changed = [], []
    for index, (name, value) in enumerate(estimator.get_params(deep=False).items()):
        shown, default = describe_value(value), "not set"
        if name in defaults:  # parameters of the net are listed only if they were set
            default = describe_value(defaults[name])
        if shown != default:
            changed.append(index)
        rows.append([name, shown, default, "yes" if shown != default else ""])
    return Section(
        "parameters",
        "Parameters",
        [
            table(
                "parameter-values",
                "Parameters of the estimator; "
                + (f"{len(changed)} changed" if changed else "none changed")
                + " from the default",
                ["parameter", "value", "default", "changed"],
                rows,
                code=[0, 1, 2],
                marked=changed,
            )
        ],
    )


def describe_value(value: object) -> str:
    """Return a parameter as it would be written, shortened and without array values.

    Examples
    --------
    >>> from collections import OrderedDict
    >>> import numpy as np
    >>> from sklearn.cluster import KMeans
    >>> from contrastive_clustering._report.sections import describe_value
    >>> describe_value("auto"), describe_value(OrderedDict)
    ("'auto'", 'collections.OrderedDict')
    >>> describe_value([KMeans(3, init=np.zeros((3, 2)))])
    '[KMeans(init=<ndarray of shape (3, 2) and dtype float64>, n_clusters=3)]'
    """
    # The ``repr`` of a user's object may raise any exception. The report is written
    # nevertheless, and says that there is no description.
    try:
        shown = _describe(value)
    except Exception:
        shown = f"{import_path(type(value))} without a description"
    if len(shown) > MAX_VALUE_LENGTH:
        return f"{shown[:MAX_VALUE_LENGTH]} …"
    return shown


def _describe(value: Any) -> str:
    """Return the repr of a value, with types and shapes instead of possible samples."""
    if isinstance(value, str | os.PathLike):
        return repr(os.fspath(value))
    if isinstance(value, list | tuple):
        if len(value) > MAX_NUMBERS and isinstance(value[0], Number):
            return show(value)
        ends = "[]" if isinstance(value, list) else "()"
        return f"{ends[0]}{', '.join(map(_describe, value))}{ends[1]}"
    if isinstance(value, dict):
        entries = (f"{_describe(k)}: {_describe(v)}" for k, v in value.items())
        return f"{{{', '.join(entries)}}}"
    return _describe_object(value)


def _describe_object(value: Any) -> str:
    if hasattr(value, "__qualname__"):
        return import_path(value)
    if isinstance(value, functools.partial):
        return f"partial({_describe(value.func)}, ...)"
    if isinstance(value, torch.nn.Module):
        return without_values(repr(value))
    named = _attributes(value)
    if named is None:
        return show(value)
    inner = (f"{name}={_describe(entry)}" for name, entry in named.items())
    return f"{type(value).__name__}({', '.join(inner)})"


def _attributes(value: Any) -> dict[str, Any] | None:
    """Return the arguments of an object that differ from their defaults, if known."""
    if dataclasses.is_dataclass(value):
        given = {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}
    elif hasattr(value, "get_params"):
        given = value.get_params(deep=False)
    else:
        return None
    usual = inspect.signature(type(value)).parameters
    return {
        name: entry
        for name, entry in given.items()
        if name not in usual or _describe(entry) != _describe(usual[name].default)
    }


def origins(
    fingerprint: Fingerprint, reading: Sequence[tuple[str, str]] = ()
) -> Section:
    """Return the section that identifies the data and the package versions.

    If it is known how X was read from files, the section says so.
    """
    read = [paragraph("X was read from files of images as follows."), facts(reading)]
    return Section(
        "origins",
        "Data and versions",
        [
            paragraph(
                "Two sets of samples with the same shape, type and SHA-256 are "
                "identical, including their order."
            ),
            facts(
                [
                    ("Shape of X", fingerprint.shape),
                    ("Data type", fingerprint.dtype),
                    ("Values", f"from {fingerprint.low:g} to {fingerprint.high:g}"),
                    ("SHA-256", fingerprint.sha256),
                ]
            ),
            *(read if reading else []),
            table(
                "versions",
                "Versions used for this report",
                ["package", "version"],
                [["Python", platform.python_version()], *package_versions().items()],
                code=[1],
            ),
        ],
    )
