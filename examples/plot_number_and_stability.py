"""
=============================================
How many strata, and which of them come back?
=============================================

A clusterer gives as many strata as it is asked for, whether there are any or not. Two
questions come before any reading of them: how many to ask for, and whether they come
back when the estimator is fitted again, with another seed, to a part of the images.
This example asks both of handwritten digits and of images of pure noise.
"""

# %%
# Let the latents choose the number
# ---------------------------------
# With ``n_clusters="auto"`` the latents of the first phase are clustered into each
# number of strata from 2 to 15. The score is the silhouette of latents that a
# clustering has not seen; the highest is taken. In its place a
# :class:`~contrastive_clustering.ClusterNumberSearch` sets another criterion or range.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.metrics import adjusted_rand_score

from contrastive_clustering import ContrastiveAutoencoderClusterer, cluster_stability

digits = load_digits()
images, target = digits.images[:1200], digits.target[:1200]  # enough, and shorter

clusterer = ContrastiveAutoencoderClusterer(
    n_clusters="auto", max_epochs=15, refinement_epochs=4, random_state=0
)
clusterer.fit(images)
search = clusterer.cluster_number_search_

for n_clusters, score in zip(search.candidates, search.scores, strict=True):
    mark = "  <- taken" if n_clusters == search.n_clusters else ""
    print(f"{n_clusters:>3} strata  {score:.3f}{mark}")
agreement = adjusted_rand_score(target, clusterer.labels_)
print(f"adjusted Rand index of the strata and the digits: {agreement:.2f}")

# %%
# The same of noise: images of the same size, each pixel drawn by itself. The search
# takes a number here as well. What it cannot say is that there is nothing to find, so
# look at the height of the scores and not only at their peak.

noise = np.random.default_rng(0).uniform(0, 16, size=(400, 8, 8))
of_noise = clone(clusterer).fit(noise)
search_noise = of_noise.cluster_number_search_
print(f"noise: {search_noise.n_clusters} strata, score {search_noise.scores.max():.3f}")

figure, ax = plt.subplots(figsize=(7, 3.2))
for result, name, color, marker in (
    (search, "digits", "#0072B2", "o"),
    (search_noise, "noise", "#D55E00", "s"),
):
    ax.plot(result.candidates, result.scores, color=color, marker=marker, label=name)
    best = result.scores.argmax()
    ax.plot(
        result.candidates[best],
        result.scores[best],
        marker="o",
        markersize=14,
        fillstyle="none",
        color=color,
    )
ax.set(xlabel="number of strata (ring: taken)", ylabel=search.criterion)
ax.set_xticks(search.candidates)
ax.legend()
figure.tight_layout()

# %%
# Which strata come back?
# -----------------------
# The estimator is fitted to random parts of the images, with another seed each time.
# A stratum's Jaccard similarity with the cluster that matches it best is 1 if it comes
# back unchanged. A few short fits are enough to show it; intervals to be reported want
# 20 fits or more, of as many epochs as the strata themselves had.

n_resamples = 4
short = clone(clusterer).set_params(
    n_clusters=clusterer.n_clusters_, max_epochs=10, refinement_epochs=3
)
stability = cluster_stability(short, images, n_resamples=n_resamples, random_state=0)
print(stability)

# %%
# And noise, with as many strata:

stability_noise = cluster_stability(
    short, noise, n_resamples=n_resamples, random_state=0
)
print(stability_noise)

# %%
# A bar is the mean over the fits, blue for strata that come back and orange for others.
# The line goes about from the least to the greatest value, and black ticks are what
# shuffled labels give. A stratum comes back if its mean is 0.75 (dotted) or more and
# its line lies above the tick.

results = {"digits": stability, "noise": stability_noise}
figure, axes = plt.subplots(1, 2, figsize=(8, 3.2), sharey=True)
for ax, (name, result) in zip(axes, results.items(), strict=True):
    place = np.arange(len(result.clusters))
    colors = np.where(result.stable, "#0072B2", "#E69F00")
    spread = np.abs(result.jaccard_interval.T - result.jaccard_mean)
    ax.bar(place, result.jaccard_mean, yerr=spread, color=colors, capsize=3)
    ax.plot(place, result.jaccard_chance, "_", color="black", markersize=12)
    ax.axhline(0.75, color="black", linestyle=":", linewidth=1)
    n_back = result.stable.sum()
    ax.set_title(f"{name}: {n_back} of {len(place)} strata come back", fontsize=10)
    ax.set(xlabel="stratum", ylim=(0, 1.02))
    ax.set_xticks(place, result.clusters)
axes[0].set_ylabel("Jaccard similarity")
figure.tight_layout()
plt.show()
