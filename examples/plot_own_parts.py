"""
================================
Own network and own augmentation
================================

The estimator brings a network and random views of its own. Here both are replaced, as
one would for images of a kind that the presets were not made for: views that say what
does not matter for handwritten digits, the thickness of the pen among it, and an
encoder with residual blocks. Both are plain PyTorch and know nothing of this package.
"""

# %%
# Views
# -----
# What two views of one image differ by is what the network learns to overlook. Digits
# may be written with a thin pen or a thick one, lean to one side and lie a little off
# the middle. They may not be mirrored or turned by much: a 6 is no 9.
#
# An augmentation is any function that maps a batch, channels first and on the common
# scale, to one view of it. It may draw from PyTorch's global generator, which is seeded
# for the call and afterwards given back as it was.

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


def write_anew(batch):
    """Return digits with another slant, place and size, by a thicker or thinner pen."""
    n = len(batch)
    slant, scale = 0.2 * torch.randn(n), 1 + 0.1 * torch.randn(n)
    shift = 0.1 * torch.randn(n, 2)
    # Rows of the map from a pixel of the view to a place in the image.
    first = torch.stack([scale, slant * scale, shift[:, 0]], dim=1)
    second = torch.stack([torch.zeros(n), scale, shift[:, 1]], dim=1)
    maps = torch.stack([first, second], dim=1).to(batch.device)  # (n, 2, 3)
    places = F.affine_grid(maps, list(batch.shape), align_corners=False)
    moved = F.grid_sample(batch, places, padding_mode="border", align_corners=False)
    # The largest of a pixel's neighbors thickens a line, the smallest thins it.
    thick = F.max_pool2d(moved, 3, stride=1, padding=1)
    thin = -F.max_pool2d(-moved, 3, stride=1, padding=1)
    weight = 0.3 * torch.rand(n, 1, 1, 1, device=batch.device)
    is_thick = torch.rand(n, 1, 1, 1, device=batch.device) < 0.5
    return torch.lerp(moved, torch.where(is_thick, thick, thin), weight)


# %%
# It can be looked at before anything is trained. The first row are images, the others
# views of them.

torch.manual_seed(0)
batch = torch.tensor(images[:10], dtype=torch.float32)[:, None]
rows = [batch, *(write_anew(batch) for _ in range(3))]
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
# ``(1, 8, 8)``, and the number of latents. A decoder is the way back.


class Residual(nn.Module):
    """Two convolutions whose result is added to what they were given."""

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
# The same estimator with the package's own parts and with these; ``optimizer__betas``
# reaches the optimizer in skorch's own way. The labels are used only to look at what
# came out.

own = {
    "encoder": ResidualEncoder,
    "decoder": make_decoder,
    "augmentation": write_anew,
    "optimizer__betas": (0.9, 0.99),
}
fitted = {}
for name, parameters in {"the package's parts": {}, "own parts": own}.items():
    fitted[name] = ContrastiveAutoencoderClusterer(
        n_clusters=10, max_epochs=15, refinement_epochs=4, random_state=0, **parameters
    ).fit(images)
    accuracy = clustering_accuracy(digits.target, fitted[name].labels_)
    print(f"{name}: one-to-one accuracy {accuracy:.3f}")

# %%
# One fit of each says little about which is better: look at several values of
# ``random_state`` before you prefer one. All else works with the new parts as with the
# others. Below are the decoded centers of the strata, in the order of the digit that is
# most frequent in each, and reconstructions.

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

clusterer = fitted["own parts"]
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
