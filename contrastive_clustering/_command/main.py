"""Entry point of the command: exit statuses and messages of failures."""

import sys
import traceback
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

from contrastive_clustering._command.console import (
    CommandError,
    explain_error,
    fail,
)
from contrastive_clustering._command.interrupts import (
    Interrupted,
    TrainingInterrupted,
    interruptible,
)
from contrastive_clustering._command.options import parse

SUCCESS, FAILURE, INTERRUPTED = 0, 1, 130

# The package raises these with a message for the user.
EXPLAINED = (
    CommandError,
    ImportError,
    MemoryError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command.

    Parameters
    ----------
    argv : sequence of str, default=None
        Arguments without the name of the command; None takes those of the process.

    Returns
    -------
    status : int
        0 for success, 1 for a failure, 130 after Ctrl-C.

    Raises
    ------
    SystemExit
        With the status 2 if the options are wrong, and 0 after the help.
    """
    options = parse(sys.argv[1:] if argv is None else list(argv))
    try:
        with interruptible():
            # PyTorch takes seconds to import, which the help does not need.
            from contrastive_clustering._command.run import run

            run(options)
    except Interrupted as error:
        has_trained = isinstance(error, TrainingInterrupted)
        fail(f"interrupted{_how_to_resume(options, has_trained=has_trained)}")
        return INTERRUPTED
    except EXPLAINED as error:
        fail(explain_error(error))
        return FAILURE
    # A traceback does not help a person who does not program. The message of an error
    # that was not foreseen may contain values of the images or of the table.
    except Exception as error:
        fail(
            f"{type(error).__name__} {_locate(error)}. This is a defect of the "
            "program. Report it with this message."
        )
        return FAILURE
    return SUCCESS


def _how_to_resume(options: Namespace, *, has_trained: bool) -> str:
    """Return the end of the sentence on the interruption, and what to do."""
    if options.predicts:
        return "."
    if not has_trained:
        # A checkpoint of an earlier run may exist.
        resume = "" if options.checkpoint is None else " or resume"
        return (
            " before the training, so that nothing is lost. Run the same command again "
            f"to start{resume} the training."
        )
    if options.checkpoint is None:
        return ". With --checkpoint FOLDER, the training could be resumed."
    results = (
        options.report,
        options.model,
        options.labels,
        options.group_labels,
    )
    is_partly_written = any(path is not None and path.exists() for path in results)
    also = ""
    if is_partly_written and not options.overwrite:
        also = ", with --overwrite because some results are written,"
    return f". Run the same command again{also} to resume the training."


def _locate(error: Exception) -> str:
    """Name the line that raised an error, and the line of the package that led to it.

    They differ if a library raised the error.
    """
    lines = traceback.extract_tb(error.__traceback__)
    package = Path(__file__).parents[1]
    own = [line for line in lines if Path(line.filename).is_relative_to(package)]
    places = dict.fromkeys(
        f"line {line.lineno} of {Path(line.filename).name}"
        for line in (lines[-1], *own[-1:])
    )
    return "in " + ", called from ".join(places)
