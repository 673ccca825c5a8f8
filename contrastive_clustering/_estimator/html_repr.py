"""HTML representation in notebooks: scikit-learn's diagram with a line on strata."""

from importlib import import_module
from typing import Any

import numpy as np
from sklearn.utils import estimator_html_repr

from contrastive_clustering._estimator.base import FittedAttributes
from contrastive_clustering._utils.numbering import NOISE
from contrastive_clustering._utils.snapshot import reads_fitted_state


class HtmlReprMixin(FittedAttributes):
    """Methods of an estimator that represent it in a notebook."""

    # scikit-learn would link to its own documentation, which does not describe this
    # estimator. The documentation of this package has no address yet.
    _doc_link_module = "contrastive_clustering"
    _doc_link_template = ""

    def _sk_visual_block_(self) -> Any:
        """Return the block of scikit-learn's diagram that represents the estimator."""
        # The class is not public, and older versions name its module differently.
        block = import_module(estimator_html_repr.__module__)._VisualBlock
        return block(
            "single",
            self,
            names=type(self).__name__,
            name_details=str(self),
            name_caption=self._caption() if self.__sklearn_is_fitted__() else None,
        )

    @reads_fitted_state
    def _caption(self) -> str:
        """Return a summary of the strata of the training set in one line."""
        members = self.labels_[self.labels_ != NOISE]
        sizes = np.bincount(members, minlength=self.n_clusters_)
        strata = "stratum" if self.n_clusters_ == 1 else "strata"
        caption = (
            f"{self.n_clusters_} {strata} of {len(self.labels_)} samples, "
            f"the smallest of {sizes.min()}, the largest of {sizes.max()}"
        )
        n_noise = len(self.labels_) - len(members)
        return f"{caption}; {n_noise} noise" if n_noise else caption
