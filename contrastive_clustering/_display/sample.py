"""Generated samples of each stratum."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils import check_random_state

from contrastive_clustering._display.base import Display
from contrastive_clustering._display.drawing.image_grid import (
    ImageStyle,
    add_colorbar,
    draw_images,
    figure_size,
    to_images,
)
from contrastive_clustering._display.fitted import check_fitted, check_strata
from contrastive_clustering._utils.library_settings import default_library_settings
from contrastive_clustering._utils.param_validation import Count, validate_params

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(kw_only=True, eq=False, repr=False)
class SampleDisplay(Display):
    """Samples generated from the density of each stratum.

    Create it with :meth:`from_estimator`; :meth:`plot` redraws it. Each row is a
    stratum.

    Parameters
    ----------
    strata : ndarray of shape (n_strata,)
        The strata shown, from top to bottom.

    images : ndarray of shape (n_strata, n_samples, height, width) or \
            (n_strata, n_samples, height, width, 3)
        Images of the generated samples.

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
    ContrastiveAutoencoderClusterer.sample : Generate samples.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from contrastive_clustering import (
    ...     ContrastiveAutoencoderClusterer,
    ...     SampleDisplay,
    ... )
    >>> clusterer = ContrastiveAutoencoderClusterer(
    ...     n_clusters=10, max_epochs=10, random_state=0
    ... ).fit(load_digits().images[:600])
    >>> display = SampleDisplay.from_estimator(
    ...     clusterer, n_samples=5, strata=[3], random_state=0
    ... )
    >>> display.images.shape
    (1, 5, 8, 8)
    """

    strata: np.ndarray
    images: np.ndarray
    image_style: ImageStyle

    @classmethod
    @default_library_settings()
    @validate_params(
        {
            "n_samples": [Count(1)],
            "strata": ["array-like", None],
            "random_state": ["random_state"],
        }
    )
    def from_estimator(
        cls,
        estimator: Any,
        *,
        n_samples: int = 8,
        strata: ArrayLike | None = None,
        random_state: int | np.random.RandomState | None = None,
        ax: "Axes | None" = None,
    ) -> Self:
        """Generate and plot samples of strata.

        Parameters
        ----------
        estimator : ContrastiveAutoencoderClusterer
            A fitted estimator.

        n_samples : int, default=8
            Number of samples to generate for each stratum.

        strata : array-like of shape (n_strata,), default=None
            The strata to show, in this order; None shows all.

        random_state : int, RandomState instance or None, default=None
            Seed of the generation. An int makes the samples reproducible.

        ax : matplotlib.axes.Axes, default=None
            Axes to plot on; None creates a new figure.

        Returns
        -------
        display : SampleDisplay
            The plotted display.

        Raises
        ------
        ImportError
            If matplotlib is not installed.

        TypeError, ValueError
            If a stratum does not exist.

        Warns
        -----
        UserWarning
            If the predicted stratum of some samples differs from the one they were
            generated for.
        """
        estimator = check_fitted(estimator, f"{cls.__name__}.from_estimator")
        shown = check_strata(strata, estimator.n_clusters_)
        rng = check_random_state(random_state)
        scaler = estimator._model.scaler
        images = [
            to_images(
                estimator.sample(n_samples, stratum=stratum, random_state=rng)[0],
                scaler,
            )
            for stratum in shown.tolist()
        ]
        return cls(
            strata=shown,
            images=np.stack(images),
            image_style=ImageStyle.of(scaler),
        ).plot(ax)

    def _size(self) -> tuple[float, float]:
        n_strata, n_samples, height, width = self.images.shape[:4]
        return figure_size(
            1.2 + 0.68 * n_samples,
            0.6 + 0.68 * n_strata * height / width,
            self.image_style,
        )

    def _draw(self, ax: "Axes") -> None:
        rows = [(list(images), self.image_style) for images in self.images]
        draw_images(ax, rows, range(self.images.shape[1]))
        ax.set_yticklabels([f"stratum {stratum}" for stratum in self.strata])
        ax.set_title("generated", fontsize="medium")
        add_colorbar(ax, self.image_style)
