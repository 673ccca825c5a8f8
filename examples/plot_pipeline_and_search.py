"""
=========================
Pipelines and grid search
=========================

The estimator works with scikit-learn's tools. In this example, flattened images of
digits pass through a Pipeline, a classifier uses the latents, and a grid search
compares settings by a score that needs no labels, and by one that does.
"""

# %%
# A pipeline that ends in strata
# ------------------------------
# A Pipeline passes a table with one image in each row, and ``image_shape`` gives their
# shape. The step before scales each image to a maximum of 1, so that strata do not
# follow bright and faint pens.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import adjusted_rand_score
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import Normalizer

from contrastive_clustering import ContrastiveAutoencoderClusterer

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(
    X, y, test_size=0.4, stratify=y, random_state=0
)
print(f"training images {X_train.shape}, each of 8 x 8 pixels")

clusterer = ContrastiveAutoencoderClusterer(
    n_clusters=10,
    clusterer="kmeans",
    image_shape=(8, 8),
    max_epochs=15,
    refinement_epochs=3,
    random_state=0,
)
pipeline = make_pipeline(Normalizer("max"), clusterer)
pipeline.fit(X_train)
rand = adjusted_rand_score(y_test, pipeline.predict(X_test))
print(f"adjusted Rand index of strata and digits, new images: {rand:.2f}")

# %%
# The methods of the last step are available: latents of new images, and images from
# latents, in the units after the first step.

latents = pipeline.transform(X_test)
decoded = pipeline[-1].inverse_transform(latents)
print(f"latents {latents.shape}, decoded {decoded.shape}, up to {decoded.max():.2f}")

# %%
# A pipeline that ends in a classifier
# ------------------------------------
# In the middle of a Pipeline, the estimator is a transformer, and its latents are the
# features. If few images have a label, first fit the estimator to all images, and then
# the classifier to the few.

few = np.concatenate([np.flatnonzero(y_train == digit)[:3] for digit in range(10)])
classifier = LogisticRegression(max_iter=1000)
on_pixels = classifier.fit(X_train[few], y_train[few]).score(X_test, y_test)
on_latents = classifier.fit(pipeline.transform(X_train[few]), y_train[few]).score(
    pipeline.transform(X_test), y_test
)
print(f"30 labels, accuracy from pixels {on_pixels:.2f}, from latents {on_latents:.2f}")

# %%
# Search
# ------
# A grid search over the number of strata and the temperature, with two scores: the
# estimator's own, which needs no labels and measures how well separated the strata are,
# and the adjusted Rand index with the digits. ``refit`` names the score that decides.
# ``n_jobs`` would run candidates in parallel.

parameters = {
    "contrastiveautoencoderclusterer__n_clusters": [5, 10, 15],
    "contrastiveautoencoderclusterer__temperature": [0.2, 1.0],
}
short = pipeline.set_params(
    contrastiveautoencoderclusterer__max_epochs=6,
    contrastiveautoencoderclusterer__refinement_epochs=1,
)
search = GridSearchCV(
    short,
    parameters,
    scoring={
        "own": lambda clusterer, X, y: clusterer.score(X),  # noqa: ARG005
        "adjusted Rand": "adjusted_rand_score",
    },
    refit="own",
    cv=2,
)
search.fit(X_train, y_train)
for name, value in search.best_params_.items():
    print(f"{name.partition('__')[2]}: {value}")
rand = adjusted_rand_score(y_test, search.predict(X_test))
print(f"adjusted Rand index of the choice, new images: {rand:.2f}")

# %%
# Both scores for all candidates. They answer different questions: the estimator's own
# score how compact strata are, in a space that is the same for all candidates, and the
# Rand index how well they agree with the digits. The best candidates may differ.
# Without labels, also check which strata are stable
# (:ref:`sphx_glr_auto_examples_plot_number_and_stability.py`).

n_clusters, temperatures = parameters.values()
figure, axes = plt.subplots(1, 2, figsize=(8, 3.2))
for ax, name in zip(axes, search.scoring, strict=True):
    # The last parameter varies fastest.
    scores = search.cv_results_[f"mean_test_{name}"]
    table = scores.reshape(len(n_clusters), len(temperatures))
    ax.imshow(table, cmap="Blues", vmin=0, vmax=1.5 * table.max())
    for (row, column), score in np.ndenumerate(table):
        weight = "bold" if score == table.max() else "normal"
        ax.text(column, row, f"{score:.2f}", ha="center", va="center", weight=weight)
    ax.set_xticks(range(len(temperatures)), temperatures)
    ax.set_yticks(range(len(n_clusters)), n_clusters)
    ax.set(title=name, xlabel="temperature", ylabel="number of strata")
figure.suptitle("Mean over the folds, the best in bold")
figure.tight_layout()
plt.show()

# sphinx_gallery_start_ignore
from save_results import save_results

save_results(
    __file__,
    search.best_estimator_[-1],
    search.best_estimator_[:-1].transform(X_train),
    y_train,
    show_samples=True,
)
# sphinx_gallery_end_ignore
