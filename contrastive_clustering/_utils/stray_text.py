"""Texts in a column of numbers, which make it a column of categories."""

import re
from collections.abc import Sequence
from numbers import Real
from typing import Any, NamedTuple

from contrastive_clustering._utils.caller_warnings import warn
from contrastive_clustering._utils.identifiers import is_missing
from contrastive_clustering._utils.messages import quantity

# Between the thousands of a number: an apostrophe or a space, also one that does not
# break a line.
SEPARATOR = "['\u2019 \u00a0\u2009\u202f]"

# A number, and one that may have several points or commas.
PLAIN = r"[+-]?(?:\d+[.,]?\d*|[.,]\d+)(?:e[+-]?\d+)?"
NUMBER = r"[+-]?(?:\d+(?:[.,]\d*)*|[.,]\d+)(?:e[+-]?\d+)?"

# Thousands are separated by one kind of sign, and decimals by another. Points and
# commas separate thousands if there are several; a single one may be that of decimals.
THOUSANDS = (
    rf"[+-]?\d{{1,3}}(?:(?:{SEPARATOR}\d{{3}})+(?:[.,]\d+)?"
    r"|(?:\.\d{3})+,\d+|(?:,\d{3})+\.\d+|(?:\.\d{3}){2,}|(?:,\d{3}){2,})"
)
DATE = r"\d{1,4}([-./])\d{1,2}\1\d{1,4}"

# Kinds of texts, which are named instead of texts, as these may identify persons.
KINDS = {
    kind: re.compile(pattern, re.IGNORECASE)
    for kind, pattern in (
        ("only punctuation", r"[^\w\s]+"),
        ("a date", DATE),
        ("a number with a sign of comparison", rf"[<>=~\u2264\u2265]+\s*{NUMBER}"),
        ("a number with a separator of thousands", THOUSANDS),
        ("a number with a unit", rf"{NUMBER}\s*[^\d\s.,].*"),
    )
}

# Texts that are the same number in another form. Numbers with a zero at the beginning
# are identifiers, and texts with digits after the unit are ranges or sizes.
SEPARATED = KINDS["a number with a separator of thousands"]
COMPARED = re.compile(rf"[<>=~\u2264\u2265]+\s*({NUMBER})", re.IGNORECASE)
WITH_UNIT = re.compile(r"([+-]?(?:0|[1-9]\d*)(?:[.,]\d+)?)\s*([^\d\s.,]+)")

# More distinct numbers are hardly codes of categories, such as stages. If there are few
# samples, most have a quantity of their own.
MANY_NUMBERS, FEWEST_NUMBERS = 10, 5

# Names of the types of pandas and polars for categories, whatever their values are.
CATEGORY_TYPES = ("CategoricalDtype", "Categorical", "Enum")


class StrayText(NamedTuple):
    """Texts among numbers.

    Attributes
    ----------
    first : int
        Index of the first one.

    kind : str
        Its kind.

    n_texts, n_values : int
        Number of texts, and of all values that are not missing.
    """

    first: int
    kind: str
    n_texts: int
    n_values: int

    def describe(self, position: str) -> str:
        """Return the texts in words, given the position of the first one."""
        are = "is not a number" if self.n_texts == 1 else "are not numbers"
        return (
            f"{self.n_texts} of {quantity(self.n_values, 'value')} {are}; the first, "
            f"{position}, is {self.kind}"
        )


def find_stray_text(entries: Sequence[Any]) -> StrayText | None:
    """Return the texts in a column that is probably meant to hold numbers.

    Parameters
    ----------
    entries : sequence
        The values of the column.

    Returns
    -------
    found : StrayText or None
        None if all values are numbers, if they are texts that could all be numbers, as
        codes of categories may be, if fewer than half are numbers, or if only a few
        numbers are different. Numbers with a sign of comparison, with a separator of
        thousands, or with the same unit as all others with a unit count as numbers.

    Examples
    --------
    >>> from contrastive_clustering._utils.stray_text import find_stray_text
    >>> find_stray_text(["61", "48", "57", "<5", "70", "66"])
    StrayText(first=3, kind='a number with a sign of comparison', n_texts=1, n_values=6)
    >>> find_stray_text(["1", "2", "3", "2", "x", "1"])  # codes
    """
    numbers: list[str] = []
    with_comma: list[tuple[int, str]] = []
    others: list[tuple[int, str]] = []
    n_known = 0
    for index, entry in enumerate(entries):
        if is_missing(entry):
            continue
        n_known += 1
        text = str(entry).strip() if _is_number_or_text(entry) else ""
        is_number = re.fullmatch(PLAIN, text, re.IGNORECASE)
        if not is_number:
            others.append((index, text))
            continue
        numbers.append(text)
        if "," in text:
            with_comma.append((index, text))
    numbers += _find_numbers([text for _, text in others])
    n_distinct = len(set(numbers))
    is_quantity = n_distinct > MANY_NUMBERS or (
        n_distinct >= FEWEST_NUMBERS and 2 * n_distinct > len(numbers)
    )
    # Commas may be those of decimals, which some readers of tables understand.
    strays = others or with_comma
    if not strays or not is_quantity or n_known > 2 * len(numbers):
        return None
    index, text = strays[0]
    kind = _kind_of(text) if others else "a number with a comma"
    return StrayText(index, kind, len(strays), n_known)


def _find_numbers(texts: Sequence[str]) -> list[str]:
    """Return the numbers of texts that are clearly numbers in another form."""
    numbers = [text for text in texts if SEPARATED.fullmatch(text)]
    numbers += [found[1] for text in texts if (found := COMPARED.fullmatch(text))]
    with_unit = [found for text in texts if (found := WITH_UNIT.fullmatch(text))]
    if len({found[2] for found in with_unit}) == 1:
        numbers += [found[1] for found in with_unit]
    return numbers


def warn_of_stray_text(entries: Sequence[Any], where: str, dtype: Any) -> bool:
    """Warn, and return True, if a few texts make a column of numbers one of categories.

    There is no warning for a column of a categorical dtype.
    """
    if type(dtype).__name__ in CATEGORY_TYPES:
        return False
    stray = find_stray_text(entries)
    if stray is not None:
        warn(
            f"{where} is a column of categories, because "
            f"{stray.describe(f'at index {stray.first}')}. Replace such values by "
            "numbers or None and convert the column to numbers, for example with "
            "pandas.to_numeric; or convert it to a categorical type if its numbers are "
            "names."
        )
    return stray is not None


def _is_number_or_text(entry: Any) -> bool:
    return isinstance(entry, str) or (
        isinstance(entry, Real) and not isinstance(entry, bool)
    )


def _kind_of(text: str) -> str:
    kinds = (kind for kind, pattern in KINDS.items() if pattern.fullmatch(text))
    return next(kinds, "a text")
