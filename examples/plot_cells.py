"""
=====================
Strata of blood cells
=====================

Colour images work as grey ones do. Their preset of views is another: a cell under the
microscope has no up and no left, so that views turn by any angle and mirror, and change
stain and brightness a little. This example clusters crops of blood cells, without their
kinds.

It reads ``bloodcells.npz``, crops of the BCCD data set in the layout of MedMNIST, from
the folder that the environment variable ``CONTRASTIVE_CLUSTERING_DATA`` names. Where
that file is not there, it takes BloodMNIST, which is fetched through medmnist.
"""

# %%
# Fit
# ---
# Nearly all cells in blood are red. Where some kinds are rare, a consensus of places
# keeps small strata best, without a second phase (:doc:`/choices`).

import os
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from contrastive_clustering import (
    ClusterGalleryDisplay,
    ConsensusClustering,
    ContrastiveAutoencoderClusterer,
    EmbeddingDisplay,
)
from contrastive_clustering.datasets import fetch_medmnist, load_medmnist_file

path = Path(os.environ.get("CONTRASTIVE_CLUSTERING_DATA", "")) / "bloodcells.npz"
if path.is_file():
    cells = load_medmnist_file(path)
    names = ["red cell", "white cell", "platelet"]
else:
    cells = fetch_medmnist("bloodmnist")
    names = cells.target_names
X, y = cells.data[:1500], cells.target[:1500]
print(f"images: {X.shape}, {X.dtype}")

clusterer = ContrastiveAutoencoderClusterer(
    n_clusters=8,
    clusterer=ConsensusClustering(),
    max_epochs=12,
    refinement_epochs=0,
    random_state=0,
).fit(X)

# %%
# Look at the strata
# ------------------
# For each stratum its typical members and its atypical ones.

ClusterGalleryDisplay.from_estimator(clusterer, X)

# %%
# The map of the latents, by t-SNE. Distances between far groups mean little in it.

EmbeddingDisplay.from_estimator(clusterer, X, random_state=0)

# %%
# Hold the strata against the kinds
# ---------------------------------
# How many cells of each kind a stratum holds. Accuracy would say little: always
# guessing the commonest kind is right in most cases.

labels = clusterer.labels_
print("stratum  " + "".join(f"{name:>14}" for name in names))
for stratum in range(clusterer.n_clusters_):
    counts = np.bincount(y[labels == stratum], minlength=len(names))
    print(f"{stratum:>7}  " + "".join(f"{count:>14}" for count in counts))
print(f"\nalways guessing the commonest: {np.bincount(y).max() / len(y):.2f}")

# %%
# What views change
# -----------------
# Strata are of what the views leave as it is. Views that change intensity and sharpness
# a lot would teach the network that a platelet, a pale violet blur, and a white cell, a
# dark violet pattern, are one. Here is what colours the strata have: the mean colour of
# the middle of each image, a dot a cell.

middle = X[:, 12:-12, 12:-12].mean(axis=(1, 2))
figure, axes = plt.subplots(2, 4, figsize=(8, 4.4), sharex=True, sharey=True)
for stratum, ax in zip(range(clusterer.n_clusters_), axes.flat, strict=False):
    own = labels == stratum
    ax.scatter(middle[own, 0], middle[own, 1], c=middle[own] / 255, s=12)
    ax.set_title(f"stratum {stratum}, n = {own.sum()}", fontsize=9)
figure.supxlabel("red")
figure.supylabel("green")
figure.suptitle("Colour of the middle of the image")
figure.tight_layout()
plt.show()
