"""Messages of the command: progress, warnings and failures, on the standard error."""

import re
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

# Parameters and functions that messages of the package name, and what a user of the
# command does instead.
OPTIONS = {
    "Pass size instead of spacing": "Leave out --spacing",
    "as_volumes=True": "--volumes",
    "checkpoint_dir=None": "leave --checkpoint out",
    "checkpoint_dir": "--checkpoint",
    "device=": "--device=",  # "device" is also a word
    "into ranges, for example with pandas.cut": "in the table into ranges",
    "max_epochs": "--max-epochs",
    "n_clusters": "--n-clusters",
    "random_state": "--random-state",
}
PARAMETER = re.compile(rf"\b(?:{'|'.join(map(re.escape, OPTIONS))})")


class CommandError(Exception):
    """A failure that the user can resolve; the text says what to do."""


class Console:
    """The standard error of the command.

    Parameters
    ----------
    quiet : bool
        Whether to leave out everything but warnings and errors.
    """

    def __init__(self, *, quiet: bool) -> None:
        self.verbose = int(not quiet)
        self._warned: set[str] = set()

    def say(self, text: str) -> None:
        """Report a step."""
        if self.verbose:
            print(text, file=sys.stderr, flush=True)

    def warn(self, text: str) -> None:
        """Show a warning once."""
        if text not in self._warned:
            self._warned.add(text)
            print(f"Warning: {text}", file=sys.stderr, flush=True)

    @contextmanager
    def shows_warnings(self) -> Iterator[None]:
        """Show warnings of Python as lines without source code.

        Only those for users are shown, which are a `UserWarning`.
        """

        def show(message: Any, category: Any, *_: Any, **__: Any) -> None:
            if issubclass(category, UserWarning):
                self.warn(in_options(str(message)))

        with warnings.catch_warnings():
            warnings.simplefilter("always")
            warnings.showwarning = show
            yield


def in_options(text: str) -> str:
    """Return a message of the package in one line, with options for parameters.

    Examples
    --------
    >>> from contrastive_clustering._command.console import in_options
    >>> in_options("Lower n_clusters.")
    'Lower --n-clusters.'
    """
    text = PARAMETER.sub(lambda found: OPTIONS[found[0]], text)
    return " ".join(text.split())


def fail(text: str) -> None:
    """Show the reason of a failure."""
    print(f"Error: {text}", file=sys.stderr, flush=True)
