"""
=====================
Strata of blood cells
=====================

Color images work like gray ones, with another augmentation preset: a cell under the
microscope has no orientation, so views are rotated by any angle and mirrored, and stain
and brightness change a little. This example clusters crops of blood cells, without
their labels.

It reads ``bloodcells.npz``, crops of the BCCD data set in the layout of MedMNIST, from
the folder in the environment variable ``CONTRASTIVE_CLUSTERING_DATA``. If there is no
such file, it uses BloodMNIST, which is downloaded through medmnist.
"""

# %%
# Fit
# ---
# Nearly all cells in blood are red. If some kinds are rare, use a consensus whose
# members compare positions, without a second phase, and enough strata: it keeps small
# strata apart whose latents have similar directions
# (:doc:`/experiments/clusterers`).

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
# The typical and the atypical members of each stratum.

ClusterGalleryDisplay.from_estimator(clusterer, X)

# %%
# A map of the latents by t-SNE. Distances between distant groups mean little.

EmbeddingDisplay.from_estimator(clusterer, X, random_state=0)

# %%
# Compare the strata with the kinds of cells and with a confounder
# ----------------------------------------------------------------
# The table has the number of cells of each kind in a stratum. Accuracy would say
# little: always guessing the most frequent kind is right in most cases.
#
# The gallery shows another difference between cells. If a cell was at the edge of its
# photograph, ``bloodcells.npz`` pads the crop with black, and such cells form strata of
# their own. The last column is their share of a stratum. This was found without labels,
# by looking at the members.

labels = clusterer.labels_
is_black = (X.max(axis=-1) < 20).mean(axis=(1, 2)) > 0.05
print("stratum" + "".join(f"{name:>13}" for name in names) + f"{'at the edge':>13}")
for stratum in range(clusterer.n_clusters_):
    own = labels == stratum
    counts = np.bincount(y[own], minlength=len(names))
    cells_of_kinds = "".join(f"{count:>13}" for count in counts)
    print(f"{stratum:>7}{cells_of_kinds}{is_black[own].mean():>13.0%}")
print(f"\nalways guessing the most frequent kind: {np.bincount(y).max() / len(y):.2f}")

# %%
# The remedy is to leave such cells out or to crop the images, and to fit again.
# :doc:`/user_guide/pitfalls` describes confounders. Otherwise the strata follow the
# stain, which the views change only a little. Views that change intensity and sharpness
# strongly would teach the network that a platelet, a pale violet blur, and a white
# cell, a dark violet pattern, are the same.

# sphinx_gallery_thumbnail_number = 2
plt.show()

# sphinx_gallery_start_ignore
from save_results import save_results

save_results(__file__, clusterer, X, y, show_samples=True)
# sphinx_gallery_end_ignore
