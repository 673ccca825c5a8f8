"""
===============
Atypical images
===============

``predict`` assigns every image to a stratum, even one of a kind that was never seen.
``score_samples`` measures how typical an image is. This example fits digits, and scores
digits that were not used for training, damaged digits, and pieces of photographs.
"""

# %%
# Fit to digits, and prepare atypical images
# ------------------------------------------
# All images have 8 x 8 pixels and values from 0 to 16, so that neither size nor units
# identify them. The photographs are scikit-learn's own, a temple and a flower, in
# gray; the contrast of their pieces varies.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits, load_sample_images
from sklearn.metrics import roc_auc_score

from contrastive_clustering import ContrastiveAutoencoderClusterer

digits = load_digits().images
X_train, X_held_out, X_new = digits[:1000], digits[1000:1400], digits[1400:]

clusterer = ContrastiveAutoencoderClusterer(
    n_clusters=10, max_epochs=30, random_state=0
).fit(X_train)

rng = np.random.default_rng(0)
pieces = []
for photograph in load_sample_images().images:
    gray = photograph.mean(axis=2) / 255 * 16
    for _ in range(200):
        row, column = (rng.integers(side - 32) for side in gray.shape)
        piece = gray[row : row + 32, column : column + 32]
        pieces.append(piece.reshape(8, 4, 8, 4).mean(axis=(1, 3)))  # 32 to 8 pixels

scratched = X_new.copy()
scratched[np.arange(len(X_new)), rng.integers(1, 7, size=len(X_new))] = 16
kinds = {
    "digits": X_new,
    "scratched by a line": scratched,
    "upside down": X_new[:, ::-1, ::-1],
    "black and white swapped": 16 - X_new,
    "pieces of photographs": np.stack(pieces),
}

# %%
# Score
# -----
# The threshold is chosen on digits that were not used for training: one in twenty of
# them is below it. The area under the curve is the probability that an atypical image
# scores lower than a digit; 0.5 is chance. The last column has the same area for the
# reconstruction error, the usual criterion of an autoencoder. ``score_samples`` only
# measures, but ``transform`` warns of images that do not look like those of ``fit``.


def reconstruction_error(images):
    """Return the mean squared error of each image."""
    decoded = clusterer.inverse_transform(clusterer.transform(images))
    return ((decoded - images) ** 2).mean(axis=(1, 2))


threshold = np.quantile(clusterer.score_samples(X_held_out), 0.05)
scores = {name: clusterer.score_samples(images) for name, images in kinds.items()}
errors = {name: reconstruction_error(images) for name, images in kinds.items()}

n_digits = len(X_new)
print(f"{'':<26}{'below threshold':>17}{'area: score':>14}{'area: error':>14}")
for name, images in kinds.items():
    areas = ["", ""]
    if name != "digits":
        is_atypical = np.repeat([0, 1], [n_digits, len(images)])
        areas = [
            f"{roc_auc_score(is_atypical, np.concatenate(both)):.3f}"
            for both in (
                (-scores["digits"], -scores[name]),
                (errors["digits"], errors[name]),
            )
        ]
    flagged = np.mean(scores[name] < threshold)
    print(f"{name:<26}{flagged:>17.0%}{areas[0]:>14}{areas[1]:>14}")

# %%
# A line is the range of the scores without the outer 5 % on either side, and the dot is
# the median. Upside down, a 0, a 1 and an 8 are still digits, and a 6 is a 9, so this
# kind is not atypical as a whole. The reconstruction error has another blind spot:
# smooth pieces of a photograph, such as a sky or a wall, are easier to reconstruct than
# any digit.

figure, ax = plt.subplots(figsize=(8, 2.8))
for row, (name, values) in enumerate(scores.items()):
    low, middle, high = np.quantile(values, [0.05, 0.5, 0.95])
    color = "#0072B2" if name == "digits" else "#D55E00"
    ax.plot([low, high], [row, row], color=color, linewidth=3)
    ax.plot(middle, row, "o", color=color, markersize=8)
ax.axvline(threshold, color="black", linestyle=":", label="threshold")
ax.set_yticks(range(len(scores)), list(scores))
ax.invert_yaxis()
ax.set_xlabel("log-density of the latents, in nats")
ax.legend(loc="lower left")
figure.tight_layout()

# %%
# Look at the images
# ------------------
# The ten lowest and the ten highest scores of each kind. Among the digits, check the
# lowest: unusual handwriting, or an error of the scan.

figure, axes = plt.subplots(len(kinds), 21, figsize=(8, 2.6))
for row, (name, images) in zip(axes, kinds.items(), strict=True):
    order = np.argsort(scores[name])
    for ax in row:
        ax.set(xticks=[], yticks=[])
        ax.set_frame_on(False)
    for column, index in [*enumerate(order[:10]), *enumerate(order[-10:], start=11)]:
        row[column].imshow(images[index], cmap="gray", vmin=0, vmax=16)
    row[0].set_ylabel(name, rotation=0, ha="right", va="center", fontsize=8)
axes[0, 4].set_title("lowest scores", fontsize=9)
axes[0, 15].set_title("highest scores", fontsize=9)
figure.tight_layout(w_pad=0.1, h_pad=0.3)
# sphinx_gallery_thumbnail_number = 2
plt.show()

# sphinx_gallery_start_ignore
from save_results import save_results

save_results(__file__, clusterer, X_train, show_samples=True)
# sphinx_gallery_end_ignore
