"""A site planted into images: whether it is found and removed, and at what cost.

Half of the images come from a second site, which changes their gain, blurs them or
burns a mark into a corner. In the design "balanced" the site is independent of the
class; in "15/85" the second site has 15 % of the first classes and 85 % of the others;
in "confounded" it has none and all of them. With MNIST, the first classes are the
digits 0 to 4.

Columns: `site probe` and `class probe` are balanced accuracies of linear models of the
latents, learned from the training images; `class` is that of strata, each of which
predicts its most frequent class. All are measured on held-out images, in the same
design, and averaged over the seeds. `verdict` is that of `audit_confounding`.
"""

import argparse
import os
from pathlib import Path

import numpy as np
import pandas as pd
from patient_measures import Part, Tally, predict_by_strata, predict_linearly
from scipy.ndimage import gaussian_filter

from contrastive_clustering import ContrastiveAutoencoderClusterer, audit_confounding

N_HELD_OUT = 1000
SECOND_SITE = {"balanced": (0.5, 0.5), "15/85": (0.15, 0.85), "confounded": (0.0, 1.0)}


def plant(images: np.ndarray, sites: np.ndarray, look: str) -> np.ndarray:
    """Return the images with the look of their site."""
    changed = images.astype(float)
    second = sites == 1
    if look == "gain":
        changed[second] = 0.7 * changed[second] + 30
    elif look == "blur":
        changed[second] = gaussian_filter(changed[second], (0, 1, 1))
    elif look == "mark":
        changed[second, 1:5, 1:5] = 255
    return changed.round().astype(np.uint8)


def read(name: str, n_images: int, seed: int, *, final: bool) -> tuple[Part, Part]:
    """Return training images and held-out images without sites."""
    path = Path(os.environ["CONTRASTIVE_CLUSTERING_DATA"]) / f"{name}.npz"
    rng = np.random.default_rng(seed)
    with np.load(path) as file:
        images, classes = file["train_images"], file["train_labels"].ravel()
        rows = rng.permutation(len(images))
        train = images[rows[:n_images]], classes[rows[:n_images]]
        rest = rows[n_images:][:N_HELD_OUT]
        held_out = images[rest], classes[rest]
        if final:
            images, classes = file["test_images"], file["test_labels"].ravel()
            rows = rng.permutation(len(images))[:N_HELD_OUT]
            held_out = images[rows], classes[rows]
    parts = []
    for images, classes in (train, held_out):
        n = len(images)
        parts.append(Part(images, classes, np.zeros(n, int), np.arange(n)))
    return parts[0], parts[1]


def visit(part: Part, design: str, look: str, rng: np.random.Generator) -> Part:
    """Return the images after each has been taken at one of the two sites."""
    is_late = part.classes >= (part.classes.max() + 1) / 2
    probability = np.array(SECOND_SITE[design])[is_late.astype(int)]
    sites = (rng.random(len(part.classes)) < probability).astype(int)
    return Part(plant(part.images, sites, look), part.classes, sites, part.patients)


def planted(asked: argparse.Namespace) -> pd.DataFrame:
    rows = []
    for name in asked.data:
        for design in asked.designs:
            for look in ("none", "gain", "blur", "mark"):
                for removal in asked.removals if look != "none" else ["none"]:
                    rows.append(judge(name, design, look, removal, asked))
                    print(rows[-1], flush=True)
    return pd.DataFrame(rows)


def judge(
    name: str, design: str, look: str, removal: str, asked: argparse.Namespace
) -> dict[str, str]:
    """Return one row of the table."""
    site_probe, class_probe, by_strata = Tally(), Tally(), Tally()
    verdicts = []
    for seed in range(asked.seeds):
        train, held_out = read(name, asked.images, seed, final=asked.final)
        rng = np.random.default_rng([seed, 1])
        train, held_out = (visit(p, design, look, rng) for p in (train, held_out))
        options = {} if removal == "default" else {"nuisance_removal": removal}
        clusterer = ContrastiveAutoencoderClusterer(
            10, random_state=seed, **options if removal != "none" else {}
        )
        nuisance = None if removal == "none" else train.sites
        clusterer.fit(train.images, nuisance=nuisance)
        latents = [clusterer.transform(part.images) for part in (train, held_out)]
        strata = clusterer.predict(held_out.images)
        for tally, old, new in (
            (site_probe, train.sites, held_out.sites),
            (class_probe, train.classes, held_out.classes),
        ):
            predicted = predict_linearly(latents[0], old, train.weights(), latents[1])
            tally.add(new, predicted, held_out)
        predicted = predict_by_strata(clusterer.labels_, train.classes, strata)
        by_strata.add(held_out.classes, predicted, held_out)
        audit = audit_confounding(
            clusterer,
            held_out.images,
            nuisance=held_out.sites,
            y=held_out.classes,
            random_state=0,
        )
        verdicts.append(audit.verdicts["nuisance"])
    return {
        "data": name,
        "design": design,
        "look": look,
        "removal": removal,
        "site probe": str(site_probe),
        "class probe": str(class_probe),
        "class": str(by_strata),
        "verdict": "; ".join(dict.fromkeys(verdicts)),
    }
