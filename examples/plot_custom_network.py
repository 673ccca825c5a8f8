"""
===============================
Custom network and augmentation
===============================

The estimator has its own network and augmentations. This example replaces both, as for
a kind of image for which the presets were not made: an augmentation that changes what
does not matter for handwritten digits, such as the thickness of the pen, and an encoder
with residual blocks. Both are plain PyTorch and do not depend on this package.
"""

# %%
# Augmentation
# ------------
# The network learns to ignore the differences between two views of one image. Digits
# may be written with a thin or a thick pen, be slanted, and be shifted a little. They
# must not be mirrored or rotated by much: a 6 is not a 9.
#
# An augmentation is any function that maps a standardized batch, channels first, to one
# view of it. It may use PyTorch's global generator, which is seeded for the call and
# restored afterwards.

import math

import matplotlib.pyplot as plt
import numpy as np
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn

from contrastive_clustering import ContrastiveAutoencoderClusterer
from contrastive_clustering.metrics import clustering_accuracy

digits = load_digits()
images = digits.images  # (1797, 8, 8), from 0 to 16


def vary_handwriting(batch):
    """Return digits with another slant, position, size and thickness of the pen."""
    n = len(batch)
    slant, scale = 0.2 * torch.randn(n), 1 + 0.1 * torch.randn(n)
    shift = 0.1 * torch.randn(n, 2)
    # Rows of the map from a pixel of the view to a position in the image.
    first = torch.stack([scale, slant * scale, shift[:, 0]], dim=1)
    second = torch.stack([torch.zeros(n), scale, shift[:, 1]], dim=1)
    maps = torch.stack([first, second], dim=1).to(batch.device)  # (n, 2, 3)
    positions = F.affine_grid(maps, list(batch.shape), align_corners=False)
    moved = F.grid_sample(batch, positions, padding_mode="border", align_corners=False)
    # The largest of a pixel's neighbors thickens a line, the smallest thins it.
    thick = F.max_pool2d(moved, 3, stride=1, padding=1)
    thin = -F.max_pool2d(-moved, 3, stride=1, padding=1)
    weight = 0.3 * torch.rand(n, 1, 1, 1, device=batch.device)
    is_thick = torch.rand(n, 1, 1, 1, device=batch.device) < 0.5
    return torch.lerp(moved, torch.where(is_thick, thick, thin), weight)


# %%
# Look at the views before training. The first row shows images, the others show views
# of them.

torch.manual_seed(0)
batch = torch.tensor(images[:10], dtype=torch.float32)[:, None]
rows = [batch, *(vary_handwriting(batch) for _ in range(3))]
figure, axes = plt.subplots(4, 10, figsize=(8, 3.4))
for row, views in zip(axes, rows, strict=True):
    for ax, view in zip(row, views, strict=True):
        ax.imshow(view[0], cmap="gray", vmin=0, vmax=16)
        ax.set_axis_off()
axes[0, 0].set_title("images", fontsize=9, loc="left")
axes[1, 0].set_title("three views of each", fontsize=9, loc="left")
figure.tight_layout()

# %%
# Network
# -------
# An encoder is a class (or a function) that is called with the shape of a sample,
# ``(1, 8, 8)``, and the number of latents. A decoder maps latents back to samples.


class Residual(nn.Module):
    """Two convolutions whose result is added to their input."""

    def __init__(self, width):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(width, width, 3, padding=1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            nn.Conv2d(width, width, 3, padding=1, bias=False),
            nn.BatchNorm2d(width),
        )

    def forward(self, x):
        """Return the sum."""
        return F.relu(x + self.layers(x))


class ResidualEncoder(nn.Sequential):
    """Two residual blocks, each after a convolution that halves the sides."""

    def __init__(self, sample_shape, n_outputs, width=32):
        super().__init__(
            nn.Conv2d(sample_shape[0], width, 3, stride=2, padding=1),
            Residual(width),
            nn.Conv2d(width, 2 * width, 3, stride=2, padding=1),
            Residual(2 * width),
            nn.Flatten(),
            nn.LazyLinear(n_outputs),
        )


def make_decoder(sample_shape, latent_dim):
    """Return two dense layers from latents to pixels."""
    return nn.Sequential(
        nn.Linear(latent_dim, 256),
        nn.ReLU(),
        nn.Linear(256, math.prod(sample_shape)),
        nn.Unflatten(1, sample_shape),
    )


# %%
# Fit
# ---
# The estimator is fitted with its defaults and with these components.
# ``optimizer__betas`` sets a parameter of the optimizer by skorch's name. The labels
# are only used for evaluation.

custom = {
    "encoder": ResidualEncoder,
    "decoder": make_decoder,
    "augmentation": vary_handwriting,
    "optimizer__betas": (0.9, 0.99),
}
fitted = {}
for name, parameters in {"defaults": {}, "custom": custom}.items():
    fitted[name] = ContrastiveAutoencoderClusterer(
        n_clusters=10, max_epochs=15, refinement_epochs=4, random_state=0, **parameters
    ).fit(images)
    accuracy = clustering_accuracy(digits.target, fitted[name].labels_)
    print(f"{name}: one-to-one accuracy {accuracy:.3f}")

# %%
# One fit of each does not show which is better: compare several values of
# ``random_state``. Everything else works the same with custom components. Below are
# the decoded centers of the strata, ordered by the most frequent digit of each, and
# reconstructions.

figure, axes = plt.subplots(2, 10, figsize=(8, 2.2))
for row, (name, clusterer) in zip(axes, fitted.items(), strict=True):
    centers = clusterer.inverse_transform(clusterer.cluster_centers_)
    common = [
        np.bincount(digits.target[clusterer.labels_ == stratum]).argmax()
        for stratum in range(10)
    ]
    for ax, stratum in zip(row, np.argsort(common, kind="stable"), strict=True):
        ax.imshow(centers[stratum], cmap="gray", vmin=0, vmax=16)
        ax.set_axis_off()
    row[0].set_title(name, fontsize=9, loc="left")
figure.tight_layout()

# %%

clusterer = fitted["custom"]
some = np.random.default_rng(0).choice(len(images), 10, replace=False)
decoded = clusterer.inverse_transform(clusterer.transform(images[some]))
figure, axes = plt.subplots(2, 10, figsize=(8, 2.2))
for column, index in enumerate(some):
    for ax, image in zip(
        axes[:, column], (images[index], decoded[column]), strict=True
    ):
        ax.imshow(image, cmap="gray", vmin=0, vmax=16)
        ax.set_axis_off()
axes[0, 0].set_title("image", fontsize=9, loc="left")
axes[1, 0].set_title("decoded", fontsize=9, loc="left")
figure.tight_layout()
plt.show()

# sphinx_gallery_start_ignore
from save_results import save_results

save_results(__file__, clusterer, images, digits.target, show_samples=True)
# sphinx_gallery_end_ignore
