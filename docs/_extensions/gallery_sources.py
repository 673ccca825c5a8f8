"""Copies of the examples that only show the method, for the gallery and its downloads.

In a clone, each example ends by saving its results where there is no screen. The
gallery shows the figures itself, and a downloaded script lacks the module that saves.
"""

import re
import shutil
from pathlib import Path

SAVING = re.compile(
    r"\n# sphinx_gallery_start_ignore\n.*?# sphinx_gallery_end_ignore\n", re.DOTALL
)


def copy_examples(source: Path, target: Path) -> None:
    """Copy the scripts and the introduction of a folder, without the lines that save.

    Files that an earlier call has left in the target are removed.
    """
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    for path in [source / "README.txt", *source.glob("plot_*.py")]:
        text = SAVING.sub("", path.read_text("utf-8"))
        (target / path.name).write_text(text, "utf-8")
