"""The search for the number of strata."""

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Self

from contrastive_clustering._clustering.n_clusters_search import ClusterNumberResult
from contrastive_clustering._display.base import Display
from contrastive_clustering._display.drawing.style import FIRST_COLOR, SECOND_COLOR
from contrastive_clustering._display.fitted import check_fitted
from contrastive_clustering._utils.library_settings import default_library_settings
from contrastive_clustering._utils.messages import show
from contrastive_clustering._utils.optional import import_pyplot

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(kw_only=True, eq=False, repr=False)
class ClusterNumberDisplay(Display):
    """Criterion for each number of strata, with the chosen number marked.

    Create it with :meth:`from_estimator` or :meth:`from_result`; :meth:`plot` redraws
    it. Higher is better for all criteria. A flat curve means that the numbers are about
    equally good.

    Parameters
    ----------
    result : ClusterNumberResult
        Result of the search.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
        Axes of the plot.

    figure_ : matplotlib.figure.Figure
        Figure of the axes.

    See Also
    --------
    ClusterNumberSearch : Search for the number of strata.

    Examples
    --------
    >>> import numpy as np
    >>> from contrastive_clustering import ClusterNumberDisplay, ClusterNumberResult
    >>> result = ClusterNumberResult(
    ...     n_clusters=3,
    ...     candidates=np.array([2, 3, 4]),
    ...     scores=np.array([0.2, 0.5, 0.4]),
    ...     criterion="silhouette",
    ... )
    >>> display = ClusterNumberDisplay.from_result(result)
    >>> display.ax_.get_ylabel()
    'silhouette'
    """

    result: ClusterNumberResult

    @classmethod
    @default_library_settings()
    def from_estimator(cls, estimator: Any, *, ax: "Axes | None" = None) -> Self:
        """Plot the search of a fitted estimator.

        Parameters
        ----------
        estimator : ContrastiveAutoencoderClusterer
            An estimator fitted with ``n_clusters="auto"`` or a
            :class:`ClusterNumberSearch`.

        ax : matplotlib.axes.Axes, default=None
            Axes to plot on; None creates a new figure.

        Returns
        -------
        display : ClusterNumberDisplay
            The plotted display.

        Raises
        ------
        ImportError
            If matplotlib is not installed.

        TypeError, ValueError
            If `estimator` is of another type or not fitted, or was fitted
            with a given number of strata.
        """
        estimator = check_fitted(estimator, f"{cls.__name__}.from_estimator")
        result = estimator._model.search
        if result is None:
            raise ValueError(
                "The estimator did not search for the number of strata, as it was "
                f"fitted with n_clusters={show(estimator.n_clusters)}. Fit it with "
                'n_clusters="auto" or a ClusterNumberSearch.'
            )
        return cls.from_result(result, ax=ax)

    @classmethod
    @default_library_settings()
    def from_result(cls, result: Any, *, ax: "Axes | None" = None) -> Self:
        """Plot the result of a search.

        Parameters
        ----------
        result : ClusterNumberResult
            `cluster_number_search_` of a fitted estimator.

        ax : matplotlib.axes.Axes, default=None
            Axes to plot on; None creates a new figure.

        Returns
        -------
        display : ClusterNumberDisplay
            The plotted display.

        Raises
        ------
        ImportError
            If matplotlib is not installed.

        TypeError
            If `result` is of another type.
        """
        import_pyplot(f"{cls.__name__}.from_result")
        if not isinstance(result, ClusterNumberResult):
            raise TypeError(
                f"result is a {type(result).__name__}, not a ClusterNumberResult. Pass "
                "cluster_number_search_ of a fitted estimator."
            )
        return cls(result=result).plot(ax)

    def _size(self) -> tuple[float, float]:
        return 5.5, 3.5

    def _draw(self, ax: "Axes") -> None:
        result = self.result
        ax.plot(
            result.candidates,
            result.scores,
            color=FIRST_COLOR,
            marker="o",
            markersize=4,
        )
        chosen = result.n_clusters
        ax.plot(
            [chosen],
            result.scores[result.candidates == chosen],
            color=SECOND_COLOR,
            marker="o",
            markersize=11,
            fillstyle="none",
            markeredgewidth=2,
            linestyle="none",
            label=f"chosen: {chosen}",
        )
        ax.xaxis.set_major_locator(
            import_module("matplotlib.ticker").MaxNLocator(integer=True)
        )
        ax.set(xlabel="number of strata", ylabel=result.criterion)
        ax.spines[["top", "right"]].set_visible(False)
        ax.legend()
