"""The composition of strata by the levels of a variable."""

from dataclasses import dataclass
from importlib import import_module
from numbers import Real
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike

from contrastive_clustering._display.base import Display
from contrastive_clustering._display.drawing.palette import (
    group_colors,
    mark_ticks,
    stratum_numbers,
)
from contrastive_clustering._display.drawing.style import color_of_text, literal
from contrastive_clustering._display.label_columns import group_columns, sort_key
from contrastive_clustering._display.strata import read_strata
from contrastive_clustering._evaluation.group_parts import GroupParts
from contrastive_clustering._utils.arrays import name_of
from contrastive_clustering._utils.grouping import read_units
from contrastive_clustering._utils.identifiers import (
    MISSING,
    factorize,
    read_column,
)
from contrastive_clustering._utils.library_settings import default_library_settings
from contrastive_clustering._utils.numbering import NOISE, noise_mask
from contrastive_clustering._utils.optional import import_pyplot
from contrastive_clustering._utils.stray_text import (
    CATEGORY_TYPES,
    warn_of_stray_text,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# More colors are hard to tell apart.
MAX_LEVELS = 10

# Smaller segments have no room for their count.
MIN_SHARE_OF_TEXT = 0.06


@dataclass(kw_only=True, eq=False, repr=False)
class StrataCompositionDisplay(Display):
    """Shares of the levels of a variable, such as the site, in each stratum.

    Create it with :meth:`from_strata`; :meth:`plot` redraws it. Each bar is a stratum,
    and the first one all strata together: a stratum whose bar looks like the first one
    does not follow the variable. Numbers are counts of groups.

    More than ten levels are grouped in the plot: numbers, such as ages, into up to ten
    ranges with about equally many groups, and the rarest names into one level. The
    fields contain all levels.

    Parameters
    ----------
    counts : ndarray of shape (n_strata, n_levels)
        Number of groups, or samples without groups, of each stratum at each level.

    n_missing : ndarray of shape (n_strata,)
        Number of those without a value.

    strata : ndarray of shape (n_strata,)
        The strata; -1 is noise.

    levels : ndarray of shape (n_levels,)
        The levels, sorted: numbers, and names that begin with a number, by its value;
        names of an ordered categorical type in its order.

    variable_name : str, default="level"
        Name of the variable: that of a series passed as `values`.

    unit : {"groups", "samples"}, default="samples"
        The units of `counts`.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
        Axes of the plot.

    figure_ : matplotlib.figure.Figure
        Figure of the axes.

    See Also
    --------
    audit_confounding : Whether strata follow nuisance variables.

    Examples
    --------
    >>> from contrastive_clustering import StrataCompositionDisplay
    >>> display = StrataCompositionDisplay.from_strata(
    ...     [0, 0, 0, 1, 1], ["A", "A", "B", "B", "B"], groups=[7, 7, 8, 9, 9]
    ... )
    >>> display.counts
    array([[1, 1],
           [0, 1]])
    """

    counts: np.ndarray
    n_missing: np.ndarray
    strata: np.ndarray
    levels: np.ndarray
    variable_name: str = "level"
    unit: str = "samples"

    @classmethod
    @default_library_settings()
    def from_strata(
        cls,
        strata: ArrayLike,
        values: ArrayLike,
        *,
        groups: ArrayLike | None = None,
        ax: "Axes | None" = None,
    ) -> Self:
        """Plot the shares of the levels of a variable in each stratum.

        Parameters
        ----------
        strata : array-like of shape (n_samples,)
            Stratum of each sample, -1 for noise.

        values : array-like of shape (n_samples,)
            Value of each sample: names or numbers. The name of a series is shown.
            Missing values are shown in gray.

        groups : array-like of shape (n_samples,), default=None
            Identifier of the group of each sample, such as the patient. A group counts
            once at each of its levels, in the stratum of most of its samples at this
            level, and as noise only if all of these are noise; of equally frequent
            strata, the one that comes first among them counts. None if each sample is
            independent of the others.

        ax : matplotlib.axes.Axes, default=None
            Axes to plot on; None creates a new figure.

        Returns
        -------
        display : StrataCompositionDisplay
            The plotted display.

        Raises
        ------
        ImportError
            If matplotlib is not installed.

        TypeError, ValueError
            If an array has a wrong shape, if the lengths differ, or if different
            levels look the same.

        Warns
        -----
        UserWarning
            If a few texts make values that are otherwise numbers categories.
        """
        import_pyplot(f"{cls.__name__}.from_strata")
        distinct, codes = read_strata(strata)
        levels, columns = _read_levels(values, len(codes))
        parts = GroupParts.of(read_units(groups, len(codes)), columns)
        noise = np.flatnonzero(noise_mask(distinct))
        known = np.where(np.isin(codes, noise), MISSING, codes)
        of_parts = parts.grouping.majority(known)
        of_parts[of_parts == MISSING] = noise[0] if len(noise) else MISSING
        counts = np.zeros((len(distinct), len(levels) + 1), dtype=np.intp)
        # Missing values, -1, are counted in the last column.
        np.add.at(counts, (of_parts, parts.levels), 1)
        return cls(
            counts=counts[:, :-1],
            n_missing=counts[:, -1],
            strata=distinct,
            levels=levels,
            variable_name=name_of(values, "level"),
            unit="samples" if groups is None else "groups",
        ).plot(ax)

    def _size(self) -> tuple[float, float]:
        _, names, _ = self._columns()
        height = max(1.2 + 0.32 * (len(self.strata) + 1), 1.0 + 0.2 * len(names))
        return 6.4, height

    def _draw(self, ax: "Axes") -> None:
        counts, names, colors = self._columns()
        rows = np.vstack([counts.sum(axis=0), counts])
        sizes = rows.sum(axis=1)
        shares = rows / np.maximum(sizes, 1)[:, None]
        lefts = np.cumsum(shares, axis=1) - shares
        positions = np.r_[-0.3, np.arange(1, len(rows))]
        for column, (name, color) in enumerate(zip(names, colors, strict=True)):
            bars = ax.barh(
                positions,
                shares[:, column],
                left=lefts[:, column],
                color=color,
                label=name,
                height=0.85,
                edgecolor="white",
                linewidth=0.8,
            )
            texts = [
                str(n) if share >= MIN_SHARE_OF_TEXT else ""
                for n, share in zip(rows[:, column], shares[:, column], strict=True)
            ]
            ax.bar_label(
                bars,
                texts,
                label_type="center",
                fontsize=8,
                color=color_of_text(color),
            )
        titles = ["all", *map(_name_stratum, self.strata)]
        labels = [f"{t} (n={n})" for t, n in zip(titles, sizes, strict=True)]
        ax.set_yticks(positions, labels, fontsize=8)
        ax.set(xlim=(0, 1), ylim=(positions[-1] + 0.6, -0.9), ylabel="stratum")
        ax.set_xlabel(f"share of {self.unit}")
        ticker = import_module("matplotlib.ticker")
        ax.xaxis.set_major_formatter(ticker.PercentFormatter(1))
        ax.spines[["top", "right", "left"]].set_visible(False)
        # The row of all strata has no color.
        ax.yaxis.get_major_ticks()[0].tick1line.set_visible(False)
        mark_ticks(ax.yaxis, np.r_[NOISE, stratum_numbers(self.strata)])
        ax.legend(
            title=literal(self.variable_name),
            loc="upper left",
            bbox_to_anchor=(1.0, 1.0),
            frameon=False,
            fontsize=8,
        )

    def _columns(self) -> tuple[np.ndarray, list[str], np.ndarray]:
        """Return the counts, the names and the colors of the shown levels."""
        counts, names = self.counts, list[str]()
        if len(self.levels):
            counts, names = group_columns(self.counts, self.levels, MAX_LEVELS)
        colors = group_colors(np.arange(len(names)))
        if self.n_missing.any():
            counts = np.column_stack([counts, self.n_missing])
            names = [*names, "missing"]
            colors = np.vstack([colors, group_colors([NOISE])])
        return counts, names, colors


def _read_levels(values: Any, n_samples: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the levels, sorted, and the index of that of each sample, -1 if missing.

    Values that are not all numbers are levels by their names.
    """
    entries = read_column(values, "values", n_samples)
    codes, known = factorize(entries, "values")
    is_numeric = all(
        isinstance(each, Real) and not isinstance(each, bool) for each in known
    )
    if not is_numeric:
        warn_of_stray_text(entries, "values", getattr(values, "dtype", None))
    found = np.array(known if is_numeric else [str(each) for each in known])
    levels, ranks = np.unique(found, return_inverse=True)
    if not is_numeric and len(levels):
        names = levels.tolist()
        ranks_of = _ordered_categories(values)
        key = sort_key if ranks_of is None else ranks_of.__getitem__
        order = np.array(sorted(range(len(names)), key=lambda i: key(names[i])))
        levels, ranks = levels[order], np.argsort(order)[ranks]
    if len(levels) < len(found):
        raise ValueError(
            "values has different levels that look the same, such as 1 and '1'. "
            "Convert it to one type."
        )
    return levels, np.append(ranks, MISSING)[codes]


def _ordered_categories(values: Any) -> dict[str, int] | None:
    """Return the ranks of the categories of an ordered categorical type, if it is one.

    Those of an enumeration of polars are in the order of its definition.
    """
    dtype: Any = getattr(values, "dtype", None)
    is_ordered = getattr(dtype, "ordered", False) or type(dtype).__name__ == "Enum"
    if type(dtype).__name__ not in CATEGORY_TYPES or not is_ordered:
        return None
    return {str(each): rank for rank, each in enumerate(dtype.categories)}


def _name_stratum(stratum: Any) -> str:
    return "noise" if stratum == NOISE else literal(stratum)
