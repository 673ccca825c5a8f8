"""
==============================
Number and stability of strata
==============================

A clusterer returns as many strata as requested, whether there are any or not. Two
questions come before their interpretation: how many to request, and whether they come
back when the estimator is fitted again, with another seed, to a subset of the images.
This example answers both for handwritten digits and for images of pure noise.
"""

# %%
# Choose the number of strata
# ---------------------------
# With ``n_clusters="auto"``, the latents of the first phase are clustered into each
# number of strata from 2 to 15. The score is the silhouette of latents that a
# clustering has not seen; the number with the highest score is chosen. A
# :class:`~contrastive_clustering.ClusterNumberSearch` sets another criterion or range.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.metrics import adjusted_rand_score

from contrastive_clustering import ContrastiveAutoencoderClusterer, cluster_stability

digits = load_digits()
images, target = digits.images[:900], digits.target[:900]  # to save time

clusterer = ContrastiveAutoencoderClusterer(
    n_clusters="auto", max_epochs=15, refinement_epochs=4, random_state=0
)
clusterer.fit(images)
search = clusterer.cluster_number_search_

for n_clusters, score in zip(search.candidates, search.scores, strict=True):
    mark = "  <- chosen" if n_clusters == search.n_clusters else ""
    print(f"{n_clusters:>3} strata  {score:.3f}{mark}")
agreement = adjusted_rand_score(target, clusterer.labels_)
print(f"adjusted Rand index of the strata and the digits: {agreement:.2f}")

# %%
# The same for noise: images of the same size, with independent random pixels. The
# search chooses a number here as well. It cannot report that there are no strata, so
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
ax.set(xlabel="number of strata (ring: chosen)", ylabel=search.criterion)
ax.set_xticks(search.candidates)
ax.legend()
figure.tight_layout()

# %%
# Which strata come back?
# -----------------------
# The estimator is fitted to random subsets of the images, with another seed each time.
# The Jaccard index of a stratum and its best match is 1 if the stratum comes back
# unchanged. A few short fits are sufficient for this example; report intervals only for
# 20 fits or more, with as many epochs as for the strata themselves.

n_resamples = 3
short = clone(clusterer).set_params(
    n_clusters=clusterer.n_clusters_, max_epochs=10, refinement_epochs=3
)
stability = cluster_stability(short, images, n_resamples=n_resamples, random_state=0)
print(stability)

# %%
# The same for noise, with as many strata:

stability_noise = cluster_stability(
    short, noise, n_resamples=n_resamples, random_state=0
)
print(stability_noise)

# %%
# A bar is the mean over the fits, blue for stable strata and orange for others. The
# line extends about from the smallest to the largest value, and black ticks are the
# values of shuffled labels. A stratum is stable if its mean is at least 0.75 (dotted),
# its line is above the tick, and it has at least five samples.

results = {"digits": stability, "noise": stability_noise}
figure, axes = plt.subplots(1, 2, figsize=(8, 3.2), sharey=True)
for ax, (name, result) in zip(axes, results.items(), strict=True):
    x = np.arange(len(result.strata))
    colors = np.where(result.stable, "#0072B2", "#E69F00")
    spread = np.abs(result.jaccard_interval.T - result.jaccard_mean)
    ax.bar(x, result.jaccard_mean, yerr=spread, color=colors, capsize=3)
    ax.plot(x, result.jaccard_chance, "_", color="black", markersize=12)
    ax.axhline(0.75, color="black", linestyle=":", linewidth=1)
    n_back = result.stable.sum()
    ax.set_title(f"{name}: {n_back} of {len(x)} strata are stable", fontsize=10)
    ax.set(xlabel="stratum", ylim=(0, 1.02))
    ax.set_xticks(x, result.strata)
axes[0].set_ylabel("Jaccard index")
figure.tight_layout()
plt.show()

# sphinx_gallery_start_ignore
from save_results import save_results

save_results(__file__, clusterer, images, target, show_samples=True)
# sphinx_gallery_end_ignore
