import torch

from contrastive_clustering._augmentation.draws import note, per_sample, uniform
from contrastive_clustering._utils.seeding import make_generator


def test_draws_fill_their_range():
    draws = uniform(10_000, -3, 5, make_generator(0))
    assert draws.min() >= -3
    assert draws.max() < 5
    torch.testing.assert_close(draws.mean(), torch.tensor(1.0), atol=0.1, rtol=0)
    assert torch.equal(draws, uniform(10_000, -3, 5, make_generator(0)))
    assert not torch.equal(draws, uniform(10_000, -3, 5, make_generator(1)))


def test_only_draws_with_an_effect_are_noted():
    changes = [torch.zeros(2)]
    note(changes, (0.5, torch.ones(2)), (0.0, -torch.ones(2)))
    assert [change.tolist() for change in changes] == [[0, 0], [1, 1]]
    note(None, (0.5, torch.ones(2)))


def test_values_of_samples_are_broadcast():
    batch = torch.zeros(3, 2, 4, 5)
    assert (batch + per_sample(torch.arange(3.0), batch))[:, 1, 2, 3].tolist() == [
        0,
        1,
        2,
    ]
