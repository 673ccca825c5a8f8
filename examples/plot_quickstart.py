"""
========================================
Quickstart: strata of handwritten digits
========================================

This example clusters scikit-learn's bundled images of handwritten digits without their
labels, shows the strata that come out, and reconstructs images from the latent space.
It needs no download and takes well under a minute on a laptop without a GPU.
"""

# %%
# Fit
# ---
# The images are an array of shape ``(1797, 8, 8)``. Nothing has to be prepared: values
# are brought to a common scale inside, and the network fits itself to the size.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.metrics import adjusted_rand_score

from contrastive_clustering import ContrastiveAutoencoderClusterer
from contrastive_clustering.metrics import clustering_accuracy

digits = load_digits()
images = digits.images
print(f"{len(images)} images of {images.shape[1]} x {images.shape[2]} pixels")

clusterer = ContrastiveAutoencoderClusterer(
    n_clusters=10, max_epochs=40, random_state=0, verbose=1
)
labels = clusterer.fit_predict(images)

# %%
# The labels of the digits were not used. Held against them, the strata are mostly
# digits:

accuracy = clustering_accuracy(digits.target, labels)
rand = adjusted_rand_score(digits.target, labels)
print(f"one-to-one accuracy {accuracy:.3f}, adjusted Rand index {rand:.3f}")

# %%
# Look at the strata
# ------------------
# Each row is a stratum: its decoded centre first, then the five members that lie
# nearest to it in latent space, and last the five that lie farthest from it.

latents = clusterer.transform(images)
distance = np.linalg.norm(latents - clusterer.cluster_centers_[labels], axis=1)
centers = clusterer.inverse_transform(clusterer.cluster_centers_)


def show(ax, image, title=None):
    """Draw one image without axes."""
    ax.imshow(image, cmap="gray", vmin=0, vmax=16)
    ax.set_axis_off()
    if title:
        ax.set_title(title, fontsize=9)


n_shown = 5
figure, axes = plt.subplots(10, 1 + 2 * n_shown, figsize=(8, 8))
for stratum, row in enumerate(axes):
    members = np.flatnonzero(labels == stratum)
    order = members[np.argsort(distance[members])]
    show(row[0], centers[stratum], "centre" if stratum == 0 else None)
    for place, index in enumerate([*order[:n_shown], *order[-n_shown:]]):
        titles = {2: "nearest", 2 + n_shown: "farthest"} if stratum == 0 else {}
        show(row[1 + place], images[index], titles.get(place))
figure.suptitle("Strata of the digits")
figure.tight_layout()

# %%
# Reconstruct
# -----------
# ``transform`` gives latents, ``inverse_transform`` brings them back to pixels, in the
# units and the shape of the input.

some = np.random.default_rng(0).choice(len(images), 10, replace=False)
decoded = clusterer.inverse_transform(latents[some])
print(f"latents {latents[some].shape}, reconstructions {decoded.shape}")
error = np.mean((decoded - images[some]) ** 2) / images.var()
print(f"reconstruction error: {error:.2f} of the variance of the pixels")

figure, axes = plt.subplots(2, 10, figsize=(8, 2))
for column, index in enumerate(some):
    show(axes[0, column], images[index], "image" if column == 0 else None)
    show(axes[1, column], decoded[column], "decoded" if column == 0 else None)
figure.tight_layout()
plt.show()
