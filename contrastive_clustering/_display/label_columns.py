"""Grouping of many labels into few columns: ranges of numbers, and rare names."""

import re
from numbers import Real

import numpy as np

from contrastive_clustering._display.drawing.style import literal

# Plots of more columns are not legible.
MAX_COLUMNS = 40

# Number of ranges, with about equally many samples each.
N_RANGES = 10

# Significant digits of their limits; more if ranges would have the same name.
DIGITS = (4, 8, 15)

# The number at the start of a name, such as that of a range of pandas.cut.
NUMBER = re.compile(r"\s*[(\[]?\s*([+-]?\d+(?:\.\d+)?(?:e[+-]?\d+)?)", re.IGNORECASE)


def group_columns(
    counts: np.ndarray, classes: np.ndarray, max_columns: int = MAX_COLUMNS
) -> tuple[np.ndarray, list[str]]:
    """Return counts in a limited number of columns, with the name of each column.

    Up to `max_columns` labels have a column each. Larger sets of numbers or dates are
    grouped into up to ten ranges with about equally many samples. In larger sets of
    names, the most frequent keep their column, and the others share the last one.

    Parameters
    ----------
    counts : ndarray of shape (n_clusters, n_classes)
        Number of samples of each stratum with each label.

    classes : ndarray of shape (n_classes,)
        The labels, sorted.

    max_columns : int, default=40
        Maximum number of columns of names, and of numbers that are not grouped.

    Returns
    -------
    counts : ndarray of shape (n_clusters, n_columns)
        The counts of each column.

    names : list of str
        Names of the columns.

    Examples
    --------
    >>> import numpy as np
    >>> from contrastive_clustering._display.label_columns import group_columns
    >>> counts, names = group_columns(np.ones((1, 100), int), np.arange(100))
    >>> counts
    array([[10, 10, 10, 10, 10, 10, 10, 10, 10, 10]])
    >>> names[:2]
    ['0 to 9', '10 to 19']
    """
    if len(classes) <= max_columns:
        return counts, [literal(name) for name in classes]
    totals = counts.sum(axis=0)
    if _are_ordered(classes):
        columns = _ranges(totals, classes)
        numbers = np.unique(columns)
        for digits in DIGITS:
            names = [
                _name_range(classes[columns == number], digits) for number in numbers
            ]
            if len(set(names)) == len(names):
                break
    else:
        columns = np.full(len(classes), max_columns - 1)
        # Among equally frequent names, the first ones keep their column.
        frequent = np.sort(np.argsort(-totals, kind="stable")[: max_columns - 1])
        columns[frequent] = np.arange(len(frequent))
        numbers = np.arange(max_columns)
        names = [literal(name) for name in classes[frequent]]
        names.append(f"{len(classes) - len(frequent)} others")
    grouped = np.stack([counts[:, columns == n].sum(axis=1) for n in numbers], axis=1)
    return grouped, names


def sort_key(name: str) -> tuple[float, str]:
    """Return a key that sorts names by the number that they begin with, if any.

    Names without a number come last.

    Parameters
    ----------
    name : str
        Name of a level, such as a number or a range.

    Returns
    -------
    key : tuple of float and str
        The key.

    Examples
    --------
    >>> from contrastive_clustering._display.label_columns import sort_key
    >>> sorted(["A", "10", "9", "(2.5, 4.0]", "(-1.0, 2.5]"], key=sort_key)
    ['(-1.0, 2.5]', '(2.5, 4.0]', '9', '10', 'A']
    """
    number = NUMBER.match(name)
    return float(number[1]) if number else np.inf, name


def _are_ordered(classes: np.ndarray) -> bool:
    """Return whether labels are numbers or dates, so that neighbors can be grouped."""
    if classes.dtype.kind == "O":
        return all(isinstance(each, Real) for each in classes)
    return classes.dtype.kind in "iufmM"


def _ranges(totals: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """Return the index of the range of each label, in ascending order."""
    # NaN, which is sorted last, has its own range.
    known = np.array([each == each for each in classes])  # noqa: PLR0124
    middles = np.cumsum(totals) - totals / 2
    share = middles / max(1, totals[known].sum())
    columns = np.minimum((N_RANGES * share).astype(int), N_RANGES - 1)
    return np.where(known, columns, N_RANGES)


def _name_range(classes: np.ndarray, digits: int) -> str:
    first, last = (
        f"{each:.{digits}g}" if isinstance(each, Real | np.number) else str(each)
        for each in (classes[0], classes[-1])
    )
    return literal(first if first == last else f"{first} to {last}")
