import math
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest
from joblib import parallel_config
from sklearn.cluster import DBSCAN
from sklearn.metrics import adjusted_rand_score
from sklearn.mixture import GaussianMixture
from strata_of_blobs import count_kmeans, draw_blobs, fit_kmeans, recorded_fit

from contrastive_clustering import ConsensusClustering
from contrastive_clustering._clustering import criteria as _criteria
from contrastive_clustering._clustering.criteria import CRITERIA
from contrastive_clustering._clustering.n_clusters_search import (
    ClusterNumberSearch,
    _below_chord,
)


def score_of(criterion, latents, fit, n_clusters, seed):
    """Return the score of a single candidate, the mean over the parts of the search."""
    judge, n_parts = CRITERIA[criterion].judge, CRITERIA[criterion].n_parts
    return np.mean(
        [judge(latents, fit, [n_clusters], seed, part) for part in range(n_parts)]
    )


def slow_silhouette(latents, labels):
    values = []
    for i, own in enumerate(labels):
        distance = [math.dist(latents[i], other) for other in latents]
        inside = [d for j, d in enumerate(distance) if labels[j] == own and j != i]
        outside = [
            np.mean([d for j, d in enumerate(distance) if labels[j] == label])
            for label in set(labels) - {own}
        ]
        if not inside:
            values.append(0.0)
            continue
        a, b = np.mean(inside), min(outside)
        values.append((b - a) / max(a, b))
    return np.mean(values)


@pytest.mark.parametrize("n_clusters", [2, 4])
def test_silhouette_is_computed_on_the_other_half(n_clusters):
    latents = draw_blobs(3, n_samples=40)
    fit, seen_parts = recorded_fit()
    score = score_of("silhouette", latents, fit, n_clusters, 0)
    assert len(seen_parts) == 2 * _criteria.N_SPLITS
    assert len({seen.tobytes() for seen in seen_parts}) == len(seen_parts)
    wanted = []
    for seen in seen_parts:
        rows = {tuple(row) for row in seen}
        new = np.array([row for row in latents if tuple(row) not in rows])
        assert len(seen) + len(new) == len(latents)
        labels = fit_kmeans(seen, n_clusters).predict(new).tolist()
        wanted.append(slow_silhouette(new.tolist(), labels))
    assert score == pytest.approx(np.mean(wanted), rel=1e-5)


@pytest.mark.parametrize("criterion", ["silhouette", "stability"])
def test_more_strata_than_half_of_the_samples_have_the_worst_score(criterion):
    latents = draw_blobs(3, n_samples=17)  # halves of 8 and 9
    scores = CRITERIA[criterion].judge(latents, fit_kmeans, [3, 9, 10], 0, 0)
    assert scores[0] > 0
    assert scores[1:] == [-1, -1]


@pytest.mark.parametrize(
    "predicted", [[0] * 6, [-1] * 6, list(range(6)), [0, 1, -1, -1, -1, -1]], ids=str
)
def test_strata_without_a_silhouette_have_the_worst_score(predicted):
    def fit(latents, n_clusters):
        return SimpleNamespace(predict=lambda new: np.array(predicted))

    assert score_of("silhouette", draw_blobs(3, n_samples=12), fit, 2, 0) == -1


@pytest.mark.parametrize(("criterion", "n_fits"), [("silhouette", 2), ("stability", 4)])
def test_half_of_the_samples_suffice_for_as_many_strata(criterion, n_fits):
    fit, parts = recorded_fit()
    score = score_of(criterion, draw_blobs(3, n_samples=16), fit, 8, 0)
    assert len(parts) == n_fits * _criteria.N_SPLITS
    assert score > -1


@pytest.fixture(scope="module")
def rays():
    """Latents whose cluster is their direction, at any distance."""
    rng = np.random.default_rng(0)
    directions = np.repeat(np.eye(5, 6), 24, axis=0) + rng.normal(0, 0.1, (120, 6))
    return np.exp(rng.normal(0, 1, (120, 1))) * directions


fit_consensus = partial(fit_kmeans, clusterer="consensus")


def whiten_slowly(latents):
    """Return the principal components of 95 % of the variance, each of variance 1."""
    centered = latents - latents.mean(axis=0)
    variances, axes = np.linalg.eigh(np.cov(centered, rowvar=False))
    order = np.argsort(variances)[::-1]
    parts = variances[order] / variances.sum()
    n_kept = next(n for n in range(1, len(parts) + 1) if sum(parts[:n]) >= 0.95)
    kept = order[:n_kept]
    return centered @ axes[:, kept] / np.sqrt(variances[kept])


def test_silhouette_of_the_default_clusterer_is_the_mean_of_three_spaces(rays):
    score = score_of("silhouette", rays, fit_consensus, 4, 0)
    wanted = []
    for first, second in _criteria._halves(rays, 0):
        for seen, new in ((first, second), (second, first)):
            offsets = new - seen.mean(axis=0)
            directions = offsets / np.linalg.norm(offsets, axis=1, keepdims=True)
            labels = fit_consensus(seen, 4).predict(new).tolist()
            wanted += [
                slow_silhouette(space.tolist(), labels)
                for space in (new, directions, whiten_slowly(new))
            ]
    assert score == pytest.approx(np.mean(wanted), rel=1e-6)


@pytest.mark.parametrize("criterion", sorted(CRITERIA))
@pytest.mark.parametrize("n_jobs", [pytest.param(1, marks=pytest.mark.slow), 2])
def test_scores_do_not_depend_on_the_other_candidates(criterion, n_jobs, rays):
    clusterer = ConsensusClustering(n_members=4, cosine_fraction=0.5)
    fit = partial(fit_kmeans, clusterer=clusterer)
    # Threads, so that memoized clusterings could be shared by mistake.
    with parallel_config("threading"):
        search = ClusterNumberSearch(criterion, max_clusters=5, n_jobs=n_jobs)
        result = search._search(rays, fit, 0)
    own_seed = np.random.RandomState(0).randint(2**31 - 1)
    alone = [score_of(criterion, rays, fit, k, own_seed) for k in range(2, 6)]
    if criterion == "elbow":
        alone = _below_chord(result.candidates, np.array(alone))
    np.testing.assert_allclose(result.scores, alone, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("criterion", ["silhouette", "stability"])
def test_candidates_share_the_fine_partitions_of_their_members(
    criterion, rays, monkeypatch
):
    made = count_kmeans(monkeypatch)
    fit = partial(fit_kmeans, clusterer=ConsensusClustering(n_members=4))
    CRITERIA[criterion].judge(rays, fit, [4], 0, 0)
    n_alone = len(made)
    CRITERIA[criterion].judge(rays, fit, [4, 5, 6], 0, 0)
    assert len(made) == 2 * n_alone


def test_stability_is_the_agreement_above_chance():
    latents = draw_blobs(2, n_samples=100)
    fit, parts = recorded_fit()
    score = score_of("stability", latents, fit, 3, 0)
    agreement = []
    for first, second in zip(parts[::2], parts[1::2], strict=True):
        of_first, of_second = fit_kmeans(first, 3), fit_kmeans(second, 3)
        agreement.append(
            adjusted_rand_score(of_first.labels, of_second.predict(first)) / 2
            + adjusted_rand_score(of_second.labels, of_first.predict(second)) / 2
        )
    # Real and drawn latents alternate.
    assert score == pytest.approx(np.mean(agreement[::2]) - np.mean(agreement[1::2]))
    drawn = np.concatenate(parts[2:4])
    known = np.concatenate(parts[:2])
    np.testing.assert_array_equal(np.sort(known, axis=0), np.sort(latents, axis=0))
    spread = latents.std(axis=0)
    assert (
        np.abs(drawn.mean(axis=0) - latents.mean(axis=0)) < 0.6 * spread + 0.1
    ).all()
    assert np.corrcoef(drawn[:, 0], drawn[:, 1])[0, 1] < -0.9  # as of the two blobs


def test_bic_matches_a_mixture_of_whitened_components():
    latents = draw_blobs(3, n_samples=150)
    centered = latents - latents.mean(axis=0, dtype=np.float64)
    _, sizes, directions = np.linalg.svd(centered, full_matrices=False)
    shares = np.cumsum(sizes**2) / np.sum(sizes**2)
    n_kept = int(np.searchsorted(shares, 0.95)) + 1
    white = (
        centered @ directions[:n_kept].T / sizes[:n_kept] * np.sqrt(len(latents) - 1)
    )
    white /= np.sqrt(np.var(white, axis=0).mean())
    mixture = GaussianMixture(3, reg_covar=1e-3, random_state=0).fit(white)
    n_free = 2 + 3 * n_kept + 3 * n_kept * (n_kept + 1) // 2
    log_likelihood = mixture.score_samples(white).sum()
    wanted = (2 * log_likelihood - n_free * np.log(len(white))) / len(white)
    score = score_of("bic", latents, fit_kmeans, 3, 0)
    assert score == pytest.approx(wanted, rel=1e-3)


def test_within_is_the_sum_of_squares_without_noise():
    latents = np.array([[0.0], [1.0], [2.0], [20.0], [21.0], [90.0]])
    fit = partial(fit_kmeans, clusterer=DBSCAN(eps=0.05, min_samples=2))
    clustering = fit(latents, 2)
    assert clustering.labels.tolist() == [0, 0, 0, 1, 1, -1]
    scale = float(np.var(latents))
    score = score_of("elbow", latents, fit, 2, 0)
    assert score == pytest.approx((2 + 0.5) / scale)


def test_within_sums_squares_over_all_features():
    latents = draw_blobs(3, n_samples=40)
    clustering = fit_kmeans(latents, 3)
    space, labels = clustering.prepare(latents), clustering.labels
    wanted = 0.0
    for label in range(3):
        rows = space[labels == label].tolist()
        # Half of the mean square between members is that from their center.
        squares = [math.dist(a, b) ** 2 for a in rows for b in rows]
        wanted += sum(squares) / len(rows) / 2
    assert score_of("elbow", latents, fit_kmeans, 3, 0) == pytest.approx(wanted)
