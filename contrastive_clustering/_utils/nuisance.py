"""Nuisance variables of samples, such as the site or the scanner, as levels."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.sparse import issparse

from contrastive_clustering._utils.arrays import from_tensor, in_memory, name_of
from contrastive_clustering._utils.identifiers import (
    MISSING,
    factorize,
    read_column,
)
from contrastive_clustering._utils.messages import show


@dataclass(frozen=True, eq=False)
class Nuisance:
    """The levels of the nuisance variables of each sample.

    Attributes
    ----------
    codes : ndarray of shape (n_samples, n_variables)
        Level of each variable, from 0; each level has at least one sample.

    names : tuple of str
        Names of the variables.

    levels : tuple of tuple of str
        Names of the levels of each variable, in the order of the codes. Missing values
        are the last level, "missing".
    """

    codes: np.ndarray
    names: tuple[str, ...]
    levels: tuple[tuple[str, ...], ...]

    @classmethod
    def read(cls, nuisance: Any, n_samples: int) -> "Nuisance":
        """Return the nuisance variables that a caller passes.

        Parameters
        ----------
        nuisance : array-like of shape (n_samples,) or (n_samples, n_variables), \
data frame or mapping of names to columns
            Strings or numbers, each value of which is a level. Missing values are a
            level of their own.

        n_samples : int
            Number of samples.

        Returns
        -------
        nuisance : Nuisance
            The variables; levels in the order in which they first appear.

        Raises
        ------
        TypeError, ValueError
            If there is not one value for each sample and variable; if a variable has a
            single level, fewer than two samples per level on average, or levels that
            look the same; or if variables have names that look the same.
        """
        codes, names, levels = [], [], []
        for name, column in _columns_of(nuisance).items():
            where = "nuisance" if name is None else f"column {show(name)} of nuisance"
            if isinstance(nuisance, Mapping):
                _check_length(column, where, n_samples)
            found, known = factorize(read_column(column, where, n_samples), where)
            texts = [str(level) for level in known]
            if (found == MISSING).any():
                found[found == MISSING] = len(texts)
                texts.append("missing")
            if len(set(texts)) < len(texts):
                raise ValueError(
                    f"{where} has different levels that look the same, such as 1 and "
                    "'1', or None and 'missing'. Convert it to one type, and give "
                    "missing values one form."
                )
            if len(texts) < 2:
                raise ValueError(
                    f"{where} has one level only, but at least 2 are needed. Leave it "
                    "out: it cannot explain any difference between samples."
                )
            if 2 * len(texts) > n_samples:
                raise ValueError(
                    f"{where} has {len(texts)} levels for {n_samples} samples, so that "
                    "too few samples share a level. Merge levels; divide numbers into "
                    "ranges, for example with pandas.cut; and pass identifiers of "
                    "patients as groups."
                )
            codes.append(found)
            names.append("nuisance" if name is None else str(name))
            levels.append(tuple(texts))
        return cls(np.stack(codes, axis=1), tuple(names), tuple(levels))

    def take(self, rows: np.ndarray) -> "Nuisance":
        """Return the variables of some samples; levels may be left without samples."""
        return replace(self, codes=self.codes[rows])

    def without_empty_levels(self) -> "Nuisance":
        """Return the variables without levels that no sample has."""
        columns, levels = [], []
        for codes, names in zip(self.codes.T, self.levels, strict=True):
            known, column = np.unique(codes, return_inverse=True)
            columns.append(column)
            levels.append(tuple(names[level] for level in known))
        return replace(self, codes=np.stack(columns, axis=1), levels=tuple(levels))

    def combinations(self) -> np.ndarray:
        """Return a code from 0 for each combination of levels, (n_samples,)."""
        _, codes = np.unique(self.codes, axis=0, return_inverse=True)
        return np.asarray(codes.reshape(-1))  # a column in NumPy 2.0

    def indicators(self) -> np.ndarray:
        """Return indicators of the levels of all variables, (n_samples, n_levels)."""
        columns = [
            np.eye(len(levels))[codes]
            for levels, codes in zip(self.levels, self.codes.T, strict=True)
        ]
        return np.hstack(columns)

    @property
    def n_directions(self) -> int:
        """Largest number of latent directions that can differ between the levels."""
        return sum(len(levels) - 1 for levels in self.levels)


def _check_length(column: Any, where: str, n_samples: int) -> None:
    """Raise a ValueError if a column of a mapping has more values than samples.

    scikit-learn passes a mapping to each fold as it is, but selects the rows of a data
    frame.
    """
    n_values = len(column) if hasattr(column, "__len__") else 0
    if n_values > n_samples:
        raise ValueError(
            f"{where} has {n_values} values, but there are {n_samples} samples. Pass "
            "one value for each sample. In cross-validation, pass a data frame instead "
            "of a dict, because scikit-learn does not select rows of a dict."
        )


def _columns_of(nuisance: Any) -> dict[Any, Any]:
    """Return the columns by name; the name of a single unnamed column is None."""
    nuisance = in_memory(from_tensor(nuisance, "nuisance"))
    if isinstance(nuisance, Mapping) or hasattr(nuisance, "columns"):
        names = list(nuisance if isinstance(nuisance, Mapping) else nuisance.columns)
        shown = [str(name) for name in names]
        repeated = [name for i, name in enumerate(shown) if name in shown[:i]]
        if not names or repeated:
            found = f"several columns named {show(repeated[0])}" if names else "none"
            raise ValueError(
                f"nuisance needs columns with different names, but has {found}."
            )
        return {name: nuisance[name] for name in names}
    if issparse(nuisance):
        raise TypeError("nuisance is sparse. Pass a dense array or a data frame.")
    values = nuisance
    if isinstance(values, list | tuple) and values and np.ndim(values[0]) == 1:
        values = np.array(values, dtype=object)
    shape = getattr(values, "shape", None)
    if shape is not None and len(shape) == 2 and shape[1] > 1:
        return {str(index): values[:, index] for index in range(shape[1])}
    return {name_of(nuisance, "") or None: values}
