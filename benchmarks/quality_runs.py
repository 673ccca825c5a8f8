"""The data file of `quality.py`, one row a run.

The documentation draws its table and its chart from ``quality_runs.csv`` in this
folder. This module needs nothing but Python to read it. Other benchmarks use the
functions with a `Layout` of their own.
"""

import csv
import datetime
import importlib.metadata
import json
import platform
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

COMMITTED = Path(__file__).with_name("quality_runs.csv")

VALIDATION, TEST = "validation", "test"

# Methods that the table and the checks distinguish. Other methods are baselines, except
# for further configurations of ours, whose names begin with "ours".
OURS = "ours, defaults"
COMPONENTS = "components"
WITH_LABELS = "encoder with labels and views"

# The columns that identify a run. `strata` is empty for methods without strata.
# `settings` are the parameters that differ from the defaults, and `package` is our
# version.
KEY = ("part", "set", "strata", "method", "settings", "seed", "package")

METRICS = (
    "mapped",
    "balanced",
    "balanced_se",
    "one_to_one",
    "ari",
    "nmi",
    "reconstruction_error",
    "neighbors_accuracy",
    "neighbors_balanced",
    "neighbors_se",
    "linear_accuracy",
    "linear_balanced",
    "linear_se",
)
INTEGERS = {"strata", "seed", "n_train", "n_judged", "threads"}
NUMBERS = {*METRICS, "seconds"}

# The columns of `describe_machine`. `commit` is that of the last change of the package,
# with a plus sign if it was changed since.
MACHINE = (
    *("date", "package", "commit"),
    *("python", "numpy", "scikit_learn", "torch", "processor", "threads"),
)

# `n_train` and `n_judged` are numbers of images; `epochs` are those of ClustPy.
COLUMNS = (
    *("part", "set", "strata", "method", "settings", "seed"),
    *("n_train", "n_judged"),
    *METRICS,
    *("seconds", "epochs"),
    *MACHINE,
)


@dataclass(frozen=True)
class Layout:
    """The columns of a data file, those that identify a run, and those with numbers."""

    columns: tuple[str, ...]
    key: tuple[str, ...]
    integers: frozenset[str]
    numbers: frozenset[str]


QUALITY = Layout(COLUMNS, KEY, frozenset(INTEGERS), frozenset(NUMBERS))

Run = dict[str, Any]


def key_of(run: Run, layout: Layout = QUALITY) -> tuple[Any, ...]:
    return tuple(run[column] for column in layout.key)


def read_runs(path: Path, layout: Layout = QUALITY) -> list[Run]:
    """Return the runs in a file, in which an empty cell is None.

    If several runs have the same key, the last one is returned.

    Raises
    ------
    ValueError
        If the file has other columns, or a row cannot be read.
    """
    with path.open(newline="", encoding="utf-8") as file:
        rows = csv.DictReader(file)
        columns = layout.columns
        if tuple(rows.fieldnames or ()) != columns:
            raise ValueError(f"{path} has the columns {rows.fieldnames}, not {columns}")
        runs = {}
        for row in rows:
            try:
                run = {column: parse(column, row[column], layout) for column in columns}
            except (TypeError, ValueError) as error:
                raise ValueError(
                    f"{path}, line {rows.line_num}, is not a run: {error}. "
                    "Remove the line."
                ) from error
            runs[key_of(run, layout)] = run
    return list(runs.values())


def parse(column: str, cell: str, layout: Layout) -> Any:
    if column in layout.integers:
        return int(cell) if cell else None
    if column in layout.numbers:
        return float(cell) if cell else None
    if cell is None:
        raise ValueError(f"{column} is missing")
    return cell


def append_run(path: Path, run: Run, layout: Layout = QUALITY) -> None:
    """Append a row to a file, which is created with a header if it does not exist.

    Metrics are rounded to 5 digits, seconds to 2.
    """
    is_new = not path.exists()
    with path.open("a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, layout.columns, lineterminator="\n")
        if is_new:
            writer.writeheader()
        writer.writerow(
            {column: rounded(column, run[column], layout) for column in layout.columns}
        )


def rounded(column: str, value: Any, layout: Layout) -> Any:
    if value is None or column not in layout.numbers:
        return value
    return round(value, 2 if column == "seconds" else 5)


def settings_of(parameters: dict[str, Any]) -> str:
    """Return parameters as text that is always the same for the same parameters."""
    return json.dumps(parameters, sort_keys=True, default=repr) if parameters else ""


def describe_machine() -> Run:
    """Return the columns that are the same for all runs of a process."""
    import torch

    import contrastive_clustering

    return {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "package": contrastive_clustering.__version__,
        "commit": find_commit(Path(contrastive_clustering.__file__).parent),
        "python": platform.python_version(),
        "numpy": importlib.metadata.version("numpy"),
        "scikit_learn": importlib.metadata.version("scikit-learn"),
        "torch": importlib.metadata.version("torch"),
        "processor": find_processor(),
        "threads": torch.get_num_threads(),
    }


def find_commit(folder: Path) -> str:
    """Return the commit that last changed a folder; empty outside of a repository."""

    def git(*arguments: str) -> str:
        return subprocess.run(
            ["git", *arguments, "--", "."],
            cwd=folder,
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()

    try:
        commit = git("log", "-1", "--format=%h")
        return f"{commit}+" if git("status", "--porcelain") else commit
    except (OSError, subprocess.CalledProcessError):
        return ""


def find_processor(cpuinfo: Path = Path("/proc/cpuinfo")) -> str:
    """Return the model of the processor where the system names it.

    Virtual machines may give several generations the same name. The numbers of the
    family and the model distinguish them.
    """
    try:
        lines = cpuinfo.read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    # The first processor stands for all.
    found: dict[str, str] = {}
    for line in lines:
        field, _, value = line.partition(":")
        found.setdefault(field.strip(), value.strip())
    name = found.get("model name", "")
    numbers = [found.get(field) for field in ("cpu family", "model")]
    if name and all(numbers):
        return "{} (family {}, model {})".format(name, *numbers)
    return name or platform.processor() or platform.machine()
