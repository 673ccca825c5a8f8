"""Whether intervals, probes and stability can be trusted with several images a patient.

`patients.py` prints the tables.

- evaluation_intervals: how often the 95 % interval of `evaluate_clustering` contains
  the true balanced accuracy. Patients have 1 to 20 images and one of three classes, of
  which half, 30 and 20 % of the patients are. The stratum of an image is that of its
  class with a probability that differs between patients, and is two thirds or 95 % on
  average.
- audit_probes: how often the probe of `audit_confounding` finds sites in latents that
  do not depend on them. Patients have 1 to 20 images, whose latents are alike. A part
  of the patients is at the second site.
- copies: `cluster_stability` of k-means on eight copies of one X-ray of each of 60
  patients of chestxray_patients.npz, in the folder that CONTRASTIVE_CLUSTERING_DATA
  names.

Intervals of rates are 95 % intervals of Clopper and Pearson.
"""

import argparse
import os
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
from patient_associations import show_rates
from sklearn.base import BaseEstimator
from sklearn.cluster import KMeans

from contrastive_clustering import audit_confounding, cluster_stability
from contrastive_clustering._evaluation.agreement import mean_recall
from contrastive_clustering._evaluation.group_bootstrap import group_intervals
from contrastive_clustering._utils.grouping import Grouping

SHARES = [0.5, 0.3, 0.2]

# Parameters of beta distributions of the accuracy of patients.
ACCURACIES = (4, 2), (19, 1)

LATENT_DIM = 32


class Known(BaseEstimator):
    """A fitted clusterer of rows that hold their stratum, followed by their latent."""

    def predict(self, X: np.ndarray) -> np.ndarray:
        return X[:, 0].astype(int)

    def transform(self, X: np.ndarray) -> np.ndarray:
        return X[:, 1:]


def repeat_patients(rng: np.random.Generator, n: int) -> np.ndarray:
    """Return the patient of each image."""
    return np.repeat(np.arange(n), rng.integers(1, 21, n))


def evaluation_intervals(asked: argparse.Namespace) -> pd.DataFrame:
    rows = []
    classes = np.arange(len(SHARES))
    for accuracy, n in product(ACCURACIES, (15, 40, 100)):
        true = accuracy[0] / sum(accuracy)
        covered = 0
        for seed in range(asked.sets):
            rng = np.random.default_rng(seed)
            own = rng.choice(classes, n, p=SHARES)
            patient = repeat_patients(rng, n)
            y = own[patient]
            is_right = rng.random(len(y)) < rng.beta(*accuracy, n)[patient]
            others = (y + rng.integers(1, len(SHARES), len(y))) % len(SHARES)
            strata = np.where(is_right, y, others)
            # The other metrics of an evaluation would only take time.
            grouping = Grouping(patient, n)
            low, high = group_intervals(
                {"balanced": (mean_recall, strata)}, y, grouping, seed
            )["balanced"]
            covered += low <= true <= high
        rates = show_rates(pd.Series({"covered": covered}), asked.sets)
        rows.append({"true": true, "patients": n} | rates)
    return pd.DataFrame(rows)


def audit_probes(asked: argparse.Namespace) -> pd.DataFrame:
    rows = []
    for n in (40, 100):
        for share in (0.5, 0.15):
            found = 0
            for seed in range(asked.sets):
                rng = np.random.default_rng(seed)
                site = rng.permutation(np.arange(n) < round(share * n))
                patient = repeat_patients(rng, n)
                own = rng.normal(size=(n, LATENT_DIM))
                latents = own[patient] + 0.5 * rng.normal(
                    size=(len(patient), LATENT_DIM)
                )
                strata = (latents[:, :1] > 0).astype(float)
                row = audit_confounding(
                    Known(),
                    np.hstack([strata, latents]),
                    nuisance={"site": site[patient].astype(int)},
                    groups=patient,
                    n_permutations=39,
                    random_state=seed,
                ).table.loc["site"]
                found += row["probe_low"] > row["probe_chance"]
            rates = show_rates(pd.Series({"encoded": found}), asked.sets)
            rows.append({"patients": n, "second site": share} | rates)
    return pd.DataFrame(rows)


def copies(asked: argparse.Namespace) -> pd.DataFrame:
    path = Path(os.environ["CONTRASTIVE_CLUSTERING_DATA"]) / "chestxray_patients.npz"
    with np.load(path) as file:
        images, patients = file["train_images"], file["train_patient"]
    _, first = np.unique(patients, return_index=True)
    X = images[first[:60]].reshape(60, -1).repeat(8, axis=0) / 255.0
    groups = np.repeat(np.arange(60), 8)
    tables = []
    for name, known in (("without", None), ("with", groups)):
        result = cluster_stability(
            KMeans(20, n_init=10, random_state=0),
            X,
            groups=known,
            n_resamples=10,
            random_state=0,
        )
        frame = result.table.round(3).reset_index()
        frame.insert(0, "groups", name)
        tables.append(frame)
    return pd.concat(tables)
