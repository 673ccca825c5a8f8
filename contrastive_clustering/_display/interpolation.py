"""Interpolation between two samples or strata."""

from dataclasses import dataclass
from numbers import Integral
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike

from contrastive_clustering._display.base import Display
from contrastive_clustering._display.drawing.image_grid import (
    ImageStyle,
    add_colorbar,
    draw_images,
    figure_size,
    to_images,
)
from contrastive_clustering._display.fitted import check_fitted
from contrastive_clustering._utils.library_settings import default_library_settings
from contrastive_clustering._utils.param_validation import Count, validate_params

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(kw_only=True, eq=False, repr=False)
class InterpolationDisplay(Display):
    """Decoded steps of the straight line between two latents.

    Create it with :meth:`from_estimator`; :meth:`plot` redraws it. Each step is
    labeled with its fraction of the distance.

    Parameters
    ----------
    images : ndarray of shape (n_steps, height, width) or (n_steps, height, width, 3)
        Images of the steps, including both ends.

    ends : tuple of str
        Labels of the two ends.

    image_style : ImageStyle
        How images are displayed.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
        Axes of the plot.

    figure_ : matplotlib.figure.Figure
        Figure of the axes.

    See Also
    --------
    ContrastiveAutoencoderClusterer.interpolate : Compute the steps.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from contrastive_clustering import (
    ...     ContrastiveAutoencoderClusterer,
    ...     InterpolationDisplay,
    ... )
    >>> X = load_digits().images[:300]
    >>> clusterer = ContrastiveAutoencoderClusterer(
    ...     n_clusters=5, max_epochs=2, refinement_epochs=0, random_state=0
    ... ).fit(X)
    >>> display = InterpolationDisplay.from_estimator(clusterer, X[0], 3)
    >>> display.images.shape, display.ends
    ((8, 8, 8), ('sample a', 'stratum 3'))
    """

    images: np.ndarray
    ends: tuple[str, str]
    image_style: ImageStyle

    @classmethod
    @default_library_settings()
    @validate_params({"n_steps": [Count(2)]})
    def from_estimator(
        cls,
        estimator: Any,
        x_a: ArrayLike | int,
        x_b: ArrayLike | int,
        *,
        n_steps: int = 8,
        ax: "Axes | None" = None,
    ) -> Self:
        """Plot an interpolation between two samples or strata.

        Parameters
        ----------
        estimator : ContrastiveAutoencoderClusterer
            A fitted estimator.

        x_a, x_b : array-like of shape (...) or (1, ...), or int
            The two ends. Each is one sample with the shape and units seen in `fit`, or
            the number of a stratum, whose center is used.

        n_steps : int, default=8
            Number of steps including both ends, at least 2.

        ax : matplotlib.axes.Axes, default=None
            Axes to plot on; None creates a new figure.

        Returns
        -------
        display : InterpolationDisplay
            The plotted display.

        Raises
        ------
        ImportError
            If matplotlib is not installed.

        TypeError, ValueError
            If a stratum does not exist, or if an end is not a single sample with the
            shape and units seen in `fit`.
        """
        estimator = check_fitted(estimator, f"{cls.__name__}.from_estimator")
        steps = estimator.interpolate(x_a, x_b, n_steps=n_steps)
        return cls(
            images=to_images(steps, estimator._model.scaler),
            ends=(_name(x_a, "sample a"), _name(x_b, "sample b")),
            image_style=ImageStyle.of(estimator._model.scaler),
        ).plot(ax)

    def _size(self) -> tuple[float, float]:
        n_steps, height, width = self.images.shape[:3]
        return figure_size(
            0.4 + 0.85 * n_steps, 0.6 + 0.85 * height / width, self.image_style
        )

    def _draw(self, ax: "Axes") -> None:
        n_steps = len(self.images)
        row = (list(self.images), self.image_style)
        draw_images(ax, [row], list(range(n_steps)))
        names = [f"{fraction:.0%}" for fraction in np.linspace(0, 1, n_steps)]
        # Two lines leave room for the neighbors.
        names[0], names[-1] = (end.replace(" ", "\n") for end in self.ends)
        ax.tick_params(labeltop=False, labelbottom=True)
        ax.set_xticks(np.arange(n_steps) + 0.5, names)
        ax.set_yticks([])
        add_colorbar(ax, self.image_style)


def _name(end: Any, sample: str) -> str:
    return f"stratum {end}" if isinstance(end, Integral) else sample
