"""Explain errors of data-loading workers that have died or cannot be started."""

import multiprocessing
import pickle
import re
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from contrastive_clustering._utils.messages import reason_of

WORKER = "A data-loading worker (num_workers={num_workers}) "
IN_MAIN = "iterator_train__num_workers=0 loads batches in the main process."
IMPORTABLE = (
    "Workers started by the method {method!r} import the data set: define its class in "
    "a module, not in a notebook, in a function or under "
    '`if __name__ == "__main__":`. '
)

UNPICKLABLE = re.compile(r"can.?t pickle|cannot pickle|local object", re.IGNORECASE)


@contextmanager
def explain_dead_workers(
    num_workers: int,
    exit_codes: Callable[[], Sequence[int | None]],
    start_method: str | None = None,
) -> Iterator[None]:
    """Replace errors of data-loading workers by errors with a remedy.

    Parameters
    ----------
    num_workers : int
        Number of workers.

    exit_codes : callable
        Returns the exit code of each worker, which is negative after a signal and None
        while it is running.

    start_method : str, default=None
        How the workers are started; None stands for Python's default.

    Raises
    ------
    RuntimeError
        If a worker has died by a signal, with an exit code, or for an unknown reason.

    TypeError
        If the data set cannot be sent to a worker.
    """
    method = start_method or multiprocessing.get_start_method()
    try:
        yield
    except RuntimeError as error:
        if "DataLoader worker" not in str(error) or "Caught" in str(error):
            raise
        raise RuntimeError(
            WORKER.format(num_workers=num_workers)
            + _why(exit_codes(), method)
            + IN_MAIN
        ) from error
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        if not num_workers or not UNPICKLABLE.search(str(error)):
            raise
        raise TypeError(
            WORKER.format(num_workers=num_workers)
            + f"cannot be started: X cannot be sent to it ({reason_of(error)}). "
            + IMPORTABLE.format(method=method)
            + IN_MAIN
        ) from error


def _why(exit_codes: Sequence[int | None], method: str) -> str:
    """Return the reason for the death of a worker, and a remedy."""
    code = next((code for code in exit_codes if code), None)
    if code is not None and code < 0:
        return (
            f"was killed by the signal {_name_signal(-code)}, most often because "
            "memory ran out. Lower iterator_train__num_workers or batch_size; "
        )
    imports = "" if method == "fork" else IMPORTABLE.format(method=method)
    if code is None:
        return (
            "died unexpectedly; see above for its error, if it printed one. "
            f"{imports}If memory ran out, lower iterator_train__num_workers or "
            "batch_size; "
        )
    return (
        f"failed with the exit code {code}, which is not a signal; see above for its "
        f"error. {imports}"
    )


def _name_signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return str(number)
