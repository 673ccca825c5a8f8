"""Fits that are killed at a random moment and restarted; run by test_checkpoint.

The parent process runs one fit, so that everything is imported, and forks a child for
each of the others. A child that should die counts its calls of Python and C functions
and sends itself SIGKILL at a given one. That moment can be anywhere, even while a file
is written.
"""

import json
import os
import random
import signal
import sys
import tempfile
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits

from contrastive_clustering import ContrastiveAutoencoderClusterer
from contrastive_clustering._io.safetensors_file import read_tree

X = load_digits().images[:60]


def fit(folder, out):
    clusterer = ContrastiveAutoencoderClusterer(
        4,
        max_epochs=5,
        refinement_epochs=5,
        latent_dim=4,
        batch_size=20,
        clusterer="kmeans",
        checkpoint_dir=folder,
        random_state=0,
    ).fit(X)
    np.savez(
        out,
        latents=clusterer.transform(X),
        proba=clusterer.predict_proba(X),
        decoded=clusterer.inverse_transform(clusterer.cluster_centers_),
    )


def in_child(work, die_at=None):
    """Run a function in a fork; return its number of calls, or None if killed."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        count = 0

        def profile(frame, event, argument):
            nonlocal count
            count += 1
            if count == die_at:
                os.kill(os.getpid(), signal.SIGKILL)

        sys.setprofile(profile)
        work()
        sys.setprofile(None)
        os.write(writer, str(count).encode())
        os._exit(0)
    os.close(writer)
    _, status = os.waitpid(child, 0)
    with os.fdopen(reader) as pipe:
        written = pipe.read()
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return None
    assert os.WEXITSTATUS(status) == 0
    return int(written)


def main(n_kills):
    folder = Path(tempfile.mkdtemp())
    fit(None, folder / "first.npz")
    n_calls = in_child(lambda: fit(folder / "whole", folder / "whole.npz"))
    whole = np.load(folder / "whole.npz")
    rng = random.Random(0)
    found, stages, partial = [], [], 0
    for kill in range(n_kills):
        checkpoint_dir, out = folder / str(kill), folder / f"{kill}.npz"
        die_at = rng.randrange(1, n_calls)
        assert in_child(lambda p=checkpoint_dir, o=out: fit(p, o), die_at) is None
        path = checkpoint_dir / "checkpoint.safetensors"
        stages.append(
            read_tree(path, "checkpoint")["stage"] if path.exists() else "none"
        )
        partial += len(list(checkpoint_dir.glob(".checkpoint*.partial")))
        in_child(lambda p=checkpoint_dir, o=out: fit(p, o))
        again = np.load(out)
        found.append(max(np.abs(again[k] - whole[k]).max() for k in whole.files))
        assert not list(checkpoint_dir.glob(".checkpoint*"))
    print(
        json.dumps(
            {
                "calls": n_calls,
                "stages": stages,
                "partial_files": partial,
                "largest_difference": float(max(found)),
            }
        )
    )


if __name__ == "__main__":
    main(int(sys.argv[1]))
