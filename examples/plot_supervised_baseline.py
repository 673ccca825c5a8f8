"""
=============================================================
Strata beside a classifier that was given the experts' labels
=============================================================

How far do strata that are found without labels get, and how much more would labels
give? Here 2000 chest X-rays (of PneumoniaMNIST) are clustered without their diagnoses.
Beside the strata stand the least that has to be beaten, always guessing pneumonia and
k-means on the pixels, and what labels can do at best here: the same encoder, trained
with all 2000 diagnoses.

The images are fetched through medmnist, or read from the folder that the environment
variable ``CONTRASTIVE_CLUSTERING_DATA`` names if they are there. To keep it short, less
than half of them and few epochs are used; :doc:`/benchmarks` has the figures of full
trainings.
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
# The diagnoses are used now, and for one thing only: each stratum takes the commonest
# diagnosis of its training members, so that it can be scored on the test split. The
# same is done with k-means on the pixels.

pixels, pixels_test = (X.reshape(len(X), -1).astype(float) for X in (X_train, X_test))
kmeans = KMeans(n_strata, n_init=3, random_state=0).fit(pixels)
strata = clusterer.predict(X_test)
foretold = {
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
# First a linear classifier on the latents, which were learnt without labels. Then the
# whole encoder, from new random weights, trained with the diagnoses on the same random
# views and with the same optimizer. A fit without any epoch makes such an encoder.

latents = clusterer.transform(X_train)
linear = make_pipeline(
    StandardScaler(), LogisticRegression(class_weight="balanced", max_iter=2000)
)
linear.fit(latents, y_train)
foretold["latents + linear classifier"] = linear.predict(clusterer.transform(X_test))

untrained = clone(clusterer).set_params(
    max_epochs=0, refinement_epochs=0, clusterer="kmeans"
)
encoder = untrained.fit(X_train).net_.module_.encoder.cpu()


def to_batch(images):
    """Bring images to the scale of the training set, channels first."""
    scaled = (images - X_train.mean()) / X_train.std()
    return torch.from_numpy(scaled[:, None]).float()


def train_with_labels(encoder, *, n_epochs=20, n_batches=8):
    """Train an encoder and a linear layer above it by cross entropy."""
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
    foretold["encoder trained with labels"] = (
        network(to_batch(X_test)).argmax(1).numpy()
    )

# %%
# Compare
# -------
# Sensitivity is the part of the children with pneumonia that is found, specificity that
# of the others. Accuracy hides which of the two is bought with the other. The interval
# is that of the balanced accuracy over 1000 resamples of the test split: of which test
# images there happen to be. Another seed of the training would widen it.

rng = np.random.default_rng(0)
resamples = rng.integers(len(y_test), size=(1000, len(y_test)))
print(f"{'':<28}{'accuracy':>9}{'sens.':>7}{'spec.':>7}{'balanced [95 %]':>22}")
balanced = {}
for name, guess in foretold.items():
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
for place, (middle, low, high) in enumerate(balanced.values()):
    ax.plot([low, high], [place, place], color=colors[place], linewidth=2)
    ax.plot(middle, place, "o", color=colors[place])
ax.set_yticks(range(len(balanced)), list(balanced))
ax.invert_yaxis()
ax.set(xlabel="balanced accuracy on the test split", xlim=(0.45, 1))
ax.grid(axis="x", alpha=0.3)
figure.tight_layout()

# %%
# What the strata know and do not know
# ------------------------------------
# How the diagnoses spread over the strata of the test split. A stratum that is nearly
# of one diagnosis is a finding for an expert to explain; a mixed one says that these
# X-rays differ by something else, which the strata follow instead. The classifier with
# labels cannot show that: it has learnt to overlook all that is not the diagnosis.

LabelSpreadDisplay.from_estimator(clusterer, X_test, y_test)
plt.show()
