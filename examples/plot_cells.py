"""
=====================
Strata of blood cells
=====================

Color images work as gray ones do. Their preset of views is another: a cell under the
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
# keeps small strata apart, also those that resemble each other in direction, without a
# second phase, and there have to be strata enough (:doc:`/defaults`).

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

folder = Path(os.environ.get("CONTRASTIVE_CLUSTERING_DATA", "")).expanduser()
path = folder / "bloodcells.npz"
if path.is_file():
    cells = load_medmnist_file(path)
    names = ["red cell", "white cell", "platelet"]
else:
    cells = fetch_medmnist("bloodmnist")
    names = cells.target_names
X, y = cells.data[:1200], cells.target[:1200]
print(f"images: {X.shape}, {X.dtype}")

clusterer = ContrastiveAutoencoderClusterer(
    n_clusters=12,
    clusterer=ConsensusClustering(),
    max_epochs=15,
    refinement_epochs=0,
    batch_size=128,
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
# Hold the strata against the kinds, and against what is no kind
# --------------------------------------------------------------
# How many cells of each kind a stratum holds. Accuracy would say little: always
# guessing the most frequent kind is right in most cases.
#
# The gallery shows another thing that cells differ in. Where a cell lay at the edge of
# its photograph, ``bloodcells.npz`` fills the crop up with black, and such cells have
# found strata of their own. The last column is the part of a stratum that is so. No
# label was needed to find it, but a look at the members.

labels = clusterer.labels_
is_black = (X.max(axis=-1) < 20).mean(axis=(1, 2)) > 0.05
print("stratum" + "".join(f"{name:>13}" for name in names) + f"{'at the edge':>13}")
for stratum in range(clusterer.n_clusters_):
    own = labels == stratum
    counts = np.bincount(y[own], minlength=len(names))
    cells_of_kinds = "".join(f"{count:>13}" for count in counts)
    print(f"{stratum:>7}{cells_of_kinds}{is_black[own].mean():>13.0%}")
print(f"\nalways guessing the commonest: {np.bincount(y).max() / len(y):.2f}")

# %%
# What to do about it: leave such cells out or cut the images smaller, and fit again.
# :doc:`/user_guide/pitfalls` says more of confounders. What the strata hold beside the
# edges is the stain, which the views here change only a little. Views that change
# intensity and sharpness a lot would teach the network that a platelet, a pale violet
# blur, and a white cell, a dark violet pattern, are one.

plt.show()
