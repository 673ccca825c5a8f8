"""
=======================================
Comparison with a supervised classifier
=======================================

How well do strata that were found without labels predict the diagnosis, and how much
would labels add? This example clusters 2000 chest X-rays (of PneumoniaMNIST) without
their diagnoses. It compares the strata with two simple baselines, always guessing
pneumonia and k-means on the pixels, and with the same encoder, trained with all 2000
diagnoses.

The images are read from the folder in the environment variable
``CONTRASTIVE_CLUSTERING_DATA`` if they are there; otherwise they are downloaded through
medmnist. To save time, less than half of them and few epochs are used;
:doc:`/benchmarks` has the results of full trainings.
"""

# %%
# Strata without labels
# ---------------------

import matplotlib.pyplot as plt
import numpy as np
import torch
import torch.nn.functional as F
from sklearn.base import clone
from sklearn.cluster import KMeans
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import adjusted_rand_score, balanced_accuracy_score, recall_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from contrastive_clustering import (
    ContrastiveAutoencoderClusterer,
    GrayImageAugmentation,
    LabelSpreadDisplay,
)
from contrastive_clustering.datasets import fetch_medmnist
from contrastive_clustering.metrics import map_clusters_to_labels

X_train, y_train = fetch_medmnist("pneumoniamnist", split="train", return_X_y=True)
X_train, y_train = X_train[:2000], y_train[:2000]
X_test, y_test = fetch_medmnist("pneumoniamnist", split="test", return_X_y=True)

n_strata = 10
clusterer = ContrastiveAutoencoderClusterer(
    n_clusters=n_strata, max_epochs=12, refinement_epochs=3, random_state=0
).fit(X_train)

# %%
# The diagnoses are used only now: each stratum takes the most frequent diagnosis of its
# training members, so that it can be scored on the test split. The same is done with
# k-means on the pixels.

pixels, pixels_test = (X.reshape(len(X), -1).astype(float) for X in (X_train, X_test))
kmeans = KMeans(n_strata, n_init=3, random_state=0).fit(pixels)
strata = clusterer.predict(X_test)
predicted = {
    "always pneumonia": np.ones_like(y_test),
    "k-means on pixels": map_clusters_to_labels(
        y_train, kmeans.labels_, kmeans.predict(pixels_test)
    ),
    "strata": map_clusters_to_labels(y_train, clusterer.labels_, strata),
}
print(f"adjusted Rand index of the strata: {adjusted_rand_score(y_test, strata):.2f}")

# %%
# With labels
# -----------
# First, a linear classifier is trained on the latents, which were learned without
# labels. Then the whole encoder is trained with the diagnoses from random weights, on
# the same random views and with the same optimizer. A fit with zero epochs makes such
# an encoder.

latents = clusterer.transform(X_train)
linear = make_pipeline(
    StandardScaler(), LogisticRegression(class_weight="balanced", max_iter=2000)
)
linear.fit(latents, y_train)
predicted["latents + linear classifier"] = linear.predict(clusterer.transform(X_test))

untrained = clone(clusterer).set_params(
    max_epochs=0, refinement_epochs=0, clusterer="kmeans"
)
encoder = untrained.fit(X_train).net_.module_.encoder.cpu()


def to_batch(images):
    """Standardize images by the training set, channels first."""
    scaled = (images - X_train.mean()) / X_train.std()
    return torch.from_numpy(scaled[:, None]).float()


def train_with_labels(encoder, *, n_epochs=20, n_batches=8):
    """Train an encoder and a linear layer on top of it by cross entropy."""
    network = torch.nn.Sequential(encoder, torch.nn.Linear(64, 2)).train()
    optimizer = torch.optim.AdamW(network.parameters(), weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=3e-3, total_steps=n_epochs * n_batches
    )
    images, targets = to_batch(X_train), torch.from_numpy(y_train).long()
    class_weight = len(targets) / (2 * torch.bincount(targets).float())
    draw_view = GrayImageAugmentation()
    generator = torch.Generator().manual_seed(0)
    for _ in range(n_epochs):
        order = torch.randperm(len(images), generator=generator)
        for rows in order.tensor_split(n_batches):
            view = draw_view(images[rows], generator)
            loss = F.cross_entropy(network(view), targets[rows], class_weight)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    return network.eval()


torch.manual_seed(0)
network = train_with_labels(encoder)
with torch.inference_mode():
    predicted["encoder trained with labels"] = (
        network(to_batch(X_test)).argmax(1).numpy()
    )

# %%
# Compare
# -------
# Sensitivity is the share of children with pneumonia that are found, specificity the
# same for the others. Accuracy hides the trade-off between the two. The interval is
# that of the balanced accuracy over 1000 resamples of the test split, so it reflects
# the choice of test images. Other seeds of the training would widen it.

rng = np.random.default_rng(0)
resamples = rng.integers(len(y_test), size=(1000, len(y_test)))
print(f"{'':<28}{'accuracy':>9}{'sens.':>7}{'spec.':>7}{'balanced [95 %]':>22}")
balanced = {}
for name, guess in predicted.items():
    middle = balanced_accuracy_score(y_test, guess)
    sensitivity, specificity = (
        recall_score(y_test, guess, pos_label=label) for label in (1, 0)
    )
    right = guess == y_test
    drawn_ill, drawn_right = y_test[resamples] == 1, right[resamples]
    spread = (
        (drawn_right & drawn_ill).sum(1) / drawn_ill.sum(1)
        + (drawn_right & ~drawn_ill).sum(1) / (~drawn_ill).sum(1)
    ) / 2
    low, high = np.percentile(spread, [2.5, 97.5])
    balanced[name] = middle, low, high
    print(
        f"{name:<28}{right.mean():>9.3f}{sensitivity:>7.3f}{specificity:>7.3f}"
        f"{middle:>10.3f} [{low:.3f}, {high:.3f}]"
    )

figure, ax = plt.subplots(figsize=(8, 2.6))
colors = ["#999999", "#999999", "#0072B2", "#56B4E9", "#D55E00"]
for row, (middle, low, high) in enumerate(balanced.values()):
    ax.plot([low, high], [row, row], color=colors[row], linewidth=2)
    ax.plot(middle, row, "o", color=colors[row])
ax.set_yticks(range(len(balanced)), list(balanced))
ax.invert_yaxis()
ax.set(xlabel="balanced accuracy on the test split", xlim=(0.45, 1))
ax.grid(axis="x", alpha=0.3)
figure.tight_layout()

# %%
# Diagnoses in each stratum
# -------------------------
# The matrix shows how the diagnoses are distributed over the strata of the test split.
# A stratum with nearly one diagnosis is a finding for an expert to explain. A mixed one
# means that these X-rays differ by something else, which the strata follow instead. The
# classifier with labels cannot show this, because it has learned to ignore everything
# but the diagnosis.

LabelSpreadDisplay.from_estimator(clusterer, X_test, y_test)
plt.show()

# sphinx_gallery_start_ignore
from save_results import save_results

save_results(__file__, clusterer, X_test, y_test, show_samples=True)
# sphinx_gallery_end_ignore
