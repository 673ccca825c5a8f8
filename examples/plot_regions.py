"""
===============================
Which regions decide a stratum?
===============================

A stratum may follow a finding, or a letter in the corner of the film. The map below
shows which regions of an image its stratum depends on. Patch after patch is hidden, and
a region is important if the image is then less certain to be in its stratum. This is
occlusion sensitivity [1]_, and it needs only ``predict_proba``.

A map can be believed more easily if the answer is known. The images are therefore
constructed: chests, half of them with an opacity in one lung, and, independently of it,
half with the letter L in a corner.

.. [1] Zeiler & Fergus, "Visualizing and understanding convolutional networks",
   `arXiv:1311.2901 <https://arxiv.org/abs/1311.2901>`_, ECCV 2014.
"""

# %%
# Construct scans
# ---------------
# Chests differ in position, size, brightness and noise.

from itertools import product

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.patches import Rectangle
from scipy.ndimage import gaussian_filter
from sklearn.metrics import adjusted_rand_score

from contrastive_clustering import ContrastiveAutoencoderClusterer

n_scans, side = 240, 32
rng = np.random.default_rng(0)
has_opacity = rng.random(n_scans) < 0.5
has_mark = rng.random(n_scans) < 0.5
rows, columns = np.mgrid[:side, :side]
mark_box = (slice(2, 7), slice(2, 6))
opacity_centers = np.empty((n_scans, 2))


def squared_distance(row, column, height, width):
    """Return squared distances of pixels from a point, in units of an ellipse."""
    return ((rows - row) / height) ** 2 + ((columns - column) / width) ** 2


X_plain = np.empty((n_scans, side, side))
for i in range(n_scans):
    row, column = rng.normal(loc=16, size=2)
    size = rng.normal(loc=1, scale=0.05)
    scan = np.where(squared_distance(row, column, 15 * size, 13 * size) < 1, 170.0, 20)
    for lung in (column - 6 * size, column + 6 * size):
        scan[squared_distance(row - 1, lung, 10 * size, 4.5 * size) < 1] = 70
    opacity_centers[i] = rng.normal((row + 4, column + 6 * size), 0.7)
    if has_opacity[i]:
        scan += 100 * np.exp(-squared_distance(*opacity_centers[i], 3.5, 3.5))
    scan = gaussian_filter(scan, 0.8) * rng.normal(loc=1, scale=0.06)
    X_plain[i] = np.clip(scan + rng.normal(scale=8, size=scan.shape), 0, 255)

letter = np.zeros((5, 4), dtype=bool)
letter[:, :2] = letter[3:] = True
X_marked = X_plain.copy()
X_marked[(has_mark, *mark_box)] = np.where(letter, 255, X_marked[has_mark][:, 2:7, 2:6])

# %%
# Fit with the marks and without them
# -----------------------------------
# Without labels, nothing says which of the two differences matters. Two strata of the
# marked scans follow the letter. If the letter is removed, they follow the opacity.

fitted = {}
for name, X in (("with marks", X_marked), ("without marks", X_plain)):
    clusterer = ContrastiveAutoencoderClusterer(
        n_clusters=2, max_epochs=8, refinement_epochs=3, random_state=0
    ).fit(X)
    fitted[name] = clusterer, X
    print(
        f"{name:<14} adjusted Rand index with the mark "
        f"{adjusted_rand_score(has_mark, clusterer.labels_):.2f}, with the opacity "
        f"{adjusted_rand_score(has_opacity, clusterer.labels_):.2f}"
    )

# %%
# Hide patches
# ------------
# A patch is hidden by the mean of the training images at the same pixels; two other
# ways are compared below. Patches overlap, and they reach over the border, so that each
# pixel is hidden equally often.
#
# Probabilities are compared as log-odds. Most are so close to 1 that hiding an
# important patch may change only the fifth digit. The probabilities of the other strata
# are added up, because ``1 - p`` would be rounded to 0.


def log_odds(clusterer, images, stratum):
    """Return the log-odds of a stratum, in nats."""
    proba = clusterer.predict_proba(images).astype(float)
    others = np.delete(proba, stratum, axis=1).sum(axis=1)
    smallest = np.finfo(np.float32).tiny  # votes of a consensus may be 0
    return np.log(np.maximum(proba[:, stratum], smallest)) - np.log(
        np.maximum(others, smallest)
    )


def map_regions(clusterer, image, fill, patch=6, step=3):
    """Return by how much hiding each pixel lowers the log-odds of an image's stratum.

    A pixel has the mean over all patches that cover it.
    """
    stratum = clusterer.predict(image[np.newaxis])[0]
    starts = [range(step - patch, length, step) for length in image.shape]
    boxes = [
        tuple(slice(max(start, 0), start + patch) for start in corner)
        for corner in product(*starts)
    ]
    hidden = np.repeat(image[np.newaxis], len(boxes), axis=0)
    for copy, box in zip(hidden, boxes, strict=True):
        copy[box] = fill[box]
    before = log_odds(clusterer, image[np.newaxis], stratum)
    falls = before - log_odds(clusterer, hidden, stratum)

    total, n_patches = np.zeros(image.shape), np.zeros(image.shape)
    for fall, box in zip(falls, boxes, strict=True):
        total[box] += fall
        n_patches[box] += 1
    return total / n_patches


# %%
# Look at the maps
# ----------------
# Both rows show the same two scans, one of each stratum, and their maps. The frame is
# the patch around the largest value. With marks, the map points to the corner, although
# the first scan has an opacity. Without them, it points to the lung.
#
# The second scan has neither a mark nor an opacity, and the map still points to where
# they would be: its stratum depends on their absence.

both, neither = (
    np.flatnonzero((has_opacity == kind) & (has_mark == kind))[0]
    for kind in (True, False)
)
maps = {
    (name, i): map_regions(clusterer, X[i], X.mean(axis=0), step=2)
    for name, (clusterer, X) in fitted.items()
    for i in (both, neither)
}

largest = max(found.max() for found in maps.values())
figure, axes = plt.subplots(2, 4, figsize=(8, 4.4), layout="constrained")
for row_of_axes, (name, (clusterer, X)) in zip(axes, fitted.items(), strict=True):
    row_of_axes[0].set_ylabel(name, fontsize=12)
    for column, i in ((0, both), (2, neither)):
        scan_ax, map_ax = row_of_axes[column : column + 2]
        found = maps[name, i]
        scan_ax.imshow(X[i], cmap="gray", vmin=0, vmax=255)
        shown = map_ax.imshow(found, vmin=0, vmax=largest)
        peak_row, peak_column = np.unravel_index(found.argmax(), found.shape)
        for ax in (scan_ax, map_ax):
            corner = (peak_column - 2.5, peak_row - 2.5)
            ax.add_patch(Rectangle(corner, 6, 6, fill=False, color="#D55E00", lw=2))
            ax.set(xticks=[], yticks=[])
        scan_ax.set_title(f"stratum {clusterer.labels_[i]}")
        map_ax.set_title("its regions")
colorbar = figure.colorbar(shown, ax=axes)
colorbar.set_label("fall of the log-odds, in nats")

# %%
# Compare ways to hide a patch
# ----------------------------
# Two scans could be a coincidence. The table has the number of scans, ten of each
# stratum, whose map is largest in the region that decides.
#
# - The mean of all scans finds a feature as well as its absence: it contains half a
#   letter and half an opacity.
# - One gray value often misses that an opacity is absent. It also adds edges that have
#   nothing to do with the strata.
# - The blurred scan cannot show that a letter is absent, since it has none either.


def points_to(found, name, i):
    """Return whether a map is largest in the region that decides the strata."""
    row, column = np.unravel_index(found.argmax(), found.shape)
    if name == "with marks":
        return row < 9 and column < 8  # the letter, and two pixels around it
    return np.hypot(*(opacity_centers[i] - (row, column))) < 5


ways = {
    "mean of all scans": lambda X, _: X.mean(axis=0),
    "one gray value": lambda X, _: np.full(X.shape[1:], X.mean()),
    "the scan, blurred": lambda X, i: gaussian_filter(X[i], 4),
}
decisive = {
    "with marks": ("letter", has_mark),
    "without marks": ("opacity", has_opacity),
}
n_right = {}
print(f"{'':<28}" + "".join(f"{way:>19}" for way in ways))
for name, (clusterer, X) in fitted.items():
    feature, has_feature = decisive[name]
    for kind in (True, False):
        scans = np.flatnonzero(has_feature == kind)[:10]
        for way, make_fill in ways.items():
            n_right[name, kind, way] = sum(
                points_to(map_regions(clusterer, X[i], make_fill(X, i)), name, i)
                for i in scans
            )
        line = f"{name}, {feature if kind else f'no {feature}'}"
        print(f"{line:<28}" + "".join(f"{n_right[name, kind, w]:>19}" for w in ways))

# %%
# Limits of a map
# ---------------
# - It describes this fit. It says nothing about the cause of a finding.
# - The network has not seen images with a hidden patch. If a map is weak and
#   scattered, it may only show the edges of the patches.
# - A patch must be able to cover what decides. If two marks say the same, hiding one of
#   them changes little. Try several sizes of ``patch``.
# - A mean image hides an organ only if it is at a similar position in all images.
#   Otherwise, crop and align the organs first.
#
# A map is most useful where it lights up **outside** the organ: at letters, at borders,
# at tubes. Such a region is a reason to crop or blank it, and to fit again
# (:doc:`/user_guide/preparation`). The opposite is weaker evidence: a map that lies on
# the organ does not prove that strata show a disease.

plt.show()

# sphinx_gallery_start_ignore
from save_results import save_results

clusterer, X = fitted["with marks"]
save_results(__file__, clusterer, X, np.where(has_mark, "mark", "no mark"))
# sphinx_gallery_end_ignore
