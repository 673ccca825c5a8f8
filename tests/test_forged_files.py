"""Malicious files, each of which caused harm before there was a schema."""

import json
import os
import pickle
import resource
import signal
import time
import traceback

import numpy as np
import pytest
from sklearn.datasets import load_digits

from contrastive_clustering import ContrastiveAutoencoderClusterer
from contrastive_clustering._io import safetensors_file as _container
from contrastive_clustering._io.safetensors_file import (
    read_tree,
    to_safetensors,
    write_tree,
)
from contrastive_clustering._io.schema import Scope
from contrastive_clustering._model.load import ESTIMATOR

X = load_digits().images[:60]


@pytest.fixture(scope="module")
def saved(fit_tiny, tmp_path_factory):
    """Files of fitted estimators, by kind."""
    folder = tmp_path_factory.mktemp("saved")
    for name, parameters in {
        "kmeans": {"warm_start": True},
        "consensus": {"clusterer": "consensus"},
        "prototypes": {"refinement_epochs": 1},
    }.items():
        fit_tiny(**parameters).save(folder / name)
    return {path.name: path for path in folder.iterdir()}


@pytest.fixture
def forged(saved, tmp_path):
    """A function that writes a changed copy of a saved file."""

    def forge(kind, change):
        tree = read_tree(saved[kind], "estimator")
        change(tree)
        path = tmp_path / "forged.safetensors"
        write_tree(path, "estimator", tree)
        return path

    return forge


def in_child(function, *arguments, warm_up=None):
    """Run a function in a child process; return its result and its memory in MiB.

    A crash of the child fails the test but does not affect other tests. A child starts
    without the code of the libraries in its memory, so that calling `warm_up` first
    keeps this code out of the memory that is measured.
    """
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        with os.fdopen(writer, "wb") as pipe:
            try:
                if warm_up is not None:
                    warm_up()
                before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
                found = function(*arguments)
                after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
                pickle.dump((found, (after - before) / 1024), pipe)
            # The parent reports any exception.
            except BaseException:
                pickle.dump((traceback.format_exc(), None), pipe)
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        content = pipe.read()
    _, status = os.waitpid(child, 0)
    assert status == 0, f"the child ended with status {status}"
    found, mib = pickle.loads(content)
    assert mib is not None, found
    return found, mib


def load_error(path):
    """Return the message by which load rejects a file."""
    try:
        ContrastiveAutoencoderClusterer.load(path)
    except ValueError as error:
        return str(error)
    return ""


@pytest.fixture
def assert_rejected(saved):
    """A function that checks that load rejects a file quickly and names it."""

    def check(path, message=""):
        start = time.perf_counter()
        text, mib = in_child(
            load_error,
            path,
            warm_up=lambda: ContrastiveAutoencoderClusterer.load(saved["kmeans"]),
        )
        assert str(path) in text
        assert message in text
        assert len(text) < 1000
        assert mib < 32 + 3 * path.stat().st_size / 2**20
        assert time.perf_counter() - start < 10

    return check


def set_at(*path_and_value):
    *outer, last, value = path_and_value

    def change(tree):
        for key in outer:
            tree = tree[key]
        tree[last] = value

    return change


PIPELINE = {
    "$type": "Pipeline",
    "state": {"steps": [], "memory": "cache", "verbose": False},
}


@pytest.mark.parametrize(
    "clusterer",
    [
        PIPELINE,
        {**PIPELINE, "$type": "object", "path": "sklearn.pipeline.Pipeline"},
        {"$type": "object", "path": "sklearn.pipeline.Pipeline", "state": {}},
        {"$type": "KMeans", "params": {"memory": "cache"}},
        {"$type": "ConsensusClustering", "params": {"memory": "cache"}},
        {"$type": "import", "path": "os.system"},
        {"$type": "import", "path": "contrastive_clustering.datasets.load_medmnist"},
    ],
)
def test_a_file_cannot_name_a_pipeline_that_unpickles(
    forged, assert_rejected, tmp_path, monkeypatch, clusterer
):
    monkeypatch.chdir(tmp_path)
    path = forged("kmeans", set_at("params", "clusterer", clusterer))
    assert_rejected(path)
    path = forged(
        "kmeans",
        set_at("clustering", "clusterer", {"kind": "other", "object": clusterer}),
    )
    assert_rejected(path)
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("width", [1, 8, 100_000])
def test_centers_of_another_width_are_rejected(forged, assert_rejected, width):
    def widen(tree):
        member = tree["clustering"]["clusterer"]["members"][0]
        member["centers"], member["merged"] = np.zeros((1, width)), np.zeros(1, "i8")

    assert_rejected(forged("consensus", widen), f"n_prepared={width}, and not 4")
    centers = set_at("clustering", "clusterer", "centers", np.zeros((2, width)))
    assert_rejected(forged("kmeans", centers), f"n_prepared={width}, and not 4")


@pytest.mark.parametrize("size", [0, 1, 3])
def test_moments_of_another_size_are_rejected(forged, assert_rejected, size):
    def shrink(tree):
        for moments in tree["net"]["optimizer"].values():
            for name in ("exp_avg", "exp_avg_sq"):
                moments[name]["value"] = np.full(size, 1e30, "f4")

    assert_rejected(forged("kmeans", shrink), "which does not match that weight")


def test_training_continues_in_a_child(saved):
    # The rejected moments would crash this step; the saved ones do not.
    def continue_training():
        loaded = ContrastiveAutoencoderClusterer.load(saved["kmeans"])
        loaded.partial_fit(X)
        return bool(np.isfinite(loaded.transform(X)).all())

    found, _ = in_child(continue_training)
    assert found


def strings(n_arrays):
    items = ["A" * 2000] + [""] * 2000
    return [{"$type": "array", "objects": False, "items": items}] * n_arrays


def many_strata(tree, n_strata=20_000):
    strata = np.random.default_rng(0).normal(size=(n_strata, 1, 4))
    clustering, weights = tree["clustering"], tree["net"]["weights"]
    clustering["prototypes"] = strata
    clustering["latent_centers"] = strata[:, 0].astype("f4")
    weights["prototype_head.prototypes"] = strata.astype("f4")
    weights["prototype_head.condition_weight"] = np.zeros((4, n_strata), "f4")


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("kmeans", set_at("feature_names_in", strings(1)[0])),
        ("kmeans", set_at("feature_names_in", ["A" * 50_000] + [""] * 63)),
        (
            "kmeans",
            set_at("feature_names_in", {"$type": "tuple", "items": np.zeros(10**6)}),
        ),
        ("kmeans", set_at("params", "optimizer__betas", strings(50))),
        (
            "kmeans",
            set_at("params", "lr", {"$type": "tuple", "items": np.zeros(10**6, "u1")}),
        ),
        (
            "kmeans",
            set_at(
                "params",
                "lr",
                {"$type": "array", "objects": True, "items": [np.zeros(10**7, "u1")]},
            ),
        ),
        ("kmeans", set_at("scaler", "dtype", "f8," * 200_000)),
        ("kmeans", set_at("scaler", "layout", "sample_shape", [2**31 - 1] * 10**5)),
        ("kmeans", set_at("network", "latent_dim", 10**9)),
        ("kmeans", set_at("network", "given", {"module__projection_dim": 10**9})),
        ("kmeans", set_at("network", "batch_size", 2**40)),
        ("prototypes", many_strata),
    ],
)
def test_small_files_need_little_memory_and_time(forged, assert_rejected, kind, change):
    assert_rejected(forged(kind, change))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("checkpoint_dir", "folder"),
        ("callbacks__checkpoint__every", 1),
        ("compile", True),
        ("compile__mode", "max-autotune"),
        ("iterator_train__num_workers", 50),
        ("iterator_valid__multiprocessing_context", "spawn"),
        ("iterator_train__worker_init_fn", {"$type": "import", "path": "os.abort"}),
        ("net_params", {}),
        ("n_jobs", 2),
        ("\ud800", 1),
        ("A" * 5000, 1),
    ],
)
def test_a_file_cannot_set_parameters_of_the_machine(forged, name, value):
    for outer in (["params"], ["network", "given"]):
        path = forged("kmeans", set_at(*outer, name, value))
        text = load_error(path)
        assert str(path) in text
        assert "not a parameter that a file may set" in text or "a key of" in text
        assert len(text) < 1000


def test_parameters_of_the_machine_are_not_saved(fit_tiny, tmp_path):
    fitted = fit_tiny(
        checkpoint_dir=tmp_path / "folder",
        callbacks__checkpoint__every=3,
        iterator_train__num_workers=1,
        iterator_train__timeout=60,
        iterator_valid__pin_memory=False,
    )
    fitted.save(tmp_path / "model")
    content = (tmp_path / "model").read_bytes()
    assert str(tmp_path).encode() not in content
    tree = read_tree(tmp_path / "model", "estimator")
    for params in (tree["params"], tree["network"]["given"]):
        for name in params:
            assert not name.startswith(
                ("checkpoint_", "callbacks__checkpoint", "compile", "iterator_")
            )
    loaded = ContrastiveAutoencoderClusterer.load(tmp_path / "model")
    assert loaded.checkpoint_dir is None
    assert "iterator_train__timeout" not in loaded.get_params()


def test_the_optimizer_is_saved_if_training_may_continue(fit_tiny, tmp_path):
    for warm_start in (False, True):
        fit_tiny(warm_start=warm_start).save(tmp_path / "model")
        tree = read_tree(tmp_path / "model", "estimator")
        assert (tree["net"]["optimizer"] is not None) == warm_start


def with_header(dtype, shape, content, **changes):
    header = {
        "0": {"dtype": dtype, "shape": shape, "data_offsets": [0, len(content)]},
        "__metadata__": {
            "format": "contrastive_clustering",
            "format_version": "1",
            "kind": "estimator",
            "versions": "{}",
            "tree": "{}",
            "sha256": "0",
            **changes,
        },
    }
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + content


def with_checksum(text):
    header = {
        "format": "contrastive_clustering",
        "format_version": "1",
        "kind": "estimator",
        "versions": "{}",
        "tree": text,
    }
    header["sha256"] = _container._digest(header, {})
    return to_safetensors({}, metadata=header)


@pytest.mark.parametrize(
    "content",
    [
        with_header("F8_E4M3", [8], b"\0" * 8),
        with_header("F4", [8], b"\0" * 4),
        with_header("BF16", [4], b"\0" * 8),
        with_header("C64", [1], b"\0" * 8),
        with_header("F32", [0, 2**40, 2**40], b""),
        with_header("F32", [2**62, 4], b""),
        with_header("F32", [-1], b"\0" * 4),
        with_header("F32", [True], b"\0" * 4),
        with_header("F32", "1", b"\0" * 4),
        with_header("F32", None, b""),
        with_header(["F32"], [1], b"\0" * 4),
        with_header("F32", [1] * 100, b"\0" * 4),
        with_header("F32", [2], b"\0" * 4),
        with_header("F32", [0], b"", kind="A" * 3_000_000),
        with_header("F32", [0], b"", kind=["estimator"]),
        with_header("F32", [0], b"", format_version="A" * 3_000_000),
        with_header("F32", [0], b"", format_version="2", versions="\ud800\n" * 10**5),
        with_header("F32", [0], b"", format="A" * 3_000_000),
        with_checksum('{"a":' + "9" * 5000 + "}"),
        with_checksum("[" * 10**6),
        with_checksum("{" * 10**6),
        with_checksum('{"params": ' + "[" * 500 + "]" * 500 + "}"),
        with_checksum("[]"),
        with_checksum("null"),
        with_checksum("NaN"),
        with_checksum("{}"),
        with_checksum('{"a": Infinity}'),
        with_checksum('{"' + "A" * 10**6 + '": 1}'),
        with_checksum('{"\\ud800": "\\udfff"}'),
        "{}".encode("utf-16"),
        b"\x02\0\0\0\0\0\0\0{}",
        b"\x02\0\0\0\0\0\0\0[]",
    ],
)
def test_load_raises_a_single_short_error(tmp_path, content):
    path = tmp_path / "forged.safetensors"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"forged\.safetensors'") as caught:
        ContrastiveAutoencoderClusterer.load(path)
    message = str(caught.value)
    assert str(path) in message
    assert len(message) < 1000
    message.encode()  # it can be printed


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("optimizer__capturable", True),
        ("optimizer__betas", ["a", "b"]),
        ("optimizer__betas", {"$type": "tensor", "value": np.zeros((3, 3))}),
        ("optimizer__no_such", 1),
        ("optimizer__param_groups", 3),
        ("optimizer__param_groups", [["*", 3]]),
        ("optimizer__param_groups", np.zeros((2**39, 0))),
        ("callbacks__nobody__x", 1),
        ("module__encoder", {"$type": "import", "path": "os.system"}),
        ("criterion__contrastive_weight", "a"),
    ],
)
def test_parameters_that_libraries_reject_are_rejected(
    forged, assert_rejected, name, value
):
    def change(tree):
        for params in (tree["params"], tree["network"]["given"]):
            params.pop("optimizer__fused", None)
            params[name] = value

    assert_rejected(forged("kmeans", change))


def test_an_overflowing_network_is_rejected(forged, assert_rejected):
    def overflow(tree):
        weights = tree["net"]["weights"]
        for name, value in weights.items():
            if name.startswith("encoder.") and name.endswith(".weight"):
                weights[name] = np.full_like(value, 3e38)

    assert_rejected(forged("kmeans", overflow), "not finite")


def test_every_field_is_required_and_no_other_is_allowed(saved):
    for path in saved.values():
        tree = read_tree(path, "estimator")
        ESTIMATOR.check(tree, "the estimator", Scope())
        for name in tree:
            incomplete = {key: value for key, value in tree.items() if key != name}
            with pytest.raises(ValueError, match=f"lacks '{name}'"):
                ESTIMATOR.check(incomplete, "the estimator", Scope())
        with pytest.raises(ValueError, match="an unknown field 'code'"):
            ESTIMATOR.check({**tree, "code": "1"}, "the estimator", Scope())


def test_each_array_must_be_referenced_exactly_once(saved, assert_rejected, tmp_path):
    content = saved["kmeans"].read_bytes()
    n_header = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + n_header])["__metadata__"]
    arrays = _container.from_safetensors(content)
    text = json.loads(header["tree"])
    path = tmp_path / "forged.safetensors"

    def write(tree, more):
        changed = {**header, "tree": json.dumps(tree)}
        changed["sha256"] = _container._digest(changed, {**arrays, **more})
        path.write_bytes(to_safetensors({**arrays, **more}, metadata=changed))

    write(text, {})
    ContrastiveAutoencoderClusterer.load(path)
    write(text, {"more": np.zeros(3)})
    assert_rejected(path, "its array 'more' is not used")
    scaler = text["scaler"]
    write({**text, "scaler": {**scaler, "std": scaler["mean"]}}, {})
    assert_rejected(path)


def random_walks(scale):
    return np.random.default_rng(0).normal(size=(60, 10, 10)).cumsum(1) * scale


@pytest.mark.parametrize(
    "make",
    [
        lambda: random_walks(1e40),
        lambda: random_walks(1e148),
        lambda: random_walks(1e-40),
        lambda: np.c_[random_walks(1)[:, 0], random_walks(1e40)[:, 1, 0]],
    ],
)
def test_estimators_of_extreme_samples_can_be_loaded(fast, tmp_path, make):
    samples = make()
    fitted = ContrastiveAutoencoderClusterer(**fast).fit(samples)
    fitted.save(tmp_path / "model")
    loaded = ContrastiveAutoencoderClusterer.load(tmp_path / "model")
    for method in ("predict", "predict_proba", "transform", "score_samples"):
        np.testing.assert_array_equal(
            getattr(loaded, method)(samples), getattr(fitted, method)(samples)
        )


def test_a_diverged_decoder_raises_in_fit(fast):
    clusterer = ContrastiveAutoencoderClusterer(**{**fast, "lr": 1e4, "batch_size": 16})
    with pytest.raises(ValueError, match=r"diverged|not finite"):
        clusterer.fit(random_walks(1))


def test_crashes_and_errors_of_a_child_are_reported():
    with pytest.raises(AssertionError, match="the child ended with status"):
        in_child(lambda: os.kill(os.getpid(), signal.SIGKILL))
    with pytest.raises(AssertionError, match="ZeroDivisionError"):
        in_child(lambda: 1 / 0)
