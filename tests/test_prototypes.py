import numpy as np
import pytest
import torch
from sklearn.exceptions import ConvergenceWarning

from contrastive_clustering._networks import PrototypeHead
from contrastive_clustering._prototypes import PrototypeClustering


@pytest.fixture
def fitted():
    rng = np.random.default_rng(0)
    latents = rng.normal(size=(50, 4)).astype(np.float32)
    origin = latents.mean(axis=0)
    prototypes = np.concatenate([rng.normal(size=(3, 4)), np.zeros((1, 4))])
    # Nobody lies nearest to the last: it is the twin of the first, which comes first.
    prototypes[3] = 2 * prototypes[0]
    # Two prototypes a stratum.
    prototypes = np.stack([prototypes, np.roll(prototypes, 1, axis=1)], axis=1)
    head = PrototypeHead(
        torch.tensor(prototypes, dtype=torch.float32), torch.from_numpy(origin), 0.2
    )
    with pytest.warns(
        ConvergenceWarning, match="1 of 4 strata of prototypes had lost all"
    ):
        return latents, head, PrototypeClustering.fit(latents, head)


def test_assignment_is_the_equation(fitted):
    latents, _, clustering = fitted

    def similarity(u, b):
        return np.exp(u @ b / np.linalg.norm(u) / np.linalg.norm(b) / 0.2)

    expected = []
    for u in latents - latents.mean(axis=0):
        sums = [sum(similarity(u, b) for b in own) for own in clustering.prototypes]
        expected.append(np.array(sums) / sum(sums))
    proba = clustering.predict_proba(latents)
    np.testing.assert_allclose(proba, expected, atol=1e-5)
    np.testing.assert_array_equal(
        clustering.predict(latents), np.argmax(expected, axis=1)
    )


def test_network_and_clustering_assign_alike(fitted):
    latents, head, clustering = fitted
    with torch.no_grad():
        logits = head(torch.from_numpy(latents))[:, :3]  # the twin was dropped
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


def test_samples_do_not_depend_on_their_company(fitted):
    latents, _, clustering = fitted
    alone = np.concatenate([clustering.predict_proba(row[None]) for row in latents])
    np.testing.assert_array_equal(alone, clustering.predict_proba(latents))


def test_a_latent_at_the_origin_is_assigned_finitely(fitted):
    _, _, clustering = fitted
    proba = clustering.predict_proba(clustering.origin[None].astype(np.float32))
    assert np.isfinite(proba).all()
