"""Load damaged and malicious files; the tests run this script in a process of its own.

``python tests/fuzz_saved_files.py damaged 1000`` damages files like disks and networks.
``forged`` writes files like an attacker who knows the schema: it breaks each field and
each relation in turn, then several at once, with a valid checksum. ``checkpoint`` does
the same to checkpoints. An optional third argument is the number of the first file.
Each file must either load and work, or be rejected by a ValueError that names it. Files
are tried in child processes; a crash is a failure. An audit hook records all events
that run code, start a program or write a file.
"""

import json
import os
import pickle
import random
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback
import warnings
from pathlib import Path
from unittest import mock

import forge
import numpy as np
from sklearn.cluster import AgglomerativeClustering, Birch, BisectingKMeans
from sklearn.datasets import load_digits
from sklearn.mixture import BayesianGaussianMixture

from contrastive_clustering import ContrastiveAutoencoderClusterer
from contrastive_clustering._io.safetensors_file import read_tree, write_tree
from contrastive_clustering._model.load import ESTIMATOR
from contrastive_clustering._saving import checkpoint as _checkpoint
from contrastive_clustering._saving.checkpoint import CHECKPOINT, FILE_NAME

X = load_digits().images[:60]

COMMON = {"max_epochs": 1, "latent_dim": 4, "random_state": 0, "batch_size": 30}
FITS = [
    {"n_clusters": 3, "refinement_epochs": 1, "store_examples": True},
    {"n_clusters": 3, "refinement_epochs": 0, "kl_weight": 0.1, "warm_start": True},
    {"n_clusters": 3, "refinement_epochs": 0, "clusterer": "kmeans"},
    {
        "n_clusters": 3,
        "refinement_epochs": 0,
        "clusterer": "gaussian_mixture",
        "whiten": True,
        "normalize": True,
    },
    {"n_clusters": "auto", "refinement_epochs": 1, "clusterer": "kmeans"},
    *(
        {"n_clusters": 3, "refinement_epochs": 0, "clusterer": clusterer}
        for clusterer in (
            AgglomerativeClustering(),
            BayesianGaussianMixture(),
            Birch(threshold=0.1),
            BisectingKMeans(),
        )
    ),
]
CHECKPOINTS = [
    {"refinement": "neighbors", "refinement_epochs": 2},
    {"early_stopping": True, "validation_fraction": 0.25, "refinement_epochs": 0},
]

# Number of files per child process, and limits for each file.
FILES_PER_CHILD, MAX_SECONDS, MAX_MIB = 50, 60, 256


class Watch:
    """An audit hook that records events that loading a file must not cause."""

    on = False
    seen = ()

    def __call__(self, event, arguments):
        if not self.on:
            return
        if event in {"exec", "pickle.find_class", "os.system", "os.exec"} or (
            event.startswith(
                ("subprocess.", "socket.", "ctypes.", "shutil.", "os.fork")
            )
        ):
            self.seen = (*self.seen, (event, str(arguments)[:200]))
        if event == "open" and any(flag in str(arguments[1]) for flag in "wax+"):
            self.seen = (*self.seen, (event, str(arguments)[:200]))


WATCH = Watch()


def damaged_bytes(content, rng):
    content = bytearray(content)
    kind = rng.randrange(9)
    start = rng.randrange(len(content))
    if rng.random() < 0.5:  # prefer the header, which has more structure
        start = rng.randrange(min(len(content), 5000))
    if kind == 0:
        content[start] ^= 1 << rng.randrange(8)
    elif kind == 1:
        del content[start:]
    elif kind == 2:
        content[start : start + rng.randrange(1, 100)] = b""
    elif kind == 3:
        content[start:start] = rng.randbytes(rng.randrange(1, 100))
    elif kind == 4:
        content[start : start + rng.randrange(1, 10_000)] = bytes(1000)
    elif kind == 5:
        content[:8] = rng.choice(
            [2**64 - 1, 2**63, 2**40, len(content), 0, 1, 2**23, rng.randrange(2**20)]
        ).to_bytes(8, "little")
    elif kind == 6:
        return rng.randbytes(rng.randrange(2000))
    elif kind == 7:
        return pickle.dumps({"a": list(range(rng.randrange(100)))})
    else:
        content[8 : 8 + rng.randrange(1, 2000)] = rng.choice(
            [b"[", b"{", b"9", b'"']
        ) * (rng.choice([10, 1000, 100_000]))
    return bytes(content)


def check_rejection(error, path):
    """Check that a message names the rejected file and is not too long."""
    assert str(path) in str(error), f"does not name {path}: {error}"
    assert len(str(error)) < 3000, "is too long"
    return "rejected"


def attempt_load(path, index=0):
    """Load a file and use the estimator; return the outcome."""
    WATCH.on = True
    try:
        loaded = ContrastiveAutoencoderClusterer.load(path)
    except ValueError as error:
        return check_rejection(error, path)
    try:
        assert loaded.predict(X).shape == (60,)
        assert np.isfinite(loaded.predict_proba(X)).all()
        latents = loaded.transform(X)
        assert np.isfinite(latents).all()
        assert np.isfinite(loaded.inverse_transform(latents[:5])).all()
        assert loaded.score_samples(X).shape == (60,)
        loaded.labels_at(1)
        repr(loaded)
        loaded.partial_fit(X)
        WATCH.on = False
        loaded.save(path.with_name("again"))
    except ValueError:
        return "rejected_later"
    return "worked"


def attempt_resume(path, number):
    """Fit with a checkpoint; return the outcome."""
    try:
        make_resumable(path.parent, number).fit(X)
    except ValueError as error:
        # Forged weights or moments may be finite but extreme.
        if "Training diverged" in str(error):
            return "rejected_later"
        return check_rejection(error, path.parent)
    return "worked"


def attempts(numbers, make, report):
    """Try files in this process; report each before and after it."""
    for number in numbers:
        report({"begins": number})
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        start = time.perf_counter()
        signal.alarm(MAX_SECONDS)
        WATCH.seen = ()
        outcome = {"ends": number}
        try:
            run = make(number)
            outcome["result"] = run()
        # This script reports every unexpected exception.
        except Exception:
            outcome["unexpected"] = traceback.format_exc()[-2000:]
        finally:
            WATCH.on = False
            signal.alarm(0)
        outcome["code"] = WATCH.seen
        outcome["seconds"] = time.perf_counter() - start
        after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        outcome["mib"] = (after - before) / 1024
        report(outcome)


def in_child(numbers, make):
    """Try files in a child; return its reports and its exit status."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        with os.fdopen(writer, "w") as pipe:

            def report(line):
                pipe.write(json.dumps(line) + "\n")
                pipe.flush()

            attempts(numbers, make, report)
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        lines = [json.loads(line) for line in pipe]
    _, status = os.waitpid(child, 0)
    return lines, status


def try_files(numbers, make):
    """Try numbered files; return the counts of outcomes, and all faults."""
    counts: dict[str, int] = {}
    faults = []
    longest = most = 0.0
    remaining = list(numbers)
    while remaining:
        batch, remaining = remaining[:FILES_PER_CHILD], remaining[FILES_PER_CHILD:]
        lines, status = in_child(batch, make)
        done = [line for line in lines if "ends" in line]
        if status or len(done) < len(batch):
            number = lines[-1].get("begins", -1) if lines else batch[0]
            faults.append(f"file {number} ended the process with status {status}")
            remaining = [n for n in batch if n > number] + remaining
        for line in done:
            if "unexpected" in line:
                faults.append(f"file {line['ends']}: {line['unexpected']}")
            else:
                result = line["result"]
                counts[result] = counts.get(result, 0) + 1
            for event in line["code"]:
                faults.append(f"file {line['ends']} caused {event}")
            if line["mib"] > MAX_MIB:
                faults.append(f"file {line['ends']} took {line['mib']:.0f} MiB")
            longest, most = max(longest, line["seconds"]), max(most, line["mib"])
    return {
        **counts,
        "n_files": len(numbers),
        "longest_seconds": longest,
        "most_mib": most,
        "n_faults": len(faults),
        "faults": faults[:20],
    }


def originals(folder):
    """Fit and save estimators; yield the path and the tree of each."""
    for number, parameters in enumerate(FITS):
        path = folder / f"original_{number}"
        clusterer = ContrastiveAutoencoderClusterer(**{**COMMON, **parameters}).fit(X)
        clusterer.save(path)
        # Complete all deferred imports before the hook is active.
        attempt_load(path)
        WATCH.on = False
        yield path, read_tree(path, "estimator")


def checkpoints(folder):
    """Return the trees of unfinished fits in all stages, with the number of the fit."""
    found = []
    for number in range(len(CHECKPOINTS)):
        stages = {}

        def keep(path, kind, tree, stages=stages):
            write_tree(path, kind, tree)
            stages.setdefault(
                (tree["stage"], tree.get("n_done")), read_tree(path, kind)
            )

        with mock.patch.object(_checkpoint, "write_tree", keep):
            make_resumable(folder / f"checkpoint_{number}", number).fit(X)
        found += [(number, tree) for tree in stages.values()]
    return found


def make_resumable(folder, number):
    return ContrastiveAutoencoderClusterer(
        **{**COMMON, "n_clusters": 3, "max_epochs": 2, "clusterer": "kmeans"},
        **CHECKPOINTS[number],
        checkpoint_dir=folder,
    )


def damaged(numbers, folder):
    contents = [path.read_bytes() for path, _ in originals(folder)]

    def make(number):
        rng = random.Random(number)
        path = folder / "damaged"
        path.write_bytes(damaged_bytes(rng.choice(contents), rng))
        return lambda: attempt_load(path)

    return try_files(numbers, make)


def forged(numbers, folder):
    trees = [tree for _, tree in originals(folder)]
    return try_forgeries(numbers, ESTIMATOR, "estimator", trees, folder, attempt_load)


def resumed(numbers, folder):
    fits, trees = zip(*checkpoints(folder), strict=True)

    def attempt(path, index):
        return attempt_resume(path, fits[index])

    return try_forgeries(numbers, CHECKPOINT, "checkpoint", trees, folder, attempt)


def try_forgeries(numbers, schema, kind, trees, folder, attempt):  # noqa: PLR0917
    """Change each part of the trees in turn, and every fourth time several at once."""
    locations = [
        (index, *location)
        for index, tree in enumerate(trees)
        for location in forge.locations(schema, tree)
    ]
    random.Random(0).shuffle(locations)

    def make(number):
        rng = random.Random(number)
        index, *location = locations[number % len(locations)]
        if number % 4 == 3:
            tree = forge.combined(schema, trees[index], rng)
        else:
            tree = forge.forge(trees[index], *location, rng.randrange(1000))
        path = folder / str(number) / FILE_NAME
        path.parent.mkdir()
        try:
            write_tree(path, kind, forge.arrays_once(tree))
        except (TypeError, ValueError, OverflowError):
            return lambda: "not_written"

        def run():
            try:
                return attempt(path, index)
            finally:
                WATCH.on = False
                shutil.rmtree(path.parent)

        return run

    return {"n_locations": len(locations), **try_files(numbers, make)}


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    sys.addaudithook(WATCH)
    run = {"damaged": damaged, "forged": forged, "checkpoint": resumed}[sys.argv[1]]
    with tempfile.TemporaryDirectory() as name:
        first, n_files = int((sys.argv[3:] or ["0"])[0]), int(sys.argv[2])
        print(json.dumps(run(range(first, first + n_files), Path(name))))
