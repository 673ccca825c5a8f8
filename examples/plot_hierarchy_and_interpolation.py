"""
======================================================
Hierarchy, sampling, interpolation and atypical images
======================================================

A fitted estimator provides more than labels: which strata are similar, what lies
between two of them, what other members could look like, and which images are atypical.
This example shows each for handwritten digits.
"""

# %%
# The tree over the strata
# ------------------------
# ``linkage_`` is a tree in SciPy's format, in which the most similar strata merge
# first. The decoded center of each stratum is drawn below its leaf.

import matplotlib.pyplot as plt
import numpy as np
from scipy.cluster.hierarchy import dendrogram
from sklearn.datasets import load_digits

from contrastive_clustering import ContrastiveAutoencoderClusterer

images = load_digits().images
n_strata = 12
clusterer = ContrastiveAutoencoderClusterer(n_clusters=n_strata, random_state=0)
labels = clusterer.fit_predict(images)
centers = clusterer.inverse_transform(clusterer.cluster_centers_)


def bare(ax):
    """Remove ticks and frame, but keep labels."""
    ax.set(xticks=[], yticks=[])
    ax.set_frame_on(False)


def show(ax, image):
    """Draw one image without axes."""
    ax.imshow(image, cmap="gray", vmin=0, vmax=16)
    bare(ax)


def name_row(ax, name):
    """Write the name of a row to the left of its first axes."""
    ax.set_ylabel(name, rotation=0, ha="right", va="center", fontsize=9)


figure = plt.figure(figsize=(8, 4))
grid = figure.add_gridspec(2, n_strata, height_ratios=[4, 1], hspace=0.05)
ax = figure.add_subplot(grid[0, :])
tree = dendrogram(
    clusterer.linkage_,
    ax=ax,
    no_labels=True,
    color_threshold=0,
    above_threshold_color="#0072B2",
)
ax.set_ylabel("distance of the centers (Ward)")
ax.spines[["top", "right", "bottom"]].set_visible(False)
for column, stratum in enumerate(tree["leaves"]):
    ax = figure.add_subplot(grid[1, column])
    show(ax, centers[stratum])
    ax.set_xlabel(stratum)
figure.suptitle("Strata merge from below; numbers are those of labels_")

# %%
# Coarser strata
# --------------
# ``labels_at`` cuts the tree without training. Each coarser stratum is a union of
# strata; each row shows one, with the centers that it unites.

n_coarse = 5
coarse = clusterer.labels_at(n_coarse)
united = [np.unique(labels[coarse == group]) for group in range(n_coarse)]
for group, members in enumerate(united):
    print(f"coarser stratum {group}: {np.sum(coarse == group)} images of {members}")

n_columns = max(map(len, united))
figure, axes = plt.subplots(
    n_coarse, n_columns, figsize=(0.8 * n_columns + 1, n_coarse), squeeze=False
)
for row, (group, members) in zip(axes, enumerate(united), strict=True):
    for ax in row:
        bare(ax)
    for ax, stratum in zip(row, members, strict=False):
        show(ax, centers[stratum])
        ax.set_xlabel(stratum, fontsize=8, labelpad=1)
    name_row(row[0], group)
figure.suptitle(f"{n_coarse} coarser strata")
figure.tight_layout()

# %%
# New images of a stratum
# -----------------------
# ``sample`` draws from the density of a stratum's latents and decodes. The first row
# shows members, the second row generated images.

stratum = int(tree["leaves"][0])
generated, _ = clusterer.sample(10, stratum=stratum, random_state=0)
members = np.flatnonzero(labels == stratum)[:10]

figure, axes = plt.subplots(2, 10, figsize=(8, 2))
for column in range(10):
    show(axes[0, column], images[members[column]])
    show(axes[1, column], generated[column])
for row, name in zip(axes, ("members", "generated"), strict=True):
    name_row(row[0], name)
figure.suptitle(f"Stratum {stratum}")
figure.tight_layout()

# %%
# Interpolation
# -------------
# ``interpolate`` decodes the straight line between two latents: of the centers of two
# strata, given by their numbers, or of two images. The first row interpolates between
# the two strata that merge first, the second between the ends of the tree, and the
# third between two images, which are shown at its ends.

n_steps = 9
near = [int(s) for s in clusterer.linkage_[0, :2]]
far = [int(tree["leaves"][0]), int(tree["leaves"][-1])]
pair = [int(np.flatnonzero(labels == s)[0]) for s in far]
paths = {
    f"strata {near[0]}, {near[1]}": clusterer.interpolate(*near, n_steps=n_steps),
    f"strata {far[0]}, {far[1]}": clusterer.interpolate(*far, n_steps=n_steps),
    "two images": clusterer.interpolate(*images[pair], n_steps=n_steps),
}

figure, axes = plt.subplots(3, n_steps + 2, figsize=(8, 2.6))
for row, (name, path) in zip(axes, paths.items(), strict=True):
    for ax, image in zip(row[1:-1], path, strict=True):
        show(ax, image)
    bare(row[0])
    bare(row[-1])
    name_row(row[0], name)
for ax, index in zip(axes[-1, [0, -1]], pair, strict=True):
    show(ax, images[index])
    ax.set_title("image", fontsize=9)
figure.tight_layout()

# %%
# Atypical images
# ---------------
# ``score_samples`` is the log-density of an image's latents, which is low for atypical
# images. Here are the ten least and the ten most typical images.

typicality = clusterer.score_samples(images)
order = np.argsort(typicality)
quartiles = np.percentile(typicality, [25, 50, 75])
print("log-density, quartiles:", *(f"{value:.0f}" for value in quartiles))
print("log-density of the ten least:", *(f"{v:.0f}" for v in typicality[order[:10]]))

figure, axes = plt.subplots(2, 10, figsize=(8, 2))
for column in range(10):
    show(axes[0, column], images[order[column]])
    show(axes[1, column], images[order[-1 - column]])
for row, name in zip(axes, ("least typical", "most typical"), strict=True):
    name_row(row[0], name)
figure.tight_layout()
plt.show()

# sphinx_gallery_start_ignore
from save_results import save_results

save_results(__file__, clusterer, images, show_samples=True)
# sphinx_gallery_end_ignore
