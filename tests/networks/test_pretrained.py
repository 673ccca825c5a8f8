"""Pretrained networks as encoders of the estimator."""

import pickle
from dataclasses import dataclass

import numpy as np
import onnxruntime as ort
import pytest
import torch
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from torch import nn

from contrastive_clustering import ContrastiveAutoencoderClusterer, PretrainedEncoder
from contrastive_clustering._networks import backbone_encoder

PATH = f"{__name__}.make_backbone"


def make_backbone():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, stride=2),
        nn.BatchNorm2d(8),
        nn.ReLU(inplace=True),
        nn.Conv2d(8, 8, 3),
        nn.BatchNorm2d(8),
    )


class Returning(nn.Module):
    """A network whose output is a function of the images."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, images):
        return self.function(images)


@dataclass
class HuggingFaceOutput:
    last_hidden_state: torch.Tensor
    pooler_output: torch.Tensor | None = None


def tokens_of(images):
    return HuggingFaceOutput(images.flatten(2).mT)


def fit(fast, X, module=make_backbone, estimator=None, **settings):
    encoder = PretrainedEncoder(module, **{"image_size": 16, **settings})
    parameters = {**fast, **(estimator or {})}
    return ContrastiveAutoencoderClusterer(encoder=encoder, **parameters).fit(X)


def weights_of(clusterer):
    return clusterer.net_.module_.encoder.backbone.state_dict()


SETTINGS = {
    "frozen": {},
    "frozen, new views": {"cached_views": None},
    "last layer": {"trainable": "3.*"},
    "patterns": {"trainable": ["3.*", "4.*"]},
    "all": {"trainable": "all"},
    "reduced": {"image_size": (7, 7)},
    "original size": {"image_size": None},
}


@pytest.mark.slow
@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS)
def test_the_estimator_supports_all_methods(tiny_images, fast, settings):
    clusterer = fit(fast, tiny_images, **settings)
    latents = clusterer.transform(tiny_images)
    assert latents.shape == (40, 4)
    assert clusterer.inverse_transform(latents).shape == tiny_images.shape
    np.testing.assert_array_equal(clusterer.predict(tiny_images), clusterer.labels_)
    again = clone(clusterer).fit(tiny_images)
    loaded = pickle.loads(pickle.dumps(clusterer))
    for other in (again, loaded):
        np.testing.assert_array_equal(other.transform(tiny_images), latents)


@pytest.mark.parametrize("refinement", ["self_training", "prototypes"])
@pytest.mark.parametrize("in_training_mode", [True, False])
def test_a_frozen_network_is_bitwise_unchanged(
    tiny_images, fast, refinement, in_training_mode
):
    module = make_backbone().train(in_training_mode)
    before = {name: value.clone() for name, value in module.state_dict().items()}
    clusterer = fit(fast, tiny_images, module, {"refinement": refinement})
    assert clusterer.history_[-1, "phase"] == 2
    for name, value in weights_of(clusterer).items():
        assert torch.equal(value, before[name])
        assert torch.equal(module.state_dict()[name], before[name])
    assert module.training == in_training_mode
    assert all(weight.requires_grad for weight in module.parameters())


def test_kept_features_give_bitwise_the_fit_without_keeping(
    tiny_images, fast, monkeypatch
):
    estimator = {"max_epochs": 4, "batch_size": 16}
    kept = fit(fast, tiny_images, estimator=estimator, cached_views=2)
    n_images = []
    features = backbone_encoder.BackboneEncoder.features

    def counted(self, batch):
        n_images.append(len(batch))
        return features(self, batch)

    monkeypatch.setattr(backbone_encoder.BackboneEncoder, "features", counted)
    fit(fast, tiny_images, estimator=estimator, cached_views=2)
    n_kept = sum(n_images)
    n_images.clear()
    monkeypatch.setattr(backbone_encoder, "FeatureBank", NoBank)
    computed = fit(fast, tiny_images, estimator=estimator, cached_views=2)
    np.testing.assert_array_equal(
        kept.transform(tiny_images), computed.transform(tiny_images)
    )
    # Two views in two epochs instead of five, and the images once instead of twice.
    assert sum(n_images) - n_kept >= (2 * (5 - 2) + 1) * len(tiny_images)


class NoBank:
    """Stands for a bank that keeps nothing."""

    def get(self, batch, compute):
        return compute(batch)

    def close(self):
        pass


def test_views_repeat_only_for_frozen_networks(tiny_images, fast):
    for settings, expected in (
        ({"cached_views": 3}, [0, 1, 2, 0, 1]),
        ({"cached_views": None}, [0, 1, 2, 3, 4]),
        ({"trainable": "all"}, [0, 1, 2, 3, 4]),
    ):
        estimator = {"max_epochs": 0, "refinement_epochs": 0}
        module = fit(fast, tiny_images, estimator=estimator, **settings).net_.module_
        assert [module.view_epoch(epoch) for epoch in range(5)] == expected


def test_trained_weights_have_a_smaller_learning_rate(tiny_images, fast):
    def rates(estimator=None, **settings):
        clusterer = fit(fast, tiny_images, estimator=estimator, **settings)
        groups = clusterer.net_.optimizer_.param_groups
        return [group["initial_lr"] for group in groups]

    assert rates() == [3e-3]
    assert rates(trainable="all") == pytest.approx([3e-3 * 0.03, 3e-3])
    assert rates({"lr": 1e-2}, trainable="3.*", lr_factor=0.5) == [5e-3, 1e-2]
    own = {"optimizer__param_groups": [("encoder.backbone.*", {"lr": 1e-5})]}
    assert rates(own, trainable="all") == [1e-5, 3e-3]


@pytest.mark.parametrize(
    "trainable", ["none", pytest.param("all", marks=pytest.mark.slow)]
)
def test_save_and_load(tiny_images, fast, tmp_path, trainable):
    clusterer = fit(fast, tiny_images, trainable=trainable)
    path = tmp_path / "model"
    with pytest.raises(ValueError, match=r"^module of encoder=.*make_backbone'.*trust"):
        clusterer.save(path)
    clusterer.save(path, trusted=[PATH])
    with pytest.raises(ValueError, match=rf"names '{PATH}'.*pass trusted="):
        ContrastiveAutoencoderClusterer.load(path)
    loaded = ContrastiveAutoencoderClusterer.load(path, trusted=[PATH])
    assert loaded.encoder.get_params() == clusterer.encoder.get_params()
    np.testing.assert_array_equal(
        loaded.transform(tiny_images), clusterer.transform(tiny_images)
    )
    clusterer = fit(fast, tiny_images, make_backbone())
    with pytest.raises(ValueError, match=r"Sequential, a PyTorch module.*function"):
        clusterer.save(path, trusted=[PATH])


@pytest.mark.slow
@pytest.mark.parametrize("settings", [{}, {"image_size": 7}, {"trainable": "all"}])
def test_onnx_export(tiny_images, fast, tmp_path, settings):
    clusterer = fit(fast, tiny_images, **settings)
    clusterer.to_onnx(tmp_path / "model.onnx")
    session = ort.InferenceSession(tmp_path / "model.onnx")
    samples = tiny_images[:7].astype(np.float32)
    latents, *_ = session.run(None, {"samples": samples})
    np.testing.assert_allclose(
        latents, clusterer.transform(tiny_images[:7]), rtol=1e-4, atol=1e-5
    )


@pytest.mark.slow
def test_compiled_training(tiny_images, fast):
    compiled = {"compile": True, "compile__backend": "eager"}
    for settings in ({}, {"trainable": "all"}):
        expected = fit(fast, tiny_images, **settings).transform(tiny_images)
        latents = fit(fast, tiny_images, estimator=compiled, **settings)
        np.testing.assert_array_equal(latents.transform(tiny_images), expected)


class KilledError(Exception):
    """Stands for the end of the process."""


class KillAt:
    """A network of which one call fails, after its test."""

    def __init__(self, n_calls):
        self.n_calls = n_calls

    def __call__(self, layer, images):
        self.n_calls -= 1
        if self.n_calls == 0:
            raise KilledError


def test_a_killed_fit_resumes_from_its_checkpoint(
    tiny_images, fast, tmp_path, monkeypatch
):
    estimator = {"max_epochs": 5, "checkpoint_dir": tmp_path}
    expected = fit(fast, tiny_images, estimator={"max_epochs": 5}, cached_views=2)
    start = backbone_encoder.BackboneEncoder.keeping_features

    def killing(self):
        self.backbone.register_forward_pre_hook(KillAt(2))  # in the second epoch
        return start(self)

    with monkeypatch.context() as patch:
        patch.setattr(backbone_encoder.BackboneEncoder, "keeping_features", killing)
        with pytest.raises(KilledError):
            fit(fast, tiny_images, estimator=estimator, cached_views=2)
    resumed = fit(fast, tiny_images, estimator=estimator, cached_views=2)
    np.testing.assert_array_equal(
        resumed.transform(tiny_images), expected.transform(tiny_images)
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    "estimator",
    [
        {"kl_weight": 0.01},
        {"precision": "bf16-mixed"},
        {"early_stopping": True, "validation_fraction": 0.25},
        {"warm_start": True},
    ],
    ids=str,
)
def test_other_settings_of_the_estimator(tiny_images, fast, estimator):
    clusterer = fit(fast, tiny_images, estimator=estimator).fit(tiny_images)
    assert np.isfinite(clusterer.transform(tiny_images)).all()


def test_patients_with_several_images(tiny_images, fast):
    encoder = PretrainedEncoder(make_backbone, image_size=16, cached_views=1)
    clusterer = ContrastiveAutoencoderClusterer(
        encoder=encoder, iterator_train__group_positives=True, **fast
    )
    clusterer.fit(tiny_images, groups=np.arange(40) // 4)
    assert np.isfinite(clusterer.transform(tiny_images)).all()


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32, np.float64, bool])
def test_images_of_all_dtypes_are_scaled_to_the_unit_range(tiny_images, fast, dtype):
    images = tiny_images % 2 == 0 if dtype is bool else tiny_images.astype(dtype)
    seen = []

    def see(batch):
        seen.append((batch * 0.5 + 0.5).numpy())
        return batch

    clusterer = fit(fast, images, Returning(see), mean=(0.5,), std=(0.5,))
    seen.clear()
    clusterer.transform(images)
    low, high = {np.uint8: (0, 255), bool: (0, 1)}.get(
        dtype, (images.min(), images.max())
    )
    expected = (images.astype(float) - low) / (high - low)
    shown = torch.from_numpy(expected).float()[:, None]
    shown = backbone_encoder.resize(shown, (16, 16))
    np.testing.assert_allclose(np.concatenate(seen)[: len(images)], shown, atol=1e-5)


def test_a_network_in_half_precision(tiny_images, fast):
    clusterer = fit(fast, tiny_images, make_backbone().half())
    assert np.isfinite(clusterer.transform(tiny_images)).all()


def test_a_given_range_of_values(tiny_images, fast):
    images = tiny_images.astype(np.float32)
    clusterer = fit(fast, images, value_range=(-100, 300))
    encoder = clusterer.net_.module_.encoder
    scaled = clusterer.net_.module_.input_std / 400
    torch.testing.assert_close(encoder.scale.flatten(), scaled.flatten())


def test_hugging_face_outputs_and_colors(fast):
    images = np.random.default_rng(0).integers(0, 255, (40, 9, 9, 3), dtype=np.uint8)
    clusterer = fit(fast, images, Returning(tokens_of))
    assert clusterer.transform(images).shape == (40, 4)


@pytest.mark.slow
def test_grid_search_over_what_is_trained(tiny_images, fast):
    clusterer = ContrastiveAutoencoderClusterer(
        encoder=PretrainedEncoder(make_backbone, image_size=16),
        image_shape=(8, 8),
        **fast,
    )
    grid = {"encoder__trainable": ["none", "4.*"]}
    search = GridSearchCV(clusterer, grid, cv=2, error_score="raise")
    search.fit(tiny_images.reshape(40, -1))
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


def raise_error(*_):
    raise RuntimeError("no weights")


N = "^encoder=PretrainedEncoder"
IMAGES = np.random.default_rng(0).normal(size=(20, 9, 9))
INVALID = {
    "a table": ({"X": IMAGES[:, 0]}, rf"{N}.* takes images.*rows of 9 feat.*image_sh"),
    "volumes": ({"X": IMAGES[:, None] + IMAGES[:1, :, :, None]}, "takes images.*vol"),
    "channels": (
        {"X": IMAGES[..., None].repeat(4, 3)},
        rf"{N}.*mean for 3 channels, but the images of X have 4",
    ),
    "other channels": (
        {"mean": (0.5, 0.5), "std": (1, 1)},
        r"shape \(2, 16, 16\).*failed \(RuntimeError.*mean and std",
    ),
    "too small": (
        {"image_size": 4},
        r"shape \(3, 4, 4\) \(image_size=4\).*failed.*Check image_size.*too small",
    ),
    "no tensor": ({"module": Returning(str)}, "returned a str without a tensor.*outp"),
    "no field": (
        {"module": Returning(tokens_of), "output": "embedding"},
        "HuggingFaceOutput without a tensor in 'embedding'",
    ),
    "one vector": ({"module": Returning(lambda x: x[:1])}, r"shape \(1, 3\).*each ima"),
    "no features": ({"module": Returning(lambda x: x[:, :0])}, r"shape \(2, 0\)"),
    "not finite": (
        {"module": Returning(lambda x: x * torch.nan)},
        "features that are not finite. Check its weights",
    ),
    "a failing function": ({"module": raise_error}, r"cannot be called \(Runt.*no wei"),
    "no module": ({"module": lambda: 3}, r"returned a int\. It must return a torch"),
    "not callable": ({"module": "resnet"}, "'module' parameter of PretrainedEncoder"),
    "pattern": (
        {"trainable": ["3.*", "layer9.*"]},
        r"trainable=.*pattern 'layer9\.\*'.*for example '\d\.\w+'",
    ),
    "a size": ({"image_size": (8, 0)}, r"image_size=\(8, 0\) of enc.*1 to 4096 pix"),
    "a huge size": ({"image_size": 10**6}, "image_size=1000000 of encoder="),
    "std": ({"std": (1, 0, 1)}, r"std=\(1, 0, 1\) of encoder.*a number above 0"),
    "mean": ({"mean": (1, "a", 1)}, r"mean=.*a number for each channel"),
    "lengths": ({"std": (1,)}, r"std=\(1,\) of .*has 1 entries, but mean has 3"),
    "range": ({"value_range": (5, 1)}, r"value_range=\(5, 1\).*the smaller one first"),
    "views": ({"cached_views": 0}, "'cached_views' parameter of PretrainedEncoder"),
    "factor": ({"lr_factor": -1.0}, "'lr_factor' parameter of PretrainedEncoder"),
}


@pytest.mark.parametrize(("settings", "message"), INVALID.values(), ids=INVALID)
def test_errors_name_the_parameter(fast, settings, message):
    settings = dict(settings)
    X = settings.pop("X", IMAGES)
    with pytest.raises(ValueError, match=message):
        fit(fast, X, settings.pop("module", make_backbone), **settings)


def test_a_network_that_cannot_be_copied_is_an_error(fast):
    module = make_backbone()
    module.features = module(torch.zeros(1, 3, 9, 9))  # has a gradient graph
    with pytest.raises(ValueError, match=r"module=Sequential.*cannot be copied"):
        fit(fast, IMAGES, module)
