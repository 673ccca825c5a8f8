import json
import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open
from sklearn.cluster import AgglomerativeClustering, MiniBatchKMeans
from sklearn.exceptions import NotFittedError
from skorch.callbacks import EpochScoring

from contrastive_clustering import (
    ClusterNumberSearch,
    ContrastiveAutoencoderClusterer,
    GrayImageAugmentation,
    PrototypeRefinement,
    SelfTrainingRefinement,
)
from contrastive_clustering._io.safetensors_file import read_tree, write_tree


def mirrored(batch):
    return batch.flip(-1)


class CustomKMeans(MiniBatchKMeans):
    """A custom clusterer that can predict."""


class CustomAgglomerative(AgglomerativeClustering):
    """A custom clusterer that cannot predict."""


class CustomEncoder(torch.nn.Sequential):
    """A custom encoder."""

    def __init__(self, sample_shape, n_outputs):
        super().__init__(
            torch.nn.Flatten(), torch.nn.Tanh(), torch.nn.LazyLinear(n_outputs)
        )


# After two epochs the decoder is poor, so generated samples change their stratum.
pytestmark = pytest.mark.filterwarnings("ignore:.*of the 5 generated samples")


def assert_same(loaded, clusterer, X):
    for method in ("predict", "predict_proba", "transform", "score_samples"):
        np.testing.assert_array_equal(
            getattr(loaded, method)(X), getattr(clusterer, method)(X)
        )
    latents = clusterer.transform(X)
    np.testing.assert_array_equal(
        loaded.inverse_transform(latents), clusterer.inverse_transform(latents)
    )
    for name in ("labels_", "cluster_centers_", "linkage_"):
        np.testing.assert_array_equal(getattr(loaded, name), getattr(clusterer, name))
    for found, expected in zip(
        loaded.sample(5, random_state=0),
        clusterer.sample(5, random_state=0),
        strict=True,
    ):
        np.testing.assert_array_equal(found, expected)
    assert loaded.n_clusters_ == clusterer.n_clusters_
    assert loaded.n_features_in_ == clusterer.n_features_in_
    for name, value in loaded.get_params(deep=False).items():
        assert type(value) is type(getattr(clusterer, name))
    assert loaded.score(X) == clusterer.score(X)


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"refinement": "prototypes"},
        {"refinement": SelfTrainingRefinement(n_neighbors=3, sharpening=3.0)},
        {"refinement": PrototypeRefinement(), "refinement_epochs": 0},
        {"refinement_epochs": 0},
        {"refinement_epochs": 0, "clusterer": "consensus"},
        {"refinement_epochs": 0, "normalize": True},
        {"refinement_epochs": 0, "clusterer": "gaussian_mixture", "whiten": True},
        {"kl_weight": 0.1, "latent_dim": 3},
        {"n_clusters": ClusterNumberSearch(max_clusters=3)},
        {"augmentation": GrayImageAugmentation(degrees=3)},
        {"criterion__change_weight": 1.0},
        {
            "augmentation": GrayImageAugmentation(degrees=0),
            "criterion__change_weight": 1.0,
        },
        {"optimizer": torch.optim.SGD, "callbacks__lr_schedule": None},
        {"early_stopping": True, "validation_fraction": 0.25},
        {"optimizer__betas": (0.8, 0.9), "module__projection_dim": 7},
        {"optimizer__param_groups": [("encoder.*", {"lr": 1e-3})]},
        {"random_state": np.random.RandomState(0), "device": torch.device("cpu")},
    ],
)
def test_loaded_estimators_give_the_same_results_to_the_bit(
    tiny_images, fast, tmp_path, parameters
):
    clusterer = ContrastiveAutoencoderClusterer(**{**fast, **parameters})
    clusterer.fit(tiny_images).save(tmp_path / "model")
    loaded = ContrastiveAutoencoderClusterer.load(tmp_path / "model")
    assert_same(loaded, clusterer, tiny_images)
    assert [path.name for path in tmp_path.iterdir()] == ["model"]
    epochs = [
        {name: value for name, value in row.items() if name != "batches"}
        for row in clusterer.history_
    ]
    assert [
        {k: v for k, v in row.items() if k != "batches"} for row in loaded.history_
    ] == epochs


def test_training_continues_identically_after_loading(tiny_images, fast, tmp_path):
    clusterer = ContrastiveAutoencoderClusterer(**fast, warm_start=True)
    clusterer.fit(tiny_images).save(tmp_path / "model")
    loaded = ContrastiveAutoencoderClusterer.load(tmp_path / "model")
    clusterer.partial_fit(tiny_images)
    loaded.partial_fit(tiny_images)
    assert_same(loaded, clusterer, tiny_images)
    loaded.set_params(n_clusters=3, latent_dim=5, warm_start=False).fit(tiny_images)
    assert loaded.n_clusters_ == 3


def test_the_batch_size_of_fit_is_kept(fast, tmp_path):
    X = np.random.default_rng(0).normal(size=(2000, 9))
    clusterer = ContrastiveAutoencoderClusterer(**fast).fit(X)
    clusterer.save(tmp_path / "model")
    loaded = ContrastiveAutoencoderClusterer.load(tmp_path / "model")
    assert loaded.batch_size == "auto"
    assert loaded.net_.batch_size == clusterer.net_.batch_size == 125


def test_pairs_of_groups_have_no_changes_to_predict(tiny_images, fast, tmp_path):
    clusterer = ContrastiveAutoencoderClusterer(
        **fast, criterion__change_weight=1.0, iterator_train__group_positives=True
    )
    groups = np.arange(40) // 2
    clusterer.fit(tiny_images, groups=groups).save(tmp_path / "model")
    assert clusterer.net_.module_.change_head is None
    assert not any("train_change_loss" in row for row in clusterer.history_)
    loaded = ContrastiveAutoencoderClusterer.load(tmp_path / "model")
    assert_same(loaded, clusterer, tiny_images)
    # Without groups, there are no pairs.
    clusterer.fit(tiny_images).save(tmp_path / "alone")
    loaded = ContrastiveAutoencoderClusterer.load(tmp_path / "alone")
    assert_same(loaded, clusterer, tiny_images)
    assert loaded.net_.module_.change_head is not None


def test_the_augmentation_chosen_by_auto_is_kept(fast, tmp_path):
    rng = np.random.default_rng(0)
    X = np.where(rng.random((40, 8, 8)) < 0.15, 1.0, 0.0)
    ContrastiveAutoencoderClusterer(**fast).fit(X).save(tmp_path / "model")
    loaded = ContrastiveAutoencoderClusterer.load(tmp_path / "model")
    assert loaded.augmentation == "auto"
    assert loaded.net_.augmentation == GrayImageAugmentation(translate=0.1, erase=0.8)


def test_parameters_set_after_fit_do_not_affect_the_network(
    tiny_images, fast, tmp_path
):
    clusterer = ContrastiveAutoencoderClusterer(**fast).fit(tiny_images)
    clusterer.set_params(latent_dim=17, kl_weight=1.0, n_clusters=5)
    clusterer.set_params(module__projection_dim=3)
    clusterer.set_params(optimizer=torch.optim.SGD, optimizer__momentum=0.9)
    clusterer.save(tmp_path / "model")
    loaded = ContrastiveAutoencoderClusterer.load(tmp_path / "model")
    assert_same(loaded, clusterer, tiny_images)
    assert loaded.latent_dim == 17


@pytest.mark.parametrize("shape", [(30, 9), (30, 8, 9, 3), (30, 8, 8, 8)])
def test_estimators_of_tables_rgb_images_and_volumes_can_be_loaded(
    fast, tmp_path, shape
):
    X = np.random.default_rng(0).normal(size=shape)
    clusterer = ContrastiveAutoencoderClusterer(**fast).fit(X)
    clusterer.save(tmp_path / "model")
    assert_same(ContrastiveAutoencoderClusterer.load(tmp_path / "model"), clusterer, X)


class FewParameters(ContrastiveAutoencoderClusterer):
    """An estimator that fixes the other parameters of its base class."""

    def __init__(self, n_clusters=2):
        fixed = {"clusterer": "kmeans", "max_epochs": 1, "refinement_epochs": 0}
        super().__init__(n_clusters, **fixed, latent_dim=4, random_state=0)


def test_derived_classes_may_have_fewer_parameters(tiny_images, tmp_path):
    clusterer = FewParameters(3).fit(tiny_images)
    clusterer.save(tmp_path / "model")
    for device in (None, "cpu"):
        loaded = FewParameters.load(tmp_path / "model", device=device)
        assert loaded.get_params() == {"n_clusters": 3}
        assert loaded.device == (device or "auto")
        np.testing.assert_array_equal(loaded.predict(tiny_images), clusterer.labels_)


def test_an_estimator_can_be_loaded_on_another_device(tiny_images, fast, tmp_path):
    clusterer = ContrastiveAutoencoderClusterer(**fast).fit(tiny_images)
    # This simulates a fit on a GPU that this machine does not have.
    clusterer.set_params(device="cuda:7").save(tmp_path / "model")
    with pytest.raises(ValueError, match="device='cuda:7' cannot be used here"):
        ContrastiveAutoencoderClusterer.load(tmp_path / "model")
    loaded = ContrastiveAutoencoderClusterer.load(tmp_path / "model", device="cpu")
    assert loaded.device == "cpu"
    np.testing.assert_array_equal(loaded.predict(tiny_images), clusterer.labels_)
    with pytest.raises(ValueError, match="device='nowhere'"):
        ContrastiveAutoencoderClusterer.load(tmp_path / "model", device="nowhere")


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"augmentation": lambda batch: batch}, r"augmentation=.*trusted="),
        ({"augmentation": torch.nn.Identity()}, r"augmentation=.*Identity.*trusted="),
        ({"encoder": torch.nn.Identity()}, r"^encoder=Identity.*trusted or not"),
        ({"encoder": CustomEncoder}, r"^encoder=.*CustomEncoder'.*trusted="),
        ({"callbacks__a__b": mirrored}, r"^callbacks__a__b=.*mirrored'.*trusted="),
        ({"clusterer": CustomKMeans(n_init=1)}, r"clusterer=.*CustomKMeans'"),
        ({"callbacks": [EpochScoring("silhouette")]}, r"callbacks=.*EpochScoring'"),
    ],
)
def test_code_is_rejected(tiny_images, fast, tmp_path, parameters, message):
    clusterer = ContrastiveAutoencoderClusterer(**fast).fit(tiny_images)
    with pytest.raises(ValueError, match=message):
        clusterer.set_params(**parameters).save(tmp_path / "model")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("refinement_epochs", [0, 1])
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("augmentation", mirrored),
        ("encoder", CustomEncoder),
        ("clusterer", CustomKMeans(n_init=1)),
        ("clusterer", CustomAgglomerative()),
    ],
)
def test_trusted_code_is_saved_by_its_import_path(  # noqa: PLR0917
    tiny_images, fast, tmp_path, refinement_epochs, name, value
):
    trusted = value if callable(value) else type(value)
    path = f"{trusted.__module__}.{trusted.__qualname__}"
    parameters = {**fast, "refinement_epochs": refinement_epochs, name: value}
    clusterer = ContrastiveAutoencoderClusterer(**parameters).fit(tiny_images)
    clusterer.save(tmp_path / "model", trusted=[path])
    with pytest.raises(ValueError, match=rf"names '{path}'.*pass trusted="):
        ContrastiveAutoencoderClusterer.load(tmp_path / "model")
    loaded = ContrastiveAutoencoderClusterer.load(tmp_path / "model", trusted=[path])
    assert type(getattr(loaded, name)) is type(value)
    np.testing.assert_array_equal(
        loaded.predict_proba(tiny_images), clusterer.predict_proba(tiny_images)
    )


def test_an_encoder_module_cannot_be_saved(tiny_images, fast, tmp_path):
    encoder = CustomEncoder((1, 8, 8), 4)
    clusterer = ContrastiveAutoencoderClusterer(encoder=encoder, **fast)
    clusterer.fit(tiny_images)
    path = f"{CustomEncoder.__module__}.CustomEncoder"
    with pytest.raises(ValueError, match=r"encoder=CustomEncoder\(\.\.\.\).*joblib"):
        clusterer.save(tmp_path / "model", trusted=[path])
    # The encoder of fit is saved, even if the parameter has changed since.
    clusterer.set_params(encoder=None)
    with pytest.raises(ValueError, match=r"encoder=CustomEncoder.*as of fit.*joblib"):
        clusterer.save(tmp_path / "model", trusted=[path])


def test_trusted_must_be_a_list(tiny_images, fast, tmp_path):
    clusterer = ContrastiveAutoencoderClusterer(**fast).fit(tiny_images)
    with pytest.raises(TypeError, match=r"trusted='os.system' is not a list"):
        clusterer.save(tmp_path / "model", trusted="os.system")


def test_only_fitted_estimators_can_be_saved(tmp_path):
    with pytest.raises(NotFittedError):
        ContrastiveAutoencoderClusterer().save(tmp_path / "model")


def test_the_file_contains_samples_only_with_store_examples(digits, fast, tmp_path):
    images, _ = digits
    images = images[:100].astype(np.uint8)
    clusterer = ContrastiveAutoencoderClusterer(**fast, refinement="neighbors")
    for name, store in (("without", False), ("with", True)):
        clusterer.set_params(store_examples=store).fit(images)
        clusterer.save(tmp_path / name)
        assert hasattr(clusterer, "examples_") == store
    with safe_open(tmp_path / "without", framework="np") as file:
        arrays = [file.get_tensor(name) for name in file.keys()]  # noqa: SIM118
    assert not any(array.shape[-2:] == (8, 8) for array in arrays)
    content = (tmp_path / "without").read_bytes()
    for kind in ("u1", "f4", "f8"):
        for scaled in (images, (images - images.mean()) / images.std()):
            rows = scaled.astype(kind)
            assert not any(row.tobytes() in content for row in rows)
    loaded = ContrastiveAutoencoderClusterer.load(tmp_path / "with")
    np.testing.assert_array_equal(loaded.examples_, clusterer.examples_)
    latents = clusterer.transform(images)
    for label, example in enumerate(loaded.examples_):
        members = np.flatnonzero(clusterer.labels_ == label)
        center = clusterer.cluster_centers_[label]
        nearest = members[np.linalg.norm(latents[members] - center, axis=1).argmin()]
        np.testing.assert_array_equal(example, images[nearest])


def test_a_forged_clusterer_is_rejected(tiny_images, fast, tmp_path):
    path = tmp_path / "model"
    parameters = {**fast, "clusterer": "gaussian_mixture", "refinement_epochs": 0}
    ContrastiveAutoencoderClusterer(**parameters).fit(tiny_images).save(path)
    tree = read_tree(path, "estimator")
    mixture = tree["clustering"]["clusterer"]
    assert mixture["kind"] == "gaussian_mixture_full"
    mixture["kind"] = "gaussian_mixture_fuller"
    write_tree(path, "estimator", tree)
    with pytest.raises(ValueError, match=r"cannot be read: .*gaussian_mixture_fuller"):
        ContrastiveAutoencoderClusterer.load(path)


def fuzz(kind, n_files, **variables):
    script = Path(__file__).parents[1] / "fuzz_saved_files.py"
    run = subprocess.run(
        [sys.executable, script, kind, str(n_files)],
        capture_output=True,
        text=True,
        timeout=1800,
        check=False,
        env={**os.environ, **variables},
    )
    assert run.returncode == 0, run.stderr[-3000:]
    found = json.loads(run.stdout.splitlines()[-1])
    # Faults are crashes, errors that do not name the file, executed code, files that
    # were written, and files that exceed the limits of memory or time.
    assert found["faults"] == []
    assert found["n_faults"] == 0
    assert found["n_files"] == n_files
    # The checksum detects nearly any damage, but some of many forged values are valid.
    assert found.get("worked", 0) > 0 or kind == "damaged" or n_files < 100
    assert found["rejected"] > 0.3 * n_files
    assert found["most_mib"] <= 256
    assert found["longest_seconds"] <= 60
    outcomes = ("worked", "rejected", "rejected_later", "not_written")
    assert sum(found.get(name, 0) for name in outcomes) == n_files


def checking_memory():
    """Return variables that make the C library fill and check allocated memory."""
    libraries = sorted(Path("/lib").glob("*/libc_malloc_debug.so.0"))
    if not libraries:
        return {}
    return {
        "LD_PRELOAD": str(libraries[0]),
        "GLIBC_TUNABLES": "glibc.malloc.check=3",
        "MALLOC_PERTURB_": "165",
    }


@pytest.mark.parametrize(
    ("kind", "n_files"),
    [
        pytest.param("damaged", 600, marks=pytest.mark.slow),
        pytest.param("checkpoint", 60, marks=pytest.mark.slow),
        pytest.param("checkpoint", 250, marks=pytest.mark.release),
    ],
)
def test_many_damaged_files_and_checkpoints_are_rejected_or_work(kind, n_files):
    fuzz(kind, n_files)


@pytest.mark.parametrize(
    "n_files",
    [
        pytest.param(100, marks=pytest.mark.slow),
        pytest.param(1200, marks=pytest.mark.release),
    ],
)
def test_many_forged_files_do_not_corrupt_memory(n_files):
    fuzz("forged", n_files, **checking_memory())


def test_notes_are_kept_where_training_continues(fit_tiny, tiny_images, tmp_path):
    path = tmp_path / "model.safetensors"
    fit_tiny().save(path, notes={"size": (64, 48)})
    loaded = ContrastiveAutoencoderClusterer.load(path)
    assert loaded.partial_fit(tiny_images).notes_ == {"size": (64, 48)}
    loaded.set_params(warm_start=True).fit(tiny_images)
    assert loaded.notes_ == {"size": (64, 48)}
    assert loaded.set_params(warm_start=False).fit(tiny_images).notes_ == {}


@pytest.mark.parametrize("refinement_epochs", [0, 2])
def test_an_erasure_is_saved_but_no_identifier(
    tiny_images, fast, tmp_path, refinement_epochs
):
    patient = np.array([f"name-{index // 4}" for index in range(40)])
    site = np.tile(["hospital-x", "hospital-y"], 20)
    clusterer = ContrastiveAutoencoderClusterer(
        **{**fast, "refinement_epochs": refinement_epochs}
    ).fit(tiny_images, groups=patient, nuisance=site)
    path = tmp_path / "model.safetensors"
    clusterer.save(path)
    loaded = ContrastiveAutoencoderClusterer.load(path)
    assert loaded.net_.module_.erasure is not None
    np.testing.assert_array_equal(
        loaded.transform(tiny_images), clusterer.transform(tiny_images)
    )
    np.testing.assert_array_equal(loaded.predict(tiny_images), clusterer.labels_)
    for content in (path.read_bytes(), pickle.dumps(clusterer)):
        assert b"name-" not in content
        assert b"hospital" not in content


def test_notes_are_kept_with_the_model(fit_tiny, tmp_path):
    notes = {"size": (64, 48), "window": None, "nested": {"steps": [0.5, 2]}}
    path = tmp_path / "model.safetensors"
    fitted = fit_tiny()
    assert fitted.notes_ == {}
    fitted.save(path, notes=notes)
    loaded = ContrastiveAutoencoderClusterer.load(path)
    assert loaded.notes_ == notes
    loaded.save(path)  # without notes, those of the file are kept
    assert ContrastiveAutoencoderClusterer.load(path).notes_ == notes
    with pytest.raises(TypeError, match=r"notes=.* not a dict with strings as keys"):
        fitted.save(path, notes={1: 2})
    with pytest.raises(ValueError, match="notes"):
        fitted.save(path, notes={"code": Path})
