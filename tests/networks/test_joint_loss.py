import torch

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


def test_divergence_is_weighted_and_scaled():
    views = torch.zeros(4, 1, 8, 8)
    output = AutoencoderOutput(
        torch.ones(4, 2), torch.ones(4, 3), views, torch.zeros(4, 2)
    )
    criterion = JointLoss(
        kl_weight=0.5, contrastive_weight=0.0, decorrelation_weight=0.0
    )
    criterion.kl_scale = 0.5
    terms = criterion(output, views)
    assert not {"contrastive_loss", "decorrelation_loss"} & terms.keys()
    assert terms["kl_loss"] == 1.0
    assert terms["loss"] == 0.25
