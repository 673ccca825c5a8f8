"""The validation part of the training set: random samples, or whole groups."""

from typing import Any

import numpy as np
from sklearn.model_selection import GroupShuffleSplit
from skorch.dataset import ValidSplit
from torch.utils.data import Subset

from contrastive_clustering._data.dataset import metadata_of


class ValidationSplit(ValidSplit):  # type: ignore[misc]  # skorch is not typed
    """Holds out a fraction of the samples, or of the groups if there are any."""

    def __call__(
        self, dataset: Any, y: Any = None, groups: Any = None
    ) -> tuple[Subset[Any], Subset[Any]]:
        """Return the training part and the validation part of a dataset."""
        grouping = metadata_of(dataset).groups
        if grouping is None:
            parts: tuple[Subset[Any], Subset[Any]] = super().__call__(
                dataset, y, groups
            )
            return parts
        splitter = GroupShuffleSplit(
            1, test_size=self.cv, random_state=self.random_state
        )
        codes = grouping.codes
        ((training, validation),) = splitter.split(np.zeros(len(codes)), groups=codes)
        return Subset(dataset, training.tolist()), Subset(dataset, validation.tolist())
