"""What is said where a process that reads batches has ended or cannot be started."""

import multiprocessing
import pickle
import re
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from contrastive_clustering._utils.messages import reason_of

READS = "A process that reads batches (num_workers={num_workers}) "
IN_MAIN = "num_workers=0 reads in the main process."
IMPORTABLE = (
    "Processes that are started by {method!r} import what they read: define the class "
    "of the data set in a module of its own, not in a notebook, in a function or under "
    '`if __name__ == "__main__":`. '
)

UNPICKLABLE = re.compile(r"can.?t pickle|cannot pickle|local object", re.IGNORECASE)


@contextmanager
def explain_dead_workers(
    num_workers: int, exit_codes: Callable[[], Sequence[int | None]]
) -> Iterator[None]:
    """Say what can be done where a process of a data loader ends or does not start.

    Parameters
    ----------
    num_workers : int
        Number of processes that read batches.

    exit_codes : callable
        Returns the exit code of each of them, negative if a signal has ended it, or
        None while it runs.

    Raises
    ------
    RuntimeError
        If a process has ended: by a signal, with an exit code, or for a reason that is
        not known.

    TypeError
        If a data set cannot be sent to a process.
    """
    try:
        yield
    except RuntimeError as error:
        if "DataLoader worker" not in str(error) or "Caught" in str(error):
            raise
        raise RuntimeError(
            READS.format(num_workers=num_workers) + _why(exit_codes()) + IN_MAIN
        ) from error
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        if not num_workers or not UNPICKLABLE.search(str(error)):
            raise
        raise TypeError(
            READS.format(num_workers=num_workers)
            + f"cannot be started, as X cannot be sent to it ({reason_of(error)}). "
            + IMPORTABLE.format(method=multiprocessing.get_start_method())
            + IN_MAIN
        ) from error


def _why(exit_codes: Sequence[int | None]) -> str:
    """Return how a process has ended, and what can be done."""
    code = next((code for code in exit_codes if code), None)
    if code is not None and code < 0:
        return (
            f"was killed by the signal {_name_signal(-code)}, most often for want of "
            "memory. Lower num_workers or batch_size; "
        )
    method = multiprocessing.get_start_method()
    imports = "" if method == "fork" else IMPORTABLE.format(method=method)
    if code is None:
        return (
            "ended unexpectedly; if it printed an error, it stands above. "
            f"{imports}If memory was short, lower num_workers or batch_size; "
        )
    return (
        f"failed with the exit code {code}, which is not a signal; its error was "
        f"printed above. {imports}"
    )


def _name_signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return str(number)
