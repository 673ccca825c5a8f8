"""The sections of a report on metadata, survival and nuisance variables."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from markupsafe import Markup

from contrastive_clustering._display import StrataCompositionDisplay, SurvivalDisplay
from contrastive_clustering._display.label_columns import sort_key
from contrastive_clustering._evaluation.association_result import (
    StrataAssociation,
    describe_effect,
)
from contrastive_clustering._evaluation.audit_result import ConfoundingAudit
from contrastive_clustering._evaluation.audit_verdict import NO_SIGN
from contrastive_clustering._evaluation.survival_column import SurvivalColumn
from contrastive_clustering._report import plots
from contrastive_clustering._report.page import (
    Section,
    paragraph,
    stratum_name,
    table,
)
from contrastive_clustering._report.people import People
from contrastive_clustering._utils.numbering import NOISE
from contrastive_clustering._utils.optional import import_pandas

# Tables with columns for more strata are too wide for a page.
MAX_STRATA = 6

# Tables of more levels are too wide. The plot groups them.
MAX_LEVELS = 10


def people_sections(people: People) -> list[Section]:
    """Return sections on associations and on confounding, for what was passed.

    They contain counts of groups and no identifiers.
    """
    sections = []
    if people.association is not None:
        pieces = _describe_association(people.association)
        if people.survival is not None and _has_times(people.survival, people.labels):
            pieces.append(_plot_survival(people, people.survival, people.association))
        sections.append(Section("associations", "Strata and other variables", pieces))
    if people.audit is not None:
        pieces = _describe_audit(people.audit)
        sections.append(Section("confounding", "Confounding", pieces))
    return sections


def people_notes(people: People) -> list[str]:
    """Return the notes on metadata for the top of the page."""
    notes = []
    if people.audit is not None:
        for name, row in people.audit.table.iterrows():
            if row["verdict"] != NO_SIGN or row["note"]:
                notes.append(f"{name}: {row['verdict']}. {row['note']}".strip())
    if people.is_incomparable:
        notes.append(
            "Strata are not compared with metadata, because all samples or groups have "
            "the same most frequent stratum."
        )
    if people.not_audited:
        names = ", ".join(people.not_audited)
        notes.append(
            "Not audited, because the samples used have one group, one level or too "
            f"many levels: {names}."
        )
    if people.left_out:
        names = ", ".join(people.left_out)
        notes.append(f"Left out because the values may identify persons: {names}.")
    return notes


def _describe_association(association: StrataAssociation) -> list[Markup]:
    """Return the tests and the baseline characteristics."""
    summary, method, verdict = association.sentences()
    tests = [
        [
            name,
            row["test"] or "not tested",
            _describe_effect(row),
            row["n"],
            row["n_missing"],
            _number(row["p"]),
            _number(row["p_corrected"]),
        ]
        for name, row in association.table.iterrows()
    ]
    return [
        paragraph(f"{summary}. {verdict}"),
        table(
            "association-tests",
            "Tests of the strata against other variables",
            ["variable", "test", "effect", "n", "missing", "p", "corrected p"],
            tests,
            numeric=[3, 4, 5, 6],
        ),
        paragraph(method),
        *_baseline_tables(association.baseline),
    ]


def _baseline_tables(baseline: Any) -> list[Markup]:
    """Return tables of baseline characteristics, each narrow enough for a page."""
    is_shown = [
        not (name.startswith("missing") and total.startswith("0 "))
        for (_, name), total in baseline["all"].items()
    ]
    baseline = baseline[is_shown]
    strata = baseline.columns.drop("all")
    n_tables = math.ceil(len(strata) / MAX_STRATA)
    tables = []
    for number, part in enumerate(np.array_split(strata, n_tables)):
        shown = baseline[["all", *part]]
        caption = "Baseline characteristics by stratum"
        if n_tables > 1:
            caption += f", {part[0]} to {part[-1]}"
        tables.append(
            table(
                f"baseline-characteristics-{number}",
                caption,
                ["variable", "statistic", *map(stratum_name, shown.columns)],
                [[*index, *row] for index, row in shown.iterrows()],
                numeric=range(2, 2 + shown.shape[1]),
            )
        )
    return tables


def _plot_survival(
    people: People, survival: SurvivalColumn, association: StrataAssociation
) -> Markup:
    """Return the Kaplan-Meier curves of the strata."""
    rows = association.table[association.table["kind"] == "survival"]
    p = float(rows["p"].iloc[0])
    pandas = import_pandas("clustering_report")
    display = SurvivalDisplay.from_strata(
        people.labels,
        (pandas.Series(survival.time, name=survival.name), survival.event),
        groups=people.groups,
        p_value=None if np.isnan(p) else p,
    )
    return plots.embed(
        display,
        f"Kaplan-Meier curves of {len(display.strata)} strata with intervals of 95 %, "
        f"and the number of {display.unit} at risk.",
        "Survival by stratum, with intervals of 95 % and the numbers at risk. The "
        "p-value is that of the log-rank test by permutation, without correction.",
    )


def _describe_audit(audit: ConfoundingAudit) -> list[Markup]:
    """Return the verdicts, and the composition of the strata by each variable."""
    summary, method = audit.sentences()
    variables = [row for _, row in audit.table.iterrows()]
    rows = [[title, *map(describe, variables)] for title, describe in MEASURES.items()]
    pieces = [
        paragraph(f"{summary}."),
        table(
            "confounding-audit",
            "Whether strata and latents follow nuisance variables",
            ["measure", *audit.table.index],
            [row for row in rows if any(row[1:])],
        ),
        paragraph(
            "The agreement is the adjusted mutual information of strata and variable. "
            "The probe is the balanced accuracy with which the latents reveal the "
            "variable. The robustness index compares neighbors of the same class at "
            "another level with those of another class at the same level. The "
            f"association is Cramer's V. {method}"
        ),
    ]
    for number, name in enumerate(audit.table.index):
        pieces += _describe_composition(audit, name, f"composition-{number}")
    return pieces


def _describe_composition(
    audit: ConfoundingAudit, name: str, anchor: str
) -> list[Markup]:
    """Return a plot and, if there are few levels, a table of one variable."""
    counts = audit.composition[name]
    names = sorted(counts.columns, key=lambda each: (each == "missing", sort_key(each)))
    counts = counts[names]
    unit = "samples" if audit.n_groups is None else "groups"
    names = counts.columns.to_numpy(dtype=str)
    is_missing = names == "missing"
    display = StrataCompositionDisplay(
        counts=counts.to_numpy()[:, ~is_missing],
        n_missing=counts.to_numpy()[:, is_missing].sum(axis=1),
        strata=audit.strata,
        levels=names[~is_missing],
        variable_name=name,
        unit=unit,
    ).plot()
    caption = f"Shares of {name} in each stratum and in all, with numbers of {unit}."
    if audit.n_groups is not None and counts.to_numpy().sum() > audit.n_groups:
        caption += " A group with samples at several levels counts at each of them."
    pieces = [
        plots.embed(
            display,
            f"Stacked bars of the shares of the {len(names)} levels of {name} in each "
            f"of {len(audit.strata)} strata.",
            caption,
        )
    ]
    if len(names) <= MAX_LEVELS:
        pieces.append(
            table(
                anchor,
                f"Number of {unit} in each stratum by {name}",
                ["stratum", *names],
                [[stratum_name(each), *row] for each, row in counts.iterrows()],
                numeric=range(1, 1 + len(names)),
            )
        )
    return pieces


def _has_times(survival: SurvivalColumn, labels: np.ndarray) -> bool:
    return bool(np.any(survival.known & (labels != NOISE)))


def _describe_effect(row: Any) -> str:
    """Return an effect size with its interval, or why there is none."""
    if not row["test"]:
        return str(row["note"])
    text = describe_effect(row)
    return f"{text} ({row['note']})" if row["note"] else text


def _number(value: float) -> str:
    return "" if np.isnan(value) else f"{value:.3g}"


def _interval(value: float, low: float, high: float) -> str:
    return "" if np.isnan(value) else f"{value:.3g} [{low:.3g}, {high:.3g}]"


# Rows of the table of the audit.
MEASURES: dict[str, Callable[[Any], str]] = {
    "verdict": lambda row: str(row["verdict"]),
    "note": lambda row: str(row["note"]),
    "agreement with the strata": lambda row: _number(row["adjusted_mutual_info"]),
    "p of the agreement": lambda row: _number(row["p"]),
    "probe of the latents": lambda row: _interval(
        row["probe"], row["probe_low"], row["probe_high"]
    ),
    "probe by chance": lambda row: _number(row["probe_chance"]),
    "robustness index": lambda row: _number(row["robustness_index"]),
    "robustness index by chance": lambda row: _number(row["robustness_index_chance"]),
    "association with y": lambda row: _number(row["y_association"]),
}
