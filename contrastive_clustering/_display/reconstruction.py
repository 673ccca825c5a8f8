"""Samples, their reconstructions and the differences."""

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
from contrastive_clustering._display.fitted import check_fitted, encode
from contrastive_clustering._utils.library_settings import default_library_settings
from contrastive_clustering._utils.param_validation import Count, validate_params

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Height in inches that the label of the color bar of the differences needs.
MIN_HEIGHT = 1.8


@dataclass(kw_only=True, eq=False, repr=False)
class ReconstructionDisplay(Display):
    """Samples, their reconstructions, and the absolute differences.

    Create it with :meth:`from_estimator`; :meth:`plot` redraws it. Each column
    is a sample. The third row is the absolute difference, dark for small differences,
    with a color bar in the units of the images. For color images it is the mean over
    the three channels.

    Parameters
    ----------
    rows : ndarray of shape (n_samples,)
        Indices of the samples shown in X.

    original_images, decoded_images : ndarray of shape (n_samples, height, width) \
            or (n_samples, height, width, 3)
        Images of the samples and of their reconstructions.

    difference_images : ndarray of shape (n_samples, height, width)
        Absolute differences.

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
    InterpolationDisplay : Interpolation between two samples.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from contrastive_clustering import (
    ...     ContrastiveAutoencoderClusterer,
    ...     ReconstructionDisplay,
    ... )
    >>> X = load_digits().images[:300]
    >>> clusterer = ContrastiveAutoencoderClusterer(
    ...     n_clusters=5, max_epochs=2, refinement_epochs=0, random_state=0
    ... ).fit(X)
    >>> display = ReconstructionDisplay.from_estimator(clusterer, X, random_state=0)
    >>> display.decoded_images.shape
    (8, 8, 8)
    """

    rows: np.ndarray
    original_images: np.ndarray
    decoded_images: np.ndarray
    difference_images: np.ndarray
    image_style: ImageStyle

    @classmethod
    @default_library_settings()
    @validate_params({"n_samples": [Count(1)], "random_state": ["random_state"]})
    def from_estimator(
        cls,
        estimator: Any,
        X: ArrayLike,
        *,
        n_samples: int = 8,
        random_state: int | np.random.RandomState | None = None,
        ax: "Axes | None" = None,
    ) -> Self:
        """Plot samples and their reconstructions.

        Parameters
        ----------
        estimator : ContrastiveAutoencoderClusterer
            A fitted estimator.

        X : array-like of shape (n_samples, ...)
            Samples with the shape and units seen in `fit`.

        n_samples : int, default=8
            Maximum number of samples to show, drawn at random.

        random_state : int, RandomState instance or None, default=None
            Seed of the random selection.

        ax : matplotlib.axes.Axes, default=None
            Axes to plot on; None creates a new figure.

        Returns
        -------
        display : ReconstructionDisplay
            The plotted display.

        Raises
        ------
        ImportError
            If matplotlib is not installed.

        TypeError, ValueError
            If X differs from the training set in shape or units.
        """
        estimator = check_fitted(estimator, f"{cls.__name__}.from_estimator")
        encoded = encode(estimator, X, n_samples, check_random_state(random_state))
        scaler = encoded.scaler
        shown = encoded.take(np.arange(len(encoded.rows)))
        originals = to_images(shown, scaler)
        decoded = to_images(estimator.inverse_transform(encoded.latents), scaler)
        style = ImageStyle.of(scaler)
        difference = np.abs(originals - decoded)
        if difference.ndim == 4:  # convert colors from [0, 1] to the user's units
            difference = difference.mean(axis=-1) * (style.high - style.low)
        return cls(
            rows=encoded.rows,
            original_images=originals,
            decoded_images=decoded,
            difference_images=difference,
            image_style=style,
        ).plot(ax)

    def _size(self) -> tuple[float, float]:
        n_samples, height, width = self.original_images.shape[:3]
        return figure_size(
            2.4 + 0.8 * n_samples,
            max(0.2 + 0.8 * 3 * height / width, MIN_HEIGHT),
            self.image_style,
        )

    def _draw(self, ax: "Axes") -> None:
        largest = float(np.nanmax(self.difference_images, initial=0.0))
        style = ImageStyle(0.0, largest or 1.0, "magma", "absolute difference")
        draw_images(
            ax,
            [
                (list(self.original_images), self.image_style),
                (list(self.decoded_images), self.image_style),
                (list(self.difference_images), style),
            ],
            range(len(self.rows)),
        )
        ax.set_yticklabels(["sample", "decoded", "difference"])
        add_colorbar(ax, self.image_style)
        ax.figure.colorbar(style.mappable, ax=ax, label=style.label, aspect=14)
