"""Which strata resemble each other, and how they merge."""

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from scipy.cluster.hierarchy import dendrogram
from sklearn.utils._param_validation import StrOptions

from contrastive_clustering._display.base import Display
from contrastive_clustering._display.drawing.style import (
    FIRST_COLOR,
    annotate_cells,
)
from contrastive_clustering._display.fitted import check_fitted
from contrastive_clustering._utils.library_settings import default_library_settings
from contrastive_clustering._utils.param_validation import validate_params

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Blue to red through white: opposites for any color vision.
CMAP = "RdBu_r"

# Up to this many strata the similarities stand in the cells as numbers.
MAX_NUMBERS = 12

TREE_WIDTH = 0.3


@dataclass(kw_only=True, eq=False, repr=False)
class PrototypeSimilarityDisplay(Display):
    """Similarity of the strata's centers, ordered by the tree over the strata.

    Make it by :meth:`from_estimator`; :meth:`plot` draws it again. Rows and columns
    are strata, in the order of the tree's leaves. The tree beside them is `linkage_`,
    by which `labels_at` merges strata: its heights are Ward's distances of the centers
    in the latent space, and not the similarities of the matrix.

    Parameters
    ----------
    similarities : ndarray of shape (n_clusters, n_clusters)
        Similarity of each two strata, from -1 to 1, in the order of their numbers.

    similarity : {"correlation", "cosine"}
        Which similarity it is.

    linkage : ndarray of shape (n_clusters - 1, 4)
        The tree over the strata, in SciPy's format.

    order : ndarray of shape (n_clusters,)
        The strata from above, as the tree's leaves are.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
        The axes of the matrix.

    tree_ax_ : matplotlib.axes.Axes or None
        The axes of the tree, an inset of `ax_`; None if there is one stratum.

    figure_ : matplotlib.figure.Figure
        Their figure.

    See Also
    --------
    ContrastiveAutoencoderClusterer.labels_at : Coarser strata by the same tree.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from contrastive_clustering import (
    ...     ContrastiveAutoencoderClusterer,
    ...     PrototypeSimilarityDisplay,
    ... )
    >>> clusterer = ContrastiveAutoencoderClusterer(
    ...     n_clusters=5, max_epochs=2, refinement_epochs=0, random_state=0
    ... ).fit(load_digits().images[:300])
    >>> display = PrototypeSimilarityDisplay.from_estimator(clusterer)
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
        """Compare the centers of an estimator's strata.

        Parameters
        ----------
        estimator : ContrastiveAutoencoderClusterer
            A fitted estimator.

        similarity : {"correlation", "cosine"}, default="correlation"
            "correlation" is Pearson's, over the latents, as in the paper; "cosine"
            is that of the angle between two centers.

        ax : matplotlib.axes.Axes, default=None
            Where to draw; None makes a new figure.

        Returns
        -------
        display : PrototypeSimilarityDisplay
            The drawn display.

        Raises
        ------
        ImportError
            If matplotlib is not installed.

        TypeError, ValueError
            If it is no such estimator, or correlations are asked for of one latent.
        """
        estimator = check_fitted(estimator, f"{cls.__name__}.from_estimator")
        centers = estimator.cluster_centers_.astype(np.float64)
        if similarity == "correlation":
            if centers.shape[1] == 1:
                raise ValueError(
                    'similarity="correlation" needs several latents, but latent_dim=1. '
                    'Take similarity="cosine".'
                )
            centers = centers - centers.mean(axis=1, keepdims=True)
        lengths = np.linalg.norm(centers, axis=1, keepdims=True)
        unit = centers / np.maximum(lengths, np.finfo(np.float64).tiny)
        order = np.zeros(1, dtype=np.intp)
        if len(centers) > 1:
            tree = dendrogram(estimator.linkage_, no_plot=True)
            order = np.array(tree["leaves"])
        return cls(
            similarities=np.clip(unit @ unit.T, -1, 1),
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
        ax.set(xlabel="stratum", ylabel="stratum")
        ax.figure.colorbar(image, ax=ax, label=self.similarity)
        self.tree_ax_ = self._draw_tree(ax) if n_clusters > 1 else None

    def _draw_tree(self, ax: "Axes") -> "Axes":
        """Draw the tree to the right of the matrix, a leaf beside each row."""
        tree_ax = ax.inset_axes((1.02, 0, TREE_WIDTH, 1))
        tree = dendrogram(self.linkage, no_plot=True)
        for places, heights in zip(tree["icoord"], tree["dcoord"], strict=True):
            # SciPy sets leaves 10 apart, the first one at 5.
            tree_ax.plot(
                heights, (np.array(places) - 5) / 10, color=FIRST_COLOR, linewidth=1
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
