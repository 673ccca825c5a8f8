"""
========================================
Quickstart: strata of handwritten digits
========================================

This example clusters scikit-learn's images of handwritten digits without their labels,
shows the strata, and reconstructs images from the latent space. It needs no download
and takes well under a minute on a laptop without a GPU.
"""

# %%
# Fit
# ---
# The images are an array of shape ``(1797, 8, 8)``. They need no preparation: values
# are standardized internally, and the network adapts to the size of the images.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.metrics import adjusted_rand_score

from contrastive_clustering import (
    ClusterGalleryDisplay,
    ContrastiveAutoencoderClusterer,
    EmbeddingDisplay,
    ReconstructionDisplay,
)
from contrastive_clustering.metrics import clustering_accuracy

digits = load_digits()
images = digits.images
print(f"{len(images)} images of {images.shape[1]} x {images.shape[2]} pixels")

clusterer = ContrastiveAutoencoderClusterer(
    n_clusters=10, max_epochs=40, random_state=0, verbose=1
)
labels = clusterer.fit_predict(images)

# %%
# The labels of the digits were not used for training. Compared with them, most strata
# are digits:

accuracy = clustering_accuracy(digits.target, labels)
rand = adjusted_rand_score(digits.target, labels)
print(f"one-to-one accuracy {accuracy:.3f}, adjusted Rand index {rand:.3f}")

# %%
# Look at the strata
# ------------------
# Each row is a stratum: its decoded center, the five members closest to it in latent
# space, and the five members farthest from it.

ClusterGalleryDisplay.from_estimator(clusterer, images)

# %%
# The strata in latent space, mapped to the plane by t-SNE. Neighbors on the map are
# neighbors in latent space; distances between groups mean little.

# sphinx_gallery_thumbnail_number = 2
EmbeddingDisplay.from_estimator(clusterer, images, random_state=0)

# %%
# Reconstruct
# -----------
# ``transform`` returns latents, and ``inverse_transform`` decodes them to pixels, in
# the units and the shape of the input.

latents = clusterer.transform(images)
decoded = clusterer.inverse_transform(latents)
print(f"latents {latents.shape}, reconstructions {decoded.shape}")
error = np.mean((decoded - images) ** 2) / images.var(axis=0).mean()
print(f"reconstruction error: {error:.2f} of the error of the mean image")

ReconstructionDisplay.from_estimator(clusterer, images, random_state=0)
plt.show()

# sphinx_gallery_start_ignore
from save_results import save_results

save_results(__file__, clusterer, images, digits.target, show_samples=True)
# sphinx_gallery_end_ignore
