import numpy as np
import pytest
import torch
from kornia.augmentation import RandomAffine

from contrastive_clustering._augmentation import (
    CallableAugmentation,
    GreyImageAugmentation,
    RGBImageAugmentation,
    TableAugmentation,
    resolve_augmentation,
)
from contrastive_clustering._random import make_generator


@pytest.fixture
def batch():
    return torch.from_numpy(
        np.random.default_rng(0).normal(size=(16, 3, 12, 12)).astype(np.float32)
    )


@pytest.mark.parametrize(
    ("preset", "shape"),
    [
        (GreyImageAugmentation(), (16, 1, 12, 9)),
        (GreyImageAugmentation(), (16, 1, 8, 10, 9)),
        (RGBImageAugmentation(), (16, 3, 12, 9)),
        (RGBImageAugmentation(), (16, 3, 8, 9, 10)),
        (TableAugmentation(), (16, 5)),
        (CallableAugmentation(lambda x: x + torch.randn_like(x)), (16, 1, 8, 8)),
        (CallableAugmentation(RandomAffine(10.0)), (16, 1, 8, 8)),
    ],
)
def test_same_seed_same_views(preset, shape):
    batch = torch.randn(shape, generator=make_generator(0))
    kept = batch.clone()
    generators = [make_generator(1), make_generator(1)]
    first, second = (preset(batch, generator) for generator in generators)
    torch.testing.assert_close(first, second, rtol=0, atol=0)
    assert first.shape == batch.shape
    assert not torch.equal(first, preset(batch, generators[0]))  # the next view differs
    assert torch.equal(batch, kept)


def test_each_sample_gets_its_own_view():
    batch = torch.randn(1, 1, 12, 12, generator=make_generator(0)).expand(8, -1, -1, -1)
    view = GreyImageAugmentation()(batch, make_generator(1))
    assert all(not torch.equal(view[0], other) for other in view[1:])


def test_grey_preset_never_flips():
    # A bright left side stays left of the middle, whatever is drawn.
    batch = torch.zeros(200, 1, 16, 16)
    batch[..., :6] = 4.0
    view = GreyImageAugmentation()(batch, make_generator(0))
    assert (view[..., :8].mean((1, 2, 3)) > view[..., 8:].mean((1, 2, 3))).all()


def test_auto_follows_the_samples():
    assert resolve_augmentation("auto", "grey") == GreyImageAugmentation()
    assert resolve_augmentation("auto", "rgb") == RGBImageAugmentation()
    assert resolve_augmentation("auto", "table") == TableAugmentation()
    assert resolve_augmentation(None, "grey") is None
    mild = GreyImageAugmentation(degrees=1.0)
    assert resolve_augmentation(mild, "grey") is mild


@pytest.mark.parametrize(("name", "kind"), [("grey", "table"), ("table", "rgb")])
def test_preset_for_other_samples_is_an_error(name, kind):
    with pytest.raises(ValueError, match=f"augmentation='{name}' does not suit"):
        resolve_augmentation(name, kind)


@pytest.mark.parametrize("function", [lambda x: x[:1], lambda x: x.numpy()])
def test_callable_that_returns_no_view_is_an_error(function, batch):
    with pytest.raises(ValueError, match="must return a tensor of the batch's shape"):
        CallableAugmentation(function)(batch, make_generator(0))
