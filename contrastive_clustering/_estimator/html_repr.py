"""What a notebook shows of an estimator: scikit-learn's diagram, with the strata."""

from importlib import import_module
from typing import Any

import numpy as np
from sklearn.utils import estimator_html_repr

from contrastive_clustering._estimator.base import FittedAttributes
from contrastive_clustering._utils.numbering import NOISE
from contrastive_clustering._utils.snapshot import reads_fitted_state


class HtmlReprMixin(FittedAttributes):
    """Methods of an estimator that show in a notebook what was found."""

    # scikit-learn would link to its own pages, which do not know this estimator; these
    # pages have no address of their own yet.
    _doc_link_module = "contrastive_clustering"
    _doc_link_template = ""

    def _sk_visual_block_(self) -> Any:
        """Return the block of scikit-learn's diagram that stands for the estimator."""
        # The class has no public name, and its module another one in older versions.
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
        """Return a line on the strata of the training set."""
        members = self.labels_[self.labels_ != NOISE]
        sizes = np.bincount(members, minlength=self.n_clusters_)
        strata = "stratum" if self.n_clusters_ == 1 else "strata"
        caption = (
            f"{self.n_clusters_} {strata} of {len(self.labels_)} samples, "
            f"the smallest of {sizes.min()}, the largest of {sizes.max()}"
        )
        n_noise = len(self.labels_) - len(members)
        return f"{caption}; {n_noise} noise" if n_noise else caption
