"""A map of the latent space, coloured by strata, labels or values."""

import math
from importlib import import_module
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils import check_array, check_random_state
from sklearn.utils._param_validation import StrOptions, validate_params

from contrastive_clustering._arrays import errors_about, to_array
from contrastive_clustering._constraints import Count
from contrastive_clustering._display._fitted import check_column, check_fitted, encode
from contrastive_clustering._display._pictures import PictureStyle, to_pictures
from contrastive_clustering._display._projection import (
    FEWEST_SAMPLES,
    METHODS,
    Projection,
    project,
    spread_apart,
)
from contrastive_clustering._display._style import (
    MANY_COLORS,
    NOISE_COLOR,
    group_colors,
    group_marker,
    import_pyplot,
    take_axes,
)
from contrastive_clustering._latent import NOISE

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# More strata than this get a larger figure and smaller thumbnails.
FEW_STRATA = 12

LEGEND_ROWS = 25

POINTS_PER_INCH = 72

COLOR = [StrOptions({"stratum", "label"}), "array-like"]


class EmbeddingDisplay:
    """A map of the latent space, with the decoded centres of the strata on it.

    Make it by :meth:`from_estimator` or :meth:`from_latents`; :meth:`plot` draws it
    again.

    Parameters
    ----------
    places : ndarray of shape (n_samples, 2)
        Place of each sample on the map.

    strata : ndarray of shape (n_samples,)
        Stratum of each sample, -1 for noise.

    values : ndarray of shape (n_samples,)
        What points are coloured by.

    coloring : {"stratum", "label", "value"}
        How `values` are read: as strata, as classes, or on a continuous scale.

    center_places : ndarray of shape (n_clusters, 2)
        Place of each stratum, NaN where it has none on this map.

    center_pictures : ndarray of shape (n_clusters, height, width) or \
            (n_clusters, height, width, 3) or None
        Pictures of the decoded centres; None draws numbers only.

    picture_style : PictureStyle or None
        How the pictures are drawn.

    axis_labels : tuple of str
        What the map's two axes are.

    rows : ndarray of shape (n_samples,)
        Which rows of X the points are.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
        The axes drawn on.

    figure_ : matplotlib.figure.Figure
        Their figure.

    See Also
    --------
    ClusterGalleryDisplay : Typical and atypical members of each stratum.

    Notes
    -----
    On maps by t-SNE and UMAP only neighbourhoods mean something: sizes of groups and
    distances between them do not. PCA keeps distances as far as two directions can.

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
    >>> display.places.shape, display.center_pictures.shape
    ((300, 2), (5, 8, 8))
    """

    def __init__(
        self,
        *,
        places: np.ndarray,
        strata: np.ndarray,
        values: np.ndarray,
        coloring: str,
        center_places: np.ndarray,
        center_pictures: np.ndarray | None,
        picture_style: PictureStyle | None,
        axis_labels: tuple[str, str],
        rows: np.ndarray,
    ) -> None:
        self.places = places
        self.strata = strata
        self.values = values
        self.coloring = coloring
        self.center_places = center_places
        self.center_pictures = center_pictures
        self.picture_style = picture_style
        self.axis_labels = axis_labels
        self.rows = rows

    @classmethod
    @validate_params(  # type: ignore[untyped-decorator]
        {
            "method": [StrOptions(set(METHODS))],
            "color": COLOR,
            "centers": ["boolean"],
            "max_samples": [Count(FEWEST_SAMPLES)],
            "random_state": ["random_state"],
        },
        prefer_skip_nested_validation=True,
    )
    def from_estimator(
        cls,
        estimator: Any,
        X: ArrayLike,
        y: ArrayLike | None = None,
        *,
        method: str = "tsne",
        color: Any = "stratum",
        centers: bool = True,
        max_samples: int = 2000,
        random_state: int | np.random.RandomState | None = None,
        ax: "Axes | None" = None,
    ) -> Self:
        """Map the latents of samples.

        Parameters
        ----------
        estimator : ContrastiveAutoencoderClusterer
            A fitted estimator.

        X : array-like of shape (n_samples, ...)
            Samples of the shape and in the units seen in `fit`.

        y : array-like of shape (n_samples,), default=None
            Labels of the samples; read if `color` is "label".

        method : {"tsne", "pca", "umap"}, default="tsne"
            How to map latents to the plane. "umap" needs umap-learn. By PCA a centre
            stands where it is mapped to. By t-SNE and UMAP it stands where the member
            does whose latent is nearest to it.

        color : {"stratum", "label"} or array-like of shape (n_samples,), \
                default="stratum"
            What points are coloured by: the predicted strata, `y`, or any numbers,
            such as ages or what `score_samples` returns, with a colour bar. NaN is
            grey.

        centers : bool, default=True
            Whether to draw the decoded centres of the strata, as thumbnails. Those
            that would cover each other are moved, and a line leads to their place.

        max_samples : int, default=2000
            Most samples to map; of more, so many are drawn at random. t-SNE takes some
            seconds for 2000.

        random_state : int, RandomState instance or None, default=None
            Seed of that draw and of t-SNE and UMAP. An int gives the same map again.

        ax : matplotlib.axes.Axes, default=None
            Where to draw; None makes a new figure.

        Returns
        -------
        display : EmbeddingDisplay
            The drawn display.

        Raises
        ------
        ImportError
            If matplotlib, or for "umap" umap-learn, is not installed.

        TypeError, ValueError
            If X is not what `fit` has seen; if `y` or `color` are not one value for
            each sample; if there are fewer than three samples, or all latents are
            the same.
        """
        import_pyplot(f"{cls.__name__}.from_estimator")
        estimator = check_fitted(estimator, cls.__name__)
        rng = check_random_state(random_state)
        encoded = encode(estimator, X, max_samples, rng)
        coloring, values = _read_color(
            color, y, len(encoded.samples), encoded.rows, encoded.labels
        )
        projection = project(
            encoded.latents, encoded.labels, estimator.cluster_centers_, method, rng
        )
        pictures = style = None
        if centers:
            decoded = estimator.inverse_transform(estimator.cluster_centers_)
            pictures = to_pictures(decoded, encoded.scaler)
            style = PictureStyle.of(encoded.scaler)
        return cls(
            **_fields(projection),
            strata=encoded.labels,
            values=values,
            coloring=coloring,
            center_pictures=pictures,
            picture_style=style,
            rows=encoded.rows,
        ).plot(ax)

    @classmethod
    @validate_params(  # type: ignore[untyped-decorator]
        {
            "method": [StrOptions(set(METHODS))],
            "color": COLOR,
            "max_samples": [Count(FEWEST_SAMPLES)],
            "random_state": ["random_state"],
        },
        prefer_skip_nested_validation=True,
    )
    def from_latents(
        cls,
        latents: ArrayLike,
        labels: ArrayLike,
        y: ArrayLike | None = None,
        *,
        method: str = "tsne",
        color: Any = "stratum",
        max_samples: int = 2000,
        random_state: int | np.random.RandomState | None = None,
        ax: "Axes | None" = None,
    ) -> Self:
        """Map latents whose strata are known, of this estimator or of any other.

        Parameters
        ----------
        latents : array-like of shape (n_samples, latent_dim)
            Latents, such as `transform` returns.

        labels : array-like of shape (n_samples,)
            Their strata, numbered from 0; -1 for noise. A stratum's centre is the mean
            of its members, and its number stands at its place.

        y : array-like of shape (n_samples,), default=None
            Labels of the samples; read if `color` is "label".

        method : {"tsne", "pca", "umap"}, default="tsne"
            As for `from_estimator`.

        color : {"stratum", "label"} or array-like of shape (n_samples,), \
                default="stratum"
            As for `from_estimator`.

        max_samples : int, default=2000
            Most samples to map; of more, so many are drawn at random.

        random_state : int, RandomState instance or None, default=None
            Seed of that draw and of t-SNE and UMAP.

        ax : matplotlib.axes.Axes, default=None
            Where to draw; None makes a new figure.

        Returns
        -------
        display : EmbeddingDisplay
            The drawn display.

        Raises
        ------
        ImportError
            If matplotlib, or for "umap" umap-learn, is not installed.

        TypeError, ValueError
            If the arrays are not such, or differ in length.
        """
        import_pyplot(f"{cls.__name__}.from_latents")
        table = to_array(latents, "latents")
        with errors_about("latents", "a table of latents"):
            table = check_array(
                table, dtype=[np.float64, np.float32], input_name="latents"
            )
        strata = check_column(labels, len(table), "labels")
        if strata.dtype.kind not in "iu" or strata.min() < NOISE:
            raise ValueError(
                "labels are no strata: whole numbers from 0, or -1 for noise, are "
                "needed. Pass what predict returns."
            )
        rng = check_random_state(random_state)
        rows = np.arange(len(table))
        if len(rows) > max_samples:
            rows = np.sort(rng.choice(len(rows), max_samples, replace=False))
        coloring, values = _read_color(color, y, len(table), rows, strata[rows])
        centers = np.full((strata.max() + 1, table.shape[1]), np.nan)
        for stratum in np.unique(strata[strata != NOISE]):
            centers[stratum] = table[strata == stratum].mean(axis=0)
        # A number that no sample has is no stratum, and has no place.
        used = np.isfinite(centers[:, 0])
        projection = project(
            table[rows],
            strata[rows],
            np.where(used[:, None], centers, 0.0),
            method,
            rng,
        )
        projection.center_places[~used] = np.nan
        return cls(
            **_fields(projection),
            strata=strata[rows],
            values=values,
            coloring=coloring,
            center_pictures=None,
            picture_style=None,
            rows=rows,
        ).plot(ax)

    def plot(self, ax: "Axes | None" = None) -> Self:
        """Draw the map.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            Where to draw; None makes a new figure.

        Returns
        -------
        display : EmbeddingDisplay
            The display itself, with `ax_` and `figure_`.
        """
        many = len(self.center_places) > FEW_STRATA
        ax = take_axes(
            f"{type(self).__name__}.plot", ax, (10.0, 8.0) if many else (7.5, 5.5)
        )
        size = 9 if many else 14
        if self.coloring == "value":
            self._draw_values(ax, size)
        else:
            self._draw_groups(ax, size)
        ax.set(xlabel=self.axis_labels[0], ylabel=self.axis_labels[1])
        ax.set(xticks=[], yticks=[])
        ax.set_title(f"Latent space, {len(self.places)} samples")
        if self.center_pictures is not None or self.coloring == "stratum":
            self._draw_centers(ax, thumbnail=20.0 if many else 28.0)
        self.ax_, self.figure_ = ax, ax.figure
        return self

    def _draw_values(self, ax: "Axes", size: float) -> None:
        cmap = import_module("matplotlib").colormaps[MANY_COLORS]
        points = ax.scatter(
            self.places[:, 0],
            self.places[:, 1],
            c=self.values,
            s=size,
            cmap=cmap.with_extremes(bad=NOISE_COLOR),
            plotnonfinite=True,
            linewidths=0,
        )
        ax.figure.colorbar(points, ax=ax, label="value")

    def _draw_groups(self, ax: "Axes", size: float) -> None:
        names, codes = np.unique(self.values, return_inverse=True)
        n_groups = len(names)
        if self.coloring == "stratum":
            codes, n_groups = self.values, len(self.center_places)
        for code in np.unique(codes):
            rows = codes == code
            name = "noise" if code == NOISE else str(self.values[rows][0])
            ax.scatter(
                self.places[rows, 0],
                self.places[rows, 1],
                s=size,
                color=group_colors(np.array([code]), n_groups),
                marker=group_marker(code),
                linewidths=0,
                alpha=0.8,
                label=name,
            )
        ax.legend(
            title=self.coloring,
            loc="upper left",
            bbox_to_anchor=(1.0, 1.0),
            ncols=math.ceil(len(names) / LEGEND_ROWS),
            fontsize="small",
            markerscale=1.6,
            borderaxespad=0.3,
            handletextpad=0.1,
            frameon=False,
        )

    def _draw_centers(self, ax: "Axes", thumbnail: float) -> None:
        """Draw the strata's thumbnails and numbers so that none covers another."""
        offsetbox = import_module("matplotlib.offsetbox")
        shown = np.flatnonzero(np.isfinite(self.center_places[:, 0]))
        if not len(shown):
            return
        font_size = 8.0
        height = 0.0
        if self.center_pictures is not None:
            picture_height, picture_width = self.center_pictures.shape[1:3]
            height = thumbnail * picture_height / picture_width
        else:
            thumbnail = 14.0
        box = (thumbnail + 5, height + font_size + 7)
        ax.autoscale_view()
        to_points = POINTS_PER_INCH / ax.figure.dpi
        pixels = ax.transData.transform(self.center_places[shown])
        boxes = ax.transData.inverted().transform(
            spread_apart(pixels * to_points, box) / to_points
        )
        colors = group_colors(shown, len(self.center_places))
        for stratum, place, color in zip(shown, boxes, colors, strict=True):
            parts = [
                offsetbox.TextArea(
                    str(stratum), textprops={"fontsize": font_size, "weight": "bold"}
                )
            ]
            if self.center_pictures is not None and self.picture_style is not None:
                parts.append(self._thumbnail(stratum, thumbnail))
            content = offsetbox.VPacker(children=parts, align="center", pad=0, sep=1)
            ax.add_artist(
                offsetbox.AnnotationBbox(
                    content,
                    self.center_places[stratum],
                    xybox=place,
                    pad=0.15,
                    bboxprops={
                        "edgecolor": color if self.coloring == "stratum" else "black",
                        "linewidth": 1.2,
                        "boxstyle": "round,pad=0.1",
                    },
                    arrowprops={"arrowstyle": "-", "linewidth": 0.8},
                    zorder=5,
                )
            )

    def _thumbnail(self, stratum: np.integer, width: float) -> Any:
        assert self.center_pictures is not None
        assert self.picture_style is not None
        matplotlib = import_module("matplotlib")
        picture = self.center_pictures[stratum]
        style = self.picture_style
        return import_module("matplotlib.offsetbox").OffsetImage(
            picture,
            zoom=width / picture.shape[1],
            cmap=style.cmap,
            norm=matplotlib.colors.Normalize(style.low, style.high),
        )


def _fields(projection: Projection) -> dict[str, Any]:
    return {
        "places": projection.places,
        "center_places": projection.center_places,
        "axis_labels": projection.axis_labels,
    }


def _read_color(
    color: Any, y: Any, n_samples: int, rows: np.ndarray, strata: np.ndarray
) -> tuple[str, np.ndarray]:
    """Return how points are coloured, and by what, for some rows of all samples."""
    if isinstance(color, str) and color == "stratum":
        return "stratum", strata
    if isinstance(color, str):
        if y is None:
            raise ValueError('color="label" colours by y, which is None. Pass y.')
        return "label", check_column(y, n_samples, "y")[rows]
    values = check_column(color, n_samples, "color")
    if values.dtype.kind not in "biuf":
        raise TypeError(
            f"color has dtype {values.dtype}, but numbers are needed for a continuous "
            'scale. Pass classes as y, with color="label".'
        )
    return "value", values[rows].astype(np.float64)
