"""The public estimate of the time and memory of a fit."""

from typing import Any

from numpy.typing import ArrayLike

from contrastive_clustering._data.dataset import ArrayDataset
from contrastive_clustering._data.metadata import Metadata
from contrastive_clustering._estimator.clusterer import ContrastiveAutoencoderClusterer
from contrastive_clustering._estimator.relations import check_relations
from contrastive_clustering._estimator.settings import resolve_settings
from contrastive_clustering._model.cost import CostEstimate, estimate_fit
from contrastive_clustering._utils.library_settings import default_library_settings
from contrastive_clustering._utils.param_validation import validate_params
from contrastive_clustering._utils.snapshot import snapshot

# The time does not depend on the weights; the estimator's own generator is not used.
SEED = 0


@validate_params({"estimator": [ContrastiveAutoencoderClusterer]})
@default_library_settings()
def estimate_cost(
    estimator: ContrastiveAutoencoderClusterer,
    X: ArrayLike,
    *,
    groups: ArrayLike | None = None,
    nuisance: Any = None,
) -> CostEstimate:
    """Estimate the time and memory that a fit would take.

    X is read once for its statistics. A few steps are timed on a new network, and the
    memory is calculated from the sizes of the activations. Neither the estimator nor a
    global random generator changes.

    Parameters
    ----------
    estimator : ContrastiveAutoencoderClusterer
        The estimator to fit.

    X : array-like of shape (n_samples, ...)
        The samples, as for `fit`.

    groups : array-like of shape (n_samples,), default=None
        Identifier of the group of each sample, as for `fit`.

    nuisance : array-like, data frame or dict of columns, default=None
        Variables that strata should not follow, as for `fit`.

    Returns
    -------
    cost : CostEstimate
        Seconds, bytes, batch size and numbers of epochs. Its string is one line.

    Raises
    ------
    TypeError, ValueError
        As for `fit`.

    Examples
    --------
    >>> import numpy as np
    >>> from contrastive_clustering import ContrastiveAutoencoderClusterer
    >>> from contrastive_clustering import estimate_cost
    >>> X = np.random.default_rng(0).normal(size=(2000, 8, 8))
    >>> cost = estimate_cost(ContrastiveAutoencoderClusterer(10), X)
    >>> cost.batch_size, cost.max_epochs
    (125, 45)
    """
    start = snapshot(estimator)
    start._validate_params()
    samples, scaler, _ = start._read_first(X)
    metadata = Metadata.read(groups, nuisance, len(samples))
    check_relations(start, len(samples), metadata)
    dataset = ArrayDataset(samples, scaler, metadata=metadata)
    return estimate_fit(dataset, resolve_settings(start, dataset, SEED))
