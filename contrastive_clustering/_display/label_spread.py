"""The distribution of labels over strata."""

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike

from contrastive_clustering._display.base import Display
from contrastive_clustering._display.drawing.palette import (
    mark_ticks,
    stratum_numbers,
)
from contrastive_clustering._display.drawing.style import annotate_cells, literal
from contrastive_clustering._display.fitted import (
    check_classes,
    check_fitted,
)
from contrastive_clustering._display.label_columns import group_columns
from contrastive_clustering._display.strata import read_strata
from contrastive_clustering._evaluation.result import ClusteringEvaluation
from contrastive_clustering._utils.arrays import name_of
from contrastive_clustering._utils.library_settings import default_library_settings
from contrastive_clustering._utils.numbering import NOISE
from contrastive_clustering._utils.optional import import_pyplot
from contrastive_clustering._utils.weighted_tables import count

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Perceptually ordered, also in grayscale and for any color vision.
CMAP = "Blues"

# Longer class names are rotated, so that they do not overlap.
MAX_HORIZONTAL = 5


@dataclass(kw_only=True, eq=False, repr=False)
class LabelSpreadDisplay(Display):
    """Number of members of each stratum with each label.

    Create it with :meth:`from_estimator`, :meth:`from_strata` or
    :meth:`from_evaluation`; :meth:`plot` redraws it. Each row is
    a stratum, and each column a label. Numbers are counts; shades show the fraction of
    the stratum. A row with a single dark cell is a pure stratum.

    More than 40 labels are grouped in the plot: numbers and dates, such as ages, into
    up to ten ranges with about equally many samples, and the rarest names into one
    column. The fields contain all labels.

    Parameters
    ----------
    label_counts : ndarray of shape (n_clusters, n_classes)
        Number of samples of each stratum with each label.

    strata : ndarray of shape (n_clusters,)
        The strata; -1 is noise.

    classes : ndarray of shape (n_classes,)
        The labels.

    label_name : str, default="label"
        Name of the labels: that of a series passed as `y`.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
        Axes of the plot.

    figure_ : matplotlib.figure.Figure
        Figure of the axes.

    See Also
    --------
    evaluate_clustering : Metrics of the agreement of strata and labels.

    Examples
    --------
    >>> from contrastive_clustering import LabelSpreadDisplay
    >>> display = LabelSpreadDisplay.from_strata(
    ...     [0, 0, 1, 1, 1], ["cat", "cat", "dog", "dog", "cat"]
    ... )
    >>> display.label_counts
    array([[2, 0],
           [1, 2]])
    """

    label_counts: np.ndarray
    strata: np.ndarray
    classes: np.ndarray
    label_name: str = "label"

    @classmethod
    @default_library_settings()
    def from_estimator(
        cls, estimator: Any, X: ArrayLike, y: ArrayLike, *, ax: "Axes | None" = None
    ) -> Self:
        """Predict the strata of samples and plot the counts of their labels.

        Parameters
        ----------
        estimator : ContrastiveAutoencoderClusterer
            A fitted estimator.

        X : array-like of shape (n_samples, ...)
            Samples with the shape and units seen in `fit`.

        y : array-like of shape (n_samples,)
            Their labels: numbers or names. The name of a series labels the axis.

        ax : matplotlib.axes.Axes, default=None
            Axes to plot on; None creates a new figure.

        Returns
        -------
        display : LabelSpreadDisplay
            The plotted display, with a row for each stratum, even if empty.

        Raises
        ------
        ImportError
            If matplotlib is not installed.

        TypeError, ValueError
            If X differs from the training set in shape or units, or if `y` does not
            hold one label for each sample.
        """
        estimator = check_fitted(estimator, f"{cls.__name__}.from_estimator")
        strata = estimator.predict(X)
        return cls(**_count(strata, y, np.arange(estimator.n_clusters_))).plot(ax)

    @classmethod
    @default_library_settings()
    def from_strata(
        cls, strata: ArrayLike, y: ArrayLike, *, ax: "Axes | None" = None
    ) -> Self:
        """Plot the counts of labels of samples with given strata.

        Parameters
        ----------
        strata : array-like of shape (n_samples,)
            Stratum of each sample, a number or a name; -1 for noise.

        y : array-like of shape (n_samples,)
            Their labels: numbers or names. The name of a series labels the axis.

        ax : matplotlib.axes.Axes, default=None
            Axes to plot on; None creates a new figure.

        Returns
        -------
        display : LabelSpreadDisplay
            The plotted display.

        Raises
        ------
        ImportError
            If matplotlib is not installed.

        TypeError, ValueError
            If an array has a wrong shape or dtype, or if the lengths differ.
        """
        import_pyplot(f"{cls.__name__}.from_strata")
        return cls(**_count(strata, y)).plot(ax)

    @classmethod
    @default_library_settings()
    def from_evaluation(cls, evaluation: Any, *, ax: "Axes | None" = None) -> Self:
        """Plot the counts of an evaluation, on its test set.

        Parameters
        ----------
        evaluation : ClusteringEvaluation
            The return value of `evaluate_clustering`.

        ax : matplotlib.axes.Axes, default=None
            Axes to plot on; None creates a new figure.

        Returns
        -------
        display : LabelSpreadDisplay
            The plotted display.

        Raises
        ------
        ImportError
            If matplotlib is not installed.

        TypeError
            If `evaluation` is of another type.
        """
        import_pyplot(f"{cls.__name__}.from_evaluation")
        if not isinstance(evaluation, ClusteringEvaluation):
            raise TypeError(
                f"evaluation is a {type(evaluation).__name__}, not a "
                "ClusteringEvaluation. Pass the return value of evaluate_clustering."
            )
        return cls(
            label_counts=evaluation.label_counts,
            strata=evaluation.strata,
            classes=evaluation.classes,
            label_name=evaluation.label_name,
        ).plot(ax)

    def _size(self) -> tuple[float, float]:
        counts, names = group_columns(self.label_counts, self.classes)
        n_clusters, n_columns = counts.shape
        longest = max(map(len, names))
        return (
            max(3.5, 2.2 + 0.5 * n_columns),
            max(2.5, 1.1 + 0.24 * n_clusters + 0.06 * longest),
        )

    def _draw(self, ax: "Axes") -> None:
        grouped, names = group_columns(self.label_counts, self.classes)
        n_clusters, n_columns = grouped.shape
        sizes = grouped.sum(axis=1)
        fractions = grouped / np.maximum(sizes, 1)[:, None]
        image = ax.imshow(fractions, cmap=CMAP, vmin=0, vmax=1, aspect="auto")
        counts = np.where(grouped > 0, grouped.astype(str), "")
        annotate_cells(image, counts, fontsize=8)
        rotation = 90 if max(map(len, names)) > MAX_HORIZONTAL else 0
        ax.set_xticks(np.arange(n_columns), names, fontsize=8, rotation=rotation)
        rows = [
            f"{'noise' if cluster == NOISE else literal(cluster)} (n={size})"
            for cluster, size in zip(self.strata, sizes, strict=True)
        ]
        ax.set_yticks(np.arange(n_clusters), rows, fontsize=8)
        mark_ticks(ax.yaxis, stratum_numbers(self.strata))
        ax.set(xlabel=literal(self.label_name), ylabel="stratum (members)")
        # Thin lines separate rows of the same shade.
        ax.hlines(np.arange(n_clusters - 1) + 0.5, -0.5, n_columns - 0.5, "white", lw=1)
        ticker = import_module("matplotlib.ticker")
        ax.figure.colorbar(
            image,
            ax=ax,
            label="fraction of the stratum",
            format=ticker.PercentFormatter(1),
        )


def _count(strata: Any, y: Any, known: np.ndarray | None = None) -> dict[str, Any]:
    """Return the fields of a display, with a row for each of the known strata."""
    found, codes = read_strata(strata)
    classes, columns = check_classes(y, len(codes))
    clusters = found if known is None else np.union1d(known, found)
    rows, shape = np.searchsorted(clusters, found)[codes], (len(clusters), len(classes))
    return {
        "label_counts": count(rows, columns, shape)[0],
        "strata": clusters,
        "classes": classes,
        "label_name": name_of(y, "label"),
    }
