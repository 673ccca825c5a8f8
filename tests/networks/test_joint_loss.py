import torch

from contrastive_clustering._networks import joint_loss
from contrastive_clustering._networks.autoencoder import AutoencoderOutput
from contrastive_clustering._networks.joint_loss import LOSS_TITLES, JointLoss
from contrastive_clustering._networks.losses import decorrelation, nt_xent


def test_joint_loss_names_and_weights_its_terms():
    torch.manual_seed(0)
    views = torch.randn(6, 1, 8, 8)
    output = AutoencoderOutput(
        torch.randn(6, 4), torch.randn(6, 5), torch.randn(6, 1, 8, 8)
    )
    criterion = JointLoss(
        temperature=0.7, reconstruction_weight=0.25, decorrelation_weight=0.5
    )
    terms = criterion(output, views)
    contrastive = nt_xent(output.projection[:3], output.projection[3:], 0.7)
    of_views = [decorrelation(latents) for latents in output.latent.chunk(2)]
    decorrelated = sum(of_views) / 2
    first = (output.reconstruction[:3] - views[:3]).square().mean()
    second = (output.reconstruction[3:] - views[3:]).square().mean()
    torch.testing.assert_close(terms["contrastive_loss"], contrastive)
    torch.testing.assert_close(terms["reconstruction_loss"], first + second)
    torch.testing.assert_close(terms["decorrelation_loss"], decorrelated)
    torch.testing.assert_close(
        terms["loss"], contrastive + 0.25 * (first + second) + 0.5 * decorrelated
    )


def test_each_term_has_a_title():
    torch.manual_seed(0)
    views = torch.randn(6, 1, 8, 8)
    output = AutoencoderOutput(
        torch.randn(6, 4), torch.randn(6, 5), torch.randn(6, 1, 8, 8), torch.zeros(6, 4)
    )
    terms = JointLoss(kl_weight=0.5)(output, views)
    assert {"loss", "kl_loss"} < terms.keys() <= LOSS_TITLES.keys()


def test_changes_are_predicted_only_if_they_are_known():
    torch.manual_seed(0)
    views = torch.zeros(6, 1, 8, 8)
    predicted, changes = torch.randn(3, 2), torch.randn(3, 2)
    output = AutoencoderOutput(
        torch.randn(6, 4), torch.randn(6, 5), views, changes=predicted
    )
    criterion = JointLoss(change_weight=0.5)
    terms = criterion(output, views, changes=changes)
    error = (predicted - changes).square().mean()
    torch.testing.assert_close(terms["change_loss"], error)
    without = criterion(output, views)
    assert "change_loss" not in without
    torch.testing.assert_close(terms["loss"], without["loss"] + 0.5 * error)
    assert "change_loss" not in JointLoss()(output, views, changes=changes)
    assert terms.keys() <= LOSS_TITLES.keys()


def test_negatives_depend_on_groups_and_nuisances():
    torch.manual_seed(0)
    views, projections = torch.zeros(8, 1, 8, 8), torch.randn(8, 5)
    output = AutoencoderOutput(torch.randn(8, 4), projections, views)
    codes = {
        "groups": torch.tensor([0, 0, 1, 2]),
        "nuisance": torch.tensor([0, 1, 1, 1]),
    }
    losses = []
    for name, values in codes.items():
        terms = JointLoss()(output, views, **{name: values})
        losses.append(terms["contrastive_loss"])
        expected = nt_xent(*projections.chunk(2), **{name: values})
        torch.testing.assert_close(losses[-1], expected, msg=name)
    assert losses[0] != losses[1]


def test_divergence_is_weighted_and_scaled():
    views = torch.zeros(4, 1, 8, 8)
    output = AutoencoderOutput(
        2 * torch.ones(4, 2), torch.ones(4, 3), views, torch.zeros(4, 2)
    )
    criterion = JointLoss(
        kl_weight=0.5, contrastive_weight=0.0, decorrelation_weight=0.0
    )
    criterion.kl_scale = 0.5
    terms = criterion(output, views)
    assert not {"contrastive_loss", "decorrelation_loss"} & terms.keys()
    assert terms["kl_loss"] == 4.0  # two latents, each half the square of 2
    assert terms["loss"] == 1.0


def test_the_divergence_counts_in_full_unless_it_is_scaled():
    views = torch.zeros(4, 1, 8, 8)
    output = AutoencoderOutput(
        2 * torch.ones(4, 2), torch.ones(4, 3), views + 1, torch.zeros(4, 2)
    )
    terms = JointLoss(
        kl_weight=0.5, reconstruction_weight=0.25, contrastive_weight=0.0
    )(output, views)
    assert terms["reconstruction_loss"] == 2.0
    assert terms["loss"] == 0.25 * 2.0 + 0.5 * 4.0  # constant latents are uncorrelated


def test_parts_of_a_batch_contribute_by_their_numbers_of_samples():
    """As in processes that share a batch; those of 1 and 4 of 5 samples."""
    torch.manual_seed(0)
    criterion = JointLoss(
        kl_weight=0.5,
        change_weight=0.25,
        contrastive_weight=0.0,  # these two compare samples
        decorrelation_weight=0.0,
    )
    samples = [torch.randn(2, 5, *shape) for shape in [(4,), (5,), (1, 8, 8), (4,)]]
    targets, changes, predicted = (
        torch.randn(2, 5, 1, 8, 8),
        torch.randn(5, 2),
        torch.randn(5, 2),
    )

    def terms(rows, n_samples):
        output = AutoencoderOutput(
            *(values[:, rows].flatten(0, 1) for values in samples),
            changes=predicted[rows],
        )
        return criterion(
            output, targets[:, rows].flatten(0, 1), n_samples, changes=changes[rows]
        )

    whole = terms(slice(None), None)
    parts = [terms(slice(0, 1), 5), terms(slice(1, 5), 5)]
    assert whole.keys() == {"reconstruction_loss", "change_loss", "kl_loss", "loss"}
    for name, value in whole.items():
        torch.testing.assert_close(parts[0][name] + parts[1][name], value)


def test_processes_compare_the_samples_of_the_whole_batch(monkeypatch):
    """The other process has the samples after those of this one."""
    torch.manual_seed(0)
    latents, projections = torch.randn(2, 5, 4), torch.randn(2, 5, 3)
    others = {}
    for rows in (latents, projections):
        for view in rows:
            others[tuple(view[:2].flatten().tolist())] = view[2:]

    def gather(own, n_samples):
        return torch.cat([own, others[tuple(own.flatten().tolist())]])[:n_samples]

    monkeypatch.setattr(joint_loss, "all_gather", gather)
    views = torch.zeros(4, 1, 8, 8)
    output = AutoencoderOutput(
        latents[:, :2].flatten(0, 1), projections[:, :2].flatten(0, 1), views
    )
    found = JointLoss()(output, views, 5)
    torch.testing.assert_close(found["contrastive_loss"], nt_xent(*projections))
    expected = (decorrelation(latents[0]) + decorrelation(latents[1])) / 2
    torch.testing.assert_close(found["decorrelation_loss"], expected)
