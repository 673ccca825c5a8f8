"""Association of strata with outcomes and other variables, by permutation of groups."""

from collections.abc import Hashable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import StrOptions

from contrastive_clustering._evaluation.association_result import StrataAssociation
from contrastive_clustering._evaluation.baseline import make_baseline
from contrastive_clustering._evaluation.clustered_columns import find_clustered
from contrastive_clustering._evaluation.correction import (
    correct,
    warn_of_few_permutations,
)
from contrastive_clustering._evaluation.survival_column import (
    SurvivalColumn,
    read_survival,
)
from contrastive_clustering._evaluation.table_columns import (
    Column,
    read_column,
    read_table,
)
from contrastive_clustering._evaluation.variable_row import make_row
from contrastive_clustering._utils.arrays import in_memory
from contrastive_clustering._utils.grouping import Grouping, read_units
from contrastive_clustering._utils.labels import check_labels
from contrastive_clustering._utils.messages import quantity, show
from contrastive_clustering._utils.numbering import noise_mask
from contrastive_clustering._utils.optional import import_pandas
from contrastive_clustering._utils.param_validation import (
    Count,
    Number,
    validate_params,
)

CLUSTERED = "clustered, so that its test across its own clusters would always reject"


@validate_params(
    {
        "survival": [tuple, list, None],
        "n_searched": [Count(1)],
        "correction": [StrOptions({"holm", "bh"}), None],
        "n_permutations": [Count(1)],
        "confidence_level": [Number(0, 1, closed="neither")],
        "random_state": ["random_state"],
    }
)
def associate_strata(
    strata: ArrayLike,
    metadata: Any,
    *,
    groups: ArrayLike | str | None = None,
    survival: tuple[Any, Any] | None = None,
    clustered: Any = (),
    n_searched: int = 1,
    correction: str | None = "holm",
    n_permutations: int = 999,
    confidence_level: float = 0.95,
    random_state: int | np.random.RandomState | None = None,
) -> StrataAssociation:
    """Test strata against outcomes and other variables that were not clustered.

    Categories are tested by the chi-squared statistic, numbers by that of Kruskal and
    Wallis, and survival by the log-rank statistic. P-values come from permutations of
    the strata among groups, such as patients, so that several images of one patient do
    not count as independent observations.

    A group counts once, in the stratum of most of its samples. Its value is the mean of
    a numeric variable or the most frequent level of a categorical one, over its samples
    with a value; this changes nothing for a variable that is constant within groups. If
    strata or levels are equally frequent, the one that comes first among the samples of
    the group counts, so that results do not depend on the numbers of the strata.

    Groups with many samples lie in a large stratum more often than groups with few, and
    sicker patients may have more images. Therefore, strata are permuted only among
    groups with similar numbers of samples (1, 2, 3 to 4, 5 to 8, and so on), or with
    equal numbers if at least five groups have them, so that the number of samples alone
    does not cause an association.

    Parameters
    ----------
    strata : array-like of shape (n_samples,)
        Stratum of each sample. Samples of noise, -1, are left out.

    metadata : pandas.DataFrame, polars.DataFrame or dict of columns
        The variables, one row for each sample, in the order of `strata`; an index is
        ignored. Strings, booleans, tuples, categorical columns and numbers with exactly
        two different values are categories; other numbers are numeric. NaN, None, empty
        strings and the like are missing.

    groups : array-like of shape (n_samples,) or str, default=None
        Identifier of the group of each sample, or the name of a column of `metadata`.
        A sample without an identifier is a group of its own. None if each sample is
        independent of the others.

    survival : tuple of (time, event), default=None
        Time to an event or to the end of observation, and whether the event was
        observed (1 or True) or not (0 or False): names of columns of `metadata`, or
        array-likes of shape (n_samples,). All samples of a group must agree.

    clustered : str, sequence of names, data frame or array-like of shape \
(n_samples, ...), default=()
        Names of columns that were clustered, or the features from which the strata were
        made. Columns that equal one of these up to a linear transform are not tested:
        clusters differ in the features that they were made from, even in pure noise,
        and a test on held-out samples does not help.

    n_searched : int, default=1
        Number of clusterings from which this one was chosen with a view to these
        variables. P-values are multiplied by it before they are corrected.

    correction : {"holm", "bh"} or None, default="holm"
        Correction for the number of tested variables: the family-wise error rate by
        Holm's method, the false discovery rate by that of Benjamini and Hochberg, or
        none.

    n_permutations : int, default=999
        Number of permutations. No p-value is below ``1 / (1 + n_permutations)``.

    confidence_level : float, default=0.95
        Level of the intervals of the effect sizes, from 999 resamples of the groups:
        percentiles, corrected for the size of an effect by chance, or for survival a
        margin that holds for all pairs of strata. That margin is too narrow for many
        strata of few groups.

    random_state : int, RandomState instance or None, default=None
        Seed of the permutations and resamples. The result for a variable does not
        depend on the other variables, except for its corrected p-value.

    Returns
    -------
    association : StrataAssociation
        A table of tests and effect sizes, and the baseline characteristics by stratum;
        print it for an overview.

    Raises
    ------
    ImportError
        If pandas is not installed.

    TypeError
        If `metadata` has no named columns, or if a column of it or `clustered` is
        sparse or has no order, such as a set.

    ValueError
        If a parameter is out of range, lengths differ, there are fewer than two strata
        or groups, or a column is neither numeric nor categorical. A column that cannot
        be tested because it is clustered, constant, empty or an identifier does not
        raise an error: its numbers are NaN, and its "note" states the reason.

    Warns
    -----
    UserWarning
        If `n_permutations` is so small that no corrected p-value can reach 0.05, or if
        a few texts make a column that otherwise holds numbers one of categories.

    Examples
    --------
    >>> import numpy as np
    >>> from contrastive_clustering import associate_strata
    >>> strata = np.repeat([0, 1], 60)
    >>> patient = np.repeat(np.arange(40), 3)  # three images each
    >>> age = np.where(patient < 20, 40, 60) + patient % 10
    >>> hand = np.where(patient % 2, "left", "right")
    >>> result = associate_strata(
    ...     strata, {"age": age, "hand": hand}, groups=patient, random_state=0
    ... )
    >>> result.table[["n", "p_corrected"]]
               n  p_corrected
    variable
    age       40        0.002
    hand      40        1.000
    """
    pandas = import_pandas("associate_strata")
    (labels,) = check_labels(strata=strata)
    n_samples = len(labels)
    metadata = in_memory(metadata)
    series = read_table(metadata, n_samples)
    grouping = _read_groups(groups, metadata, series, n_samples)
    columns: list[Column | SurvivalColumn] = []
    if survival is not None:
        columns.append(read_survival(survival, series, grouping))
    variables = [read_column(name, series[name]) for name in series]
    refused = find_clustered(variables, clustered, n_samples)
    columns += variables

    rows = np.flatnonzero(~noise_mask(labels))
    strata_of_rows, codes = np.unique(labels[rows], return_inverse=True)
    grouping = grouping.take(rows)
    unit_codes = grouping.majority(codes)
    kept, unit_codes = np.unique(unit_codes, return_inverse=True)
    _check_strata(len(strata_of_rows), len(kept), grouping.n_groups)
    divided = np.unique(grouping.codes[grouping.varies(codes.astype(float))])
    columns = [column.take(rows).reduce(grouping) for column in columns]

    seed = int(check_random_state(random_state).randint(2**31 - 1))
    names = [str(name) for name in strata_of_rows[kept].tolist()]
    tested = [
        make_row(
            column,
            unit_codes,
            grouping.size_blocks(),
            names,
            reason=CLUSTERED if column.name in refused else "",
            n_permutations=n_permutations,
            confidence_level=confidence_level,
            seed=seed,
        )
        for column in columns
    ]
    frame = pandas.DataFrame(
        tested,
        index=pandas.Index([str(c.name) for c in columns], name="variable"),
    )
    p = frame["p"].to_numpy()
    p_corrected = correct(p, n_searched, correction)
    frame.insert(frame.columns.get_loc("p") + 1, "p_corrected", p_corrected)
    warn_of_few_permutations(p, n_permutations, n_searched, correction)
    return StrataAssociation(
        table=frame,
        baseline=make_baseline(columns, unit_codes, strata_of_rows[kept]),
        strata=strata_of_rows[kept],
        sample_counts=np.bincount(codes)[kept],
        group_counts=None if groups is None else np.bincount(unit_codes),
        n_samples=len(rows),
        n_noise=n_samples - len(rows),
        n_divided=len(divided),
        n_groups=None if groups is None else grouping.n_groups,
        n_searched=n_searched,
        correction=correction,
        n_permutations=n_permutations,
        confidence_level=confidence_level,
    )


def _read_groups(
    groups: Any, metadata: Any, series: dict[Hashable, Any], n_samples: int
) -> Grouping:
    """Return the group of each sample, and remove the column that `groups` names."""
    if not isinstance(groups, str):
        return read_units(groups, n_samples)
    if groups not in series:
        raise ValueError(
            f"groups={show(groups)} is not a column of metadata. Pass the name of "
            "a column or one identifier for each sample."
        )
    series.pop(groups)
    # A series of integers may have become floats, in which some identifiers are equal.
    return Grouping.read(metadata[groups], n_samples)


def _check_strata(n_of_samples: int, n_of_groups: int, n_groups: int) -> None:
    if n_of_samples < 2:
        raise ValueError(
            f"strata has {quantity(n_of_samples, 'label')} without noise, but at least "
            "2 are needed."
        )
    if n_groups < 2:
        raise ValueError("groups has one group only, but at least 2 are needed.")
    if n_of_groups < 2:
        raise ValueError(
            "All groups have the same most frequent stratum, so that groups cannot be "
            "compared. Pass strata that differ between groups."
        )
