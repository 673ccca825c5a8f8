"""Agreement of strata with the levels of a nuisance variable."""

from collections.abc import Callable

import numpy as np
from scipy.special import rel_entr
from sklearn.metrics import adjusted_mutual_info_score

from contrastive_clustering._evaluation.group_parts import GroupParts
from contrastive_clustering._evaluation.resampling import (
    PermutationTest,
    exceedance_p,
)
from contrastive_clustering._utils.weighted_tables import count

# Number of times that one sample of each part is drawn.
N_DRAWS = 11


def agree(
    codes: np.ndarray,
    parts: GroupParts,
    n_permutations: int,
    rng: np.random.Generator,
    measure: Callable[[np.ndarray, np.ndarray], float] = adjusted_mutual_info_score,
) -> tuple[float, PermutationTest]:
    """Return the agreement of labels and levels, and its p-value.

    One sample of each part is drawn at random: the most frequent label of many samples
    is a common one more often than the label of a single sample, which would cause an
    agreement if groups at one level have more samples. If labels differ within a part,
    this is repeated, and twice the median of the p-values is returned, which is valid
    whatever their dependence: Meinshausen, Meier and Buhlmann, "p-values for
    high-dimensional regression", Journal of the American Statistical Association 104
    (2009).

    Adjusted mutual information is 1 for identical partitions and 0 on average for
    independent ones, whatever their numbers of clusters: Vinh, Epps and Bailey,
    "Information theoretic measures for clusterings comparison", Journal of Machine
    Learning Research 11 (2010).

    Parameters
    ----------
    codes : ndarray of shape (n_samples,)
        Codes of the labels of samples, from 0.

    parts : GroupParts
        The parts with their levels.

    n_permutations : int
        Number of permutations of the levels, as in `GroupParts.permuter`.

    rng : Generator
        Random generator.

    measure : callable, default=adjusted_mutual_info_score
        Function of the levels and the labels of the samples drawn, both of shape
        (n_parts,).

    Returns
    -------
    agreement : float
        Mean of `measure` over the draws for which it is not NaN, NaN if there are none.

    test : PermutationTest
        The p-value of the mutual information, from `smallest_p` to 1.
    """
    shape = (int(codes.max()) + 1, int(parts.levels.max()) + 1)
    n_draws = N_DRAWS if _vary_within_parts(codes, parts) else 1
    agreements, tests = [], []
    for _ in range(n_draws):
        drawn = codes[parts.draw(rng)]

        # Permutations keep the numbers of parts with each label and at each level, so
        # that the adjustment does not change the order of the statistics.
        def statistic(levels: np.ndarray, drawn: np.ndarray = drawn) -> np.ndarray:
            return mutual_information(count(drawn, levels, shape))

        permute = parts.permuter(rng)
        tests.append(exceedance_p(statistic, parts.levels, permute, n_permutations))
        agreements.append(float(measure(parts.levels, drawn)))
    test = tests[0]
    if n_draws > 1:
        medians = np.median(tests, axis=0)
        test = PermutationTest(*np.minimum(1, 2 * medians).tolist())
    known = [agreement for agreement in agreements if not np.isnan(agreement)]
    return (float(np.mean(known)) if known else np.nan), test


def smallest_p(codes: np.ndarray, parts: GroupParts, n_permutations: int) -> float:
    """Return the smallest p-value that `agree` could return for its parameters."""
    return (2 if _vary_within_parts(codes, parts) else 1) / (1 + n_permutations)


def _vary_within_parts(codes: np.ndarray, parts: GroupParts) -> bool:
    return len(parts.grouping.varies(codes.astype(float))) > 0


def mutual_information(counts: np.ndarray) -> np.ndarray:
    """Return the mutual information, in nats, of tables (n_batch, n_rows, n_columns).

    Examples
    --------
    >>> import numpy as np
    >>> from contrastive_clustering._evaluation.nuisance_agreement import (
    ...     mutual_information,
    ... )
    >>> mutual_information(np.array([[[5, 0], [0, 5]], [[4, 4], [1, 1]]])).round(3)
    array([0.693, 0.   ])
    """
    shares = counts / counts.sum(axis=(1, 2), keepdims=True)
    rows, columns = shares.sum(axis=2, keepdims=True), shares.sum(axis=1, keepdims=True)
    return np.asarray(rel_entr(shares, rows * columns).sum(axis=(1, 2)))
