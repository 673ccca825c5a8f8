"""
=============================
Images from several hospitals
=============================

Hospitals use different machines and settings, so a clustering may find the hospital
instead of the disease. This example audits whether strata follow the hospital, removes
its effect, and audits again. At the end it shows data in which hospital and disease
cannot be told apart. :doc:`/user_guide/confounding` defines the metrics of an audit.

The images are crops of breast lesions in ultrasound scans from three hospitals, benign
and malignant, of 64 x 64 pixels. They are read from ``ultrasound_sites.npz`` in the
folder in the environment variable ``CONTRASTIVE_CLUSTERING_DATA``. Their licenses do
not allow publishing them all, so this page shows results but no image. Without this
file, the example uses handwritten digits as a stand-in: the "hospitals" differ in
contrast, brightness and blur, and digits from 5 to 9 are "malignant". The text below
describes the ultrasound images. They are halved in size, and training is short, a few
seconds a fit.
"""

# %%
# Read the images, and hold out patients
# --------------------------------------

import os
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from scipy.ndimage import gaussian_filter
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.model_selection import GroupShuffleSplit

from contrastive_clustering import (
    ContrastiveAutoencoderClusterer,
    StrataCompositionDisplay,
    audit_confounding,
    evaluate_clustering,
)


def read_digits():
    """Return digits from three hospitals that do not exist."""
    digits = load_digits()
    images, rng = digits.images, np.random.default_rng(0)
    site = rng.choice(["A", "B", "C"], size=len(images))
    images[site == "B"] = 0.7 * images[site == "B"] + 3
    images[site == "C"] = gaussian_filter(images[site == "C"], (0, 0.5, 0.5))
    return images, (digits.target >= 5).astype(int), np.arange(len(images)), site


folder = Path(os.environ.get("CONTRASTIVE_CLUSTERING_DATA", "")).expanduser()
path = folder / "ultrasound_sites.npz"
if path.is_file():
    with np.load(path) as file:
        X = file["train_images"].reshape(-1, 32, 2, 32, 2).mean(axis=(2, 4))
        is_malignant = file["train_labels"].ravel()
        patient, site = file["train_patient"], file["train_site"]
else:
    X, is_malignant, patient, site = read_digits()

finding = np.where(is_malignant, "malignant", "benign")
print(pd.crosstab(pd.Series(site, name="site"), finding))

split = GroupShuffleSplit(n_splits=1, test_size=0.4, random_state=0)
train, held_out = next(split.split(X, groups=patient))
groups, groups_held_out = patient[train], patient[held_out]

# %%
# Every hospital has benign and malignant lesions, so hospital and finding can be told
# apart.
#
# Audit before removal
# --------------------
# The audit uses patients who were not in the training set.

clusterer = ContrastiveAutoencoderClusterer(
    n_clusters=5, max_epochs=20, refinement_epochs=5, random_state=0
)
before = clone(clusterer).fit(X[train], groups=groups)


def audit(fitted, rows):
    """Return the audit of some images for the site."""
    return audit_confounding(
        fitted,
        X[rows],
        nuisance={"site": site[rows]},
        y=finding[rows],
        groups=patient[rows],
        random_state=0,
    )


audit_before = audit(before, held_out)
print(audit_before)

# %%
# Remove the hospital, and audit again
# ------------------------------------
# The only difference is ``nuisance``. Erasure is linear and learned from the training
# images. A probe does not find the hospital in these, but it can find some of it in
# images of other patients. The fewer images there are to learn from, the more it finds.

after = clone(clusterer).fit(X[train], groups=groups, nuisance=site[train])
audit_after = audit(after, held_out)
print(audit_after)

# %%
# Removal should not cost the finding. Each stratum takes the most frequent class of its
# training members, and the held-out images are scored, with intervals over patients.

for name, fitted in (("before", before), ("after", after)):
    result = evaluate_clustering(
        fitted,
        X[train],
        is_malignant[train],
        X[held_out],
        is_malignant[held_out],
        groups_train=groups,
        groups_test=groups_held_out,
    )
    low, high = result.intervals["balanced_accuracy"]
    print(
        f"{name:<7}balanced accuracy of the strata {result.balanced_accuracy:.2f} "
        f"[{low:.2f}, {high:.2f}], of a linear probe "
        f"{result.probes['linear_latent_balanced_accuracy']:.2f}"
    )

# %%
# A stratum whose bar looks like that of all strata does not follow the hospital.
# Numbers are patients.

figure, axes = plt.subplots(1, 2, figsize=(10, 3.2), layout="constrained")
for ax, name, fitted, found in (
    (axes[0], "before", before, audit_before),
    (axes[1], "after", after, audit_after),
):
    StrataCompositionDisplay.from_strata(
        fitted.predict(X[held_out]),
        pd.Series(site[held_out], name="site"),
        groups=groups_held_out,
        ax=ax,
    )
    ax.set_title(f"{name}: {found.verdict}", fontsize=10)

# %%
# When hospital and disease cannot be told apart
# ----------------------------------------------
# Suppose that one hospital had contributed all malignant lesions, and the others all
# benign ones. A stratum of malignant lesions would then be a stratum of that hospital.
# No analysis can decide what it shows, and removal would remove the finding as well.
# The audit says so.

first = np.unique(site)[0]
coincides = (site == first) == (is_malignant == 1)
chosen = train[coincides[train]]
audit_chosen = audit(
    clone(clusterer).fit(X[chosen], groups=patient[chosen]),
    held_out[coincides[held_out]],
)
print(audit_chosen)
plt.show()

# sphinx_gallery_start_ignore
from save_results import save_results

save_results(
    __file__,
    after,
    X[held_out],
    finding[held_out],
    groups=groups_held_out,
    nuisance={"site": site[held_out]},
)
# sphinx_gallery_end_ignore
