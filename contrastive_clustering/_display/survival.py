"""Kaplan-Meier curves of strata, with the numbers at risk."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike

from contrastive_clustering._display.base import Display
from contrastive_clustering._display.drawing.palette import (
    group_colors,
    stratum_numbers,
)
from contrastive_clustering._display.drawing.style import literal
from contrastive_clustering._display.strata import read_strata
from contrastive_clustering._evaluation.kaplan_meier import (
    KaplanMeierCurve,
    kaplan_meier,
)
from contrastive_clustering._evaluation.survival_column import read_survival
from contrastive_clustering._utils.grouping import read_units
from contrastive_clustering._utils.library_settings import default_library_settings
from contrastive_clustering._utils.numbering import noise_mask
from contrastive_clustering._utils.optional import import_pandas, import_pyplot
from contrastive_clustering._utils.param_validation import Number, validate_params

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# In points: distances of the rows of the table, and of the first one from the axes.
ROW_HEIGHT, FIRST_ROW = 12.0, 40.0

# In points: distance of the names of the rows from the axes.
NAME_GAP = 26.0

# In points: distance of their colors from the names.
MARK_GAP = 4.0

FONT_SIZE = 8

# Longer legends do not fit into the axes. The table has the colors, too.
MAX_LEGEND = 12


@dataclass(kw_only=True, eq=False, repr=False)
class SurvivalDisplay(Display):
    """Kaplan-Meier curves of strata, with intervals and the numbers at risk.

    Create it with :meth:`from_strata`; :meth:`plot` redraws it. Bands are pointwise
    intervals; ticks on a curve are censored times. The table below the axes counts the
    groups that are still observed.

    Parameters
    ----------
    strata : ndarray of shape (n_strata,)
        The strata, sorted, without noise and without strata that have no survival time.

    curves : list of KaplanMeierCurve
        The curve of each stratum, with `times`, `survival`, `low` and `high`.

    n_missing : int
        Number of groups, or samples without groups, whose time or event is missing.

    time_name : str
        Label of the time axis.

    unit : {"groups", "samples"}, default="samples"
        The units that are counted.

    p_value : float, default=None
        P-value that is shown.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
        Axes of the plot.

    figure_ : matplotlib.figure.Figure
        Figure of the axes.

    See Also
    --------
    associate_strata : Log-rank test by permutation of groups.

    Examples
    --------
    >>> from contrastive_clustering import SurvivalDisplay
    >>> display = SurvivalDisplay.from_strata(
    ...     [0, 0, 0, 1, 1, 1], ([1, 2, 3, 4, 5, 6], [1, 1, 1, 0, 1, 0])
    ... )
    >>> display.curves[1].survival
    array([1. , 1. , 0.5, 0.5])
    """

    strata: np.ndarray
    curves: list[KaplanMeierCurve]
    n_missing: int
    time_name: str
    unit: str = "samples"
    p_value: float | None = None

    @classmethod
    @default_library_settings()
    @validate_params(
        {
            "survival": [tuple, list],
            "p_value": [Number(0, 1, closed="both"), None],
            "confidence_level": [Number(0, 1, closed="neither")],
        }
    )
    def from_strata(
        cls,
        strata: ArrayLike,
        survival: tuple[Any, Any],
        *,
        groups: ArrayLike | None = None,
        p_value: float | None = None,
        confidence_level: float = 0.95,
        ax: "Axes | None" = None,
    ) -> Self:
        """Plot the Kaplan-Meier curve of each stratum.

        Parameters
        ----------
        strata : array-like of shape (n_samples,)
            Stratum of each sample. Samples of noise, -1, are left out.

        survival : tuple of (time, event)
            Time to an event or to the end of observation, and whether the event was
            observed (1 or True) or not (0 or False): array-likes of shape (n_samples,).
            All samples of a group must agree. The name of a series of times labels the
            axis.

        groups : array-like of shape (n_samples,), default=None
            Identifier of the group of each sample, such as the patient. A group counts
            once, in the stratum of most of its samples; of equally frequent strata, in
            the one that comes first among them. None if each sample is independent of
            the others.

        p_value : float, default=None
            P-value to show, such as that of :func:`associate_strata`; None shows none.

        confidence_level : float, default=0.95
            Level of the intervals, by the log-log transform with Greenwood's variance.

        ax : matplotlib.axes.Axes, default=None
            Axes to plot on; None creates a new figure.

        Returns
        -------
        display : SurvivalDisplay
            The plotted display.

        Raises
        ------
        ImportError
            If matplotlib or pandas is not installed.

        ValueError
            If lengths differ, if times are negative, if events are neither 0 nor 1, if
            the samples of a group differ, or if no stratum has a survival time.
        """
        caller = f"{cls.__name__}.from_strata"
        import_pyplot(caller)
        import_pandas(caller)
        distinct, codes = read_strata(strata)
        grouping = read_units(groups, len(codes))
        column = read_survival(survival, {}, grouping)
        rows = np.flatnonzero(~noise_mask(distinct)[codes])
        grouping, column = grouping.take(rows), column.take(rows)
        unit_codes, column = grouping.majority(codes[rows]), column.reduce(grouping)
        present = np.unique(unit_codes[column.known])
        if not len(present):
            raise ValueError(
                "No sample with a stratum has a survival time and an event. Pass times "
                "and events for at least one."
            )
        curves = []
        for code in present:
            members = column.take(column.known & (unit_codes == code))
            curves.append(
                kaplan_meier(members.time, members.event == 1, confidence_level)
            )
        return cls(
            strata=distinct[present],
            curves=curves,
            n_missing=int((~column.known).sum()),
            time_name="time" if column.name == "survival" else str(column.name),
            unit="samples" if groups is None else "groups",
            p_value=p_value,
        ).plot(ax)

    def _size(self) -> tuple[float, float]:
        return 6.4, 3.8 + ROW_HEIGHT / 72 * len(self.strata)

    def _draw(self, ax: "Axes") -> None:
        colors = group_colors(stratum_numbers(self.strata))
        for stratum, curve, color in zip(self.strata, self.curves, colors, strict=True):
            name = f"{literal(stratum)} (n={len(curve.unit_times)})"
            ax.step(curve.times, curve.survival, where="post", color=color, label=name)
            ax.fill_between(
                curve.times,
                curve.low,
                curve.high,
                step="post",
                color=color,
                alpha=0.15,
                linewidth=0,
            )
            heights = curve.survival_at(curve.censored)
            ax.plot(curve.censored, heights, "|", color=color, markersize=5)
        longest = max(curve.unit_times[-1] for curve in self.curves)
        ax.set(ylim=(0, 1.02), xlim=(0, longest * 1.02 if longest > 0 else 1))
        ax.set_xlabel(literal(self.time_name))
        ax.set_ylabel(f"share of {self.unit} without an event")
        ax.spines[["top", "right"]].set_visible(False)
        if len(self.strata) <= MAX_LEGEND:
            # The best place within the axes takes seconds to find for many units.
            ax.legend(
                title="stratum",
                loc="upper left",
                bbox_to_anchor=(1.0, 1.0),
                frameon=False,
                fontsize=FONT_SIZE,
            )
        if self.p_value is not None:
            text = f"p = {self.p_value:.3g}" if self.p_value >= 0.001 else "p < 0.001"
            ax.set_title(text, loc="right", fontsize=9)
        self._add_table(ax, colors)

    def _add_table(self, ax: "Axes", colors: np.ndarray) -> None:
        """Write the numbers at risk at the ticks of the time axis below the axes."""
        low, high = ax.get_xlim()
        ticks = np.array([tick for tick in ax.get_xticks() if low <= tick <= high])
        ax.set_xticks(ticks)

        def write(
            x: float, row: int, text: str, shift: float = 0, **style: Any
        ) -> None:
            ax.annotate(
                text,
                (x, 0),
                xycoords=("data", "axes fraction"),
                xytext=(shift, -y_of(row)),
                textcoords="offset points",
                fontsize=FONT_SIZE,
                va="center",
                annotation_clip=False,
                **style,
            )

        def y_of(row: int) -> float:
            return FIRST_ROW + ROW_HEIGHT * row

        write(low, 0, "at risk", -NAME_GAP, ha="right")
        for row, (stratum, curve, color) in enumerate(
            zip(self.strata, self.curves, colors, strict=True), start=1
        ):
            # Names are black, as pale colors are hard to read.
            write(low, row, literal(stratum), -NAME_GAP, ha="right", weight="bold")
            write(low, row, "\N{BLACK SQUARE}", MARK_GAP - NAME_GAP, color=color)
            for tick, n in zip(ticks, curve.count_at_risk(ticks), strict=True):
                write(tick, row, str(n), ha="center")
