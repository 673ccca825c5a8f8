"""Samples of patients, and metadata on them, for tests of the report."""

from types import SimpleNamespace

import numpy as np

from contrastive_clustering._report.people import PeopleData

N = 80
RNG = np.random.default_rng(0)
PATIENT = np.arange(N) // 2
LABELS = RNG.integers(3, size=N)
META = {
    "patient": [f"SECRET{p}" for p in PATIENT],
    "name": [f"name {p}" for p in PATIENT],
    "number": PATIENT + 1000,
    "age": RNG.integers(40, 60, 40)[PATIENT],
    "dose": RNG.normal(size=40)[PATIENT],
    "site": RNG.choice(["A", "B"], 40)[PATIENT],
    "days": RNG.integers(1, 900, 40)[PATIENT],
    "died": RNG.integers(2, size=40)[PATIENT],
}
OPTIONS = {"groups": "patient", "survival": ("days", "died"), "nuisance": "site"}


def choose(rows=None, labels=LABELS, y=None, *, proba=None, n_features=None):
    """Return stand-ins of the chosen samples: images, or a table."""
    proba = np.eye(max(3, labels.max() + 1))[labels] if proba is None else proba
    rows = np.arange(N) if rows is None else rows
    shape = (N, 4, 4) if n_features is None else (N, n_features)
    X = np.random.default_rng(1).normal(size=shape)
    return SimpleNamespace(
        X=X[rows],
        samples=X[rows],
        rows=rows,
        latents=np.random.default_rng(2).normal(size=(N, 3))[rows],
        labels=labels[rows],
        proba=proba[rows],
        y=None if y is None else y[rows],
        classes=np.empty(0) if y is None else np.unique(y[rows]),
    )


def read(metadata=META, n_samples=N, **options):
    given = {"groups": None, "survival": None, "nuisance": None, **options}
    return PeopleData.read(metadata, n_samples=n_samples, **given)
