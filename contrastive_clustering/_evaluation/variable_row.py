"""The row of one variable in the table of associations."""

from typing import Any

import numpy as np

from contrastive_clustering._evaluation.association_result import LEVEL
from contrastive_clustering._evaluation.resampling import ROUNDING, permutation_p
from contrastive_clustering._evaluation.survival import LogRankTest
from contrastive_clustering._evaluation.survival_column import SurvivalColumn
from contrastive_clustering._evaluation.table_columns import Column
from contrastive_clustering._evaluation.variable_tests import (
    ChiSquaredTest,
    KruskalWallisTest,
)

# Number of resamples of the intervals.
N_RESAMPLES = 999


def make_row(
    column: Column | SurvivalColumn,
    labels: np.ndarray,
    blocks: np.ndarray,
    names: list[str],
    *,
    reason: str,
    n_permutations: int,
    confidence_level: float,
    seed: int,
) -> dict[str, Any]:
    """Return the row of a variable in the table, without the corrected p-value.

    Parameters
    ----------
    column : Column or SurvivalColumn
        Values of the units.

    labels : ndarray of shape (n_units,)
        Codes of the strata.

    blocks : ndarray of shape (n_units,)
        Blocks of units within which labels are permuted.

    names : list of str
        Names of the strata.

    reason : str
        Why the variable must not be tested; "" if it may.

    n_permutations, confidence_level, seed
        Parameters of the p-value and of the interval.

    Returns
    -------
    row : dict of str to object
        The columns of the table; numbers are NaN if the variable was not tested.
    """
    known = column.known
    present, codes = np.unique(labels[known], return_inverse=True)
    row: dict[str, Any] = {
        "kind": column.kind,
        "test": "",
        "statistic": np.nan,
        "effect": np.nan,
        "effect_name": "",
        "effect_low": np.nan,
        "effect_high": np.nan,
        "n": int(known.sum()),
        "n_missing": int((~known).sum()),
        "p": np.nan,
        "note": reason or _why_unsuitable(column.take(known), len(present)),
    }
    if row["note"]:
        return row
    test = _make_test(column.take(known), codes, [names[code] for code in present])
    low, high = test.interval(
        N_RESAMPLES, confidence_level, np.random.default_rng([seed, 1])
    )
    # Resamples that are all alike, such as those of times that are all 0, do not show
    # how precise the effect is.
    if np.isclose(low, high, rtol=ROUNDING, atol=0):
        low = high = np.nan
    effect = test.effect()
    permuted = permutation_p(
        test.statistic,
        codes,
        blocks[known],
        n_permutations,
        np.random.default_rng([seed, 0]),
    )
    notes = [test.note, _why_p_is_large(permuted.smallest)]
    return row | {
        "test": test.test,
        "statistic": float(test.statistic(codes[None])[0]),
        "effect": effect,
        "effect_name": test.effect_name,
        # Ties among resampled units can shift the limits beyond an extreme effect.
        "effect_low": float(np.minimum(low, effect)),
        "effect_high": float(np.maximum(high, effect)),
        "p": permuted.p,
        "note": "; ".join(filter(None, notes)),
    }


def _why_p_is_large(smallest: float) -> str:
    """Return that no p-value can be small, or ""."""
    if smallest <= LEVEL:
        return ""
    return (
        f"the smallest p of the permutations is {smallest:.2g}, so that a large p says "
        "nothing"
    )


def _why_unsuitable(column: Column | SurvivalColumn, n_strata: int) -> str:
    """Return why a column without missing values cannot be tested, or ""."""
    n = int(column.known.sum())
    if n == 0:
        return "all values are missing"
    if n_strata < 2:
        return "only one stratum has values"
    if isinstance(column, SurvivalColumn):
        return "" if column.event.any() else "no event was observed"
    n_levels = len(np.unique(column.values))
    if n_levels == 1:
        return "constant"
    if column.kind == "categorical" and n_levels == n:
        return "an identifier: no two values are equal"
    return ""


def _make_test(
    column: Column | SurvivalColumn, labels: np.ndarray, names: list[str]
) -> LogRankTest | KruskalWallisTest | ChiSquaredTest:
    if isinstance(column, SurvivalColumn):
        return LogRankTest(column.time, column.event == 1, labels, names)
    if column.kind == "numeric":
        return KruskalWallisTest(column.values, labels)
    _, levels = np.unique(column.values, return_inverse=True)
    return ChiSquaredTest(levels, labels)
