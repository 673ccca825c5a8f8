import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from contrastive_clustering._networks.autoencoder import (
    ContrastiveAutoencoder,
    PrototypeHead,
)


def make(sample_shape, latent_dim=5, **others):
    return ContrastiveAutoencoder(
        sample_shape, [0.0], [1.0], latent_dim=latent_dim, **others
    )


@settings(max_examples=25)
@given(
    sides=st.lists(st.integers(8, 40), min_size=2, max_size=3),
    n_channels=st.sampled_from([1, 3, 4]),
)
def test_network_adapts_to_any_side(sides, n_channels):
    shape = (n_channels, *sides)
    output = make(shape)(torch.zeros(2, *shape))
    assert output.latent.shape == (2, 5)
    assert output.projection.shape == (2, 64)
    assert output.reconstruction.shape == (2, *shape)


@pytest.mark.parametrize("side", [127, 128, 255, 256])
def test_large_sides(side):
    output = make((1, side, side))(torch.zeros(2, 1, side, side))
    assert output.reconstruction.shape == (2, 1, side, side)


@pytest.mark.parametrize("n_features", [1, 2, 300])
def test_tables_get_a_dense_network(n_features):
    output = make((n_features,))(torch.zeros(4, n_features))
    assert output.latent.shape == (4, 5)
    assert output.reconstruction.shape == (4, n_features)


def test_all_parameters_get_gradients():
    module = make((1, 9, 8))
    output = module(torch.randn(8, 1, 9, 8))
    (
        output.projection.square().mean() + output.reconstruction.square().mean()
    ).backward()
    assert all(
        p.grad is not None and p.grad.abs().sum() > 0 for p in module.parameters()
    )


def test_changes_are_predicted_from_both_views():
    module = make((1, 9, 8), n_changes=3).eval()
    batch = torch.randn(8, 1, 9, 8)
    output = module(batch)
    assert output.changes.shape == (4, 3)
    other = torch.cat([batch[:7], batch[:1]])  # only the last second view differs
    changed = (module(other).changes != output.changes).any(dim=1)
    assert changed.tolist() == [False, False, False, True]
    assert make((1, 9, 8))(batch).changes is None


def test_variational_autoencoder_uses_the_given_noise():
    torch.manual_seed(0)
    module = ContrastiveAutoencoder(
        (1, 8, 8), [0.0], [1.0], latent_dim=5, variational=True
    ).eval()
    batch = torch.randn(3, 1, 8, 8)
    mean, log_variance = module.encode(batch)
    assert mean.shape == log_variance.shape == (3, 5)
    torch.testing.assert_close(module(batch).latent, mean)
    torch.testing.assert_close(module(batch).reconstruction, module.decode(mean))
    state = torch.get_rng_state()
    noise = torch.randn(3, 5, generator=torch.Generator().manual_seed(0))
    drawn = module(batch, noise)
    torch.testing.assert_close(drawn.latent, mean)
    expected = module.decode(mean + torch.exp(log_variance / 2) * noise)
    torch.testing.assert_close(drawn.reconstruction, expected)
    assert torch.equal(torch.get_rng_state(), state)


def test_log_variances_are_clamped():
    module = ContrastiveAutoencoder((3,), [0.0], [1.0], latent_dim=2, variational=True)
    with torch.no_grad():
        module.encoder[-1].bias.fill_(1e6)
    _, log_variance = module.encode(torch.randn(4, 3))
    assert torch.isfinite(log_variance.exp()).all()


def test_conditioning_is_initially_zero():
    head = PrototypeHead(torch.eye(3)[:, None], torch.zeros(3), 0.1)
    latent = torch.randn(4, 3)
    assert torch.equal(head.condition(latent, head(latent)), latent)
    assert head(latent).softmax(dim=1).argmax(dim=1).equal(latent.argmax(dim=1))
