"""The base class of displays."""

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Self

from contrastive_clustering._display.drawing.style import get_axes
from contrastive_clustering._utils.library_settings import default_library_settings

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class Display(ABC):
    """Plots its fields on axes, which it keeps as `ax_` with their `figure_`."""

    ax_: "Axes"
    figure_: Any

    @default_library_settings()
    def plot(self, ax: "Axes | None" = None) -> Self:
        """Plot the display, again or on other axes.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            Axes to plot on; None creates a new figure of suitable size.

        Returns
        -------
        display : Display
            The display itself, with `ax_` and `figure_`.

        Raises
        ------
        ImportError
            If matplotlib is not installed.

        TypeError
            If `ax` is neither None nor axes.
        """
        ax = get_axes(f"{type(self).__name__}.plot", ax, self._size())
        self._draw(ax)
        self.ax_, self.figure_ = ax, ax.figure
        return self

    @abstractmethod
    def _size(self) -> tuple[float, float]:
        """Return the width and height of a new figure, in inches."""

    @abstractmethod
    def _draw(self, ax: "Axes") -> None:
        """Plot on axes."""
