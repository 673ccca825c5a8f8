"""Checks of the results of `quality.py`, each of which may be missed.

Accuracies are balanced and medians over seeds. A difference counts if it is larger than
one standard error of our accuracy, which treats the recall of each class as a binomial
proportion.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from quality_runs import COMPONENTS, OURS, WITH_LABELS
from quality_table import MAIN_METRIC, Row, Rows

PASS, MISS = "pass", "miss"

# Smallest ratio of the balanced accuracy of this many strata to that of the nearest
# neighbors of the same latents.
SMALLEST_RATIO = 0.97
N_STRATA_OF_RATIO = 20

# Largest distance of a seed from the median on sets with more images than MANY_IMAGES.
LARGEST_SPREAD = 0.02
MANY_IMAGES = 1000


def verdict(holds: bool, facts: str) -> str:
    return f"{PASS if holds else MISS}: {facts}"


def is_baseline(method: str) -> bool:
    return not method.startswith("ours") and method not in (COMPONENTS, WITH_LABELS)


def check_baselines(ours: Row, rows: Rows) -> str:
    """Check that no method without labels is ahead."""
    others = {
        row.method: value
        for row in rows.values()
        if (row.set_name, row.strata) == (ours.set_name, ours.strata)
        and is_baseline(row.method)
        and (value := row.median("balanced")) is not None
    }
    if not others:
        return ""
    best = max(others, key=others.__getitem__)
    value, error = ours.median("balanced"), ours.median("balanced_se")
    return verdict(
        others[best] - value <= error,
        f"{value:.3f} ± {error:.3f}, {best} {others[best]:.3f}",
    )


def check_latents(probe: str, ours: Row, rows: Rows) -> str:
    """Check that a probe finds as much in the latents as in principal components."""
    row = rows.get((ours.set_name, None, COMPONENTS))
    if row is None:
        return ""
    value, other = (r.median(f"{probe}_balanced") for r in (ours, row))
    error = ours.median(f"{probe}_se")
    return verdict(
        other - value <= error, f"{value:.3f} ± {error:.3f}, components {other:.3f}"
    )


def check_neighbors(ours: Row, rows: Rows) -> str:
    return check_latents("neighbors", ours, rows)


def check_linear(ours: Row, rows: Rows) -> str:
    return check_latents("linear", ours, rows)


def check_ratio(ours: Row, rows: Rows) -> str:
    """Check that many strata keep what nearest neighbors find in the latents."""
    if ours.strata != N_STRATA_OF_RATIO:
        return ""
    ratio = ours.median("balanced") / ours.median("neighbors_balanced")
    return verdict(ratio >= SMALLEST_RATIO, f"{ratio:.3f}")


def check_spread(ours: Row, rows: Rows) -> str:
    """Check that all seeds are close to the median."""
    values = ours.values(MAIN_METRIC)
    if len(values) < 2 or ours.runs[0]["n_train"] <= MANY_IMAGES:
        return ""
    median = ours.median(MAIN_METRIC)
    spread = max(abs(value - median) for value in values)
    return verdict(spread <= LARGEST_SPREAD, f"{spread:.3f}")


CHECKS: dict[str, Callable[[Row, Rows], str]] = {
    "no baseline ahead": check_baselines,
    "neighbors on latents": check_neighbors,
    "linear model on latents": check_linear,
    "20 strata / neighbors": check_ratio,
    "spread of seeds": check_spread,
}
CHECKS_HEADER = ("data", "strata", *CHECKS)


def make_checks(rows: Rows) -> list[list[str]]:
    """Return the cells of a table with a row for each set and number of strata.

    A cell is empty where a check does not apply or a method was not measured.
    """
    return [
        [
            row.set_name,
            str(row.strata),
            *(check(row, rows) for check in CHECKS.values()),
        ]
        for row in rows.values()
        if row.method == OURS
    ]


@dataclass(frozen=True)
class Target:
    """The smallest value of a metric, for the median of all seeds or for each seed."""

    set_name: str
    strata: int
    metric: str
    least: float
    each_seed: bool = False


TARGETS = (
    Target("pneumoniamnist", 10, "mapped", 0.92),
    Target("pneumoniamnist", 10, "balanced", 0.91),
    Target("pneumoniamnist", 2, "one_to_one", 0.91),
    Target("mnist", 10, "one_to_one", 0.987),
    Target("mnist", 10, "one_to_one", 0.983, each_seed=True),
    Target("bloodcells", 10, "balanced", 0.95),
    Target("magnified", 2, "balanced", 0.80),
)
TARGETS_HEADER = ("data", "strata", "metric", "target", "result", "with labels")


def make_targets(rows: Rows) -> Iterator[list[str]]:
    """Yield the cells of a row for each target that was measured.

    The last is the median of the encoder that was trained with labels, if measured.
    """
    for target in TARGETS:
        row = rows.get((target.set_name, target.strata, OURS))
        if row is None:
            continue
        values = row.values(target.metric)
        value = min(values) if target.each_seed else row.median(target.metric)
        with_labels = rows.get((target.set_name, None, WITH_LABELS))
        ceiling = None if with_labels is None else with_labels.median(target.metric)
        yield [
            target.set_name,
            str(target.strata),
            f"{target.metric}, {'each seed' if target.each_seed else 'median'}",
            f"{target.least:.3f}",
            verdict(value >= target.least, f"{value:.3f}"),
            "" if ceiling is None else f"{ceiling:.3f}",
        ]
