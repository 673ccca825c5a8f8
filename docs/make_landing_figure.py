"""Draws the figure of the README and the landing page, for light and dark pages.

``python docs/make_landing_figure.py`` trains with the default settings, which takes a
few minutes on two cores, and writes ``docs/_static/strata_light.png`` and
``strata_dark.png``. Run it again after a change that affects the strata. The X-rays are
those of PneumoniaMNIST (CC BY 4.0).
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib import patheffects
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

from contrastive_clustering import ContrastiveAutoencoderClusterer, EmbeddingDisplay
from contrastive_clustering._display.drawing.palette import group_color
from contrastive_clustering.datasets import fetch_medmnist

FOLDER = Path(__file__).parent / "_static"
INK = {"light": "#1f2328", "dark": "#e6edf3"}
PAPER = {"light": "#ffffff", "dark": "#0d1117"}
N_MEMBERS = 3


def show(ax: Axes, image: np.ndarray) -> None:
    """Show an X-ray without axes."""
    ax.imshow(image, cmap="gray", vmin=0, vmax=255)
    ax.set(xticks=[], yticks=[])


def draw_strata(
    grid: np.ndarray, centers: np.ndarray, members: np.ndarray, shares: np.ndarray
) -> None:
    """Draw a column for each stratum: its decoded center above members."""
    for stratum, column in enumerate(grid.T):
        show(column[0], centers[stratum])
        column[0].set_title(f"{stratum}", weight="bold", color=group_color(stratum))
        for spine in column[0].spines.values():
            spine.set(color=group_color(stratum), linewidth=3)
        for ax, image in zip(column[1:], members[stratum], strict=True):
            show(ax, image)
            ax.spines[:].set_visible(False)
        column[-1].set_xlabel(f"{shares[stratum]:.0%}")
    for ax, name in ((grid[0, 0], "decoded\ncenter"), (grid[2, 0], "closest\nX-rays")):
        ax.set_ylabel(name, rotation=0, ha="right", va="center")


def draw_map(ax: Axes, positions: np.ndarray, strata: np.ndarray, ink: str) -> None:
    """Draw the map of the latents, with the number of each stratum."""
    ax.scatter(*positions.T, c=[group_color(s) for s in strata], s=6, linewidths=0)
    paper = INK["dark"] if ink == INK["light"] else INK["light"]
    outline = [patheffects.withStroke(linewidth=3, foreground=paper)]
    for stratum in np.unique(strata):
        x, y = np.median(positions[strata == stratum], axis=0)
        ax.text(x, y, stratum, weight="bold", size=12, path_effects=outline)
    ax.set_axis_off()
    ax.set_title("map of the latent space")


def draw(
    clusterer: ContrastiveAutoencoderClusterer, X: np.ndarray, y: np.ndarray, ink: str
) -> Figure:
    """Draw the strata and the map in a color of text."""
    # Strata are numbered by the share of their members with pneumonia.
    shares = np.array([y[clusterer.labels_ == s].mean() for s in range(10)])
    order = np.argsort(shares)
    latents = clusterer.transform(X)
    members = []
    for stratum in order:
        own = np.flatnonzero(clusterer.labels_ == stratum)
        center = clusterer.cluster_centers_[stratum]
        distances = np.linalg.norm(latents[own] - center, axis=1)
        members.append(X[own[np.argsort(distances)[:N_MEMBERS]]])
    centers = clusterer.inverse_transform(clusterer.cluster_centers_[order])
    embedding = EmbeddingDisplay.from_estimator(
        clusterer, X, centers=False, random_state=0
    )
    plt.close(embedding.figure_)

    figure = plt.figure(figsize=(10.4, 3.4), layout="constrained")
    left, right = figure.subfigures(1, 2, width_ratios=[2.25, 1])
    grid = left.subplots(1 + N_MEMBERS, 10, gridspec_kw={"wspace": 0, "hspace": 0})
    left.get_layout_engine().set(w_pad=0.02, h_pad=0.02)
    draw_strata(grid, centers, np.array(members), shares[order])
    left.supxlabel("share with pneumonia; labels were not used for training", size=10)
    rank = np.argsort(order)
    draw_map(right.subplots(), embedding.positions, rank[embedding.strata], ink)
    for text in (ink_text for ink_text in figure.findobj(plt.Text)):
        if text.get_color() == "black":
            text.set_color(ink)
    return figure


def save(figure: Figure, path: Path, paper: str) -> None:
    """Save a figure as a small PNG file, transparent where nothing is drawn."""
    figure.savefig(path, dpi=150, transparent=True)
    plt.close(figure)
    with Image.open(path) as image:
        drawn = image.convert("RGBA")
    # Pillow's only palettes with transparency have too few shades of gray for X-rays.
    flat = Image.new("RGBA", drawn.size, paper)
    flat.alpha_composite(drawn)
    method, dither = Image.Quantize.MEDIANCUT, Image.Dither.NONE
    small = flat.convert("RGB").quantize(255, method, kmeans=2, dither=dither)
    transparent = drawn.getchannel("A").point(lambda alpha: 255 * (alpha == 0))
    small.putpalette([*small.getpalette()[: 3 * 255], 0, 0, 0])
    small.paste(255, mask=transparent)
    small.save(path, optimize=True, transparency=255)


def main() -> None:
    """Train, draw and save."""
    X, y = fetch_medmnist("pneumoniamnist", split="train", return_X_y=True)
    clusterer = ContrastiveAutoencoderClusterer(10, random_state=0, verbose=1).fit(X)
    for name, ink in INK.items():
        figure = draw(clusterer, X, y, ink)
        save(figure, FOLDER / f"strata_{name}.png", PAPER[name])


if __name__ == "__main__":
    main()
