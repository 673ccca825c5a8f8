import pickle

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score

from contrastive_clustering import (
    ContrastiveAutoencoderClusterer,
    PrototypeRefinement,
    SelfTrainingRefinement,
)
from contrastive_clustering._clustering.latent_clustering import fit_clustering
from contrastive_clustering._networks.autoencoder import PrototypeHead
from contrastive_clustering._refinement.net import RefinementNet
from contrastive_clustering._refinement.resolve import REFINEMENTS
from contrastive_clustering._training.net import ContrastiveNet
from contrastive_clustering.metrics import clustering_accuracy

DEFAULT = ContrastiveAutoencoderClusterer().refinement


@pytest.mark.parametrize(
    "refinement",
    [
        pytest.param(name, marks=[] if name == DEFAULT else [pytest.mark.slow])
        for name in REFINEMENTS
    ],
)
def test_refined_strata_match_digits(digits, refinement):
    images, y = digits[0][:1000], digits[1][:1000]
    clusterer = ContrastiveAutoencoderClusterer(
        10, max_epochs=8, refinement=refinement, refinement_epochs=4, random_state=0
    ).fit(images)
    assert clustering_accuracy(y, clusterer.labels_) > 0.65
    np.testing.assert_array_equal(clusterer.predict(images), clusterer.labels_)
    proba = clusterer.predict_proba(images)
    np.testing.assert_array_equal(proba.argmax(axis=1), clusterer.labels_)
    assert len(clusterer.history_) == 12
    assert ("train_contrastive_loss" in clusterer.history_[-1]) == (
        refinement != "prototypes"
    )
    assert ("train_assignment_loss" in clusterer.history_[-1]) == (
        refinement != "prototypes"
    )


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*not look like the images")  # they are shifted
def test_self_training_makes_assignments_more_confident_and_consistent(digits):
    images, _ = digits
    shifted = np.roll(images, 1, axis=2)  # most digits have a margin
    results = {}
    for n_epochs in (1, 8):
        clusterer = ContrastiveAutoencoderClusterer(
            10, max_epochs=8, refinement_epochs=n_epochs, random_state=0
        ).fit(images)
        confidence = clusterer.predict_proba(images).max(axis=1).mean()
        consistency = np.mean(clusterer.predict(shifted) == clusterer.labels_)
        results[n_epochs] = confidence, consistency
    assert results[8][0] > results[1][0]
    assert results[8][1] > results[1][1]


def test_without_a_second_phase_strata_are_those_of_the_clusterer(tiny_images, fast):
    clusterer = ContrastiveAutoencoderClusterer(**{**fast, "refinement_epochs": 0})
    clusterer.fit(tiny_images)
    assert clusterer.net_.module_.prototype_head is None
    assert len(clusterer.history_) == 2
    clusterer.set_params(refinement_epochs=3).fit(tiny_images)
    assert clusterer.net_.module_.prototype_head is not None
    assert len(clusterer.history_) == 5


def test_final_weights_lie_between_those_of_both_phases(tiny_images, fast):
    def learned(**params):
        clusterer = ContrastiveAutoencoderClusterer(**{**fast, **params})
        values = clusterer.fit(tiny_images).net_.module_.state_dict()
        return {
            name: value
            for name, value in values.items()
            if value.is_floating_point() and not name.startswith("prototype_head.")
        }

    before = learned(refinement_epochs=0)
    after = learned(refinement=SelfTrainingRefinement(weight_interpolation=1.0))
    between = learned(refinement=SelfTrainingRefinement(weight_interpolation=0.25))
    default = learned()
    assert not torch.equal(before["encoder.0.weight"], after["encoder.0.weight"])
    assert "encoder.1.running_var" in before
    for name, value in between.items():
        change = after[name] - before[name]
        torch.testing.assert_close(value, before[name] + 0.25 * change)
        torch.testing.assert_close(default[name], (before[name] + after[name]) / 2)


def test_interpolation_keeps_unchanged_infinite_values():
    net = make_net(SelfTrainingRefinement(), torch.full((4, 2), 0.5))
    net.module_.register_buffer("mask", torch.tensor([0.0, -torch.inf]))
    net.module_.register_buffer("steps", torch.tensor(3))
    head = net.module_.prototype_head
    net.start = {
        "mask": net.module_.mask.clone(),
        "prototype_head.prototypes": torch.zeros(2, 1, 2),
        "prototype_head.condition_weight": torch.full((2, 2), -4.0),
        "prototype_head.origin": torch.ones(2),
    }
    net._interpolate_weights(0.5)
    assert net.module_.mask.tolist() == [0.0, -torch.inf]
    assert net.module_.steps == 3
    assert head.prototypes[:, 0].tolist() == [[0.5, 0.0], [0.0, 0.5]]
    assert head.condition_weight.tolist() == [[-2.0, -2.0]] * 2
    assert head.origin.tolist() == [0.5, 0.5]


def test_prototype_refinement_does_not_interpolate_weights(
    tiny_images, fast, monkeypatch
):
    monkeypatch.delattr(RefinementNet, "_interpolate_weights")
    clusterer = ContrastiveAutoencoderClusterer(**fast)
    clusterer.set_params(refinement="prototypes").fit(tiny_images)
    with pytest.raises(AttributeError, match="_interpolate_weights"):
        clusterer.set_params(refinement="neighbors").fit(tiny_images)


def test_the_second_phase_runs_without_the_first(tiny_images, fast):
    clusterer = ContrastiveAutoencoderClusterer(**{**fast, "max_epochs": 0})
    assert len(clusterer.fit(tiny_images).history_) == 1
    clusterer.set_params(refinement_epochs=0).fit(tiny_images)
    assert len(clusterer.history_) == 0


def test_decoder_is_conditioned_on_the_assignment(digits):
    images = digits[0][:500]
    clusterer = ContrastiveAutoencoderClusterer(
        10, max_epochs=5, refinement_epochs=5, random_state=0
    ).fit(images)
    module = clusterer.net_.module_
    assert module.prototype_head.condition_weight.abs().max() > 0
    latents = torch.from_numpy(clusterer.transform(images[:20]))
    with torch.no_grad():
        own = module.decode(latents)
        logits = module.prototype_head(latents)
        other = module.decode(latents, logits.roll(1, dims=1))
    assert not torch.allclose(own, other, atol=1e-3)


def make_net(refinement, memberships, neighbors=None):
    """Return a net whose module has only two prototypes in two dimensions."""
    net = RefinementNet.__new__(RefinementNet)
    net.refinement, net.neighbors = refinement, neighbors
    net.memberships = memberships
    # From the second of four epochs on, predictions enter the stored assignments.
    net.history, net._first_epoch, net.max_epochs = [{}, {}], 0, 4
    net.module_ = torch.nn.Module()
    net.module_.prototype_head = PrototypeHead(
        torch.eye(2)[:, None], torch.zeros(2), 0.5
    )
    return net


def output_of(net, latent):
    class Output:
        pass

    output = Output()
    output.latent, output.logits = latent, net.module_.prototype_head(latent)
    return output


def test_stored_assignments_average_both_views():
    memberships = torch.tensor([[0.5, 0.5], [1.0, 0.0], [0.2, 0.8]])
    net = make_net(SelfTrainingRefinement(target_momentum=0.7), memberships.clone())
    output = output_of(
        net, torch.randn(4, 2, generator=torch.Generator().manual_seed(0))
    )
    net._update(torch.tensor([2, 0]), output)
    proba = F.softmax(output.logits, dim=1)
    for position, index in enumerate((2, 0)):
        predicted = (proba[position] + proba[position + 2]) / 2
        expected = 0.7 * memberships[index] + 0.3 * predicted
        torch.testing.assert_close(net.memberships[index], expected)
    torch.testing.assert_close(net.memberships[1], memberships[1])


def test_stored_assignments_are_kept_in_the_first_epochs():
    memberships = torch.tensor([[0.5, 0.5], [1.0, 0.0]])
    net = make_net(SelfTrainingRefinement(), memberships.clone())
    net.history = [{}]
    net._update(torch.arange(2), output_of(net, torch.randn(4, 2)))
    assert torch.equal(net.memberships, memberships)


def test_stored_assignments_are_averaged_over_neighbors():
    memberships = torch.tensor([[0.8, 0.2], [0.6, 0.4], [0.1, 0.9]])
    alone = make_net(SelfTrainingRefinement(), memberships)
    torch.testing.assert_close(alone._stored(torch.tensor([0])), memberships[:1])
    neighbors = torch.tensor([[0, 1], [1, 0], [2, 1]])
    shared = make_net(SelfTrainingRefinement(), memberships, neighbors)
    torch.testing.assert_close(
        shared._stored(torch.tensor([0, 2])),
        torch.tensor([[0.7, 0.3], [0.35, 0.65]]),
    )


def test_terms_of_a_refinement_use_the_updated_targets_and_add_to_the_loss(monkeypatch):
    refinement = SelfTrainingRefinement(target_momentum=0.0, sharpening=1.0)
    net = make_net(refinement, torch.eye(2))
    seen = []

    def joint_terms(self, *args):
        seen.append(args[-1])
        return {"loss": torch.tensor(2.0)}

    monkeypatch.setattr(ContrastiveNet, "loss_terms", joint_terms)
    output = output_of(
        net, torch.randn(4, 2, generator=torch.Generator().manual_seed(0))
    )
    changes = torch.ones(2, 1)
    terms = net.loss_terms(output, torch.arange(2), None, True, changes)
    first, second = output.logits.softmax(dim=1).chunk(2)
    targets = (first + second) / 2
    expected = F.cross_entropy(output.logits, targets.repeat(2, 1))
    torch.testing.assert_close(net.memberships, targets)
    torch.testing.assert_close(terms["assignment_loss"], expected)
    torch.testing.assert_close(terms["loss"], 2 + expected)
    assert seen[0] is changes


@pytest.mark.parametrize("momentum", [0.0, 0.8])
def test_prototypes_follow_the_mean_direction_of_their_members(momentum):
    net = make_net(PrototypeRefinement(momentum=momentum), torch.full((4, 2), 0.5))
    head = net.module_.prototype_head
    head.origin.copy_(torch.tensor([1.0, 5.0]))
    offset = torch.tensor([[2.0, 0.2], [3.0, -0.1], [5.0, 1.0], [1.0, 0.3]])
    net._update(torch.arange(2), output_of(net, offset + head.origin))
    units = [row / row.norm() for row in offset]
    mean = sum(units) / 4
    moved = momentum * torch.tensor([1.0, 0.0]) + (1 - momentum) * mean / mean.norm()
    torch.testing.assert_close(head.prototypes[0, 0], moved / moved.norm())
    # The second prototype has no members, so it does not move.
    torch.testing.assert_close(head.prototypes[1, 0], torch.tensor([0.0, 1.0]))


def test_refined_estimators_can_be_pickled_and_trained_further(tiny_images, fast):
    clusterer = ContrastiveAutoencoderClusterer(**fast).fit(tiny_images)
    loaded = pickle.loads(pickle.dumps(clusterer))
    np.testing.assert_array_equal(
        loaded.predict_proba(tiny_images), clusterer.predict_proba(tiny_images)
    )
    loaded.set_params(warm_start=True).fit(tiny_images)
    assert len(loaded.history_) == 6
    loaded.partial_fit(tiny_images)
    assert len(loaded.history_) == 7
    assert loaded.net_.module_.prototype_head is None


class CountingKMeans(KMeans):
    n_fits = 0

    def fit_predict(self, X, y=None):
        CountingKMeans.n_fits += 1
        return super().fit_predict(X)


@pytest.mark.parametrize(
    ("refinement", "n_epochs", "n_fits"),
    [
        ("self_training", 1, 2),
        ("neighbors", 1, 2),
        ("prototypes", 1, 1),
        ("self_training", 0, 1),
    ],
)
def test_self_training_clusters_the_final_latents(
    tiny_images, fast, refinement, n_epochs, n_fits
):
    CountingKMeans.n_fits = 0
    parameters = {
        **fast,
        "clusterer": CountingKMeans(),
        "refinement": refinement,
        "refinement_epochs": n_epochs,
    }
    clusterer = ContrastiveAutoencoderClusterer(**parameters).fit(tiny_images)
    assert CountingKMeans.n_fits == n_fits
    np.testing.assert_array_equal(clusterer.predict(tiny_images), clusterer.labels_)


@pytest.mark.slow
def test_refined_strata_nearly_match_a_new_clustering(digits):
    images = digits[0][:1000]
    clusterer = ContrastiveAutoencoderClusterer(
        10, max_epochs=5, refinement_epochs=2, random_state=0
    ).fit(images)
    clustering = fit_clustering(
        clusterer.transform(images),
        10,
        "consensus",
        whiten=False,
        normalize=False,
        seed=clusterer.net_.seed,
    )
    assert adjusted_rand_score(clustering.labels, clusterer.labels_) > 0.9
