"""
===============================
Strata of adrenal glands in 3-D
===============================

Volumes work as images do: the network takes its third dimension from the shape of the
data. This example clusters the shapes of adrenal glands that were segmented in CT
scans, each of 28 x 28 x 28 voxels (AdrenalMNIST3D). To keep it short, it takes 300 of
the 1188 training volumes and few epochs. Batches are smaller than by default, so that
an epoch of few volumes still has several steps.

The volumes are fetched through medmnist, or read from the folder that the environment
variable ``CONTRASTIVE_CLUSTERING_DATA`` names if they are there.
"""

# %%
# Fit
# ---

import matplotlib.pyplot as plt
import numpy as np
from sklearn.metrics import euclidean_distances

from contrastive_clustering import ContrastiveAutoencoderClusterer
from contrastive_clustering.datasets import fetch_medmnist

X, y = fetch_medmnist("adrenalmnist3d", split="train", return_X_y=True)
X, y = X[:300], y[:300]
print(f"volumes: {X.shape}")

n_strata = 4
clusterer = ContrastiveAutoencoderClusterer(
    n_clusters=n_strata,
    max_epochs=15,
    refinement_epochs=4,
    batch_size=32,
    random_state=0,
)
labels = clusterer.fit_predict(X)
latents = clusterer.transform(X)
decoded = clusterer.inverse_transform(latents)
error = np.mean((decoded - X) ** 2) / X.var()
print(f"reconstruction error: {error:.2f} of the variance of the voxels")

# %%
# A gland is labelled normal or, under the name hyperplasia, as having a mass. The
# strata are found without that label; here is how it spreads over them.

for stratum in range(n_strata):
    ill = y[labels == stratum]
    print(f"stratum {stratum}: {len(ill):>3} glands, {ill.mean():.0%} hyperplasia")

# %%
# Look at the strata
# ------------------
# A row is a stratum: the decoded centre, the three members that lie nearest to it in
# latent space, and their reconstructions. Of each volume the middle slice across its
# first axis is shown. The members are masks, voxels are in the gland or not; decoded
# voxels are grey where the network is unsure, which few epochs leave often.

centers = clusterer.inverse_transform(clusterer.cluster_centers_)
distances = euclidean_distances(latents, clusterer.cluster_centers_)


middle = X.shape[1] // 2
n_shown = 3
figure, axes = plt.subplots(n_strata, 1 + 2 * n_shown, figsize=(8, 5))
for stratum, row in enumerate(axes):
    members = np.flatnonzero(labels == stratum)
    nearest = members[np.argsort(distances[members, stratum])[:n_shown]]
    volumes = {0: centers[stratum]}
    for place, index in enumerate(nearest, start=1):
        volumes |= {place: X[index], place + n_shown: decoded[index]}
    for ax in row:
        ax.set(xticks=[], yticks=[])
        ax.set_frame_on(False)
    for place, volume in volumes.items():
        row[place].imshow(volume[middle], cmap="gray", vmin=X.min(), vmax=X.max())
    row[0].set_ylabel(
        f"stratum {stratum}\nn = {len(members)}",
        fontsize=9,
        rotation=0,
        ha="right",
        va="center",
    )
for column, title in ((0, "centre"), (2, "members"), (2 + n_shown, "reconstructions")):
    axes[0, column].set_title(title, fontsize=9)
figure.suptitle("Adrenal glands, middle slices")
figure.tight_layout()
plt.show()
