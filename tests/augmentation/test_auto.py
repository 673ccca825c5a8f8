import numpy as np
import pytest
import torch
from kornia.augmentation import AugmentationSequential, RandomAffine, RandomErasing
from layouts import LAYOUTS
from world import global_state

from contrastive_clustering import (
    ContrastiveAutoencoderClusterer,
    GrayImageAugmentation,
    RGBImageAugmentation,
    TableAugmentation,
    VolumeAugmentation,
)
from contrastive_clustering._augmentation.auto import (
    CallableAugmentation,
    resolve_augmentation,
)
from contrastive_clustering._utils.seeding import make_generator


@pytest.mark.parametrize(
    ("preset", "shape"),
    [
        (GrayImageAugmentation(), (16, 1, 12, 9)),
        (GrayImageAugmentation(), (16, 1, 8, 10, 9)),
        (GrayImageAugmentation(erase=0.5), (16, 1, 12, 9)),
        (RGBImageAugmentation(), (16, 3, 12, 9)),
        (RGBImageAugmentation(), (16, 3, 8, 9, 10)),
        (VolumeAugmentation(), (16, 2, 8, 10, 9)),
        (TableAugmentation(), (16, 5)),
        (CallableAugmentation(lambda x: x + torch.randn_like(x)), (16, 1, 8, 8)),
        (CallableAugmentation(RandomAffine(10.0)), (16, 1, 8, 8)),
    ],
)
def test_same_seed_gives_same_views(preset, shape):
    batch = torch.randn(shape, generator=make_generator(0))
    kept = batch.clone()
    generators = [make_generator(1), make_generator(1)]
    first, second = (preset(batch, generator) for generator in generators)
    torch.testing.assert_close(first, second, rtol=0, atol=0)
    assert first.shape == batch.shape
    assert not torch.equal(first, preset(batch, generators[0]))  # the next view differs
    assert torch.equal(batch, kept)


def test_auto_erases_only_strokes():
    strokes = resolve_augmentation("auto", LAYOUTS["gray"], has_uniform_background=True)
    assert strokes == GrayImageAugmentation(translate=0.1, erase=0.8)
    named = resolve_augmentation("gray", LAYOUTS["gray"], has_uniform_background=True)
    assert named == GrayImageAugmentation()


def test_auto_follows_the_samples():
    assert resolve_augmentation("auto", LAYOUTS["gray"]) == GrayImageAugmentation()
    assert resolve_augmentation("auto", LAYOUTS["rgb"]) == RGBImageAugmentation()
    assert resolve_augmentation("auto", LAYOUTS["volume"]) == VolumeAugmentation()
    assert resolve_augmentation("auto", LAYOUTS["table"]) == TableAugmentation()
    assert resolve_augmentation(None, LAYOUTS["gray"]) is None
    mild = GrayImageAugmentation(degrees=1.0)
    assert resolve_augmentation(mild, LAYOUTS["gray"]) is mild


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("gray", "table"),
        ("table", "rgb"),
        ("table", "volume"),
        ("volume", "gray"),
        ("volume", "rgb"),
        ("volume", "table"),
    ],
)
def test_preset_for_other_samples_is_an_error(name, kind):
    with pytest.raises(ValueError, match=f"augmentation='{name}' does not suit"):
        resolve_augmentation(name, LAYOUTS[kind])


@pytest.mark.parametrize(
    ("function", "got"),
    [
        (lambda x: x[:1], r"shape \(1, 3, 12, 12\)"),
        (lambda x: x.numpy(), "ndarray"),
        (lambda x: x.double(), r"torch\.float64"),
        (lambda x: (x * 99).byte(), r"torch\.uint8"),
        (lambda x: x.to("meta"), "on meta"),
        (lambda x: None, "NoneType"),
    ],
)
def test_invalid_views_of_a_callable_are_an_error(function, got, batch):
    with pytest.raises(
        ValueError, match=rf"augmentation=.*returned .*{got}.* must return a tensor"
    ):
        CallableAugmentation(function)(batch, make_generator(0))


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_views_that_are_not_finite_are_an_error(value, batch):
    with pytest.raises(ValueError, match=r"augmentation=.*not finite"):
        CallableAugmentation(lambda x: x * value)(batch, make_generator(0))


def test_errors_of_a_callable_get_a_note(batch):
    def fails(x):
        raise KeyError("my own fault")

    with pytest.raises(KeyError, match="my own fault") as caught:
        CallableAugmentation(fails)(batch, make_generator(0))
    (note,) = caught.value.__notes__
    assert "Raised by augmentation=<function" in note
    assert "(16, 3, 12, 12)" in note


def test_a_callable_may_work_in_place(batch):
    kept = batch.clone()
    augmentation = CallableAugmentation(lambda x: x.add_(torch.randn_like(x)))
    first, second = (augmentation(batch, make_generator(seed)) for seed in (1, 2))
    assert torch.equal(batch, kept)
    assert not torch.equal(first, second)


class RandomInvert(torch.nn.Module):
    """Replacement for torchvision's v2 transforms, which cannot be imported here.

    It follows their protocol: a module that is called with a batch, draws parameters
    once from PyTorch's global generator, and passes both to its `transform`.
    """

    def __init__(self, p=0.5):
        super().__init__()
        self.p = p

    def make_params(self, flat_inputs):
        return {"inverts": bool(torch.rand(()) < self.p)}

    def transform(self, inpt, params):
        return -inpt if params["inverts"] else inpt

    def forward(self, *inputs):
        (batch,) = inputs
        return self.transform(batch, self.make_params([batch]))


def test_transforms_of_torchvision_work_on_batches(batch):
    transform = CallableAugmentation(RandomInvert())
    generator = make_generator(0)
    views = [transform(batch, generator) for _ in range(20)]
    assert {torch.equal(view, batch) for view in views} == {True, False}
    generator = make_generator(0)
    again = [transform(batch, generator) for _ in range(20)]
    assert all(map(torch.equal, views, again))


@pytest.mark.parametrize(
    "augmentation",
    [
        lambda x: x + 0.1 * torch.randn_like(x),
        AugmentationSequential(
            RandomAffine(10.0), RandomErasing(p=0.5), data_keys=["input"]
        ),
        RandomInvert(),
    ],
    ids=["function", "Kornia", "torchvision"],
)
def test_custom_augmentations_are_reproducible(tiny_images, fast, augmentation):
    before = global_state()
    first, second, other = (
        ContrastiveAutoencoderClusterer(**{**fast, "random_state": seed})
        .set_params(augmentation=augmentation)
        .fit(tiny_images)
        .transform(tiny_images)
        for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(first, second)
    assert not np.allclose(first, other)
    assert global_state() == before
