"""A map of the latent space, colored by strata, labels or values."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import StrOptions

from contrastive_clustering._display.base import Display
from contrastive_clustering._display.drawing.coloring import (
    draw_groups,
    draw_values,
    read_color,
)
from contrastive_clustering._display.drawing.image_grid import ImageStyle, to_images
from contrastive_clustering._display.drawing.palette import group_colors
from contrastive_clustering._display.drawing.thumbnails import draw_thumbnails
from contrastive_clustering._display.fitted import (
    check_fitted,
    check_sample_strata,
    check_table,
    encode,
)
from contrastive_clustering._display.projection import (
    METHODS,
    MIN_SAMPLES,
    mean_latents,
    project,
)
from contrastive_clustering._utils.library_settings import default_library_settings
from contrastive_clustering._utils.optional import import_pyplot
from contrastive_clustering._utils.param_validation import Count, validate_params
from contrastive_clustering._utils.seeding import draw_rows

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Maps of more strata have a larger figure and smaller points.
FEW_STRATA = 12

# Areas of points, in square points.
SMALL_POINT, LARGE_POINT = 9.0, 14.0

# Constraints shared by both constructors.
MAP_CONSTRAINTS = {
    "method": [StrOptions(set(METHODS))],
    "color": ["array-like", None],
    "color_label": [str, None],
    "max_samples": [Count(MIN_SAMPLES)],
    "random_state": ["random_state"],
}


@dataclass(kw_only=True, eq=False, repr=False)
class EmbeddingDisplay(Display):
    """A map of the latent space with the decoded centers of the strata.

    Create it with :meth:`from_estimator` or :meth:`from_latents`; :meth:`plot` redraws
    it.

    Parameters
    ----------
    positions : ndarray of shape (n_samples, 2)
        Position of each sample on the map.

    strata : ndarray of shape (n_samples,)
        Stratum of each sample, -1 for noise.

    values : ndarray of shape (n_samples,)
        Values that determine the colors of the points.

    coloring : {"stratum", "label", "value"}
        Meaning of `values`: strata, classes, or numbers on a continuous scale.

    value_label : str
        Title of the legend or label of the color bar.

    center_positions : ndarray of shape (n_clusters, 2)
        Position of each stratum; NaN if it is not on the map.

    center_images : ndarray of shape (n_clusters, height, width) or \
            (n_clusters, height, width, 3) or None
        Images of the decoded centers; None shows only numbers.

    image_style : ImageStyle or None
        How images are displayed.

    axis_labels : tuple of str
        Labels of the two axes.

    rows : ndarray of shape (n_samples,)
        Indices of the points in X.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
        Axes of the plot.

    figure_ : matplotlib.figure.Figure
        Figure of the axes.

    See Also
    --------
    ClusterGalleryDisplay : Typical and atypical members of each stratum.

    Notes
    -----
    Maps by t-SNE and UMAP preserve only neighborhoods; sizes of groups and distances
    between them are not meaningful. PCA preserves distances as well as two components
    can.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from contrastive_clustering import (
    ...     ContrastiveAutoencoderClusterer,
    ...     EmbeddingDisplay,
    ... )
    >>> X = load_digits().images[:300]
    >>> clusterer = ContrastiveAutoencoderClusterer(
    ...     n_clusters=5, max_epochs=2, refinement_epochs=0, random_state=0
    ... ).fit(X)
    >>> display = EmbeddingDisplay.from_estimator(clusterer, X, method="pca")
    >>> display.ax_.get_legend().get_title().get_text()
    'stratum'
    >>> display.positions.shape, display.center_images.shape
    ((300, 2), (5, 8, 8))
    """

    positions: np.ndarray
    strata: np.ndarray
    values: np.ndarray
    coloring: str
    value_label: str
    center_positions: np.ndarray
    center_images: np.ndarray | None
    image_style: ImageStyle | None
    axis_labels: tuple[str, str]
    rows: np.ndarray

    @classmethod
    @default_library_settings()
    @validate_params({**MAP_CONSTRAINTS, "centers": ["boolean"]})
    def from_estimator(
        cls,
        estimator: Any,
        X: ArrayLike,
        y: ArrayLike | None = None,
        *,
        method: str = "tsne",
        color: Any = None,
        color_label: str | None = None,
        centers: bool = True,
        max_samples: int = 2000,
        random_state: int | np.random.RandomState | None = None,
        ax: "Axes | None" = None,
    ) -> Self:
        """Plot a map of the latents of samples.

        Parameters
        ----------
        estimator : ContrastiveAutoencoderClusterer
            A fitted estimator.

        X : array-like of shape (n_samples, ...)
            Samples with the shape and units seen in `fit`.

        y : array-like of shape (n_samples,), default=None
            Labels of the samples, which then color the points.

        method : {"tsne", "pca", "umap"}, default="tsne"
            How to map latents to the plane. "umap" needs umap-learn. PCA maps the
            centers themselves. t-SNE and UMAP place each center at the member with the
            closest latent.

        color : array-like of shape (n_samples,), default=None
            Numbers that color the points instead of `y`, such as ages or the output of
            `score_samples`, with a color bar. NaN is gray. Without `color` and `y`, the
            color is the stratum.

        color_label : str, default=None
            Label of the color bar or title of the legend of labels; None uses the name
            of a series, or otherwise "value" or "label".

        centers : bool, default=True
            Whether to show the decoded centers of the strata as thumbnails. Overlapping
            thumbnails are moved apart and connected to their position by a line.

        max_samples : int, default=2000
            Maximum number of samples to map, drawn at random if there are more. t-SNE
            takes a few seconds for 2000.

        random_state : int, RandomState instance or None, default=None
            Seed of this selection and of t-SNE and UMAP. An int makes the map
            reproducible.

        ax : matplotlib.axes.Axes, default=None
            Axes to plot on; None creates a new figure.

        Returns
        -------
        display : EmbeddingDisplay
            The plotted display.

        Raises
        ------
        ImportError
            If matplotlib, or for "umap" umap-learn, is not installed.

        TypeError, ValueError
            If X differs from the training set in shape or units; if `y` or `color` does
            not hold one value for each sample, or both are passed; if there are fewer
            than three samples; or if all latents are equal.
        """
        estimator = check_fitted(estimator, f"{cls.__name__}.from_estimator")
        rng = check_random_state(random_state)
        encoded = encode(estimator, X, max_samples, rng)
        coloring, values, label = read_color(
            color, y, len(encoded.samples), encoded.rows, encoded.labels
        )
        projection = project(
            encoded.latents, encoded.labels, estimator.cluster_centers_, method, rng
        )
        images = style = None
        if centers:
            decoded = estimator.inverse_transform(estimator.cluster_centers_)
            images = to_images(decoded, encoded.scaler)
            style = ImageStyle.of(encoded.scaler)
        return cls(
            **vars(projection),
            strata=encoded.labels,
            values=values,
            coloring=coloring,
            value_label=color_label or label,
            center_images=images,
            image_style=style,
            rows=encoded.rows,
        ).plot(ax)

    @classmethod
    @default_library_settings()
    @validate_params(MAP_CONSTRAINTS)
    def from_latents(
        cls,
        latents: ArrayLike,
        strata: ArrayLike,
        y: ArrayLike | None = None,
        *,
        method: str = "tsne",
        color: Any = None,
        color_label: str | None = None,
        max_samples: int = 2000,
        random_state: int | np.random.RandomState | None = None,
        ax: "Axes | None" = None,
    ) -> Self:
        """Plot a map of latents with given strata, from any estimator.

        Parameters
        ----------
        latents : array-like of shape (n_samples, latent_dim)
            Latents, such as the output of `transform`.

        strata : array-like of shape (n_samples,)
            Their strata, numbered from 0; -1 is noise. The number of each stratum is
            shown at the mean of its members.

        y : array-like of shape (n_samples,), default=None
            Labels of the samples, which then color the points.

        method : {"tsne", "pca", "umap"}, default="tsne"
            As for `from_estimator`.

        color : array-like of shape (n_samples,), default=None
            As for `from_estimator`.

        color_label : str, default=None
            As for `from_estimator`.

        max_samples : int, default=2000
            Maximum number of samples to map, drawn at random if there are more.

        random_state : int, RandomState instance or None, default=None
            Seed of this selection and of t-SNE and UMAP.

        ax : matplotlib.axes.Axes, default=None
            Axes to plot on; None creates a new figure.

        Returns
        -------
        display : EmbeddingDisplay
            The plotted display.

        Raises
        ------
        ImportError
            If matplotlib, or for "umap" umap-learn, is not installed.

        TypeError, ValueError
            If an array has a wrong shape or dtype, if the lengths differ, or if both
            `y` and `color` are passed.
        """
        import_pyplot(f"{cls.__name__}.from_latents")
        table = check_table(latents)
        strata = check_sample_strata(strata, len(table))
        rng = check_random_state(random_state)
        rows = draw_rows(len(table), max_samples, rng)
        coloring, values, label = read_color(color, y, len(table), rows, strata[rows])
        centers = mean_latents(table, strata)
        projection = project(table[rows], strata[rows], centers, method, rng)
        return cls(
            **vars(projection),
            strata=strata[rows],
            values=values,
            coloring=coloring,
            value_label=color_label or label,
            center_images=None,
            image_style=None,
            rows=rows,
        ).plot(ax)

    @property
    def _has_many_strata(self) -> bool:
        return len(self.center_positions) > FEW_STRATA

    def _size(self) -> tuple[float, float]:
        return (10.0, 8.0) if self._has_many_strata else (7.5, 5.5)

    def _draw(self, ax: "Axes") -> None:
        size = SMALL_POINT if self._has_many_strata else LARGE_POINT
        by_stratum = self.coloring == "stratum"
        if self.coloring == "value":
            draw_values(ax, self.positions, self.values, size, self.value_label)
        else:
            draw_groups(
                ax,
                self.positions,
                self.values,
                size,
                label="stratum" if by_stratum else self.value_label,
                are_strata=by_stratum,
            )
        ax.set(xlabel=self.axis_labels[0], ylabel=self.axis_labels[1])
        ax.set(xticks=[], yticks=[])
        ax.set_title(f"Latent space, {len(self.positions)} samples")
        if by_stratum or self.center_images is not None:
            shown = np.flatnonzero(np.isfinite(self.center_positions[:, 0]))
            # With other colors for the points, colored frames would be misleading.
            colors = group_colors(shown) if by_stratum else ["black"] * len(shown)
            images = self.center_images
            draw_thumbnails(
                ax,
                self.center_positions[shown],
                shown,
                colors,
                images=None if images is None else images[shown],
                style=self.image_style,
            )
