"""
===============================
Strata of adrenal glands in 3-D
===============================

Volumes work like images: the shape of the data makes the network three-dimensional.
This example clusters the shapes of adrenal glands that were segmented in CT scans, each
of 28 x 28 x 28 voxels (AdrenalMNIST3D). One of the two views of a volume is rotated in
space and mirrored: the orientation of a gland does not matter, but its size and its
shape do. To save time, the example uses 300 of the 1188 training volumes and few
epochs. Batches are smaller than by default, so that an epoch of few volumes still has
several steps.

The volumes are read from the folder in the environment variable
``CONTRASTIVE_CLUSTERING_DATA`` if they are there; otherwise they are downloaded through
medmnist.
"""

# %%
# Fit
# ---

import matplotlib.pyplot as plt
import numpy as np

from contrastive_clustering import (
    ClusterGalleryDisplay,
    ContrastiveAutoencoderClusterer,
    ReconstructionDisplay,
)
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
decoded = clusterer.inverse_transform(clusterer.transform(X))
error = np.mean((decoded - X) ** 2) / X.var(axis=0).mean()
print(f"reconstruction error: {error:.2f} of the error of the mean volume")

# %%
# A gland is labeled normal or, under the name hyperplasia, as having a mass. The
# strata are found without this label. Its share in each stratum:

for stratum in range(n_strata):
    ill = y[labels == stratum]
    print(f"stratum {stratum}: {len(ill):>3} glands, {ill.mean():.0%} hyperplasia")

# %%
# Look at the strata
# ------------------
# The gallery shows the middle slice of each volume across its first axis. The members
# are masks: voxels are in the gland or not. Decoded voxels are gray where the network
# is uncertain, which is often the case: the latents have learned to ignore the
# orientation of a gland, so they are decoded to a mean of many glands.

ClusterGalleryDisplay.from_estimator(clusterer, X, n_typical=4, n_atypical=4)
ReconstructionDisplay.from_estimator(clusterer, X, random_state=0)
plt.show()

# sphinx_gallery_start_ignore
from save_results import save_results

save_results(__file__, clusterer, X, y, show_samples=True)
# sphinx_gallery_end_ignore
