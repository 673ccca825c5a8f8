"""Strata of real images: before and after `groups` and `nuisance`.

- chest: X-rays with up to 66 images a patient; the nuisance is the view (AP or PA).
- ultrasound: crops of breast lesions from three hospitals, which are the nuisance.
- stability: `cluster_stability` of the X-rays with and without groups.

Columns: `nuisance probe` and `class probe` are balanced accuracies of linear models of
the latents, and `class` is that of strata, each of which predicts its most frequent
class. All are measured on images of other patients; a patient weighs as one. `AMI` is
the adjusted mutual information of strata and nuisance there. `agree` is the fraction of
patients with several images whose images are all in one stratum, `share` the mean
fraction of their images that are in the most frequent one.
"""

import argparse
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
from patient_measures import Part, Tally, predict_by_strata, predict_linearly
from sklearn.metrics import adjusted_mutual_info_score
from sklearn.model_selection import GroupShuffleSplit

from contrastive_clustering import ContrastiveAutoencoderClusterer, cluster_stability

N_CLUSTERS = 8


def read(name: str, seed: int, *, final: bool) -> tuple[Part, Part]:
    """Return training images and images of other patients."""
    path = Path(os.environ["CONTRASTIVE_CLUSTERING_DATA"]) / f"{name}.npz"
    nuisance = "view" if name == "chestxray_patients" else "site"
    parts = []
    with np.load(path) as file:
        for split in ("train", "test"):
            fields = ("images", "labels", nuisance, "patient")
            images, classes, sites, patients = (file[f"{split}_{f}"] for f in fields)
            parts.append(Part(images, classes.ravel(), sites, patients))
    if final:
        return parts[0], parts[1]
    split = GroupShuffleSplit(1, test_size=0.33, random_state=seed)
    ((train, rest),) = split.split(parts[0].images, groups=parts[0].patients)
    return parts[0].take(train), parts[0].take(rest)


@dataclass(frozen=True)
class Setting:
    """One row of a table: what `fit` is told, and parameters of the estimator."""

    name: str
    groups: bool
    nuisance: bool
    parameters: Mapping[str, object] = field(default_factory=dict)


def judge(name: str, setting: Setting, asked: argparse.Namespace) -> dict[str, str]:
    """Return one row of the table."""
    tallies = {name: Tally() for name in ("nuisance probe", "class probe", "class")}
    further: dict[str, list[float]] = {"AMI": [], "agree": [], "share": []}
    for seed in range(asked.seeds):
        train, rest = read(name, seed, final=asked.final)
        clusterer = ContrastiveAutoencoderClusterer(
            N_CLUSTERS, random_state=seed, **setting.parameters
        ).fit(
            train.images,
            groups=train.patients if setting.groups else None,
            nuisance=train.sites if setting.nuisance else None,
        )
        latents = [clusterer.transform(part.images) for part in (train, rest)]
        strata = clusterer.predict(rest.images)
        for column, old, new in (
            ("nuisance probe", train.sites, rest.sites),
            ("class probe", train.classes, rest.classes),
        ):
            predicted = predict_linearly(latents[0], old, train.weights(), latents[1])
            tallies[column].add(new, predicted, rest)
        predicted = predict_by_strata(clusterer.labels_, train.classes, strata)
        tallies["class"].add(rest.classes, predicted, rest)
        further["AMI"].append(adjusted_mutual_info_score(rest.sites, strata))
        table = clusterer.predict_groups(rest.images, rest.patients)
        several = table[table["n_samples"] > 1]
        further["agree"].append((several["agreement"] == 1).mean())
        further["share"].append(several["agreement"].mean())
    return {
        "setting": setting.name,
        **{column: str(tally) for column, tally in tallies.items()},
        **{column: f"{np.mean(values):.3f}" for column, values in further.items()},
    }


def compare(
    name: str, settings: list[Setting], asked: argparse.Namespace
) -> pd.DataFrame:
    rows = []
    for setting in settings:
        rows.append(judge(name, setting, asked))
        print(rows[-1], flush=True)
    return pd.DataFrame(rows)


def removals(*, groups: bool) -> list[Setting]:
    return [
        Setting(
            removal, groups, nuisance=True, parameters={"nuisance_removal": removal}
        )
        for removal in ("negatives", "erasure", "both")
    ]


def chest(asked: argparse.Namespace) -> pd.DataFrame:
    pairs = {"iterator_train__group_positives": True}
    return compare(
        "chestxray_patients",
        [
            Setting("nothing", groups=False, nuisance=False),
            Setting("groups", groups=True, nuisance=False),
            Setting("groups, positives", groups=True, nuisance=False, parameters=pairs),
            *removals(groups=True),
        ],
        asked,
    )


def ultrasound(asked: argparse.Namespace) -> pd.DataFrame:
    return compare(
        "ultrasound_sites",
        [Setting("nothing", groups=False, nuisance=False), *removals(groups=False)],
        asked,
    )


def stability(asked: argparse.Namespace) -> pd.DataFrame:
    """Return the stability of each stratum of the training X-rays, of shorter fits."""
    train, _ = read("chestxray_patients", 0, final=True)
    tables = []
    for name, groups in (("without", None), ("with", train.patients)):
        result = cluster_stability(
            ContrastiveAutoencoderClusterer(
                N_CLUSTERS, max_epochs=10, refinement_epochs=3, random_state=0
            ),
            train.images,
            groups=groups,
            n_resamples=6,
            random_state=0,
        )
        print(result, flush=True)
        frame = result.table.round(3).reset_index()
        frame.insert(0, "groups", name)
        tables.append(frame)
    return pd.concat(tables)
