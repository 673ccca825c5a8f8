"""How the number of strata was chosen."""

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
    """The criterion for each number of strata, the chosen one marked.

    Make it by :meth:`from_estimator` or :meth:`from_result`; :meth:`plot` draws it
    again. Higher is better, whatever the criterion. A flat curve says that the numbers
    are as good as each other.

    Parameters
    ----------
    result : ClusterNumberResult
        What the search found.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
        The axes drawn on.

    figure_ : matplotlib.figure.Figure
        Their figure.

    See Also
    --------
    ClusterNumberSearch : The criteria.

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
        """Take the search of a fitted estimator.

        Parameters
        ----------
        estimator : ContrastiveAutoencoderClusterer
            An estimator that was fitted with ``n_clusters="auto"`` or a
            :class:`ClusterNumberSearch`.

        ax : matplotlib.axes.Axes, default=None
            Where to draw; None makes a new figure.

        Returns
        -------
        display : ClusterNumberDisplay
            The drawn display.

        Raises
        ------
        ImportError
            If matplotlib is not installed.

        TypeError, ValueError
            If it is no such estimator, or was given the number of strata.
        """
        estimator = check_fitted(estimator, f"{cls.__name__}.from_estimator")
        result = estimator.cluster_number_search_
        if result is None:
            raise ValueError(
                "There was no search for the number of strata: the estimator was "
                f"fitted with n_clusters={show(estimator.n_clusters)}. Fit it with "
                'n_clusters="auto" or a ClusterNumberSearch.'
            )
        return cls.from_result(result, ax=ax)

    @classmethod
    @default_library_settings()
    def from_result(cls, result: Any, *, ax: "Axes | None" = None) -> Self:
        """Take what a search found.

        Parameters
        ----------
        result : ClusterNumberResult
            Such as :meth:`ClusterNumberSearch.search` returns.

        ax : matplotlib.axes.Axes, default=None
            Where to draw; None makes a new figure.

        Returns
        -------
        display : ClusterNumberDisplay
            The drawn display.

        Raises
        ------
        ImportError
            If matplotlib is not installed.

        TypeError
            If it is anything else.
        """
        import_pyplot(f"{cls.__name__}.from_result")
        if not isinstance(result, ClusterNumberResult):
            raise TypeError(
                f"result is a {type(result).__name__}, but a ClusterNumberResult is "
                "needed. Pass cluster_number_search_ of a fitted estimator."
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
