"""Similarity of strata and the tree by which they merge."""

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from scipy.cluster.hierarchy import dendrogram, leaves_list
from sklearn.metrics.pairwise import cosine_similarity
from sklearn.utils._param_validation import StrOptions

from contrastive_clustering._display.base import Display
from contrastive_clustering._display.drawing.palette import mark_ticks
from contrastive_clustering._display.drawing.style import (
    FIRST_COLOR,
    annotate_cells,
)
from contrastive_clustering._display.fitted import check_fitted
from contrastive_clustering._utils.library_settings import default_library_settings
from contrastive_clustering._utils.param_validation import validate_params

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Diverging colors that are distinct for any color vision.
CMAP = "RdBu_r"

# Up to this many strata, cells are annotated with the similarities.
MAX_NUMBERS = 12

TREE_WIDTH = 0.3


@dataclass(kw_only=True, eq=False, repr=False)
class CenterSimilarityDisplay(Display):
    """Similarity of the centers of strata, ordered by the tree over the strata.

    Create it with :meth:`from_estimator`; :meth:`plot` redraws it. Rows and columns
    are strata, in the order of the leaves of the tree. The tree is `linkage_`, by which
    `labels_at` merges strata. Its heights are Ward distances of the centers in the
    latent space, not the similarities of the matrix.

    Parameters
    ----------
    similarities : ndarray of shape (n_clusters, n_clusters)
        Similarity of each pair of strata, from -1 to 1, in the order of their numbers.

    similarity : {"correlation", "cosine"}
        Type of similarity.

    linkage : ndarray of shape (n_clusters - 1, 4)
        The tree over the strata, in the format of SciPy.

    order : ndarray of shape (n_clusters,)
        The strata from top to bottom, in the order of the leaves.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
        Axes of the matrix.

    tree_ax_ : matplotlib.axes.Axes or None
        Axes of the tree, an inset of `ax_`; None with a single stratum.

    figure_ : matplotlib.figure.Figure
        Figure of the axes.

    See Also
    --------
    ContrastiveAutoencoderClusterer.labels_at : Merge strata along the same tree.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from contrastive_clustering import (
    ...     ContrastiveAutoencoderClusterer,
    ...     CenterSimilarityDisplay,
    ... )
    >>> clusterer = ContrastiveAutoencoderClusterer(
    ...     n_clusters=5, max_epochs=2, refinement_epochs=0, random_state=0
    ... ).fit(load_digits().images[:300])
    >>> display = CenterSimilarityDisplay.from_estimator(clusterer)
    >>> display.similarities.shape, sorted(display.order.tolist())
    ((5, 5), [0, 1, 2, 3, 4])
    """

    similarities: np.ndarray
    similarity: str
    linkage: np.ndarray
    order: np.ndarray

    @classmethod
    @default_library_settings()
    @validate_params({"similarity": [StrOptions({"correlation", "cosine"})]})
    def from_estimator(
        cls,
        estimator: Any,
        *,
        similarity: str = "correlation",
        ax: "Axes | None" = None,
    ) -> Self:
        """Plot the similarity of the centers of strata.

        Parameters
        ----------
        estimator : ContrastiveAutoencoderClusterer
            A fitted estimator.

        similarity : {"correlation", "cosine"}, default="correlation"
            "correlation" is the Pearson correlation over the latents, as in the paper;
            "cosine" is the cosine similarity.

        ax : matplotlib.axes.Axes, default=None
            Axes to plot on; None creates a new figure.

        Returns
        -------
        display : CenterSimilarityDisplay
            The plotted display.

        Raises
        ------
        ImportError
            If matplotlib is not installed.

        TypeError, ValueError
            If `estimator` is of another type or not fitted, or if `similarity` is
            "correlation" with a single latent.
        """
        estimator = check_fitted(estimator, f"{cls.__name__}.from_estimator")
        centers = estimator.cluster_centers_.astype(np.float64)
        if similarity == "correlation":
            if centers.shape[1] == 1:
                raise ValueError(
                    'similarity="correlation" needs several latents, but latent_dim=1. '
                    'Use similarity="cosine".'
                )
            centers = centers - centers.mean(axis=1, keepdims=True)
        order = np.zeros(1, dtype=np.intp)
        if len(centers) > 1:
            order = leaves_list(estimator.linkage_)
        return cls(
            similarities=np.clip(cosine_similarity(centers), -1, 1),
            similarity=similarity,
            linkage=estimator.linkage_,
            order=order,
        ).plot(ax)

    def _size(self) -> tuple[float, float]:
        side = max(4.0, 2.0 + 0.17 * len(self.order))
        return 1.35 * side, side

    def _draw(self, ax: "Axes") -> None:
        n_clusters = len(self.order)
        shown = self.similarities[np.ix_(self.order, self.order)]
        image = ax.imshow(shown, cmap=CMAP, vmin=-1, vmax=1, aspect="auto")
        if n_clusters <= MAX_NUMBERS:
            annotate_cells(image, np.char.mod("%.1f", shown), fontsize=7)
        font_size = 7 if n_clusters > MAX_NUMBERS else 9
        ticks = np.arange(n_clusters)
        rotation = 90 if n_clusters > MAX_NUMBERS else 0
        ax.set_xticks(ticks, self.order, fontsize=font_size, rotation=rotation)
        ax.set_yticks(ticks, self.order, fontsize=font_size)
        for axis in (ax.xaxis, ax.yaxis):
            mark_ticks(axis, self.order, side=0.7 * font_size)
        ax.set(xlabel="stratum", ylabel="stratum")
        ax.figure.colorbar(image, ax=ax, label=self.similarity)
        self.tree_ax_ = self._draw_tree(ax) if n_clusters > 1 else None

    def _draw_tree(self, ax: "Axes") -> "Axes":
        """Draw the tree to the right of the matrix, with a leaf at each row."""
        tree_ax = ax.inset_axes((1.02, 0, TREE_WIDTH, 1))
        tree = dendrogram(self.linkage, no_plot=True)
        for positions, heights in zip(tree["icoord"], tree["dcoord"], strict=True):
            # SciPy spaces leaves 10 apart, starting at 5.
            tree_ax.plot(
                heights, (np.array(positions) - 5) / 10, color=FIRST_COLOR, linewidth=1
            )
        tree_ax.set_ylim(ax.get_ylim())
        tree_ax.set_xlim(0, None)
        tree_ax.set_yticks([])
        tree_ax.xaxis.set_major_locator(
            import_module("matplotlib.ticker").MaxNLocator(3)
        )
        tree_ax.set_xlabel("distance (Ward)")
        tree_ax.spines[["top", "right", "left"]].set_visible(False)
        return tree_ax
