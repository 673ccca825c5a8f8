"""A gallery of strata: decoded centers, typical and atypical members."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike

from contrastive_clustering._display.base import Display
from contrastive_clustering._display.drawing.image_grid import (
    ImageStyle,
    Row,
    add_colorbar,
    draw_images,
    figure_size,
    to_images,
)
from contrastive_clustering._display.drawing.palette import mark_ticks
from contrastive_clustering._display.fitted import check_fitted, check_strata, encode
from contrastive_clustering._utils.library_settings import default_library_settings
from contrastive_clustering._utils.param_validation import Count, validate_params

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Gap between the groups of columns, in image widths.
GROUP_GAP = 0.35


@dataclass(kw_only=True, eq=False, repr=False)
class ClusterGalleryDisplay(Display):
    """Decoded center, typical and atypical members of each stratum.

    Create it with :meth:`from_estimator`; :meth:`plot` redraws it. Each row
    shows a stratum, labeled with its number and the number of its members. Typical
    members have the latents closest to the center, closest first; atypical members have
    the farthest ones, farthest last. No member is shown twice.

    Parameters
    ----------
    strata : ndarray of shape (n_strata,)
        The strata shown, from top to bottom.

    sample_counts : ndarray of shape (n_strata,)
        Number of members of each stratum among the samples.

    center_images : ndarray of shape (n_strata, height, width) or \
            (n_strata, height, width, 3)
        Images of the decoded centers.

    typical_rows, atypical_rows : list of ndarray
        Indices in X of the members shown, for each stratum.

    typical_images, atypical_images : list of ndarray
        Images of these members, for each stratum.

    image_style : ImageStyle
        How images are displayed.

    n_typical, n_atypical : int
        Number of columns of each group.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
        Axes of the plot.

    figure_ : matplotlib.figure.Figure
        Figure of the axes.

    See Also
    --------
    EmbeddingDisplay : Map of the latent space.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from contrastive_clustering import (
    ...     ClusterGalleryDisplay,
    ...     ContrastiveAutoencoderClusterer,
    ... )
    >>> X = load_digits().images[:300]
    >>> clusterer = ContrastiveAutoencoderClusterer(
    ...     n_clusters=5, max_epochs=2, refinement_epochs=0, random_state=0
    ... ).fit(X)
    >>> display = ClusterGalleryDisplay.from_estimator(clusterer, X, strata=[0, 3])
    >>> display.strata.tolist(), display.typical_images[0].shape
    ([0, 3], (5, 8, 8))
    """

    strata: np.ndarray
    sample_counts: np.ndarray
    center_images: np.ndarray
    typical_rows: list[np.ndarray]
    atypical_rows: list[np.ndarray]
    typical_images: list[np.ndarray]
    atypical_images: list[np.ndarray]
    image_style: ImageStyle
    n_typical: int
    n_atypical: int

    @classmethod
    @default_library_settings()
    @validate_params(
        {
            "n_typical": [Count(0)],
            "n_atypical": [Count(0)],
            "strata": ["array-like", None],
        }
    )
    def from_estimator(
        cls,
        estimator: Any,
        X: ArrayLike,
        *,
        n_typical: int = 5,
        n_atypical: int = 5,
        strata: ArrayLike | None = None,
        ax: "Axes | None" = None,
    ) -> Self:
        """Plot the typical and atypical members of strata among samples.

        Parameters
        ----------
        estimator : ContrastiveAutoencoderClusterer
            A fitted estimator.

        X : array-like of shape (n_samples, ...)
            Samples with the shape and units seen in `fit`.

        n_typical, n_atypical : int, default=5
            Number of typical and of atypical members to show. If a stratum has fewer
            members than both, typical ones have priority.

        strata : array-like of shape (n_strata,), default=None
            The strata to show, in this order; None shows all.

        ax : matplotlib.axes.Axes, default=None
            Axes to plot on; None creates a new figure.

        Returns
        -------
        display : ClusterGalleryDisplay
            The plotted display.

        Raises
        ------
        ImportError
            If matplotlib is not installed.

        TypeError, ValueError
            If X differs from the training set in shape or units, or if a stratum does
            not exist.
        """
        estimator = check_fitted(estimator, f"{cls.__name__}.from_estimator")
        shown = check_strata(strata, estimator.n_clusters_)
        encoded = encode(estimator, X)
        centers = estimator.cluster_centers_
        sample_counts, typical, atypical = [], [], []
        for stratum in shown:
            members = np.flatnonzero(encoded.labels == stratum)
            distances = np.linalg.norm(
                encoded.latents[members] - centers[stratum], axis=1
            )
            ordered = members[np.argsort(distances, kind="stable")]
            rest = ordered[n_typical:]
            sample_counts.append(len(members))
            typical.append(ordered[:n_typical])
            atypical.append(rest[max(0, len(rest) - n_atypical) :])
        decoded = estimator.inverse_transform(centers[shown])

        def images(groups: list[np.ndarray]) -> list[np.ndarray]:
            return [to_images(encoded.take(rows), encoded.scaler) for rows in groups]

        return cls(
            strata=shown,
            sample_counts=np.array(sample_counts),
            center_images=to_images(decoded, encoded.scaler),
            typical_rows=typical,
            typical_images=images(typical),
            atypical_rows=atypical,
            atypical_images=images(atypical),
            image_style=ImageStyle.of(encoded.scaler),
            n_typical=n_typical,
            n_atypical=n_atypical,
        ).plot(ax)

    def _size(self) -> tuple[float, float]:
        lefts, _ = self._columns()
        height, width = self.center_images.shape[1:3]
        return figure_size(
            1.7 + 0.68 * (lefts[-1] + 1),
            0.8 + 0.68 * len(self.strata) * height / width,
            self.image_style,
        )

    def _draw(self, ax: "Axes") -> None:
        lefts, titles = self._columns()
        rows = [self._row(index) for index in range(len(self.strata))]
        draw_images(ax, rows, lefts)
        ax.set_xticks(list(titles.values()), list(titles))
        names = [
            f"stratum {stratum} (n={size})"
            for stratum, size in zip(self.strata, self.sample_counts, strict=True)
        ]
        ax.set_yticklabels(names)
        mark_ticks(ax.yaxis, self.strata)
        add_colorbar(ax, self.image_style)

    def _columns(self) -> tuple[list[float], dict[str, float]]:
        """Return the left edge of each column, and the center of each titled group."""
        groups = {
            "decoded\ncenter": 1,
            "typical\n(nearest)": self.n_typical,
            "atypical\n(farthest)": self.n_atypical,
        }
        lefts: list[float] = []
        titles: dict[str, float] = {}
        start = 0.0
        for title, n_columns in groups.items():
            if n_columns:
                lefts += [start + column for column in range(n_columns)]
                titles[title] = start + n_columns / 2
                start += n_columns + GROUP_GAP
        return lefts, titles

    def _row(self, index: int) -> Row:
        """Return the images of a stratum, padded with None if it has few members."""
        row: list[np.ndarray | None] = [self.center_images[index]]
        for images, n_columns in (
            (self.typical_images[index], self.n_typical),
            (self.atypical_images[index], self.n_atypical),
        ):
            row += [*images, *[None] * (n_columns - len(images))]
        return row, self.image_style
