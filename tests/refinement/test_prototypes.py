from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.exceptions import ConvergenceWarning

from contrastive_clustering._refinement.prototypes import (
    PrototypeClustering,
    _logits,
)
from contrastive_clustering._utils.grouping import Grouping


def test_assignment_follows_the_equation(fitted):
    latents, _, clustering = fitted

    def similarity(u, b):
        return np.exp(u @ b / np.linalg.norm(u) / np.linalg.norm(b) / 0.2)

    expected = []
    for u in latents - latents.mean(axis=0):
        sums = [sum(similarity(u, b) for b in each) for each in clustering.prototypes]
        expected.append(np.array(sums) / sum(sums))
    proba = clustering.predict_proba(latents)
    np.testing.assert_allclose(proba, expected, atol=1e-5)
    np.testing.assert_array_equal(
        clustering.predict(latents), np.argmax(expected, axis=1)
    )


def test_the_network_and_the_clustering_agree(fitted):
    latents, head, clustering = fitted
    with torch.no_grad():
        logits = head(torch.from_numpy(latents))[:, :3]  # the duplicate was dropped
    np.testing.assert_allclose(
        logits.softmax(dim=1), clustering.predict_proba(latents), atol=1e-5
    )


def test_prototypes_without_members_are_dropped(fitted):
    latents, _, clustering = fitted
    assert clustering.n_clusters == 3
    assert sorted(set(clustering.labels)) == [0, 1, 2]
    np.testing.assert_array_equal(clustering.predict(latents), clustering.labels)
    for label, center in enumerate(clustering.latent_centers):
        members = latents[clustering.labels == label]
        np.testing.assert_allclose(center, members.mean(axis=0), atol=1e-6)


def test_results_do_not_depend_on_other_samples(fitted):
    latents, _, clustering = fitted
    alone = np.concatenate([clustering.predict_proba(row[None]) for row in latents])
    np.testing.assert_array_equal(alone, clustering.predict_proba(latents))


@pytest.mark.parametrize(
    ("latent_dim", "n_clusters"), [(3, 2), (64, 10), (129, 40), (512, 40)]
)
def test_logits_do_not_depend_to_the_bit_on_other_samples(latent_dim, n_clusters):
    rng = np.random.default_rng(0)
    latents = rng.normal(size=(60, latent_dim)).astype(np.float32)
    others = rng.normal(size=(n_clusters, 8, latent_dim)), latents.mean(axis=0), 0.1
    together = _logits(latents, *others)
    assert together.shape == (60, n_clusters)
    for size in (1, 2, 7, 59):
        part = _logits(latents[-size:], *others)
        np.testing.assert_array_equal(part, together[-size:])


def test_a_latent_at_the_origin_has_a_finite_assignment(fitted):
    _, _, clustering = fitted
    proba = clustering.predict_proba(clustering.origin[None].astype(np.float32))
    assert np.isfinite(proba).all()


def test_assignments_at_low_temperatures_are_finite(fitted):
    latents, _, clustering = fitted
    cold = replace(clustering, temperature=1e-4)
    expected = np.eye(cold.n_clusters)[clustering.predict(latents)]
    sharp = np.sort(clustering._logits(latents), axis=1)
    clear = sharp[:, -1] - sharp[:, -2] > 1
    assert clear.sum() > 5
    np.testing.assert_allclose(cold.predict_proba(latents)[clear], expected[clear])


def test_renumbering_keeps_the_strata(fitted):
    latents, _, clustering = fitted
    order = np.roll(np.arange(clustering.n_clusters), 1)
    again = clustering.renumbered(order)
    np.testing.assert_array_equal(order[again.labels], clustering.labels)
    np.testing.assert_array_equal(order[again.predict(latents)], clustering.labels)
    for new, old in enumerate(order):
        members = latents[again.labels == new].mean(axis=0)
        np.testing.assert_allclose(again.latent_centers[new], members, atol=1e-5)
        np.testing.assert_array_equal(
            again.predict_proba(latents)[:, new],
            clustering.predict_proba(latents)[:, old],
        )


def test_a_group_weighs_as_one_in_the_centers(fitted):
    latents, head, alone = fitted
    groups = Grouping.read(np.arange(50) // 7, 50)
    with pytest.warns(ConvergenceWarning):
        clustering = PrototypeClustering.fit(latents, head, groups)
    np.testing.assert_array_equal(clustering.labels, alone.labels)
    assert clustering.latent_centers.dtype == alone.latent_centers.dtype
    weights = groups.weights()
    for label, center in enumerate(clustering.latent_centers):
        rows = clustering.labels == label
        expected = weights[rows] @ latents[rows] / weights[rows].sum()
        np.testing.assert_allclose(center, expected, atol=1e-6)
