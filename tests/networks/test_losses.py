import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from contrastive_clustering._networks.losses import (
    decorrelation,
    kl_divergence,
    nt_xent,
    sharpen,
)


def slow_nt_xent(views_a, views_b, temperature):
    """Equation 1 of SimCLR, one pair at a time, in float64."""
    views = np.concatenate([views_a, views_b]).astype(np.float64)
    n_samples = len(views_a)

    def similarity(i, j):
        norms = np.linalg.norm(views[i]) * np.linalg.norm(views[j])
        return float(views[i] @ views[j] / norms)

    losses = []
    for i in range(2 * n_samples):
        twin = (i + n_samples) % (2 * n_samples)
        positive = math.exp(similarity(i, twin) / temperature)
        total = 0.0
        for k in range(2 * n_samples):
            if k != i:
                total += math.exp(similarity(i, k) / temperature)
        losses.append(-math.log(positive / total))
    return sum(losses) / len(losses)


@settings(max_examples=40)
@given(
    n_samples=st.integers(1, 9),
    n_projections=st.integers(2, 6),
    temperature=st.floats(0.05, 5.0),
    seed=st.integers(0, 2**32 - 1),
)
def test_nt_xent_matches_the_equation(n_samples, n_projections, temperature, seed):
    rng = np.random.default_rng(seed)
    a, b = rng.normal(size=(2, n_samples, n_projections)).astype(np.float32)
    loss = nt_xent(torch.from_numpy(a), torch.from_numpy(b), temperature)
    assert float(loss) == pytest.approx(slow_nt_xent(a, b, temperature), abs=2e-4)


def test_nt_xent_has_the_gradient_of_the_equation():
    torch.manual_seed(0)
    a, b = torch.randn(2, 5, 3, dtype=torch.float64, requires_grad=True).unbind()
    assert torch.autograd.gradcheck(lambda x, y: nt_xent(x, y, 0.3), (a, b))


def test_nt_xent_is_stable_in_float32_at_low_temperatures():
    views = torch.eye(4, requires_grad=True)
    loss = nt_xent(1e6 * views, 1e6 * views, temperature=1e-4)
    loss.backward()
    assert loss.item() == pytest.approx(0.0, abs=1e-6)
    assert torch.isfinite(views.grad).all()


def test_nt_xent_of_zero_projections_is_finite():
    zeros = torch.zeros(3, 4, requires_grad=True)
    loss = nt_xent(zeros, zeros)
    loss.backward()
    assert loss.item() == pytest.approx(math.log(5))
    assert torch.isfinite(zeros.grad).all()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_nt_xent_computes_half_precision_in_float32(dtype):
    torch.manual_seed(0)
    a, b = torch.randn(2, 6, 4).to(dtype)
    assert nt_xent(a, b).dtype == torch.float32
    assert nt_xent(a, b) == nt_xent(a.float(), b.float())


@settings(max_examples=40)
@given(
    n=st.integers(2, 9), latent_dim=st.integers(1, 6), seed=st.integers(0, 2**32 - 1)
)
def test_decorrelation_is_the_sum_of_squared_correlations(n, latent_dim, seed):
    latents = np.random.default_rng(seed).normal(size=(n, latent_dim))
    expected = 0.0
    for d in range(latent_dim):
        for e in range(latent_dim):
            if d != e:
                expected += np.corrcoef(latents[:, d], latents[:, e])[0, 1] ** 2
    loss = decorrelation(torch.from_numpy(latents))
    assert float(loss) == pytest.approx(expected / latent_dim, abs=1e-9)


def test_decorrelation_depends_neither_on_units_nor_on_offsets():
    latents = torch.randn(20, 3, dtype=torch.float64)
    moved = latents * torch.tensor([1e-3, 1.0, 1e3]) + torch.tensor([5.0, 0.0, -9.0])
    torch.testing.assert_close(decorrelation(moved), decorrelation(latents))


def test_decorrelation_has_the_gradient_of_the_equation():
    torch.manual_seed(0)
    latents = torch.randn(7, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(decorrelation, (latents,))


@pytest.mark.parametrize(
    "latents",
    [
        torch.ones(1, 4),
        torch.ones(5, 4),
        torch.column_stack([torch.ones(5), torch.arange(5)]),
        torch.randn(5, 1),
    ],
    ids=["one sample", "constant", "one constant", "one latent"],
)
def test_constant_latents_have_no_correlations(latents):
    latents = latents.clone().requires_grad_()
    loss = decorrelation(latents)
    loss.backward()
    assert float(loss.detach()) == 0
    assert torch.isfinite(latents.grad).all()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_decorrelation_computes_half_precision_in_float32(dtype):
    torch.manual_seed(0)
    latents = torch.randn(6, 4).to(dtype)
    assert decorrelation(latents).dtype == torch.float32
    assert decorrelation(latents) == decorrelation(latents.float())


def test_decorrelation_is_not_computed_in_the_precision_of_autocast():
    latents = torch.randn(6, 4, generator=torch.manual_seed(0))
    expected = decorrelation(latents)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert decorrelation(latents) == expected


def test_rounding_errors_of_constant_latents_are_not_correlations():
    """The mean of seven times 0.1 is not 0.1 in float32."""
    latents = torch.full((7, 4), 0.1)
    assert (latents - latents.mean(dim=0)).any()
    assert float(decorrelation(latents)) == pytest.approx(0, abs=1e-3)


def test_divergence_matches_gaussians():
    rng = np.random.default_rng(0)
    mean, log_variance = rng.normal(size=(2, 5, 3))
    slow = 0.0
    for m, v in zip(mean.ravel(), log_variance.ravel(), strict=True):
        mine = torch.distributions.Normal(torch.tensor(m), math.exp(v / 2))
        slow += float(
            torch.distributions.kl_divergence(
                mine, torch.distributions.Normal(0.0, 1.0)
            )
        )
    loss = kl_divergence(torch.from_numpy(mean), torch.from_numpy(log_variance))
    assert float(loss) == pytest.approx(slow / 5)


@given(
    proba=st.lists(st.floats(0.01, 1.0), min_size=2, max_size=5),
    power=st.floats(0.5, 4.0),
)
def test_sharpening_is_a_normalized_power(proba, power):
    row = np.array(proba) / sum(proba)
    expected = [p**power / sum(q**power for q in row) for p in row]
    target = sharpen(torch.tensor(row)[None], power)[0]
    np.testing.assert_allclose(target, expected, rtol=1e-6)


@pytest.mark.parametrize("power", [30.0, 200.0, 1e6])
def test_high_powers_leave_the_largest_assignments(power):
    """All powers underflow in float32."""
    proba = torch.tensor([[0.3, 0.15, 0.25, 0.3], [0.25, 0.25, 0.25, 0.25]])
    logs = power * torch.log(proba.double())
    expected = torch.softmax(logs, dim=1)
    np.testing.assert_allclose(sharpen(proba, power), expected, atol=1e-5)


def test_usual_powers_are_divided_by_their_sum_bit_by_bit():
    proba = torch.rand(50, 10, generator=torch.manual_seed(0))
    proba = proba / proba.sum(dim=1, keepdim=True)
    expected = proba**2 / (proba**2).sum(dim=1, keepdim=True)
    np.testing.assert_array_equal(sharpen(proba, 2.0), expected)


def slow_nt_xent_of_negatives(views_a, views_b, groups, nuisance):
    """Equation 1 of SimCLR at temperature 1, with the negatives picked one by one."""
    views = np.concatenate([views_a, views_b]).astype(np.float64)
    views /= np.linalg.norm(views, axis=1, keepdims=True)
    n_samples = len(views_a)
    losses = []
    for i in range(2 * n_samples):
        twin = (i + n_samples) % (2 * n_samples)
        total = positive = math.exp(views[i] @ views[twin])
        for k in range(2 * n_samples):
            sample, other = i % n_samples, k % n_samples
            if sample == other or groups[sample] == groups[other]:
                continue
            if nuisance[sample] == nuisance[other]:
                total += math.exp(views[i] @ views[k])
        losses.append(-math.log(positive / total))
    return np.mean(losses)


@settings(max_examples=40)
@given(
    codes=st.lists(
        st.tuples(st.integers(0, 3), st.integers(0, 1)), min_size=1, max_size=9
    ),
    seed=st.integers(0, 2**32 - 1),
)
def test_nt_xent_leaves_out_the_same_group_and_other_nuisances(codes, seed):
    groups, nuisance = np.array(codes).T
    a, b = np.random.default_rng(seed).normal(size=(2, len(codes), 5))
    loss = nt_xent(
        torch.from_numpy(a),
        torch.from_numpy(b),
        1.0,
        groups=torch.from_numpy(groups),
        nuisance=torch.from_numpy(nuisance),
    )
    expected = slow_nt_xent_of_negatives(a, b, groups, nuisance)
    assert float(loss) == pytest.approx(expected, abs=1e-10)


def test_nt_xent_of_different_groups_and_one_nuisance_is_unchanged():
    a, b = torch.from_numpy(np.random.default_rng(0).normal(size=(2, 6, 4)))
    loss = nt_xent(a, b, groups=torch.arange(6), nuisance=torch.zeros(6).long())
    assert loss == nt_xent(a, b)


def test_samples_without_negatives_have_no_gradient():
    a, b = (torch.randn(4, 3, requires_grad=True) for _ in range(2))
    loss = nt_xent(a, b, groups=torch.zeros(4).long())
    loss.backward()
    assert float(loss.detach()) == 0
    assert not a.grad.any()


def test_groups_and_nuisances_leave_out_negatives_without_each_other():
    a, b = np.random.default_rng(0).normal(size=(2, 6, 5))
    codes, same, different = np.array([0, 0, 1, 1, 1, 2]), np.zeros(6), np.arange(6)
    for name, expected in (
        ("groups", slow_nt_xent_of_negatives(a, b, codes, same)),
        ("nuisance", slow_nt_xent_of_negatives(a, b, different, codes)),
    ):
        views = torch.from_numpy(a), torch.from_numpy(b)
        loss = nt_xent(*views, 1.0, **{name: torch.from_numpy(codes)})
        assert float(loss) == pytest.approx(expected, abs=1e-10), name


@pytest.mark.parametrize("codes", [torch.zeros(3), torch.zeros(2).long(), [0, 1, 2]])
@pytest.mark.parametrize("name", ["groups", "nuisance"])
def test_codes_are_integers_one_a_sample(name, codes):
    with pytest.raises(ValueError, match=f"{name}=.* one integer for each of the 3"):
        nt_xent(torch.ones(3, 2), torch.ones(3, 2), **{name: codes})
