"""How `associate_strata` behaves on images of patients: false alarms and power.

`patients.py` prints the tables. All data but the last are simulated: 80 patients with 1
to 20 images each, in three strata of about 50, 30 and 20 %. Four in five images lie in
the stratum of their patient, the others in a random one.

- false_alarms: rejections at 0.05 of outcomes that have nothing to do with the strata,
  with and without `groups`, and of one row a patient with the most frequent stratum
  of the images. In the second half of the table, patients with more images are sicker
  and images lie in random strata.
- power: rejections at 0.05 of outcomes that differ between the strata of patients.
- intervals: how often the interval of an effect contains the true effect: that of
  200,000 patients, or for survival the difference of the two strata that were chosen.
- many_strata: the same for two to twenty strata of 20 to 200 patients. A number of the
  second half of the strata is larger; a category of three levels follows the stratum.
- lung: three strata of lung tumors by radiomics, against survival, stage and so on. It
  reads the training part of lung_radiomics_survival.npz from the folder that
  CONTRASTIVE_CLUSTERING_DATA names.

Intervals of rates are 95 % intervals of Clopper and Pearson.
"""

import argparse
import os
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import binomtest, rankdata
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from contrastive_clustering import associate_strata
from contrastive_clustering._evaluation.survival import LogRankTest
from contrastive_clustering._evaluation.variable_tests import (
    ChiSquaredTest,
    KruskalWallisTest,
)

N_PATIENTS = 80
SHARES = [0.5, 0.3, 0.2]
LEVEL = 0.05
HORIZON = 2.0


def draw_strata(rng: np.random.Generator, n: int) -> np.ndarray:
    return rng.choice(len(SHARES), n, p=SHARES)


def draw_outcomes(rng: np.random.Generator, risk: np.ndarray) -> pd.DataFrame:
    """Return outcomes of patients that depend on a risk, whose mean is about 0."""
    n = len(risk)
    time = rng.exponential(np.exp(-risk))
    return pd.DataFrame(
        {
            "time": np.minimum(time, HORIZON),
            "event": time < HORIZON,
            "number": rng.normal(size=n) + risk,
            "category": rng.random(n) < 1 / (1 + np.exp(-2 * risk)),
        }
    )


def associate(
    strata: np.ndarray,
    outcomes: pd.DataFrame,
    patient: np.ndarray,
    seed: int,
    **options,
) -> pd.DataFrame:
    """Return the table of associations, from one row a patient and strata of images."""
    return associate_strata(
        strata,
        outcomes.iloc[patient],
        survival=("time", "event"),
        random_state=seed,
        **options,
    ).table


def make_images(
    rng: np.random.Generator, own: np.ndarray, own_share: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the strata and patients of images, and the number of images."""
    sizes = rng.integers(1, 21, len(own))
    patient = np.repeat(np.arange(len(own)), sizes)
    others = draw_strata(rng, len(patient))
    is_own = rng.random(len(patient)) < own_share
    return np.where(is_own, own[patient], others), patient, sizes


def show_rates(counts: pd.Series, n: int) -> dict[str, str]:
    shown = {}
    for name, count in counts.items():
        low, high = binomtest(int(count), n).proportion_ci()
        shown[str(name)] = f"{count / n:.1%} [{low:.1%}, {high:.1%}]"
    return shown


def count_in_majority(strata: np.ndarray, patient: np.ndarray) -> np.ndarray:
    """Return the most frequent stratum of the images of each patient."""
    counts = np.zeros((patient.max() + 1, len(SHARES)), int)
    np.add.at(counts, (patient, strata), 1)
    return counts.argmax(axis=1)


def false_alarms(asked: argparse.Namespace) -> pd.DataFrame:
    rows = []
    for case, own_share in (("unrelated", 0.8), ("more images, sicker", 0.0)):
        rejected: dict[str, list[pd.Series]] = {}
        for seed in range(asked.sets):
            rng = np.random.default_rng(seed)
            own = draw_strata(rng, N_PATIENTS)
            strata, patient, sizes = make_images(rng, own, own_share)
            risk = (sizes - 10.5) / 6 if own_share == 0 else np.zeros(N_PATIENTS)
            outcomes = draw_outcomes(rng, risk)
            alone = np.arange(N_PATIENTS)
            majority = count_in_majority(strata, patient)
            for way, labels, rows_of, groups in (
                ("images with groups", strata, patient, patient),
                ("images without groups", strata, patient, None),
                ("majorities without groups", majority, alone, None),
            ):
                table = associate(
                    labels, outcomes, rows_of, seed, groups=groups, n_permutations=199
                )
                found = (table["p"] <= LEVEL).rename({"time": "survival"})
                found["any, after Holm"] = (table["p_corrected"] <= LEVEL).any()
                rejected.setdefault(way, []).append(found)
        for way, sets in rejected.items():
            counts = pd.DataFrame(sets).sum()
            rows.append(
                {"outcomes": case, "tested": way} | show_rates(counts, asked.sets)
            )
    return pd.DataFrame(rows)


def draw_patients(
    rng: np.random.Generator, n: int, effect: float
) -> tuple[np.ndarray, pd.DataFrame]:
    """Return strata and outcomes whose risk rises by `effect` from one to the next."""
    own = draw_strata(rng, n)
    return own, draw_outcomes(rng, effect * (own - np.dot(SHARES, [0, 1, 2])))


def power(asked: argparse.Namespace) -> pd.DataFrame:
    rows = []
    for effect in (0.0, 0.25, 0.5, 0.75, 1.0):
        found = []
        for seed in range(asked.sets):
            rng = np.random.default_rng(seed)
            own, outcomes = draw_patients(rng, N_PATIENTS, effect)
            strata, patient, _ = make_images(rng, own, 0.8)
            table = associate(
                strata, outcomes, patient, seed, groups=patient, n_permutations=199
            )
            found.append((table["p"] <= LEVEL).rename({"time": "survival"}))
        counts = pd.DataFrame(found).sum()
        rows.append({"difference": effect} | show_rates(counts, asked.sets))
    return pd.DataFrame(rows)


def population_effects(effect: float) -> dict[str, float]:
    """Return the effects in 200,000 patients."""
    own, outcomes = draw_patients(np.random.default_rng([9, 9]), 200_000, effect)
    number, category = (outcomes[name].to_numpy() for name in ("number", "category"))
    return {
        "number": KruskalWallisTest(number, own).effect(),
        "category": ChiSquaredTest(category.astype(int), own).effect(),
    }


def restricted_difference(
    effect: float, own: np.ndarray, outcomes: pd.DataFrame
) -> float:
    """Return the true difference of the chosen strata up to the chosen time."""
    time, event = outcomes["time"].to_numpy(), outcomes["event"].to_numpy()
    test = LogRankTest(time, event, own, ["0", "1", "2"])
    chosen = np.array([test.best, test.worst])
    rates = np.exp(effect * (chosen - np.dot(SHARES, [0, 1, 2])))
    best, worst = (1 - np.exp(-rates * test.horizon)) / rates
    return float(best - worst)


def intervals(asked: argparse.Namespace) -> pd.DataFrame:
    rows = []
    for effect in (0.0, 0.25, 0.5, 1.0):
        true = pd.Series(population_effects(effect))
        covered = []
        for seed in range(asked.sets):
            own, outcomes = draw_patients(
                np.random.default_rng(seed), N_PATIENTS, effect
            )
            table = associate(
                own, outcomes, np.arange(N_PATIENTS), seed, n_permutations=199
            )
            true["time"] = restricted_difference(effect, own, outcomes)
            # No effect is not exactly zero in a finite population.
            expected = true[table.index]
            is_covered = (table["effect_low"] <= expected + 0.005) & (
                table["effect_high"] >= expected
            )
            covered.append(is_covered.rename({"time": "survival"}))
        counts = pd.DataFrame(covered).sum()
        rows.append({"difference": effect} | show_rates(counts, asked.sets))
    return pd.DataFrame(rows)


def draw_many(
    rng: np.random.Generator, n: int, n_strata: int, share: float
) -> tuple[np.ndarray, pd.DataFrame]:
    """Return strata, and outcomes of which a share depends on them."""
    own = rng.integers(n_strata, size=n)
    is_shared = rng.random(n) < share
    number = rng.normal(size=n) + 4 * share * (own >= n_strata // 2)
    category = np.where(is_shared, own % 3, rng.integers(3, size=n)).astype(str)
    return own, pd.DataFrame({"number": number, "category": category})


def many_strata(asked: argparse.Namespace) -> pd.DataFrame:
    rows = []
    for share, n_strata, n in product((0.0, 0.6), (2, 3, 8, 20), (20, 60, 200)):
        own, outcomes = draw_many(
            np.random.default_rng([9, 9]), 200_000, n_strata, share
        )
        levels = outcomes["category"].astype(int).to_numpy()
        true = pd.Series(
            {
                "number": KruskalWallisTest(
                    outcomes["number"].to_numpy(), own
                ).effect(),
                "category": ChiSquaredTest(levels, own).effect(),
            }
        )
        covered = []
        for seed in range(asked.sets):
            own, outcomes = draw_many(np.random.default_rng(seed), n, n_strata, share)
            table = associate_strata(
                own, outcomes, n_permutations=39, random_state=seed
            ).table
            # No effect is not exactly zero in a finite population.
            is_above = table["effect_low"] > true + 0.005
            covered.append(~is_above & (table["effect_high"] >= true))
        counts = pd.DataFrame(covered).sum()
        rows.append(
            {"share": share, "strata": n_strata, "patients": n}
            | show_rates(counts, asked.sets)
        )
    return pd.DataFrame(rows)


FOLLOWED = ("time_days", "event", "age", "sex", "stage", "histology")


def lung(asked: argparse.Namespace) -> pd.DataFrame:
    """Return the associations of three strata of lung tumors by their radiomics."""
    folder = Path(os.environ["CONTRASTIVE_CLUSTERING_DATA"])
    with np.load(folder / "lung_radiomics_survival.npz") as file:
        features = file["train_features"].astype(float)
        patients = pd.DataFrame({name: file[f"train_{name}"] for name in FOLLOWED})
    ranks = rankdata(features, axis=0)  # features differ in scale by many orders
    pipeline = make_pipeline(
        StandardScaler(), PCA(10, random_state=0), KMeans(3, n_init=20, random_state=0)
    )
    result = associate_strata(
        pipeline.fit_predict(ranks),
        patients,
        survival=("time_days", "event"),
        clustered=features,
        n_permutations=9999,
        random_state=0,
    )
    print(result.baseline.to_string())
    columns = ["test", "statistic", "effect", "effect_low", "effect_high", "n"]
    return result.table[[*columns, "p", "p_corrected"]].round(3).reset_index()
