"""
=================================
From radiomics to survival curves
=================================

Radiomics describes a tumor by hundreds of numbers. This example clusters patients by
such a table, without their outcomes, and then compares the strata with survival, age,
sex, stage and histology, once. :doc:`/user_guide/associations` explains each result.

The features are those of lung tumors in CT scans, with the survival of the patients,
from the collection NSCLC-Radiomics (Lung1) of The Cancer Imaging Archive (Aerts et al.
2014). The training part of them is read from ``lung_radiomics_survival.npz`` in the
folder in the environment variable ``CONTRASTIVE_CLUSTERING_DATA``. Without this file,
the example simulates patients in three groups that differ in their features and in
their hazard. The text below describes the tumors.
"""

# %%
# Cluster the features
# --------------------
# Many features are very skewed, so they are replaced by normal scores of their ranks.
# The number of strata was set before looking at any outcome.

import os
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.datasets import make_blobs
from sklearn.preprocessing import quantile_transform

from contrastive_clustering import (
    ContrastiveAutoencoderClusterer,
    SurvivalDisplay,
    associate_strata,
)


def simulate_patients():
    """Return features and a table of patients who do not exist."""
    features, kind = make_blobs(
        150, n_features=30, centers=3, cluster_std=6.0, random_state=0
    )
    rng = np.random.default_rng(0)
    days = rng.exponential(np.array([300, 600, 1200])[kind])
    table = pd.DataFrame(
        {
            "days": np.minimum(days, 2000).round(),
            "died": days < 2000,
            "age": rng.normal(68, 9, size=150).round(),
            "sex": rng.choice(["female", "male"], size=150),
        }
    )
    return features, table


folder = Path(os.environ.get("CONTRASTIVE_CLUSTERING_DATA", "")).expanduser()
path = folder / "lung_radiomics_survival.npz"
if path.is_file():
    with np.load(path) as file:
        features = file["train_features"]
        table = pd.DataFrame(
            {
                "days": file["train_time_days"],
                "died": file["train_event"] == 1,
                **{
                    name: file[f"train_{name}"]
                    for name in ("age", "sex", "stage", "histology")
                },
            }
        )
else:
    features, table = simulate_patients()
print(
    f"{len(table)} patients, {features.shape[1]} features, {table['died'].sum()} died"
)

X = quantile_transform(
    features, n_quantiles=100, output_distribution="normal", random_state=0
)
clusterer = ContrastiveAutoencoderClusterer(
    n_clusters=3,
    latent_dim=16,
    max_epochs=60,
    refinement_epochs=10,
    batch_size=64,
    random_state=0,
).fit(X)

# %%
# Compare the strata with the outcomes
# ------------------------------------
# P-values come from permutations of the patients and are corrected for the number of
# variables, and for the number of clusterings that were compared with these outcomes.
# There were four while this example was written: this one, the same with an earlier
# loss, one without ranks, and k-means (:doc:`/experiments/associations`). This one was
# kept for its ranks, not for its p-value, but readers of one of four results should
# know of the others.
#
# Variables that were clustered would not be tested, because strata differ in them by
# construction; ``clustered`` states which they are.

association = associate_strata(
    clusterer.labels_,
    table,
    survival=("days", "died"),
    clustered=features,
    n_searched=4,
    n_permutations=9999,
    random_state=0,
)
print(association)

# %%
# Read every row, and intervals rather than p-values alone. Taken by itself, the p-value
# of survival is below 0.05; corrected, it is above. So this clustering alone is not
# enough evidence that the strata differ in survival.
#
# Even a clear difference would not be a new finding: the strata may also differ in
# stage, which predicts survival as well, and other patients would have to confirm it.
#
# Baseline characteristics by stratum, the table that clinical papers begin with:

print(association.baseline.to_string())

# %%
# Survival curves
# ---------------
# Kaplan-Meier curves with pointwise 95 % intervals, and the number of patients at risk.
# The p-value is the corrected one.

p_value = association.table.loc["days", "p_corrected"]
SurvivalDisplay.from_strata(
    clusterer.labels_, (table["days"], table["died"]), p_value=p_value
)
plt.show()

# sphinx_gallery_start_ignore
from save_results import save_results

save_results(__file__, clusterer, X, metadata=table, survival=("days", "died"))
# sphinx_gallery_end_ignore
