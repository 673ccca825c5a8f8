"""Loads of damaged and of malicious files; run by test_persistence in its own process.

Half of the files are damaged as disks and networks do it. The other half are written by
somebody who knows the format: something in the tree or in an array is changed, and the
digest is right. Each must load, and then predict or say why not, or be refused by a
ValueError. An audit hook notes whatever runs code, starts a program or writes a file.
"""

import copy
import json
import pickle
import random
import resource
import sys
import tempfile
import time
import traceback
import warnings
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits

from contrastive_clustering import ContrastiveAutoencoderClusterer
from contrastive_clustering._container import read_tree, write_tree

X = load_digits().images[:60]

ODD_VALUES = [
    None,
    True,
    -1,
    0,
    7,
    10**6,
    2**63,
    10**30,
    -0.5,
    float("nan"),
    float("inf"),
    1e300,
    "",
    "text",
    "os.system",
    "A" * 10_000,
    [],
    [[]],
    {},
    [1] * 1000,
    {"$type": "import", "path": "os.system"},
    {"$type": "import", "path": "builtins.exec"},
    {"$type": "object", "path": "subprocess.Popen", "state": {"args": ["touch", "x"]}},
    {"$type": "KMeans", "state": {}},
    {"$type": "Pipeline", "state": {"steps": []}},
    {"$type": "scalar", "value": 3},
    {"$type": "dtype", "value": "O"},
    {"$type": "dtype", "value": "V1000000000000"},
    {"$type": "RandomState", "state": [1, 2]},
]


def damaged_bytes(content, rng):
    content = bytearray(content)
    kind = rng.randrange(9)
    place = rng.randrange(len(content))
    if rng.random() < 0.5:  # the header is where the interesting things are
        place = rng.randrange(min(len(content), 5000))
    if kind == 0:
        content[place] ^= 1 << rng.randrange(8)
    elif kind == 1:
        del content[place:]
    elif kind == 2:
        content[place : place + rng.randrange(1, 100)] = b""
    elif kind == 3:
        content[place:place] = rng.randbytes(rng.randrange(1, 100))
    elif kind == 4:
        content[place : place + rng.randrange(1, 10_000)] = bytes(1000)
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


def places(tree, path=()):
    """Yield where each value of a tree is."""
    if path:
        yield path
    items = ()
    if isinstance(tree, dict):
        items = tree.items()
    elif isinstance(tree, list):
        items = enumerate(tree)
    for key, value in items:
        yield from places(value, (*path, key))


def odd_array(array, rng):
    kind = rng.randrange(6)
    if kind == 0:
        return np.zeros(rng.choice([(0,), (1,), (3, 0), (2, 2, 2), (1000,)]))
    if kind == 1:
        return array.astype(rng.choice(["f2", "u1", "i8", "?", "f8"]))
    if kind == 2:
        return np.full_like(array, rng.choice([0, 1]))
    if kind == 3 and array.dtype.kind == "f":
        return array * rng.choice([np.nan, np.inf, 1e300])
    if kind == 4:
        return array[:-1] if array.ndim and len(array) else array[None]
    return array.T.copy() if array.ndim > 1 else -array.astype("f8")


def odd_tree(tree, all_places, rng):
    tree = copy.copy(tree)
    for _ in range(rng.choice([1, 1, 1, 2, 5])):
        *way, last = rng.choice(all_places)
        inner = tree
        try:
            for key in way:
                inner[key] = copy.copy(inner[key])
                inner = inner[key]
            if isinstance(inner[last], np.ndarray) and rng.random() < 0.8:
                inner[last] = np.asarray(odd_array(inner[last], rng))
            elif isinstance(inner, dict) and rng.random() < 0.15:
                del inner[last]
            else:
                inner[last] = copy.deepcopy(rng.choice(ODD_VALUES))
        except (KeyError, IndexError, TypeError):
            continue  # an earlier change has removed the place
    return tree


class Watch:
    """An audit hook that notes what loading a file must not do."""

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


def attempt(path):
    """Load a file and predict; return what came of it."""
    try:
        loaded = ContrastiveAutoencoderClusterer.load(path)
    except ValueError as error:
        return "refused" if str(path) in str(error) else "refused_without_name"
    # A file may ask for processes that read batches. They would run no code of its own.
    loaded.net_.iterator_valid__num_workers = 0
    try:
        assert loaded.predict(X).shape == (60,)
        assert np.isfinite(loaded.predict_proba(X)).all()
    except ValueError:
        return "refused_by_predict"
    return "worked"


def main(n_files):
    folder = Path(tempfile.mkdtemp())
    common = {"max_epochs": 1, "latent_dim": 4, "random_state": 0, "batch_size": 30}
    fits = [
        {"n_clusters": 3, "refinement_epochs": 1, "store_examples": True},
        {"n_clusters": 3, "refinement_epochs": 0, "kl_weight": 0.1},
        {"n_clusters": 3, "refinement_epochs": 0, "clusterer": "kmeans"},
        {
            "n_clusters": 3,
            "refinement_epochs": 0,
            "clusterer": "gaussian_mixture",
            "whiten": True,
        },
    ]
    originals = []
    for number, parameters in enumerate(fits):
        path = folder / f"original_{number}"
        clusterer = ContrastiveAutoencoderClusterer(**common, **parameters).fit(X)
        clusterer.save(path)
        # What is imported late shall be there before the hook listens.
        repr(ContrastiveAutoencoderClusterer.load(path).predict(X)), repr(clusterer)
        tree = read_tree(path, "estimator")
        originals.append((path.read_bytes(), tree, list(places(tree))))
    rng = random.Random(0)
    watch = Watch()
    sys.addaudithook(watch)
    counts = {"worked": 0, "refused": 0, "refused_by_predict": 0}
    unexpected = []
    longest, before = 0.0, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    path = folder / "mutated"
    for number in range(n_files):
        content, tree, all_places = rng.choice(originals)
        if number % 2:
            path.write_bytes(damaged_bytes(content, rng))
        else:
            write_tree(path, "estimator", odd_tree(tree, all_places, rng))
        start = time.perf_counter()
        watch.on = True
        try:
            counts[attempt(path)] += 1
        except (
            Exception
        ):  # whatever it is: it is what this script looks for, and reports
            unexpected.append(f"file {number}: {traceback.format_exc()[-3000:]}")
        finally:
            watch.on = False
        longest = max(longest, time.perf_counter() - start)
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(
        json.dumps(
            {
                **counts,
                "longest_seconds": longest,
                "memory_mib": (after - before) / 1024,
                "code": watch.seen[:20],
                "unexpected": unexpected[:20],
                "n_unexpected": len(unexpected),
            }
        )
    )


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main(int(sys.argv[1]))
