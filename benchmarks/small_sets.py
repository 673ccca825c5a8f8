"""Strata of small, dark and unequal sets of images.

    python benchmarks/small_sets.py                         # everything: hours
    python benchmarks/small_sets.py "size .* 100 images"    # cases by their names
    python benchmarks/small_sets.py "rare mnist" --seeds 0
    python benchmarks/small_sets.py --list
    python benchmarks/small_sets.py --show                  # print the tables

It needs the image files in the folder named by the environment variable
CONTRASTIVE_CLUSTERING_DATA. Methods learn from a part of the training split and are
judged by another part or by the validation split, as `quality.py` does without
`--final`. No array of a test split is opened.

Each run is appended to small_sets.csv in this folder as it ends. A run that is there
(with the same case, strata, method, seed and version of the package) is not repeated;
to repeat it, remove its row.

Cases, each with the defaults of our method and with k-means and a Gaussian mixture on
50 principal components:

- *size*: 100, 300 and 1,000 images. The agreement is the mean adjusted Rand index of
  the strata of a seed and those of the other seeds on the same new images. The seeds
  share few training images.
- *rare*: two classes, one of which is rare.
- *dark*: a share of the images, or all, with smaller values.
- *site*: a share of the images from another scanner, or ultrasound images of three
  hospitals, one of which contributed few. Our method is also fitted with the site as
  `nuisance`.

A seed chooses the training images, the weights and the views.
"""

import argparse
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from quality_runs import OURS, Run, append_run, describe_machine, key_of, read_runs
from quality_sets import DATA_VARIABLE
from quality_table import format_table
from small_sets_cases import CASES, Case
from small_sets_methods import Fit, fit_baseline, fit_ours
from small_sets_metrics import agreements, judge_sample
from small_sets_runs import (
    COMMITTED,
    KMEANS,
    LAYOUT,
    MIXTURE,
    SITE,
    SIZE,
    WITH_SITE,
)
from small_sets_samples import SETS, Sample
from small_sets_table import TABLES


def methods_of(case: Case) -> tuple[str, ...]:
    ours = (OURS, WITH_SITE) if case.kind == SITE else (OURS,)
    return (*ours, KMEANS, MIXTURE)


def make_fits(case: Case, method: str, sample: Sample, seed: int) -> Iterator[Fit]:
    """Fit a method with each number of strata of a case."""
    if method == OURS:
        return fit_ours(sample.data, case.strata, seed)
    if method == WITH_SITE:
        return fit_ours(sample.data, case.strata, seed, sample.nuisance)
    return fit_baseline(method, SETS[case.data], sample.data, case.strata, seed)


class Benchmark:
    """Runs cases and appends each run to a file."""

    def __init__(self, folder: Path, seeds: list[int], path: Path) -> None:
        self.folder, self.seeds, self.path = folder, seeds, path
        self.machine = describe_machine()
        runs = read_runs(path, LAYOUT) if path.exists() else []
        self.known = {key_of(run, LAYOUT) for run in runs}

    def run(self, case: Case) -> None:
        """Make the runs of a case that are not in the file."""
        for method in methods_of(case):
            missing = [seed for seed in self.seeds if self.lacks(case, method, seed)]
            if not missing:
                report(f"{case.name}, {method}: already in {self.path}")
            elif case.kind == SIZE:
                self.run_together(case, method)
            else:
                for seed in missing:
                    for run, _ in self.measure(case, method, seed):
                        append_run(self.path, run, LAYOUT)

    def lacks(self, case: Case, method: str, seed: int) -> bool:
        planned = (self.plan(case, method, seed, strata) for strata in case.strata)
        return any(key_of(run, LAYOUT) not in self.known for run in planned)

    def run_together(self, case: Case, method: str) -> None:
        """Make the runs of all seeds, because they are compared with each other."""
        made = [m for seed in self.seeds for m in self.measure(case, method, seed)]
        for strata in case.strata:
            alike = [(run, new) for run, new in made if run["strata"] == strata]
            found = agreements([new for _, new in alike])
            for (run, _), agreement in zip(alike, found, strict=True):
                append_run(self.path, run | {"agreement": agreement}, LAYOUT)

    def measure(
        self, case: Case, method: str, seed: int
    ) -> Iterator[tuple[Run, np.ndarray]]:
        """Yield a run and the strata of the new images for each number of strata."""
        sample = case.draw(self.folder, seed)
        for fit in make_fits(case, method, sample, seed):
            run = self.plan(case, method, seed, fit.strata)
            run |= judge_sample(sample, fit.result, case.share)
            run |= {"n_judged": len(sample.data.y_new), "seconds": fit.seconds}
            report(f"{case.name}, {method}, seed {seed}: {summarize(run)}")
            yield run, fit.result.new

    def plan(self, case: Case, method: str, seed: int, strata: int) -> Run:
        """Return a run without its results."""
        return {
            **dict.fromkeys(LAYOUT.columns),
            **self.machine,
            "case": case.kind,
            "data": case.data,
            "change": case.change,
            "n": case.n,
            "share": case.share,
            "strata": strata,
            "method": method,
            "seed": seed,
        }


def report(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def summarize(run: Run) -> str:
    metrics = ("balanced", "neighbors_balanced", "recall", "precision")
    found = [f"{name} {run[name]:.3f}" for name in metrics if run[name] is not None]
    return ", ".join([f"{run['strata']} strata", *found, f"{run['seconds']:.1f} s"])


def show(runs: list[Run]) -> None:
    """Print the tables of runs."""
    for name, make_table in TABLES.items():
        header, *rows = make_table(runs)
        print(f"\n{name}\n\n{format_table(header, rows)}")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "patterns",
        nargs="*",
        metavar="PATTERN",
        help="regular expressions, one of which is found in the name of a case",
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument(
        "--runs",
        type=Path,
        default=COMMITTED,
        metavar="FILE",
        help=f"append each run to this file; {COMMITTED.name} by default",
    )
    parser.add_argument(
        "--list", action="store_true", help="print the names of the cases"
    )
    parser.add_argument(
        "--show", action="store_true", help="print the tables of the file, run nothing"
    )
    arguments = parser.parse_args()
    arguments.cases = [
        case
        for case in CASES
        if not arguments.patterns
        or any(re.search(pattern, case.name) for pattern in arguments.patterns)
    ]
    if not arguments.cases:
        parser.error("no case matches; --list prints the names of all cases")
    if arguments.list or arguments.show:
        return arguments
    if any(case.kind == SIZE for case in arguments.cases) and len(arguments.seeds) < 2:
        parser.error("cases of size need at least two seeds")
    folder = os.environ.get(DATA_VARIABLE)
    if not folder or not Path(folder).is_dir():
        parser.error(f"set {DATA_VARIABLE} to the folder of the image files")
    arguments.folder = Path(folder)
    return arguments


def main() -> None:
    arguments = parse()
    if arguments.list:
        print("\n".join(case.name for case in arguments.cases))
    elif arguments.show:
        show(read_runs(arguments.runs, LAYOUT))
    else:
        benchmark = Benchmark(arguments.folder, arguments.seeds, arguments.runs)
        for case in arguments.cases:
            benchmark.run(case)


if __name__ == "__main__":
    main()
