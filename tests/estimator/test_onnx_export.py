import sys

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

import contrastive_clustering
from contrastive_clustering import ContrastiveAutoencoderClusterer


def make_samples(shape, dtype, n=60):
    """Return samples that are bright in the left or the right half."""
    rng = np.random.default_rng(0)
    X = rng.integers(0, 60, size=(n, *shape))
    half = shape[-1] // 2
    X[: n // 2, ..., :half] += 180
    X[n // 2 :, ..., half:] += 180
    return X.astype(dtype)


def run(path, X, dtype="float"):
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (model_input,) = session.get_inputs()
    assert model_input.name == "samples"
    assert model_input.type == f"tensor({dtype})"
    assert [result.name for result in session.get_outputs()] == [
        "latents",
        "proba",
        "labels",
    ]
    input_dtype = {"float": np.float32, "double": np.float64}[dtype]
    return session.run(None, {"samples": X.astype(input_dtype)})


def assert_same(clusterer, path, X, dtype="float"):
    latents, proba, labels = run(path, X, dtype)
    np.testing.assert_allclose(latents, clusterer.transform(X), rtol=0, atol=1e-4)
    np.testing.assert_allclose(proba, clusterer.predict_proba(X), rtol=0, atol=1e-4)
    np.testing.assert_array_equal(labels, clusterer.predict(X))
    assert (latents.dtype, proba.dtype, labels.dtype) == ("f4", "f4", "i8")


CASES = {
    "gray images": (make_samples((8, 8), np.uint8), {}),
    "RGB, channels first, k-means": (
        make_samples((3, 8, 9), np.float32) / np.float32(255),
        {
            "channel_axis": 1,
            "refinement_epochs": 0,
            "whiten": True,
            "normalize": True,
        },
    ),
    "volumes, a mixture": (
        make_samples((8, 8, 8), np.int16),
        {"refinement_epochs": 0, "clusterer": "gaussian_mixture"},
    ),
    "a table, variational": (
        # With a large offset, standardization in float32 would lose digits.
        (make_samples((12,), np.float32) / 100 + 5000).astype(np.float32),
        {"kl_weight": 0.01, "refinement": "prototypes", "clusterer": "consensus"},
    ),
    "flattened RGB images": (
        make_samples((192,), np.float32),
        {"image_shape": (8, 8, 3), "refinement": "neighbors"},
    ),
}


# Their parts are also those of another one.
SLOW = {"RGB, channels first, k-means", "flattened RGB images"}


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[pytest.mark.slow] if name in SLOW else [])
        for name in CASES
    ],
)
def test_the_model_predicts_like_the_estimator(name, fast, tmp_path, capfd):
    X, params = CASES[name]
    clusterer = ContrastiveAutoencoderClusterer(**{**fast, **params}).fit(X)
    before = clusterer.transform(X)
    path = tmp_path / "model.onnx"
    clusterer.to_onnx(path)
    assert capfd.readouterr() == ("", "")
    assert [file.name for file in tmp_path.iterdir()] == ["model.onnx"]
    assert len(np.unique(clusterer.labels_)) == 2
    for n in (1, 7, 300):
        assert_same(clusterer, path, np.resize(X, (n, *X.shape[1:])))
    np.testing.assert_array_equal(clusterer.transform(X), before)
    clusterer.partial_fit(X)  # training can continue


WIDE = {
    "on an offset": lambda X: X * 0.05 + 1e9,
    "integers": lambda X: X.astype(np.int64) + 2**40,
    "beyond float32": lambda X: X * 1e40,
    "below float32": lambda X: X * 1e-42,
    "one column": lambda X: X + np.eye(1, 12, 3) * 1e9,
    "of the other byte order": lambda X: (X + 1e7).astype(">f8"),
}


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[] if name == "on an offset" else [pytest.mark.slow])
        for name in WIDE
    ],
)
def test_the_input_is_float64_if_float32_loses_digits(name, fast, tmp_path):
    X = WIDE[name](make_samples((12,), np.float64))
    clusterer = ContrastiveAutoencoderClusterer(**fast).fit(X)
    clusterer.to_onnx(tmp_path / "model.onnx")
    assert len(np.unique(clusterer.labels_)) == 2
    assert_same(clusterer, tmp_path / "model.onnx", X, "double")
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx")
    with pytest.raises(Exception, match="expected: \\(tensor\\(double\\)"):
        session.run(None, {"samples": np.zeros(X.shape, np.float32)})


@pytest.fixture(scope="module")
def exported(fitted_digits, tmp_path_factory):
    path = tmp_path_factory.mktemp("onnx") / "digits.onnx"
    fitted_digits.to_onnx(str(path))
    return path


def test_the_model_predicts_like_the_estimator_on_digits(
    fitted_digits, digits, exported
):
    images, _ = digits
    assert_same(fitted_digits, exported, images)


def test_extreme_values_are_clipped(fitted_digits, exported, digits):
    far = np.full((1, 8, 8), 3e38, dtype=np.float32)
    latents, proba, _ = run(exported, far)
    assert np.isfinite(latents).all()
    assert proba.sum() == pytest.approx(1)


def test_the_file_has_metadata(fitted_digits, exported):
    proto = onnx.load(exported)
    onnx.checker.check_model(proto, full_check=True)
    assert {entry.domain: entry.version for entry in proto.opset_import}[""] == 18
    assert proto.producer_name == "contrastive_clustering"
    assert {entry.key: entry.value for entry in proto.metadata_props} == {
        "format": "contrastive_clustering",
        "format_version": "1",
        "version": contrastive_clustering.__version__,
        "n_clusters": "10",
        "latent_dim": "64",
        "sample_shape": "[8, 8]",
        "fitted_to_dtype": "float64",
        "fitted_to_range": "[0.0, 16.0]",
    }
    (samples,) = proto.graph.input
    n, *sides = samples.type.tensor_type.shape.dim
    assert n.dim_param == "n_samples"
    assert [side.dim_value for side in sides] == [8, 8]


def test_the_file_contains_no_paths_of_this_machine(exported):
    content = exported.read_bytes()
    for part in (b"site-packages", b"_onnx_export.py", str(exported.parent).encode()):
        assert part not in content


def test_a_consensus_without_a_second_phase_is_rejected(fast, tiny_images, tmp_path):
    clusterer = ContrastiveAutoencoderClusterer(
        **{**fast, "clusterer": "consensus", "refinement_epochs": 0}
    ).fit(tiny_images)
    with pytest.raises(ValueError, match=r"a ConsensusClustering.*refinement_epochs"):
        clusterer.to_onnx(tmp_path / "model.onnx")
    assert list(tmp_path.iterdir()) == []


def test_an_encoder_that_cannot_be_exported_is_named(fast, tiny_images, tmp_path):
    class Branching(torch.nn.Module):
        def forward(self, batch):
            flat = batch.flatten(1)[:, :4]
            return flat if flat.sum() > 0 else -flat

    clusterer = ContrastiveAutoencoderClusterer(**fast).fit(tiny_images)
    clusterer.net_.module_.encoder = Branching()
    with pytest.raises(ValueError, match="cannot export the encoder, a Branching"):
        clusterer.to_onnx(tmp_path / "model.onnx")
    assert list(tmp_path.iterdir()) == []


def test_missing_packages_are_named(fitted_digits, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    with pytest.raises(ImportError, match="pip install onnx onnxscript"):
        fitted_digits.to_onnx(tmp_path / "model.onnx")


def test_invalid_paths_are_named(fitted_digits, tmp_path, monkeypatch):
    with pytest.raises(TypeError, match="path=3 is not a path"):
        fitted_digits.to_onnx(3)
    # The path is checked before the export.
    monkeypatch.setattr(torch.onnx, "export", None)
    with pytest.raises(FileNotFoundError, match=r"path='.*' cannot be written"):
        fitted_digits.to_onnx(tmp_path / "nowhere" / "model.onnx")


@pytest.mark.parametrize("refinement_epochs", [0, 2])
def test_the_erasure_of_a_nuisance_is_exported(fast, tmp_path, refinement_epochs):
    X = make_samples((8, 8), np.uint8)
    site = np.tile([0, 1], 30)
    X[site == 1] //= 2
    clusterer = ContrastiveAutoencoderClusterer(
        **{**fast, "refinement_epochs": refinement_epochs}
    ).fit(X, nuisance=site)
    clusterer.to_onnx(tmp_path / "model.onnx")
    assert_same(clusterer, tmp_path / "model.onnx", X)
