"""Which samples cannot be used, and how a message names them."""

from collections.abc import Callable, Iterator, Sequence
from time import monotonic

import numpy as np

# A message names so many samples, and gives the number of the others.
MOST_NAMED = 3

# Values that are looked at together: 16 MiB of float64.
VALUES_TOGETHER = 2**21

# After the first unusable sample the others are looked for, but not for longer than
# this: whoever waits for the message has hours of reading before them otherwise.
SECONDS_OF_SEARCH = 10.0


def name_samples(indices: Sequence[int], n_samples: int, name: str = "X") -> str:
    """Return samples by their indices: the first few, and how many there are.

    Parameters
    ----------
    indices : sequence of int
        Indices of the samples, ascending, at least one.

    n_samples : int
        Number of samples that were looked at.

    name : str, default="X"
        What the caller calls the array.

    Returns
    -------
    names : str
        Such as a message has them.

    Examples
    --------
    >>> from contrastive_clustering._utils.bad_samples import name_samples
    >>> name_samples([123], 400), name_samples([1, 5], 400)
    ('X[123] (1 of 400 samples)', 'X[1] and X[5] (2 of 400 samples)')
    >>> name_samples([1, 5, 6, 9, 20], 400)
    'X[1], X[5], X[6] and 2 more (5 of 400 samples)'
    """
    named = [f"{name}[{index}]" for index in indices[:MOST_NAMED]]
    if len(indices) > MOST_NAMED:
        named.append(f"{len(indices) - MOST_NAMED} more")
    text = named[0]
    if len(named) > 1:
        text = f"{', '.join(named[:-1])} and {named[-1]}"
    return f"{text} ({len(indices)} of {n_samples} samples)"


def blocks(n_samples: int, values_of_each: int) -> Iterator[slice]:
    """Yield slices of samples that are looked at together."""
    rows = max(1, VALUES_TOGETHER // max(1, values_of_each))
    for start in range(0, n_samples, rows):
        yield slice(start, min(start + rows, n_samples))


def not_finite(samples: np.ndarray) -> np.ndarray:
    """Return which samples hold NaN or infinity.

    Parameters
    ----------
    samples : ndarray of shape (n_samples, ...)
        Numbers of any kind.

    Returns
    -------
    indices : ndarray of int
        Their indices, ascending.

    Examples
    --------
    >>> import numpy as np
    >>> from contrastive_clustering._utils.bad_samples import not_finite
    >>> not_finite(np.array([[0.0, 1.0], [np.nan, 0.0], [2.0, np.inf]]))
    array([1, 2])
    """
    if samples.dtype.kind != "f" or not samples.size:
        return np.empty(0, dtype=np.intp)
    found = []
    for block in blocks(len(samples), samples[0].size):
        finite = np.isfinite(samples[block])
        if not finite.all():
            rows = finite.reshape(len(finite), -1).all(axis=1)  # (n, ...) -> (n,)
            found.append(block.start + np.flatnonzero(~rows))
    return np.concatenate(found) if found else np.empty(0, dtype=np.intp)


NOT_FINITE = "NaN or infinity"


def error_of_values(
    indices: Sequence[int], n_samples: int, name: str, what: str = NOT_FINITE
) -> ValueError:
    """Return the error for samples that hold what cannot be used."""
    return ValueError(
        f"{name} contains {what} in {name_samples(indices, n_samples, name)}. "
        "Leave such samples out, or fill in what is missing."
    )


def check_finite(array: np.ndarray, name: str, what: str = NOT_FINITE) -> None:
    """Raise unless all values of an array are finite.

    Parameters
    ----------
    array : ndarray of shape (n_samples, ...)
        Numbers.

    name : str
        What the caller calls it.

    what : str, default="NaN or infinity"
        What values that are not finite may have been.

    Raises
    ------
    ValueError
        If a sample holds NaN or infinity; the message has the indices.
    """
    indices = not_finite(array).tolist()
    if indices:
        raise error_of_values(indices, len(array), name, what)


def search(
    first: int,
    n_samples: int,
    find: Callable[[np.ndarray], Sequence[int]],
    n_together: int,
) -> tuple[list[int], int]:
    """Look for more samples that are as unusable as the first that was found.

    Parameters
    ----------
    first : int
        Index of the sample that was found to be unusable.

    n_samples : int
        Number of samples.

    find : callable
        Takes consecutive indices and returns those of unusable samples among them.

    n_together : int
        Number of indices to pass at once.

    Returns
    -------
    indices : list of int
        Indices of unusable samples, ascending, `first` among them.

    n_seen : int
        Number of samples that were looked at before time was up.
    """
    until = monotonic() + SECONDS_OF_SEARCH
    found = {first}
    n_seen = 0
    while n_seen < n_samples and monotonic() <= until:
        indices = np.arange(n_seen, min(n_seen + n_together, n_samples))
        found.update(find(indices))
        n_seen += len(indices)
    return sorted(found), max(n_seen, first + 1)
