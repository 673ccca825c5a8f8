"""Quality of the strata on real images, compared with other methods.

    python benchmarks/quality.py                           # all sets, three seeds
    python benchmarks/quality.py pneumoniamnist mnist --seeds 0 1 2 3 4
    python benchmarks/quality.py bloodcells --methods "ours, defaults"
    python benchmarks/quality.py --final                   # judge, once

It needs the image files in the folder named by the environment variable
CONTRASTIVE_CLUSTERING_DATA.

Without `--final`, it is for development: methods learn from a part of the training
split and are judged by another part, or by a validation split of more than 200 images.
Images of a patient are never in both parts. No array of the test split is opened.
Results are printed, and kept only with `--runs FILE`.

With `--final`, methods learn from the whole training split and are judged by the test
split. Each run is appended to quality_runs.csv in this folder as it ends. A run that is
there (with the same set, strata, method, settings, seed and version of the package) is
not repeated, because a test split that is looked at repeatedly is used to choose. To
repeat it, for example because the method was changed before a release, remove its row.

`--show` prints the tables and checks of a file without running anything.

Metrics of strata: *mapped* is the accuracy when each stratum is mapped to the most
frequent class of its training members, and *balanced* the mean recall of the classes
under the same mapping, with the smallest and largest value of the seeds; *one-to-one*
is the accuracy under the best matching of strata to classes; *ARI*; *NMI*.

Metrics of latents: *rec. error* is the mean squared error of the decoded images over
that of their mean image; *neighbors* and *linear* are the balanced accuracies of the 15
nearest neighbors and of a logistic regression on the standardized latents.

Seconds are the wall-clock time of a fit, of the strata and latents of both parts and of
the reconstruction of the second.

Other methods:

- k-means and a Gaussian mixture (diagonal covariances) on pixels; k-means and a
  Gaussian mixture (full covariances) on 50 principal components, or as many as there
  are. "components" are the probes of these components.
- The same encoder trained with labels on our random views.
- DEC and DCN of ClustPy, with its default feed-forward autoencoder, on flattened images
  that are standardized as in ClustPy's README (with one mean and one standard deviation
  for all values). They get the wall-clock time that our method took with its defaults
  for the same set and seed on the same machine: run it by the same command, or earlier
  with the same file. Their epochs are timed beforehand, which does not count. Half of
  the time is spent on pretraining and half on clustering. This needs the extra
  `benchmarks`; without ClustPy, its rows are omitted.

Further configurations of our method are run only if `--methods` selects them.
"""

import argparse
import functools
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from quality_checks import (
    CHECKS_HEADER,
    TARGETS_HEADER,
    make_checks,
    make_targets,
)
from quality_clustpy import CLUSTPY_METHODS, import_clustpy_deep
from quality_methods import OTHER_METHODS, OUR_METHODS, Job, Method, is_selected
from quality_metrics import judge
from quality_runs import (
    COLUMNS,
    COMMITTED,
    OURS,
    TEST,
    VALIDATION,
    Run,
    append_run,
    describe_machine,
    key_of,
    read_runs,
    settings_of,
)
from quality_sets import DATA_VARIABLE, IMAGE_SETS, Data, ImageSet
from quality_table import HEADER, format_table, make_rows, make_tables

METHODS = (*OUR_METHODS, *OTHER_METHODS, *CLUSTPY_METHODS)


class Benchmark:
    """Runs methods and keeps the runs, in a file if there is one."""

    def __init__(
        self, folder: Path, seeds: list[int], path: Path | None, final: bool
    ) -> None:
        self.folder, self.seeds, self.path, self.final = folder, seeds, path, final
        self.machine = describe_machine()
        self.part = TEST if final else VALIDATION
        has_runs = path is not None and path.exists()
        self.runs = read_runs(path) if has_runs else []

    def run(self, image_set: ImageSet, methods: list[Method]) -> None:
        """Run methods on a set, for all numbers of strata and all seeds."""

        # A set is read only if there is something to run.
        @functools.cache
        def data() -> Data:
            return image_set.read(self.folder, self.final)

        known = {key_of(run) for run in self.runs}
        for method, planned in self.plan(image_set, methods):
            name = describe(planned)
            if self.final and key_of(planned) in known:
                report(f"{name}: already in {self.path}")
                continue
            budget = self.time_of_ours(planned) if method.needs_budget else None
            if method.needs_budget and budget is None:
                report(f"{name}: left out, {OURS!r} has no run on this machine")
                continue
            job = Job(image_set, data(), planned["strata"], planned["seed"], budget)
            run = planned | measure(method, job)
            self.runs.append(run)
            if self.path is not None:
                append_run(self.path, run)
            report(f"{name}: {summarize(run)}")

    def plan(
        self, image_set: ImageSet, methods: list[Method]
    ) -> Iterator[tuple[Method, Run]]:
        """Yield the runs to be made, without their results."""
        for method in methods:
            for strata in image_set.strata if method.has_strata else (None,):
                for seed in self.seeds:
                    yield (
                        method,
                        dict.fromkeys(COLUMNS)
                        | self.machine
                        | {
                            "part": self.part,
                            "set": image_set.name,
                            "strata": strata,
                            "method": method.name,
                            "settings": settings_of(method.settings),
                            "seed": seed,
                        },
                    )

    def time_of_ours(self, run: Run) -> float | None:
        """Return the time of our method for the same data and seed, if measured."""
        same = ("part", "set", "strata", "seed", "package", "processor", "threads")
        times = [
            other["seconds"]
            for other in self.runs
            if other["method"] == OURS and all(other[key] == run[key] for key in same)
        ]
        return times[-1] if times else None


def describe(run: Run) -> str:
    strata = "" if run["strata"] is None else f"{run['strata']} strata, "
    return f"{run['set']}, {strata}{run['method']}, seed {run['seed']}"


def report(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def summarize(run: Run) -> str:
    metrics = ("balanced", "one_to_one", "neighbors_balanced", "linear_balanced")
    found = [f"{name} {run[name]:.3f}" for name in metrics if run[name] is not None]
    return ", ".join([*found, f"{run['seconds']:.1f} s"])


def measure(method: Method, job: Job) -> Run:
    """Return the columns of a run that hold its results."""
    if method.prepare is not None:
        method.prepare(job)
    start = time.perf_counter()
    result = method.run(job)
    seconds = time.perf_counter() - start
    return {
        "n_train": len(job.data.X_train),
        "n_judged": len(job.data.X_new),
        **judge(job.data, result),
        "seconds": seconds,
        "epochs": "" if result.epochs is None else "{}+{}".format(*result.epochs),
    }


def show(runs: list[Run], part: str) -> None:
    """Print the tables and the checks of runs."""
    rows = make_rows(runs, part)
    for name, table in make_tables(rows).items():
        print(f"\n{name}\n\n{format_table(HEADER, table)}")
    checks, targets = make_checks(rows), list(make_targets(rows))
    if checks:
        print(f"\nChecks\n\n{format_table(CHECKS_HEADER, checks)}")
    if targets:
        print(f"\nTargets\n\n{format_table(TARGETS_HEADER, targets)}")


def parse() -> argparse.Namespace:
    names = [image_set.name for image_set in IMAGE_SETS]
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "sets", nargs="*", metavar="SET", help=f"any of {', '.join(names)}"
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument(
        "--methods",
        nargs="+",
        metavar="WORD",
        help="only methods whose names contain one of these",
    )
    parser.add_argument(
        "--final", action="store_true", help="judge by the test split, once"
    )
    parser.add_argument(
        "--runs",
        type=Path,
        metavar="FILE",
        help=f"append each run to this file; with --final, {COMMITTED.name} by default",
    )
    parser.add_argument(
        "--show", action="store_true", help="print the results in the file, run nothing"
    )
    arguments = parser.parse_args()
    unknown = sorted(set(arguments.sets) - set(names))
    if unknown:
        parser.error(f"unknown set {unknown[0]!r}; choose from {', '.join(names)}")
    if arguments.final and arguments.runs is None:
        arguments.runs = COMMITTED
    if arguments.show:
        if arguments.runs is None or not arguments.runs.is_file():
            parser.error("--show needs --final, or --runs with a file that exists")
        return arguments
    arguments.methods = select_methods(arguments.methods)
    if not arguments.methods:
        parser.error("no method's name contains any of the words of --methods")
    folder = os.environ.get(DATA_VARIABLE)
    if not folder or not Path(folder).is_dir():
        parser.error(f"set {DATA_VARIABLE} to the folder of the image files")
    arguments.folder = Path(folder)
    return arguments


def select_methods(words: list[str] | None) -> list[Method]:
    """Return the methods that words select, without those that cannot run."""
    methods = [
        method
        for method in METHODS
        if (method.is_default if words is None else is_selected(method.name, words))
    ]
    if any(method.needs_budget for method in methods):
        try:
            import_clustpy_deep()
        except ImportError as error:
            report(f"ClustPy's rows are omitted: {error}")
            methods = [method for method in methods if not method.needs_budget]
    return methods


def main() -> None:
    arguments = parse()
    if arguments.show:
        show(read_runs(arguments.runs), TEST if arguments.final else VALIDATION)
        return
    benchmark = Benchmark(
        arguments.folder, arguments.seeds, arguments.runs, arguments.final
    )
    for image_set in IMAGE_SETS:
        if not arguments.sets or image_set.name in arguments.sets:
            benchmark.run(image_set, arguments.methods)
    show(benchmark.runs, benchmark.part)


if __name__ == "__main__":
    main()
