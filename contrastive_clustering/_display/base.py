"""What every display does when it is drawn."""

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Self

from contrastive_clustering._display.drawing.style import get_axes
from contrastive_clustering._utils.library_settings import default_library_settings

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class Display(ABC):
    """What draws its fields on one axes, which it keeps as `ax_` and `figure_`."""

    ax_: "Axes"
    figure_: Any

    @default_library_settings()
    def plot(self, ax: "Axes | None" = None) -> Self:
        """Draw the display, once more or elsewhere.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            Where to draw; None makes a new figure, as large as what is shown needs.

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
        """Return the width and the height of a new figure, in inches."""

    @abstractmethod
    def _draw(self, ax: "Axes") -> None:
        """Draw on axes."""
