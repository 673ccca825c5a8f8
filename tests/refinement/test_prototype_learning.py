import warnings

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from contrastive_clustering._networks.autoencoder import PrototypeHead
from contrastive_clustering._refinement import prototype_learning as _prototype_learning
from contrastive_clustering._refinement.prototype_learning import (
    cross_entropy_gradient,
    first_prototypes,
    learn_strata,
)


def test_first_prototypes_are_mean_directions_of_parts():
    rng = np.random.default_rng(0)
    corners = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1]])
    offsets = np.repeat(corners, 20, axis=0) * rng.uniform(1, 5, (60, 1))
    proba = np.repeat([[0.9, 0.1], [0.8, 0.2], [0.3, 0.7]], 20, axis=0)
    found = first_prototypes(offsets, proba, 2, seed=0)
    # The first stratum has two parts; the second has only one distinct direction.
    np.testing.assert_allclose(sorted(found[0].tolist()), [[0, 1, 0], [1, 0, 0]])
    np.testing.assert_allclose(found[1], [[0, 0, 1], [0, 0, 1]])


@pytest.mark.parametrize("weights", [None, np.ones(60)])
def test_first_prototypes_of_large_strata_see_all_parts(monkeypatch, weights):
    monkeypatch.setattr(_prototype_learning, "MAX_MEMBERS", 20)
    offsets = np.repeat(np.eye(2), 30, axis=0)
    found = first_prototypes(offsets, np.ones((60, 1)), 2, 0, weights)
    parts = sorted(found[0].tolist())
    np.testing.assert_allclose(parts, [[0, 1], [1, 0]], atol=1e-12)


def test_a_stratum_without_members_starts_from_its_most_probable_sample():
    offsets = np.eye(3)
    proba = np.array([[0.9, 0.1], [0.6, 0.4], [0.8, 0.2]])
    np.testing.assert_allclose(
        first_prototypes(offsets, proba, 1, seed=0)[1, 0], offsets[1]
    )


def test_prototypes_of_few_distinct_members_are_repeated():
    offsets = np.repeat([[3.0, 0.0], [0.0, 2.0]], 5, axis=0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        (found,) = first_prototypes(offsets, np.ones((10, 1)), 4, seed=0)
    assert sorted(found[:2].tolist()) == [[0, 1], [1, 0]]
    np.testing.assert_array_equal(found[2:], found[:2])


@pytest.mark.parametrize("n_new", [2, 3, 6])
def test_prototypes_learn_new_strata_of_the_same_latents(fitted, n_new):
    latents, head, _ = fitted
    with torch.no_grad():
        head.condition_weight.copy_(torch.arange(16.0).reshape(4, 4))
    before = [value.clone() for value in head.state_dict().values()]
    # The new strata are sectors of a plane, unrelated to the four old prototypes.
    offsets = latents - latents.mean(axis=0)
    angle = np.arctan2(offsets[:, 1], offsets[:, 0]) / (2 * np.pi) + 0.5
    labels = np.minimum((angle * n_new).astype(int), n_new - 1)
    proba = np.eye(n_new, dtype=np.float32)[labels]
    learned = learn_strata(head, latents, proba, seed=0)
    assert all(map(torch.equal, before, head.state_dict().values()))
    learned_labels = learned(torch.from_numpy(latents)).argmax(dim=1).numpy()
    start = first_prototypes(offsets, proba, 2, seed=0)
    start_head = PrototypeHead(torch.from_numpy(start), learned.origin, 0.2)
    start_labels = start_head(torch.from_numpy(latents)).argmax(dim=1).numpy()
    assert np.mean(learned_labels == labels) > 0.9
    assert np.mean(learned_labels == labels) >= np.mean(start_labels == labels)
    # A stratum's condition is the mean of its members' old conditions.
    with torch.no_grad():
        old = head(torch.from_numpy(latents)).softmax(dim=1) @ head.condition_weight.T
    for label in range(n_new):
        expected = old[labels == label].mean(dim=0)
        torch.testing.assert_close(learned.condition_weight[:, label], expected)


def test_prototypes_also_learn_decoded_samples(fitted):
    latents, head, clustering = fitted
    labels = clustering.predict(latents)
    proba = np.eye(clustering.n_clusters, dtype=np.float32)[labels]
    # The latents of all decoded samples are shifted in the same direction.
    spread = np.ptp(latents, axis=0)
    decoded = latents + spread * np.array([1, 0, 0, 0], dtype=np.float32)

    def accuracy(head, latents):
        found = head(torch.from_numpy(latents)).argmax(dim=1).numpy()
        return np.mean(found == labels)

    alone = learn_strata(head, latents, proba, seed=0)
    both = learn_strata(head, latents, proba, seed=0, decoded=decoded)
    assert accuracy(alone, decoded) < 0.6
    assert accuracy(both, decoded) > 0.75
    assert accuracy(both, latents) > 0.9
    assert torch.equal(both.origin, alone.origin)
    assert torch.equal(both.condition_weight, alone.condition_weight)


def test_learning_strata_is_reproducible_without_the_global_generator(fitted):
    latents, head, clustering = fitted
    proba = clustering.predict_proba(latents)
    state = torch.get_rng_state()
    first, second = (learn_strata(head, latents, proba, seed=3) for _ in range(2))
    assert torch.equal(first.prototypes, second.prototypes)
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("largest", [5000, 400])
def test_first_prototypes_are_weighted_means(largest, monkeypatch):
    monkeypatch.setattr(_prototype_learning, "MAX_MEMBERS", largest)
    angle = np.repeat([0.0, 0.4], [900, 30])
    offsets = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    weights = np.where(angle == 0, 1 / 900, 1.0)
    found = first_prototypes(offsets, np.ones((930, 1)), 1, seed=0, weights=weights)
    expected = (offsets[0] + 30 * offsets[-1]) / 31
    # A subset is drawn in proportion to the weights.
    tolerance = 1e-6 if largest == 5000 else 0.02
    np.testing.assert_allclose(found[0, 0], expected, atol=tolerance)


def test_learning_draws_samples_by_weight(fitted):
    _, head, _ = fitted
    # Strata disagree about the same latents: the heavier sample decides.
    rng = np.random.default_rng(0)
    distinct = rng.normal(size=(60, 4)).astype(np.float32)
    latents = np.tile(distinct, (10, 1))
    proba = np.eye(2, dtype=np.float32)[(latents[:, 0] > 0).astype(int)]
    proba[60:] = proba[60:, ::-1]  # nine of ten copies are labeled the other way
    weights = np.repeat([1.0, 0.01], [60, 540])
    found = {}
    for name, some, decoded in (
        ("weights", weights, None),
        ("decoded", weights, latents),
        ("none", None, None),
    ):
        learned = learn_strata(
            head, latents, proba, seed=0, decoded=decoded, weights=some
        )
        with torch.no_grad():
            labels = learned(torch.from_numpy(distinct)).argmax(dim=1).numpy()
        found[name] = np.mean(labels == proba[:60].argmax(axis=1))
    assert found["weights"] > 0.9
    assert found["decoded"] > 0.9
    assert found["none"] < 0.1


def test_weights_determine_the_origin_and_the_conditions(fitted):
    latents, head, _ = fitted
    with torch.no_grad():
        head.condition_weight.copy_(torch.arange(16.0).reshape(4, 4))
    weights = np.random.default_rng(0).uniform(0.1, 1, 50)
    labels = (latents[:, 0] > 0).astype(int)
    proba = np.eye(2, dtype=np.float32)[labels]
    learned = learn_strata(
        head, latents, proba, seed=0, decoded=latents + 1, weights=weights
    )
    expected = np.average(latents, axis=0, weights=weights)
    np.testing.assert_allclose(learned.origin, expected, atol=1e-6)
    with torch.no_grad():
        old = head(torch.from_numpy(latents)).softmax(dim=1) @ head.condition_weight.T
    for label in range(2):
        rows = labels == label
        mean = np.average(old[rows], axis=0, weights=weights[rows])
        found = learned.condition_weight[:, label].detach().numpy()
        np.testing.assert_allclose(found, mean, rtol=1e-5)


@pytest.mark.parametrize("temperature", [0.002, 0.1, 1.0])
def test_gradient_is_that_of_automatic_differentiation(temperature):
    rng = np.random.default_rng(0)
    # The lengths of the prototypes differ, as they do in training.
    prototypes = torch.from_numpy(rng.normal(size=(3, 4, 5)) * rng.uniform(0.5, 2))
    head = PrototypeHead(prototypes, torch.zeros(5).double(), temperature)
    with torch.no_grad():
        head.prototypes.mul_(torch.from_numpy(rng.uniform(0.5, 2, (3, 4, 1))))
    latents = torch.from_numpy(rng.normal(size=(20, 5)))
    latents[0] = 0  # the origin has no direction
    targets = torch.from_numpy(rng.dirichlet(np.full(3, 0.1), size=20))
    targets[1] *= 0.3  # targets need not sum to one
    F.cross_entropy(head(latents), targets).backward()
    directions = F.normalize(latents, dim=1)
    found = cross_entropy_gradient(head, directions, targets)
    torch.testing.assert_close(found, head.prototypes.grad)
    assert found.abs().max() > 0.001


def test_gradient_of_prototypes_of_zero_length_is_finite():
    prototypes = torch.tensor([[[0.0, 0.0], [1.0, 0.0]], [[0.0, 1.0], [2.0, 1.0]]])
    head = PrototypeHead(prototypes, torch.zeros(2), 0.002)
    directions = F.normalize(torch.tensor([[1.0, 2.0], [3.0, -1.0], [-1.0, -2.0]]))
    targets = torch.eye(2)[[0, 1, 1]]
    F.cross_entropy(head(directions), targets).backward()
    found = cross_entropy_gradient(head, directions, targets)
    torch.testing.assert_close(found, head.prototypes.grad)


def test_a_stratum_of_opposite_members_gets_finite_prototypes():
    latents = np.array([[-3], [-1], [1], [3]], np.float32)
    proba = np.eye(3, dtype=np.float32)[[0, 1, 1, 2]]
    head = PrototypeHead(torch.ones(3, 1, 1), torch.zeros(1), 0.1)
    learned = learn_strata(head, latents, proba, seed=0)
    assert torch.isfinite(learned.prototypes).all()
    labels = learned(torch.from_numpy(latents)).argmax(dim=1)
    assert labels[0] != labels[3]
