"""
============================================
Strata of chest X-rays, found without labels
============================================

This example uses the medical benchmark of the method's authors: 4708 chest X-rays of
children, with and without pneumonia, of 28 x 28 pixels (PneumoniaMNIST). The estimator
uses no labels. Its ten strata are then compared with the diagnoses, on the test split.

The images are read from the folder in the environment variable
``CONTRASTIVE_CLUSTERING_DATA`` if they are there; otherwise they are downloaded through
medmnist. This example runs a third of the usual epochs, which takes one to three
minutes on two cores; :doc:`/benchmarks` has the results of the defaults.
"""

# %%
# Train without labels
# --------------------

import time

import matplotlib.pyplot as plt
import numpy as np
from sklearn.metrics import (
    adjusted_rand_score,
    balanced_accuracy_score,
    normalized_mutual_info_score,
)

from contrastive_clustering import (
    ClusterGalleryDisplay,
    ContrastiveAutoencoderClusterer,
    ReconstructionDisplay,
)
from contrastive_clustering.datasets import fetch_medmnist
from contrastive_clustering.metrics import map_clusters_to_labels

X_train, y_train = fetch_medmnist("pneumoniamnist", split="train", return_X_y=True)
X_test, y_test = fetch_medmnist("pneumoniamnist", split="test", return_X_y=True)

start = time.perf_counter()
clusterer = ContrastiveAutoencoderClusterer(
    n_clusters=10, max_epochs=10, refinement_epochs=3, random_state=0, verbose=1
).fit(X_train)
seconds = time.perf_counter() - start

# %%
# Compare the strata with the diagnoses
# -------------------------------------
# Each stratum takes the most frequent diagnosis of its training members; the test split
# is then scored like that of a classifier. Always guessing pneumonia has an accuracy of
# 0.625 here, so accuracy alone says little. The example also prints balanced accuracy,
# the adjusted Rand index and mutual information.

strata = clusterer.predict(X_test)
diagnosis = map_clusters_to_labels(y_train, clusterer.labels_, strata)
decoded = clusterer.inverse_transform(clusterer.transform(X_test))
error = np.mean((decoded - X_test) ** 2) / X_test.var(axis=0).mean()

print(f"mapped accuracy       {np.mean(diagnosis == y_test):.3f}")
print(f"balanced accuracy     {balanced_accuracy_score(y_test, diagnosis):.3f}")
print(f"adjusted Rand index   {adjusted_rand_score(y_test, strata):.3f}")
print(f"mutual information    {normalized_mutual_info_score(y_test, strata):.3f}")
print(f"reconstruction error  {error:.3f} (1: that of the mean image)")
print(f"seconds of training   {seconds:.0f}")

# %%
# Look at the strata
# ------------------
# Each row is a stratum: its decoded center, the members in the test split that are
# closest to it in latent space, and the members that are farthest from it. Rows are
# ordered by the share of training members with pneumonia.

prevalence = [
    y_train[clusterer.labels_ == s].mean() for s in range(clusterer.n_clusters_)
]
order = np.argsort(prevalence)
gallery = ClusterGalleryDisplay.from_estimator(
    clusterer, X_test, n_typical=4, n_atypical=4, strata=order
)
gallery.ax_.set_yticklabels(
    [f"{s}: {prevalence[s]:.0%} pneumonia\n(n={np.sum(strata == s)})" for s in order]
)
gallery.ax_.set_ylabel("stratum, prevalence, members in the test split")
gallery.ax_.set_title("Strata of chest X-rays, found without labels")

# %%
# X-rays and their reconstructions show what the network keeps and what it loses:

ReconstructionDisplay.from_estimator(clusterer, X_test, random_state=0)
plt.show()

# sphinx_gallery_start_ignore
from save_results import save_results

save_results(__file__, clusterer, X_train, y_train, show_samples=True)
# sphinx_gallery_end_ignore
