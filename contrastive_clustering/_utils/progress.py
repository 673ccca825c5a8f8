"""Progress of what takes long: a bar on a terminal or in a notebook, lines in a log."""

import contextlib
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from time import monotonic
from types import TracebackType
from typing import Any, Self

from joblib import Parallel, delayed
from tqdm import tqdm

from contrastive_clustering._utils.distributed import rank

# A log gets a line at about each tenth of the way, and one after so many seconds
# without any, so that whoever reads it sees that the work goes on.
LINES = 10
LONGEST_SILENCE = 300.0


class Progress:
    """Steps of a task that are done, for whoever waits for it.

    It is written to the standard error: as a bar of tqdm where that is a terminal or
    a notebook shows it, and else as plain lines, since a file keeps every picture of
    a bar. Of processes that train together the first one alone shows it.

    Parameters
    ----------
    task : str
        What is done, such as "training".

    total : int or None
        Number of steps; None if it is not known.

    unit : str
        What one step is called.

    verbose : int
        0 shows nothing.

    n_done : int, default=0
        Number of steps that were done before.

    scaled : bool, default=False
        Whether to shorten numbers, as in "1.20M".

    Examples
    --------
    >>> from contrastive_clustering._utils.progress import Progress
    >>> with Progress("training", 3, "epoch", verbose=0) as progress:
    ...     progress.reach(1, {"loss": "2.310"})
    """

    def __init__(
        self,
        task: str,
        total: int | None,
        unit: str,
        *,
        verbose: int,
        n_done: int = 0,
        scaled: bool = False,
    ) -> None:
        self.n = n_done
        self._lock = threading.Lock()  # joblib reports from threads of its own
        self._bar: Any = None
        self._lines: _Lines | None = None
        if not verbose or rank() > 0 or sys.stderr is None:
            return
        if in_notebook():
            from tqdm.auto import tqdm as notebook_tqdm

            bar = notebook_tqdm
        elif _is_terminal(sys.stderr):
            bar = tqdm
        else:
            self._lines = _Lines(task, total, unit, n_done, scaled)
            return
        self._bar = bar(
            total=total, desc=task, unit=unit, initial=n_done, unit_scale=scaled
        )

    def reach(self, n: int, said: Mapping[str, str] | None = None) -> None:
        """Show that `n` steps are done, and values by name."""
        with self._lock:
            before, self.n = self.n, max(n, self.n)
            if self._bar is not None:
                if said:
                    self._bar.set_postfix(said, refresh=False)
                self._bar.update(self.n - before)
            if self._lines is not None:
                self._lines.reach(self.n, said or {})

    def close(self) -> None:
        """Show the last step; nothing can be shown afterwards."""
        with self._lock:
            for shown in (self._bar, self._lines):
                if shown is not None:
                    shown.close()
            self._bar = self._lines = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


class _Lines:
    """Lines such as "training 3/30 epochs, loss 2.310, 00:12 left"."""

    def __init__(
        self, task: str, total: int | None, unit: str, n_done: int, scaled: bool
    ) -> None:
        self.task = task
        self.total = total
        self.unit = unit
        self.n_before = self.n = self.n_printed = n_done
        self.scaled = scaled
        self.said: Mapping[str, str] = {}
        self.started = self.printed = monotonic()

    def reach(self, n: int, said: Mapping[str, str]) -> None:
        self.n, self.said = n, said
        silent = monotonic() - self.printed
        if self._part(n) > self._part(self.n_printed) or (
            n > self.n_printed and silent >= LONGEST_SILENCE
        ):
            self._print()

    def close(self) -> None:
        if self.n > self.n_printed:
            self._print()

    def _part(self, n: int) -> int:
        return LINES * n // self.total if self.total else 0

    def _print(self) -> None:
        self.n_printed, self.printed = self.n, monotonic()
        passed = self.printed - self.started
        steps = self._number(self.n)
        if self.total is not None:
            steps += f"/{self._number(self.total)}"
        parts = [f"{self.task} {steps} {self.unit}s"]
        parts += [f"{name} {value}" for name, value in self.said.items()]
        if self.total is not None and self.n_before < self.n < self.total:
            left = passed / (self.n - self.n_before) * (self.total - self.n)
            parts.append(f"{tqdm.format_interval(left)} left")
        else:
            parts.append(f"after {tqdm.format_interval(passed)}")
        # A stream of a window or a log may be closed, or able to do little; no training
        # should be lost for that.
        with contextlib.suppress(Exception):
            print(", ".join(parts), file=sys.stderr)
            sys.stderr.flush()

    def _number(self, n: int) -> str:
        return tqdm.format_sizeof(n) if self.scaled else str(n)


def _is_terminal(stream: Any) -> bool:
    """Return whether a stream is a terminal; what cannot be asked is none."""
    # A stand-in for a stream may lack the method, or be closed, and raise anything.
    # Lines are printed instead of bars then: no fit may end for want of a terminal.
    try:
        return bool(stream.isatty())
    except Exception:
        return False


def in_notebook() -> bool:
    """Return whether this runs in a notebook, which shows bars, though no terminal."""
    ipython = sys.modules.get("IPython")
    shell = None if ipython is None else ipython.get_ipython()
    return any(kind.__name__ == "ZMQInteractiveShell" for kind in type(shell).__mro__)


class _CountingParallel(Parallel):  # type: ignore[misc]  # joblib is not typed
    """joblib's own, but its reports of progress go where they are asked for.

    Its generators of results would do as well, but not all of its backends have them.
    """

    def __init__(self, n_jobs: int | None, report: Callable[[int], None]) -> None:
        super().__init__(n_jobs=n_jobs)
        self._report = report

    def print_progress(self) -> None:
        self._report(self.n_completed_tasks)


def run_tasks(
    function: Callable[..., Any],
    arguments: Sequence[tuple[Any, ...]],
    *,
    n_jobs: int | None,
    progress: Progress,
) -> list[Any]:
    """Call a function for each tuple of arguments, in parallel through joblib.

    Parameters
    ----------
    function : callable
        The function.

    arguments : sequence of tuple
        The positional arguments of each call.

    n_jobs : int or None
        As of :class:`joblib.Parallel`.

    progress : Progress
        Is told of each call that is done, as one step.

    Returns
    -------
    results : list
        What the calls have returned, in the order of `arguments`.
    """
    before = progress.n
    results: list[Any] = _CountingParallel(
        n_jobs, lambda n_completed: progress.reach(before + n_completed)
    )(delayed(function)(*each) for each in arguments)
    progress.reach(before + len(arguments))  # the last report may come late
    return results
