"""Report the progress of long tasks by a bar or, in logs, by lines."""

import contextlib
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from time import monotonic
from typing import Any, Self

from joblib import Parallel, delayed
from tqdm import tqdm

from contrastive_clustering._utils.distributed import rank

# A log gets a line about every tenth of the task, and also after this many seconds
# without one, which shows that the task is still running.
LINES = 10
MAX_SILENCE = 300.0


class Progress:
    """Progress of a task, written to the standard error.

    Terminals and notebooks show a tqdm bar. Other streams get plain lines, because a
    file would keep every state of a bar. In distributed training, only process 0
    reports progress.

    Parameters
    ----------
    task : str
        Name of the task, such as "training".

    total : int or None
        Number of steps; None if unknown.

    unit : str
        Name of a step.

    verbose : int
        0 is silent.

    n_done : int, default=0
        Number of steps completed before.

    scaled : bool, default=False
        Whether to abbreviate numbers, as in "1.20M".

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
        self._lock = threading.Lock()  # joblib reports from its own threads
        self._bar: Any = None
        self._lines: _Lines | None = None
        if not verbose or rank() > 0 or sys.stderr is None:
            return
        if not in_notebook() and not _is_terminal(sys.stderr):
            self._lines = _Lines(task, total, unit, n_done, scaled)
            return
        from tqdm.auto import tqdm as bar  # of widgets in a notebook

        self._bar = bar(
            total=total, desc=task, unit=unit, initial=n_done, unit_scale=scaled
        )

    def reach(self, n: int, said: Mapping[str, str] | None = None) -> None:
        """Show that `n` steps are completed, with named values."""
        with self._lock:
            before, self.n = self.n, max(n, self.n)
            if self._bar is not None:
                if said:
                    self._bar.set_postfix(said, refresh=False)
                self._bar.update(self.n - before)
            if self._lines is not None:
                self._lines.reach(self.n, said or {})

    def close(self) -> None:
        """Show the last step and stop reporting."""
        with self._lock:
            for shown in (self._bar, self._lines):
                if shown is not None:
                    shown.close()
            self._bar = self._lines = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
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
            n > self.n_printed and silent >= MAX_SILENCE
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
        # A stream may be closed or incomplete, which must not abort a training run.
        with contextlib.suppress(Exception):
            print(", ".join(parts), file=sys.stderr)
            sys.stderr.flush()

    def _number(self, n: int) -> str:
        return tqdm.format_sizeof(n) if self.scaled else str(n)


def _is_terminal(stream: Any) -> bool:
    """Return whether a stream is a terminal; False if that cannot be determined."""
    # Replacements of streams may lack the method, or be closed, and raise any error.
    # A fit must not fail because of that.
    try:
        return bool(stream.isatty())
    except Exception:
        return False


def in_notebook() -> bool:
    """Return whether the code runs in a notebook, which can show bars."""
    ipython = sys.modules.get("IPython")
    shell = None if ipython is None else ipython.get_ipython()
    return any(kind.__name__ == "ZMQInteractiveShell" for kind in type(shell).__mro__)


class _CountingParallel(Parallel):  # type: ignore[misc]  # joblib is not typed
    """joblib.Parallel that reports its progress to a callback.

    Result generators would also work, but not all backends support them.
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

    `n_jobs` is that of :class:`joblib.Parallel`, and each completed call counts as one
    step of the progress. Results are in the order of the arguments.
    """
    before = progress.n
    results: list[Any] = _CountingParallel(
        n_jobs, lambda n_completed: progress.reach(before + n_completed)
    )(delayed(function)(*each) for each in arguments)
    progress.reach(before + len(arguments))  # joblib's last report may be late
    return results
