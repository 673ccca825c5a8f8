"""Parameters that are paths: home folders, modes, links, pipes and devices."""

import stat
from types import SimpleNamespace

import matplotlib.pyplot as plt  # noqa: F401  # finds its folders before home moves
import numpy as np
import onnx
import pytest
import torch

from contrastive_clustering import ContrastiveAutoencoderClusterer, clustering_report
from contrastive_clustering.datasets import load_medmnist_file


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def fitted(fitted_kind, monkeypatch):
    """An X and an estimator fitted to it, whose report and export are replaced."""
    X, estimator = fitted_kind("table")
    program = SimpleNamespace(model_proto=onnx.ModelProto())
    monkeypatch.setattr(torch.onnx, "export", lambda *_, **__: program)
    monkeypatch.setattr(
        "contrastive_clustering._report.report._plot_sections", lambda *_: []
    )
    return X, estimator


WRITERS = {
    "save": lambda X, estimator, path: estimator.save(path),
    "to_onnx": lambda X, estimator, path: estimator.to_onnx(path),
    "clustering_report": lambda X, estimator, path: clustering_report(
        estimator, X, path=path
    ),
}


@pytest.mark.usefixtures("umask")
@pytest.mark.parametrize("name", WRITERS)
def test_writers_follow_the_umask_links_and_tilde(fitted, home, name):
    (home / "first").write_bytes(b"old")
    (home / "first").chmod(0o640)
    (home / "latest").symlink_to("first")
    for path in ("new", "latest"):
        WRITERS[name](*fitted, f"~/{path}")
        assert (home / path).stat().st_size > 10
    assert mode(home / "new") == 0o664
    assert mode(home / "first") == 0o640
    assert (home / "latest").is_symlink()
    assert list(home.glob(".*.partial")) == []


@pytest.mark.parametrize("name", WRITERS)
def test_writers_reject_pipes_sockets_and_devices_immediately(
    fitted, special_file, name, monkeypatch
):
    path, kind = special_file
    for work in ("_model.estimator_file.net_state", "_report.report.choose_samples"):
        monkeypatch.setattr(f"contrastive_clustering.{work}", None)
    monkeypatch.setattr(torch.onnx, "export", None)
    with pytest.raises(OSError, match=rf"^\[.*path='.*special file'.*it is a {kind}"):
        WRITERS[name](*fitted, path)


@pytest.mark.parametrize(
    "read", [ContrastiveAutoencoderClusterer.load, load_medmnist_file]
)
def test_readers_reject_pipes_sockets_and_devices(special_file, read):
    path, kind = special_file
    with pytest.raises(ValueError, match=rf"special file' is a {kind}"):
        read(path)


def test_readers_expand_the_home_folder(fitted_kind, home):
    X, estimator = fitted_kind("table")
    estimator.save("~/model")
    loaded = ContrastiveAutoencoderClusterer.load("~/model")
    np.testing.assert_array_equal(loaded.predict(X), estimator.predict(X))
    images = np.ones((3, 8, 8))
    np.savez(home / "own.npz", train_images=images, train_labels=[1, 2, 3])
    bunch = load_medmnist_file("~/own.npz")
    assert bunch.filename == str(home / "own.npz")
