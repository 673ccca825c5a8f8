"""Which confounders `audit_confounding` finds, by the number of patients and sites.

`patients.py` prints the tables. Patients belong to sites of equal size.

- audit_power: how often strata are called confounded, and how strongly they must follow
  the site to be found with a probability of 80 %. A patient has one image or 1 to 20.
  With a probability q, the stratum of a patient is one of those of its site; otherwise
  it is any. If there are several images, four in five lie in the stratum of the
  patient, and the others in any. Cramer's V of site and stratum is q with one image
  and 0.8 q with several.
- probe_power: how often the probe finds the site in latents of 64 normal dimensions, of
  which the first differs between sites.
- audit_alarms: the verdicts on a site that has no influence on images.

In audit_power, random tables with the same margins replace the permutations of an
audit. They have the same distribution and are faster to draw. Intervals of rates are
95 % intervals of Clopper and Pearson.
"""

import argparse
import warnings
from itertools import product

import numpy as np
import pandas as pd
from patient_associations import LEVEL, show_rates
from patient_calibration import Known
from scipy.special import xlogy
from scipy.stats import norm, random_table
from statsmodels.genmod.families import Binomial
from statsmodels.genmod.families.links import Probit
from statsmodels.genmod.generalized_linear_model import GLM
from statsmodels.tools import add_constant

from contrastive_clustering import audit_confounding
from contrastive_clustering._evaluation.group_parts import GroupParts
from contrastive_clustering._evaluation.nuisance_agreement import N_DRAWS
from contrastive_clustering._evaluation.nuisance_probe import probe_levels
from contrastive_clustering._utils.grouping import Grouping

N_PERMUTATIONS = 199
OWN_SHARE = 0.8
TARGET = 0.8
LATENT_DIM = 64
MAX_IMAGES = 20
ALARMS = ["confounded", "encoded in the latents"]


def draw_sites(
    rng: np.random.Generator, n: int, shape: tuple[int, int], v: float, many: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the stratum, the site and the patient of each image."""
    n_strata, n_sites = shape
    site = rng.permutation(np.arange(n) % n_sites)
    n_own = n_strata // n_sites
    of_site = site * n_own + rng.integers(n_own, size=n)
    is_of_site = rng.random(n) < (v / OWN_SHARE if many else v)
    own = np.where(is_of_site, of_site, rng.integers(n_strata, size=n))
    sizes = rng.integers(1, MAX_IMAGES + 1, n) if many else np.ones(n, int)
    patient = np.repeat(np.arange(n), sizes)
    if not many:
        return own, site, patient
    is_own = rng.random(len(patient)) < OWN_SHARE
    others = rng.integers(n_strata, size=len(patient))
    return np.where(is_own, own[patient], others), site[patient], patient


def table_p(strata: np.ndarray, site: np.ndarray, shape: tuple[int, int], rng) -> float:
    """Return the p-value of the mutual information, from random tables."""
    counts = np.zeros(shape)
    np.add.at(counts, (strata, site), 1)
    counts = counts[counts.sum(axis=1) > 0]
    if len(counts) < 2:
        return 1.0
    # With the same margins, mutual information rises with this sum.
    observed = xlogy(counts, counts).sum()
    drawn = random_table(
        counts.sum(axis=1).astype(int), counts.sum(axis=0).astype(int)
    ).rvs(
        N_PERMUTATIONS,
        random_state=rng,
        method="patefield" if counts.sum() > 150 else "boyett",
    )
    sums = xlogy(drawn, drawn).sum(axis=(1, 2))
    n_exceeding = int((sums >= observed - 1e-9 * max(1, observed)).sum())
    return (1 + n_exceeding) / (1 + N_PERMUTATIONS)


def agreement_p(
    strata: np.ndarray,
    site: np.ndarray,
    patient: np.ndarray,
    shape: tuple[int, int],
    rng: np.random.Generator,
) -> float:
    """Return the p-value of an audit of patients who each belong to one site."""
    sizes = np.bincount(patient)
    starts = np.searchsorted(patient, np.arange(len(sizes)))
    vary = (
        np.minimum.reduceat(strata, starts) != np.maximum.reduceat(strata, starts)
    ).any()
    found = []
    for _ in range(N_DRAWS if vary else 1):
        drawn = starts + rng.integers(sizes)
        found.append(table_p(strata[drawn], site[drawn], shape, rng))
    return min(1.0, 2 * float(np.median(found))) if vary else found[0]


def count_confounded(
    n: int, shape: tuple[int, int], v: float, many: bool, n_sets: int
) -> int:
    n_strata, n_sites = shape
    n_confounded = 0
    images = MAX_IMAGES if many else 1
    for number in range(n_sets):
        seed = [0, n, n_sites, n_strata, images, int(1e4 * v), number]
        rng = np.random.default_rng(seed)
        drawn = draw_sites(rng, n, shape, v, many)
        n_confounded += agreement_p(*drawn, shape, rng) <= LEVEL
    return n_confounded


def to_normal(power: float) -> float:
    return float(norm.ppf(np.clip(power, 0.003, 0.997)))


def between(rates: dict[float, float]) -> float:
    """Return the strength with the power that is wanted, from those beside it."""
    known = sorted(rates)
    above = next(i for i, v in enumerate(known) if rates[v] >= TARGET)
    low, high = known[above - 1], known[above]
    slope = (to_normal(rates[high]) - to_normal(rates[low])) / (high - low)
    return low + (to_normal(TARGET) - to_normal(rates[low])) / slope


def fit_strength(counts: dict[float, tuple[int, int]], near: float) -> tuple:
    """Return the strength with the power that is wanted, and its standard error.

    The normal quantile of the power is taken as linear in the strength around `near`.
    """
    v, found, sets = np.array([(v, *each) for v, each in sorted(counts.items())]).T
    kept = (np.abs(v - near) <= 0.6 * near) & (found > 0.1 * sets)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # two points are fitted perfectly
        fitted = GLM(
            np.stack([found, sets - found], axis=1)[kept],
            add_constant(v[kept]),
            family=Binomial(Probit()),
        ).fit()
    intercept, slope = fitted.params
    strength = (norm.ppf(TARGET) - intercept) / slope
    gradient = np.array([-1, -strength]) / slope
    return float(strength), float(np.sqrt(gradient @ fitted.cov_params() @ gradient))


def audit_power(asked: argparse.Namespace) -> pd.DataFrame:
    rows = []
    cases = (False, 10), (False, None), (True, 10)
    for (many, n_strata), n_sites, n in product(
        cases, (2, 5), (30, 60, 100, 300, 1000)
    ):
        # Several images take ten times as long.
        n_sets = round(0.3 * asked.sets) if many else asked.sets
        n_null = round(0.4 * asked.sets) if many else asked.sets
        case = (n, (n_strata or n_sites, n_sites))
        counts = {0.0: (count_confounded(*case, 0.0, many, n_null), n_null)}
        for v in (0.2, 0.4, 0.6, 0.8):
            counts[v] = count_confounded(*case, v, many, n_sets), n_sets
            if counts[v][0] >= 0.985 * n_sets:
                break
        for step in range(2):
            rates = {v: found / sets for v, (found, sets) in counts.items()}
            v = round(between(rates), 3)
            nearest = min(sorted(rates), key=lambda each: abs(rates[each] - TARGET))
            if step and abs(rates[nearest] - TARGET) < 0.05:
                break
            counts[v] = count_confounded(*case, v, many, n_sets), n_sets
        rates = {v: found / sets for v, (found, sets) in counts.items()}
        strength, error = fit_strength(counts, between(rates))
        shown = {
            str(v): show_rates(pd.Series({"": found}), sets)[""]
            for v, (found, sets) in counts.items()
            if v in (0.0, 0.2, 0.4, 0.6)
        }
        rows.append(
            {"images": "1 to 20" if many else "1", "sites": n_sites, "patients": n}
            | {"strata": case[1][0]}
            | shown
            | {"V at 80 %": f"{strength:.3f}", "error": f"{error:.3f}"}
            | {"balanced accuracy": f"{(1 + (n_sites - 1) * strength) / n_sites:.3f}"}
        )
    return pd.DataFrame(rows)


def draw_latents(
    n: int, n_sites: int, many: bool, accuracy: float, number: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return latents, and the site and the patient of each image.

    `accuracy` is the balanced accuracy of the best rule that separates two sites.
    """
    images = MAX_IMAGES if many else 1
    rng = np.random.default_rng([n, n_sites, images, int(accuracy * 100), number])
    site = rng.permutation(np.arange(n) % n_sites)
    sizes = rng.integers(1, images + 1, n) if many else np.ones(n, int)
    patient = np.repeat(np.arange(n), sizes)
    own = rng.normal(size=(n, LATENT_DIM))
    own[:, 0] += 2 * norm.ppf(accuracy) * np.sqrt(1.25 if many else 1) * site
    latents = own[patient]
    if many:
        latents = latents + 0.5 * rng.normal(size=latents.shape)
    return latents, site[patient], patient


def probe_power(asked: argparse.Namespace) -> pd.DataFrame:
    cases = [
        (n, n_sites, many, 0.5, 0.4 if many or n == 300 else 1.0)
        for many, n_sites, n in product((False, True), (2, 5), (30, 60, 300))
    ]
    cases += [
        (n, 2, False, accuracy, 0.2)
        for n, accuracy in product((30, 60, 100, 300), (0.6, 0.7, 0.8, 0.9, 0.95))
    ]
    rows = []
    for n, n_sites, many, accuracy, share in cases:
        found, n_sets = 0, round(share * asked.sets)
        for number in range(n_sets):
            latents, site, patient = draw_latents(n, n_sites, many, accuracy, number)
            parts = GroupParts.of(Grouping(patient, n), site)
            probe = probe_levels(latents, parts, 0.95, number)
            found += probe.low > probe.chance
        rates = show_rates(pd.Series({"found": found}), n_sets)
        rows.append(
            {"images": "1 to 20" if many else "1", "sites": n_sites, "patients": n}
            | {"best accuracy": accuracy}
            | rates
        )
    return pd.DataFrame(rows)


def audit_alarms(asked: argparse.Namespace) -> pd.DataFrame:
    rows = []
    for many, n_sites, n in product((False, True), (2, 5), (60, 200)):
        verdicts, n_sets = [], round(0.4 * asked.sets)
        for number in range(n_sets):
            latents, site, patient = draw_latents(n, n_sites, many, 0.5, number)
            strata = (latents[:, :3] > 0) @ [4, 2, 1]
            audit = audit_confounding(
                Known(),
                np.column_stack([strata, latents]),
                nuisance={"site": site},
                groups=patient,
                n_permutations=N_PERMUTATIONS,
                random_state=number,
            )
            verdicts.append(audit.verdict)
        counts = pd.Series(verdicts).value_counts().reindex(ALARMS, fill_value=0)
        counts["any alarm"] = counts.sum()
        rows.append(
            {"images": "1 to 20" if many else "1", "sites": n_sites, "patients": n}
            | show_rates(counts, n_sets)
        )
    return pd.DataFrame(rows)
