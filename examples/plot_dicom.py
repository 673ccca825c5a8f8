"""
==========================
From DICOM files to strata
==========================

The estimator takes arrays. :func:`~contrastive_clustering.datasets.load_images` reads a
folder of DICOM files into one (:doc:`/user_guide/folders`). This example does the steps
itself with pydicom, for data that need steps of their own: it sorts the slices of a
series, converts values to known units, resamples pixels to one spacing, and cuts
patches.

The files are those that pydicom ships for its own tests, so nothing is downloaded. They
are a few slices of a few people. This example demonstrates how to read such files; its
strata have no medical meaning, since patches of one slice are not a sample of patients.
"""

# %%
# A series of slices
# ------------------
# Files have no order. The position of a slice is its ``ImagePositionPatient``, along
# the normal of its plane; file names and ``InstanceNumber`` are not reliable. Slices of
# another plane (a scout) are not part of the same volume, even in the same series.
# pydicom's test slices have been reduced to 16 x 16 pixels, and most of their series to
# a few slices.

from collections import defaultdict

import matplotlib.pyplot as plt
import numpy as np
from pydicom import examples
from pydicom.fileset import FileSet
from pydicom.pixels import apply_modality_lut
from scipy.ndimage import zoom

from contrastive_clustering import ContrastiveAutoencoderClusterer


def position(dataset):
    """Return the position of a slice along the normal of its plane, in millimeters."""
    along_row, along_column = np.reshape(dataset.ImageOrientationPatient, (2, 3))
    return float(np.cross(along_row, along_column) @ dataset.ImagePositionPatient)


stacks = defaultdict(list)
for instance in FileSet(examples.get_path("dicomdir")):
    dataset = instance.load()
    if dataset.Modality in ("CT", "MR"):
        plane = tuple(dataset.ImageOrientationPatient)
        stacks[dataset.SeriesInstanceUID, plane].append(dataset)

for slices in stacks.values():
    if len(slices) < 3:
        continue
    slices.sort(key=position)
    volume = np.stack([apply_modality_lut(d.pixel_array, d) for d in slices])
    first, last = position(slices[0]), position(slices[-1])
    print(f"{slices[0].Modality} {volume.shape}, from {first:.1f} to {last:.1f} mm")

# %%
# Volumes with the same number of slices could be stacked to an array of shape
# ``(n, D, H, W)``; all sides need 8 voxels or more.
#
# Values and spacing
# ------------------
# There are two larger slices: a vertebra in CT and an abdomen in MR. The slope and the
# intercept in the file convert stored numbers to Hounsfield units, and a window keeps
# soft tissue, from -160 to 240. MR has no units; it is scaled by percentiles of the
# image. Both are resampled to pixels of 0.7 mm, since the network does not know the
# spacing.

SPACING = 0.7  # millimeters


def read_slice(dataset):
    """Return a slice as values from 0 to 1, at the common spacing."""
    values = apply_modality_lut(dataset.pixel_array, dataset).astype(float)
    if dataset.PhotometricInterpretation == "MONOCHROME1":
        values = -values  # low values are displayed bright
    if dataset.Modality == "CT":
        low, high = -160, 240
    else:
        low, high = np.percentile(values, [1, 99])
    scaled = np.clip((values - low) / (high - low), 0, 1)
    factors = np.array(dataset.PixelSpacing, dtype=float) / SPACING
    return zoom(scaled, factors, order=1)


scans = {"CT": read_slice(examples.ct), "MR": read_slice(examples.overlay)}
for name, scan in scans.items():
    print(f"{name}: {scan.shape[0]} x {scan.shape[1]} pixels of {SPACING} mm")

# %%
# Patches
# -------
# Patches are overlapping squares of 16 x 16 pixels, or 11 mm. Those without contrast,
# such as air and background, are left out. Names, dates and identifiers stay in the
# files, but text that is burnt into the pixels does not: crop it first.

SIDE = 16
steps = {"CT": 4, "MR": 10}


def cut_patches(scan, step):
    """Return the patches with contrast, and the row and column of each."""
    windows = np.lib.stride_tricks.sliding_window_view(scan, (SIDE, SIDE))
    windows = windows[::step, ::step]
    shows_something = windows.std(axis=(2, 3)) > 0.03
    return windows[shows_something], step * np.argwhere(shows_something)


cut = {name: cut_patches(scan, steps[name]) for name, scan in scans.items()}
X = np.concatenate([patches for patches, _ in cut.values()])
source = np.repeat(list(cut), [len(patches) for patches, _ in cut.values()])
print(f"patches: {X.shape}, {np.sum(source == 'CT')} of them from the CT")

n_strata = 6
clusterer = ContrastiveAutoencoderClusterer(
    n_clusters=n_strata, max_epochs=12, refinement_epochs=3, random_state=0
).fit(X)

# %%
# Strata on the slices
# --------------------
# The center of each patch is drawn as a square in the color of its stratum.

colors = plt.get_cmap("Set2")(range(n_strata))
figure, axes = plt.subplots(
    2, 2, figsize=(8, 5.6), width_ratios=[1, 1.7], layout="constrained"
)
for column, (name, scan) in enumerate(scans.items()):
    strata = clusterer.labels_[source == name]
    corners = cut[name][1]
    overlay = np.ones((*scan.shape, 4))
    half = steps[name] // 2
    for (top, left), stratum in zip(corners + SIDE // 2, strata, strict=True):
        overlay[top - half : top + half, left - half : left + half] = colors[stratum]
    axes[0, column].imshow(scan, cmap="gray")
    axes[1, column].imshow(overlay)
    axes[0, column].set_title(name)
    for ax in axes[:, column]:
        ax.set(xticks=[], yticks=[])
centers = clusterer.inverse_transform(clusterer.cluster_centers_)

figure, axes = plt.subplots(1, n_strata, figsize=(8, 1.9), layout="constrained")
for stratum, ax in enumerate(axes):
    part = np.mean(source[clusterer.labels_ == stratum] == "CT")
    ax.imshow(centers[stratum], cmap="gray", vmin=0, vmax=1)
    ax.set(xticks=[], yticks=[])
    ax.set_title(f"stratum {stratum}\n{part:.0%} of CT", fontsize=9)
    for spine in ax.spines.values():
        spine.set(color=colors[stratum], linewidth=4)
figure.suptitle("Decoded centers, framed in the colors above", fontsize=10)
plt.show()

# sphinx_gallery_start_ignore
from save_results import save_results

save_results(__file__, clusterer, X, metadata={"source": source}, show_samples=True)
# sphinx_gallery_end_ignore

# %%
# Look at the percentages. A stratum of nearly all CT or nearly none follows the scanner
# as much as the tissue. With real cohorts, check this first
# (:doc:`/user_guide/pitfalls`).
