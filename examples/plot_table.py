"""
================================
Strata of a radiomics-like table
================================

Radiomics turns each image into a row of numbers: sizes, shapes, textures. Such tables
can be clustered as well. This example uses scikit-learn's breast cancer data set: 30
features of the cell nuclei in images of 569 fine needle aspirates, namely the mean of
ten measures, its standard error, and the mean of the three largest values. The nuclei
were outlined by hand, not segmented by a radiomics program, and the data are from 1993.
They have the shape of such tables: a few hundred rows of correlated columns in
different units.
"""

# %%
# Fit
# ---
# Columns are standardized internally, and latents start as their principal components.
# Views add noise to the values and drop some of them
# (:class:`~contrastive_clustering.TableAugmentation`). Tables have no second phase
# unless ``refinement_epochs`` asks for one.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.cluster import KMeans
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from contrastive_clustering import (
    ContrastiveAutoencoderClusterer,
    evaluate_clustering,
)

table = load_breast_cancer()
names = table.feature_names
X_train, X_test, y_train, y_test = train_test_split(
    table.data, table.target, test_size=0.3, stratify=table.target, random_state=0
)

n_strata = 4
clusterer = ContrastiveAutoencoderClusterer(
    n_clusters=n_strata,
    latent_dim=16,
    max_epochs=60,
    refinement_epochs=10,
    batch_size=64,
    random_state=0,
).fit(X_train)

# %%
# Interpret the strata
# --------------------
# A decoded center is a row in the units of the table. The plot shows the difference of
# each from the mean of the training set, in standard deviations. Strata are ordered by
# the first column, the mean radius of the nuclei.

centers = clusterer.inverse_transform(clusterer.cluster_centers_)
deviations = (centers - X_train.mean(axis=0)) / X_train.std(axis=0)
order = np.argsort(centers[:, 0])
sizes = np.bincount(clusterer.labels_)

figure, ax = plt.subplots(figsize=(8, 3.6))
image = ax.imshow(deviations[order], cmap="RdBu_r", vmin=-2, vmax=2, aspect="auto")
ax.set_xticks(range(len(names)), names, rotation=90, fontsize=8)
ax.set_yticks(range(n_strata), [f"stratum {s}, n = {sizes[s]}" for s in order])
figure.colorbar(image, ax=ax, label="standard deviations")
ax.set_title("Decoded centers of the strata")
figure.tight_layout()

# %%
# Compare them with the diagnoses
# -------------------------------
# The same metrics are computed for k-means on the standardized columns, with as many
# clusters. On such a table k-means is hard to beat, and small differences are chance.
# If it is as good, use k-means, which is simpler.

kmeans = make_pipeline(StandardScaler(), KMeans(n_strata, n_init=10, random_state=0))
kmeans.fit(X_train)
print(f"{'':<10}{'mapped':>9}{'balanced':>10}{'adjusted Rand':>15}")
for name, estimator in (("strata", clusterer), ("k-means", kmeans)):
    result = evaluate_clustering(estimator, X_train, y_train, X_test, y_test)
    print(
        f"{name:<10}{result.mapped_accuracy:>9.3f}{result.balanced_accuracy:>10.3f}"
        f"{result.adjusted_rand:>15.3f}"
    )

# %%
# Which share of each stratum is malignant? Blue are the training rows, and orange the
# test rows, which the estimator has not seen. Small differences between the two may be
# due to chance.

figure, ax = plt.subplots(figsize=(8, 2.8))
for offset, color, name, strata, y in (
    (-0.2, "#0072B2", "training", clusterer.labels_, y_train),
    (0.2, "#E69F00", "test", clusterer.predict(X_test), y_test),
):
    share = [np.mean(y[strata == stratum] == 0) for stratum in order]
    ax.bar(np.arange(n_strata) + offset, share, width=0.38, color=color, label=name)
ax.set_xticks(range(n_strata), [f"stratum {s}" for s in order])
ax.set(ylabel="share that is malignant", ylim=(0, 1.05))
ax.legend()
figure.tight_layout()
plt.show()

# sphinx_gallery_start_ignore
from save_results import save_results

save_results(__file__, clusterer, X_train, y_train)
# sphinx_gallery_end_ignore
