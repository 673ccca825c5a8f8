"""Messages of the command: progress, warnings and failures, on the standard error."""

import re
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

# Parameters and functions that messages of the package name, and what a user of the
# command does instead.
OPTIONS = {
    "Check how X was loaded": "Check the images and --window",
    "Convert X to": "Convert the images to",
    "If X is in other units, convert it to those used in fit": (
        "If they are in other units, convert them to the units of the training"
    ),
    "If their group is unknown, pass None for them; converting a column to text turns "
    "None and NaN into texts": "If their group is unknown, leave the cells empty",
    "Leave groups out": "Leave --groups out",
    "Pass a source with": "Pass a folder with",
    "Pass a smaller size, fewer files, or out, the path of a file for the images": (
        "Lower --size or pass fewer images"
    ),
    "Pass another window": "Pass another --window",
    "Pass size instead of spacing": "Leave out --spacing",
    "Pass the slices of one time point or echo as a list of paths": (
        "Leave only those of one time point or echo in the folder"
    ),
    "Pass window='file' to": "Leave out --window none to",
    "as_volumes=True": "--volumes",
    "checkpoint_dir=None": "leave --checkpoint out",
    "checkpoint_dir": "--checkpoint",
    "clip X before fit and predict, for example to its percentiles 0.1 and 99.9; "
    "otherwise transform X, for example by a logarithm": (
        "exclude these images or limit their values by --window"
    ),
    "device=": "--device=",  # "device" is also a word
    "groups has several samples": "--groups has several images",
    "seen in fit": "seen in the training",
    "in fit)": "in the training)",
    "into ranges, for example with pandas.cut": "in the table into ranges",
    "max_epochs": "--max-epochs",
    "n_clusters": "--n-clusters",
    "random_state": "--random-state",
    "used in fit": "used in the training",
}

# The model determines how images are read for a prediction.
OPTIONS_OF_PREDICT = {
    **OPTIONS,
    "Pass a smaller size, fewer files, or out, the path of a file for the images": (
        "Pass fewer images at a time"
    ),
    "Pass another window": "Use a model that was trained with another --window",
    "Pass as_volumes=True": "Use a model that was trained with --volumes",
    "Pass window='file' to map all to 8 bits": (
        "Use a model that was trained without --window none"
    ),
    "Pass size instead of spacing": "Use a model that was trained without --spacing",
    "is an image, not a volume": "is an image, but the model is one of volumes",
}

# How messages name a sample by its index.
INDEX = re.compile(r"\bX\[(\d+)\]|\bat index (\d+)\b")


class CommandError(Exception):
    """A failure that the user can resolve; the text says what to do."""


class Console:
    """The standard error of the command.

    Parameters
    ----------
    quiet : bool
        Whether to leave out everything but warnings and errors.

    predicts : bool, default=False
        Whether a model determines how images are read.

    Attributes
    ----------
    images : sequence of str
        Names of the images for messages, once they are read.
    """

    def __init__(self, *, quiet: bool, predicts: bool = False) -> None:
        self.verbose = int(not quiet)
        self.predicts = predicts
        self.images: Sequence[str] = ()
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

    def explain(self, text: str) -> str:
        """Return a message of the package in the words of the command."""
        return in_options(text, predicts=self.predicts, images=self.images)

    @contextmanager
    def shows_warnings(self) -> Iterator[None]:
        """Show warnings of Python as lines without source code.

        Only those for users are shown, which are a `UserWarning`.
        """

        def show(message: Any, category: Any, *_: Any, **__: Any) -> None:
            if issubclass(category, UserWarning):
                self.warn(self.explain(str(message)))

        with warnings.catch_warnings():
            warnings.simplefilter("always")
            warnings.showwarning = show
            yield


def in_options(text: str, *, predicts: bool = False, images: Sequence[str] = ()) -> str:
    """Return a message of the package in one line, with options for parameters.

    Names of images replace their indices. With `predicts`, a model determines how
    images are read.

    Examples
    --------
    >>> from contrastive_clustering._command.console import in_options
    >>> in_options("Lower n_clusters.")
    'Lower --n-clusters.'
    >>> in_options("X[1] is odd.", images=["a.png", "b.png"])
    'b.png is odd.'
    """

    def name(found: re.Match[str]) -> str:
        index = int(found[1] or found[2])
        if index >= len(images):
            return found[0]
        return images[index] if found[1] else f"for {images[index]}"

    options = OPTIONS_OF_PREDICT if predicts else OPTIONS
    # Longer texts may contain shorter ones.
    texts = sorted(options, key=len, reverse=True)
    pattern = rf"\b(?:{'|'.join(map(re.escape, texts))})"
    text = re.sub(pattern, lambda found: options[found[0]], text)
    return " ".join(INDEX.sub(name, text).split())


def explain_error(error: Exception) -> str:
    """Return the message of an error in one line, or as the command wrote it."""
    text = str(error)
    if isinstance(error, CommandError):
        return text
    if isinstance(error, OSError) and error.strerror:
        name = error.filename
        text = error.strerror if name is None else f"{name}: {error.strerror}"
        text = f"{text.rstrip('.')}."
    if isinstance(error, MemoryError):
        text = "there is not enough memory. Lower --size or pass fewer images."
    return in_options(text) or type(error).__name__


def fail(text: str) -> None:
    """Show the reason of a failure."""
    print(f"Error: {text}", file=sys.stderr, flush=True)
