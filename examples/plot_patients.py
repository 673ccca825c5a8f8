"""
======================================
Patients with several X-rays and views
======================================

In clinical archives, a patient has one X-ray or sixty, some taken standing (view PA),
some in bed (AP). Each patient should count as one, and strata should not follow the
view. This example passes both to ``fit``, and audits the strata before and after.
:doc:`/user_guide/patients` explains each step.

The X-rays are from NIH ChestX-ray14 (Wang et al. 2017): several of each patient, of 64
x 64 pixels. They are read from ``chestxray_patients.npz`` in the folder in the
environment variable ``CONTRASTIVE_CLUSTERING_DATA``. Without this file, the example
uses handwritten digits as a stand-in: each "patient" is a run of images of a digit, and
one of the two "views" is darker and blurred. The text below describes the X-rays. They
are halved in size, and training is short, about ten seconds a fit, so the results
illustrate the functions and do not measure the method.
"""

# %%
# Read the images, and hold out patients
# --------------------------------------
# A third of the patients is held out. Splitting images instead would put X-rays of the
# same patient on both sides.

import os
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from scipy.ndimage import gaussian_filter
from sklearn.base import clone
from sklearn.cluster import KMeans
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.model_selection import GroupShuffleSplit
from sklearn.pipeline import make_pipeline

from contrastive_clustering import (
    ClusterGalleryDisplay,
    ContrastiveAutoencoderClusterer,
    StrataCompositionDisplay,
    audit_confounding,
    cluster_stability,
    evaluate_clustering,
)


def read_digits():
    """Return digits of patients who do not exist: images, labels, patients, views."""
    digits = load_digits()
    order = np.argsort(digits.target, kind="stable")
    images, label = digits.images[order], digits.target[order] % 2
    rng = np.random.default_rng(0)
    patient = np.sort(rng.integers(500, size=len(images)))
    view = rng.choice(["AP", "PA"], size=len(images))
    is_ap = view == "AP"
    images[is_ap] = 0.7 * gaussian_filter(images[is_ap], (0, 0.5, 0.5))
    return images, label, patient, view


folder = Path(os.environ.get("CONTRASTIVE_CLUSTERING_DATA", "")).expanduser()
path = folder / "chestxray_patients.npz"
if path.is_file():
    with np.load(path) as file:
        X = file["train_images"].reshape(-1, 32, 2, 32, 2).mean(axis=(2, 4))
        is_abnormal = file["train_labels"].ravel()
        patient, view = file["train_patient"], file["train_view"]
else:
    X, is_abnormal, patient, view = read_digits()

split = GroupShuffleSplit(n_splits=1, test_size=0.33, random_state=0)
train, held_out = next(split.split(X, groups=patient))
for name, rows in (("training", train), ("held out", held_out)):
    sizes = np.unique(patient[rows], return_counts=True)[1]
    print(
        f"{name}: {len(rows)} images of {len(sizes)} patients, at most {sizes.max()} "
        f"of one; {np.mean(view[rows] == 'AP'):.0%} AP"
    )

# %%
# Train without and with this knowledge
# -------------------------------------
# With ``groups``, X-rays of a patient are not contrasted with each other, and a patient
# weighs as one. With ``nuisance``, only X-rays of the same view are contrasted, and the
# view is erased from the latents. New X-rays need neither.

clusterer = ContrastiveAutoencoderClusterer(
    n_clusters=6, max_epochs=12, refinement_epochs=4, random_state=0
)
plain = clone(clusterer).fit(X[train])
with_both = clone(clusterer).fit(X[train], groups=patient[train], nuisance=view[train])

# %%
# Strata of patients
# ------------------
# A patient belongs to the stratum of most of his or her X-rays. ``agreement`` is the
# fraction of them in that stratum. It need not be higher with ``groups``: each X-ray
# still has its own stratum, and a patient's X-rays may show different things.

strata = with_both.predict_groups(X[held_out], patient[held_out])
columns = ["stratum", "n_samples", "agreement"]
print(strata[columns].sort_values("n_samples", ascending=False).head())

for name, fitted in (("without", plain), ("with", with_both)):
    found = fitted.predict_groups(X[held_out], patient[held_out])
    several = found.loc[found["n_samples"] > 1, "agreement"]
    print(
        f"{name} groups and nuisance: mean agreement {several.mean():.2f} of "
        f"{len(several)} patients with several images"
    )

# %%
# Audit the view, before and after
# --------------------------------
# The audit uses patients who were not in the training set. Compare the agreement of
# strata and views, and the probe, a linear model that recognizes the view in the
# latents.

audits = {
    name: audit_confounding(
        fitted,
        X[held_out],
        nuisance={"view": view[held_out]},
        y=is_abnormal[held_out],
        groups=patient[held_out],
        random_state=0,
    )
    for name, fitted in (("before", plain), ("after", with_both))
}
print(audits["before"])

# %%

print(audits["after"])

# %%
# A stratum whose bar looks like that of all strata does not follow the view. A patient
# with both views counts in both.

figure, axes = plt.subplots(1, 2, figsize=(10, 3.2), layout="constrained")
for ax, (name, fitted) in zip(
    axes, {"before": plain, "after": with_both}.items(), strict=True
):
    StrataCompositionDisplay.from_strata(
        fitted.predict(X[held_out]),
        pd.Series(view[held_out], name="view"),
        groups=patient[held_out],
        ax=ax,
    )
    ax.set_title(f"{name}: {audits[name].verdict}", fontsize=10)

# %%
# Removal should not cost the finding, which is "abnormal" here. Each stratum takes the
# most frequent class of its training members, and the held-out patients are scored.
# Intervals are over patients. Strata that are at chance before have nothing to lose.

for name, fitted in (("before", plain), ("after", with_both)):
    result = evaluate_clustering(
        fitted,
        X[train],
        is_abnormal[train],
        X[held_out],
        is_abnormal[held_out],
        groups_train=patient[train],
        groups_test=patient[held_out],
    )
    low, high = result.intervals["balanced_accuracy"]
    print(
        f"{name:<7}balanced accuracy of the strata {result.balanced_accuracy:.2f} "
        f"[{low:.2f}, {high:.2f}], of a linear probe "
        f"{result.probes['linear_latent_balanced_accuracy']:.2f}"
    )

# %%
# Stability, by image and by patient
# ----------------------------------
# ``groups`` works in the same way for any clusterer. The example takes k-means on
# principal components, because 20 refits of it take a second. By image, X-rays of one
# patient lie inside and outside of a subset at the same time, so that strata seem to
# come back. By patient, subsets contain all of a patient's X-rays or none, and strata
# are compared on patients.

kmeans = make_pipeline(PCA(20, random_state=0), KMeans(6, n_init=5))
flat = X[train].reshape(len(train), -1)
stability = {
    name: cluster_stability(kmeans, flat, groups=groups, n_resamples=20, random_state=0)
    for name, groups in (("by image", None), ("by patient", patient[train]))
}
for name, result in stability.items():
    print(
        f"{name:<11}{result.stable.sum()} of 6 strata are stable, "
        f"adjusted Rand index {result.adjusted_rand_mean:.2f}"
    )
print(stability["by patient"])

# %%
# Look at the strata
# ------------------
# The decoded centers are noisy after such short training. Bright and dark exposures
# also form strata: they could be audited like the view, if they were recorded.

ClusterGalleryDisplay.from_estimator(with_both, X[held_out], n_typical=4, n_atypical=4)
plt.show()

# sphinx_gallery_start_ignore
from save_results import save_results

save_results(
    __file__,
    with_both,
    X[held_out],
    is_abnormal[held_out],
    groups=patient[held_out],
    nuisance={"view": view[held_out]},
)
# sphinx_gallery_end_ignore
