"""
======================================================
Few labels: training on generated images or on latents
======================================================

In medicine, labels are expensive and images are not. Here 40 chest X-rays have a
diagnosis and 2460 have none (PneumoniaMNIST). The estimator is fitted to all of them
without labels, with fewer epochs than usual to save time. The same classifier is then
trained on

- the pixels of the 40 labeled X-rays,
- these and generated X-rays, which have the label of their stratum,
- these and real X-rays of the strata, for comparison with the generated ones,
- the latents of the 40 labeled X-rays.

The table below shows which of them helps, and how much.
"""

# %%
# Fit without labels
# ------------------
# The images are read from the folder in the environment variable
# ``CONTRASTIVE_CLUSTERING_DATA`` if they are there; otherwise they are downloaded
# through medmnist.

import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, balanced_accuracy_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from contrastive_clustering import ContrastiveAutoencoderClusterer
from contrastive_clustering.datasets import fetch_medmnist

X_train, y_train = fetch_medmnist("pneumoniamnist", split="train", return_X_y=True)
X_test, y_test = fetch_medmnist("pneumoniamnist", split="test", return_X_y=True)
X_train, y_train = X_train[:2500], y_train[:2500]  # to save time

n_strata = 10
clusterer = ContrastiveAutoencoderClusterer(
    n_clusters=n_strata, max_epochs=10, refinement_epochs=4, random_state=0
)
strata = clusterer.fit_predict(X_train)
latents = clusterer.transform(X_train)
latents_test = clusterer.transform(X_test)

# %%
# Generate X-rays
# ---------------
# The same number of X-rays is generated for each stratum, without any labels.
# ``sample`` warns if, after several attempts, some images are still predicted to be in
# another stratum; these are left out here.

n_generated = 50
generated = []
with warnings.catch_warnings():
    warnings.simplefilter("ignore", UserWarning)
    for stratum in range(n_strata):
        drawn, _ = clusterer.sample(n_generated, stratum=stratum, random_state=stratum)
        generated.append(drawn[clusterer.predict(drawn) == stratum])
print("generated X-rays of each stratum:", *map(len, generated))

# %%
# Label the strata
# ----------------
# A stratum takes the most frequent label of its labeled X-rays. If it has none, or as
# many of each kind, it gets no label and its images are left out. The labels of the
# generated X-rays therefore depend on the 40 labels alone.

names = {0: "normal", 1: "pneumonia"}


def draw_labeled(rng, n_of_each=20):
    """Return the indices of the same number of training images of each class."""
    return np.concatenate(
        [
            rng.choice(np.flatnonzero(y_train == label), n_of_each, replace=False)
            for label in names
        ]
    )


def name_strata(labeled):
    """Return the label of each stratum that has one, by majority."""
    votes = {}
    for stratum in range(n_strata):
        counts = np.bincount(y_train[labeled][strata[labeled] == stratum])
        winners = np.flatnonzero(counts == counts.max(initial=1))
        if len(winners) == 1:
            votes[stratum] = int(winners[0])
    return votes


# %%
# Compare
# -------
# In each setting, a logistic regression on standardized values, with scikit-learn's
# default penalty and equal weights for both classes, is fitted and scored on the test
# split. The 40 labeled X-rays are drawn again each time. Always guessing pneumonia has
# an accuracy of 0.625 and a balanced accuracy of 0.5.


def score(X, y, X_new):
    """Return accuracy and balanced accuracy on the test split."""
    model = make_pipeline(
        StandardScaler(), LogisticRegression(class_weight="balanced", max_iter=2000)
    )
    predicted = model.fit(X.reshape(len(X), -1), y).predict(
        X_new.reshape(len(X_new), -1)
    )
    return accuracy_score(y_test, predicted), balanced_accuracy_score(y_test, predicted)


settings = ["pixels", "pixels + generated", "pixels + real of strata", "latents"]
n_draws = 20
rng = np.random.default_rng(0)
rng_real = np.random.default_rng(1)
scores = np.empty((n_draws, len(settings), 2))
for draw in range(n_draws):
    labeled = draw_labeled(rng)
    X, y = X_train[labeled], y_train[labeled]
    votes = name_strata(labeled)
    # As many real X-rays of each stratum as there are generated ones.
    sizes = {s: len(generated[s]) for s in votes}
    real = [rng_real.choice(np.flatnonzero(strata == s), n) for s, n in sizes.items()]
    X_generated = np.concatenate([X, *(generated[s] for s in votes)])
    X_real = np.concatenate([X, X_train[np.concatenate(real)]])
    y_more = np.repeat([*votes.values()], [*sizes.values()])
    y_both = np.concatenate([y, y_more])
    scores[draw] = [
        score(X, y, X_test),
        score(X_generated, y_both, X_test),
        score(X_real, y_both, X_test),
        score(latents[labeled], y, latents_test),
    ]

measures = ["accuracy", "balanced accuracy"]
mean, spread = scores.mean(axis=0), scores.std(axis=0, ddof=1)
gains = scores[:, :, 1] - scores[:, :1, 1]
error = gains.std(axis=0, ddof=1) / np.sqrt(n_draws)
print(f"{'trained on':<25}{measures[0]:>16}{measures[1]:>20}{'gain over pixels':>25}")
for i, setting in enumerate(settings):
    cells = [f"{m:.3f} +- {s:.3f}" for m, s in zip(mean[i], spread[i], strict=True)]
    gain = f"{gains[:, i].mean():+.3f} (error {error[i]:.3f})" if i else ""
    print(f"{setting:<25}{cells[0]:>16}{cells[1]:>20}{gain:>25}")

# %%
# The table has means and standard deviations over the draws. The gain is the mean
# difference in balanced accuracy for the same draw, with its standard error; a gain
# below about two standard errors is not a finding. The spread shows how much depends on
# which 40 X-rays were labeled. The fit without labels is always the same; other seeds
# would add to the spread.
#
# In the figure, bars show the means and start at the score of always guessing
# pneumonia. Lines are standard deviations, and dots are the draws.

figure, axes = plt.subplots(1, 2, figsize=(8, 3), sharey=True)
colors = ["#999999", "#E69F00", "#56B4E9", "#0072B2"]
rows = np.arange(len(settings))
for measure, ax in enumerate(axes):
    guess = [0.625, 0.5][measure]
    gain = mean[:, measure] - guess
    ax.barh(rows, gain, left=guess, xerr=spread[:, measure], color=colors, capsize=3)
    for i in rows:
        height = i + np.linspace(-0.25, 0.25, n_draws)
        ax.plot(scores[:, i, measure], height, ".", color="black", markersize=3)
    ax.axvline(guess, color="black", linewidth=1)
    ax.set(yticks=rows, yticklabels=settings, xlim=(0.48, 1), title=measures[measure])
axes[0].invert_yaxis()
figure.supxlabel("on the test split", fontsize=9)
figure.tight_layout()

# %%
# Look at the generated X-rays
# ----------------------------
# Each row is a stratum, with its label in the last draw: its labeled X-rays, at most
# three, and generated ones. The percentage is the share of the stratum's training
# members that have this label, which is unknown in practice. If it is low, the
# generated X-rays mislead the classifier.

n_shown = 5
figure, axes = plt.subplots(n_strata, 3 + n_shown, figsize=(8, 10))
for stratum, row in enumerate(axes):
    own = labeled[strata[labeled] == stratum][:3]
    for ax in row:
        ax.set(xticks=[], yticks=[])
        ax.set_frame_on(False)
    shown = dict(zip(range(3), X_train[own], strict=False))
    shown |= dict(enumerate(generated[stratum][:n_shown], start=3))
    for column, image in shown.items():
        row[column].imshow(image, cmap="gray", vmin=0, vmax=255)
    title = "no label"
    if stratum in votes:
        share = np.mean(y_train[strata == stratum] == votes[stratum])
        title = f"{names[votes[stratum]]}\n({share:.0%} are)"
    row[0].set_ylabel(title, fontsize=9, rotation=0, ha="right", va="center")
axes[0, 1].set_title("labeled", fontsize=9)
axes[0, 3 + n_shown // 2].set_title("generated", fontsize=9)
figure.suptitle("Generated X-rays take the label of their stratum")
figure.tight_layout()
# sphinx_gallery_thumbnail_number = 2
plt.show()

# sphinx_gallery_start_ignore
from save_results import save_results

save_results(__file__, clusterer, X_train, y_train, show_samples=True)
# sphinx_gallery_end_ignore
