"""Which columns of metadata may identify persons, so that a report leaves them out."""

import re
from collections.abc import Hashable
from typing import Any

import numpy as np

from contrastive_clustering._evaluation.table_columns import (
    is_numeric,
    to_numbers,
)
from contrastive_clustering._utils.grouping import Grouping
from contrastive_clustering._utils.identifiers import MISSING, factorize
from contrastive_clustering._utils.messages import show

# Integers of more than 15 digits are too large for a quantity.
FIRST_TOO_LARGE = 10**15

# A column with more distinct values than this share of the groups may identify them.
MAX_SHARE_OF_DISTINCT = 0.5

# Without groups, a person may have several samples: a column with more levels may
# identify persons if levels have fewer than five samples on average.
MANY_LEVELS = 10
MAX_SHARE_WITHOUT_GROUPS = 0.2

# So may a column of this name, such as the hashes of `load_images`, if it has more
# levels than the sex or the position of a patient.
NAMES_OF_PERSONS = re.compile(
    "patient|subject|participant|person|^groups$", re.IGNORECASE
)
FEW_LEVELS = 5

# So may integers, if the column is named like their number rather than like a quantity,
# such as the age of a patient.
NUMBERS_OF_PERSONS = re.compile(
    r"(patient|subject|participant|person|case)s?[\W_]*"
    r"(id|identifier|no|nr|num|number|code|key|index)?\W*|groups|id|pid|mrn",
    re.IGNORECASE,
)


def may_identify(
    name: Hashable, values: Any, grouping: Grouping, *, grouped: bool
) -> bool:
    """Return whether a column may identify groups, or persons if there are no groups.

    Numbers with fractions do not. Integers, of which only quartiles are shown, do if
    all groups differ, if they are too large for a quantity, or if the column is named
    like the number of a patient; names do if there are many.
    """
    where = f"column {show(name)} of metadata"
    codes, distinct = factorize(values.tolist(), where)
    known = codes != MISSING
    n_distinct = len(np.unique(codes[known]))
    n_units = len(np.unique(grouping.codes[known]))
    if is_numeric(values, where):
        if any(isinstance(each, int) and _is_too_large(each) for each in distinct):
            return True
        numbers = to_numbers(values, where)[known]
        is_whole = bool(np.all(numbers % 1 == 0))
        # Next to missing values, pandas has converted integers to floats.
        if is_whole and not known.all() and np.any(_is_too_large(numbers)):
            return True
        is_named = not grouped and NUMBERS_OF_PERSONS.fullmatch(str(name).strip())
        least = FEW_LEVELS + 1 if is_named else n_units
        return n_distinct >= least and is_whole
    if not grouped and n_distinct > FEW_LEVELS and NAMES_OF_PERSONS.search(str(name)):
        return True
    return has_many_levels(n_distinct, n_units, grouped=grouped)


def _is_too_large(numbers: Any) -> Any:
    return abs(numbers) >= FIRST_TOO_LARGE


def has_many_levels(n_levels: int, n_units: int, *, grouped: bool) -> bool:
    """Return whether the levels of a variable are too many not to identify persons.

    Units are groups, or samples if there are no groups.

    Examples
    --------
    >>> from contrastive_clustering._report.identifying import has_many_levels
    >>> has_many_levels(20, 60, grouped=True), has_many_levels(20, 60, grouped=False)
    (False, True)
    """
    share = MAX_SHARE_OF_DISTINCT
    if not grouped and n_levels > MANY_LEVELS:
        share = MAX_SHARE_WITHOUT_GROUPS
    return n_levels > share * n_units
