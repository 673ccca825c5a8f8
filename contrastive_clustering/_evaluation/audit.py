"""Audit of confounding: whether strata and latents follow nuisance variables."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator
from sklearn.utils.validation import _num_samples

from contrastive_clustering._data.sources import open_samples
from contrastive_clustering._evaluation.audit_result import ConfoundingAudit
from contrastive_clustering._evaluation.audit_samples import audit_samples
from contrastive_clustering._evaluation.encoding import encode, predict_strata
from contrastive_clustering._evaluation.evaluate import read_optional_classes
from contrastive_clustering._utils.arrays import errors_about
from contrastive_clustering._utils.grouping import read_units
from contrastive_clustering._utils.library_settings import default_library_settings
from contrastive_clustering._utils.nuisance import Nuisance
from contrastive_clustering._utils.optional import import_pandas
from contrastive_clustering._utils.param_validation import (
    Count,
    InstanceWith,
    Number,
    validate_params,
)
from contrastive_clustering._utils.snapshot import snapshot


@default_library_settings()
@validate_params(
    {
        "estimator": [InstanceWith("predict")],
        "n_permutations": [Count(1)],
        "n_neighbors": [Count(1)],
        "confidence_level": [Number(0, 1, closed="neither")],
        "random_state": ["random_state"],
    }
)
def audit_confounding(
    estimator: Any,
    X: ArrayLike,
    y: ArrayLike | None = None,
    *,
    nuisance: Any,
    groups: ArrayLike | None = None,
    n_permutations: int = 999,
    n_neighbors: int = 15,
    confidence_level: float = 0.95,
    random_state: int | np.random.RandomState | None = None,
) -> ConfoundingAudit:
    """Audit whether strata and latents follow nuisance variables, such as the site.

    In the composition of the strata, a group counts once, in the stratum of most of its
    samples, as in :func:`associate_strata`. If its samples lie at several levels of a
    variable, it counts once at each of them, in the stratum of most of its samples at
    that level.

    The agreement of strata and levels is computed from one random sample of each group
    and level, so that it does not depend on how many samples the groups at a level
    have. P-values come from permutations of the levels among whole groups: all levels
    of a group move together to another group with as many levels, and are then permuted
    within it. Samples of one group are thus assumed to be exchangeable if their level
    does not matter. If strata differ within groups, 11 such draws are made: the
    agreement is their mean, and p is twice the median of their p-values.

    The verdict on a variable is the first of these that applies:

    - "too few groups to judge": fewer than two levels have at least 5 groups;
    - "not identifiable": two classes lie at different levels, so that classes and
      levels cannot be told apart: fewer than 5 groups, and at most a tenth, of either
      lie at levels with at least as large a share of the other (classes with fewer than
      10 groups are not judged); or, without `y`, each stratum lies at a single level,
      and not by chance (p at most 0.05);
    - "confounded": strata and levels agree (p at most 0.05);
    - "encoded in the latents": no agreement was found, but a linear probe predicts the
      levels from the latents (the interval lies above chance);
    - "no sign of confounding".

    A warning in words is added if `y` and the variable are associated although they can
    be told apart: removing the variable then also removes a part of the finding. The
    note also says if no permutation has a p-value of 0.05 or less, as with few groups.

    Parameters
    ----------
    estimator : fitted estimator
        A :class:`ContrastiveAutoencoderClusterer`, or any fitted object with
        ``predict``. The output of ``transform`` is used as latents; without this
        method, probe and robustness index are left out. They use at most 20,000
        samples, drawn at random from as many groups as possible.

    X : array-like of shape (n_samples, ...)
        Samples, usually other ones than those of ``fit``.

    y : array-like of shape (n_samples,), default=None
        Classes that the strata should find, such as diagnoses.

    nuisance : array-like of shape (n_samples,) or (n_samples, n_variables), \
data frame or mapping of names to columns
        Strings or numbers, each value of which is a level. Missing values are a level
        of their own.

    groups : array-like of shape (n_samples,), default=None
        Identifier of the group of each sample, such as the patient. A sample without an
        identifier is a group of its own. None if each sample is independent of the
        others.

    n_permutations : int, default=999
        Number of permutations. No p-value is below ``1 / (1 + n_permutations)``, or
        twice that if strata differ within groups.

    n_neighbors : int, default=15
        Number of neighbors of the robustness index.

    confidence_level : float, default=0.95
        Level of the interval of the probe, percentiles over 999 resamples of the
        groups.

    random_state : int, RandomState instance or None, default=None
        Seed of permutations, folds and resamples. The result for a variable does not
        depend on the other variables.

    Returns
    -------
    audit : ConfoundingAudit
        Tables and verdicts; print it for an overview.

    Raises
    ------
    ImportError
        If pandas is not installed.

    TypeError, ValueError
        If the estimator has no ``predict`` or is not fitted, or its ``transform`` does
        not return one row of finite numbers for each sample; if a parameter is out of
        range; if lengths differ; if there is only one group, one level of a variable or
        one class; if a variable has too many levels; if values of `y` are missing; or
        if fewer samples than neighbors lie outside of a group.

    Warns
    -----
    UserWarning
        If `n_permutations` is so small that no p-value can be at most 0.05.

    See Also
    --------
    associate_strata : Association of strata with outcomes.

    References
    ----------
    Meinshausen, Meier, Buhlmann, "p-values for high-dimensional regression", Journal of
    the American Statistical Association 104 (2009): twice the median of p-values.

    Vinh, Epps, Bailey, "Information theoretic measures for clusterings comparison",
    Journal of Machine Learning Research 11 (2010): adjusted mutual information.

    de Jong, Marcus, Teuwen, "Current pathology foundation models are unrobust to
    medical center differences", arXiv:2501.18055, and Komen et al., "Towards robust
    foundation models for digital pathology", arXiv:2507.17845: robustness index.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.cluster import KMeans
    >>> from contrastive_clustering import audit_confounding
    >>> rng = np.random.default_rng(0)
    >>> site, diagnosis = rng.integers(2, size=(2, 200))
    >>> X = rng.normal(size=(200, 5)) + 6 * site[:, None]
    >>> kmeans = KMeans(2, n_init=1, random_state=0).fit(X)
    >>> audit = audit_confounding(
    ...     kmeans, X, diagnosis, nuisance={"site": site}, random_state=0
    ... )
    >>> audit.verdicts
    {'site': 'confounded'}
    >>> audit.table.loc["site", ["p", "probe", "probe_chance"]].tolist()
    [0.001, 1.0, 0.5]
    """
    import_pandas("audit_confounding")
    X = open_samples(X, "X")
    with errors_about("X", "samples"):
        n_samples = _num_samples(X)
    variables = Nuisance.read(nuisance, n_samples)
    grouping = read_units(groups, n_samples)
    classes = _read_classes(y, n_samples)
    if isinstance(estimator, BaseEstimator):
        estimator = snapshot(estimator)  # another thread may refit it in the meantime
    labels = predict_strata(estimator, X, "X")
    return audit_samples(
        labels,
        lambda rows: encode(estimator, X, "X", rows),
        variables,
        classes,
        grouping,
        grouped=groups is not None,
        n_permutations=n_permutations,
        n_neighbors=n_neighbors,
        confidence_level=confidence_level,
        random_state=random_state,
    )


def _read_classes(y: Any, n_samples: int) -> np.ndarray | None:
    """Return the class of each sample, or raise an error that names `y`."""
    classes = read_optional_classes(y, n_samples)
    if classes is not None and len(np.unique(classes)) < 2:
        raise ValueError(
            "y has only one class, but at least 2 are needed. Pass y=None otherwise."
        )
    return classes
