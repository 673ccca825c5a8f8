import pytest
import torch

from contrastive_clustering._utils.device import (
    free_memory,
    is_asynchronous,
    resolve_device,
)


@pytest.mark.parametrize(
    ("cuda", "mps", "expected"),
    [
        (True, True, "cuda"),
        (True, False, "cuda"),
        (False, True, "mps"),
        (False, False, "cpu"),
    ],
)
def test_auto_prefers_cuda_then_mps_then_the_cpu(monkeypatch, cuda, mps, expected):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
    assert resolve_device("auto") == torch.device(expected)


@pytest.mark.parametrize("device", ["cpu", torch.device("cpu")])
def test_named_devices(device):
    assert resolve_device(device) == torch.device("cpu")


@pytest.mark.parametrize("device", ["warp", "cuda:99", "meta", ""])
def test_missing_devices_are_errors(device):
    with pytest.raises(ValueError, match=rf"device='{device}' cannot be used.*'auto'"):
        resolve_device(device)


def test_names_that_pytorch_does_not_know_are_errors_without_its_list():
    with pytest.raises(ValueError, match=r"\(PyTorch has no device of this name\)"):
        resolve_device("gpu")


def test_devices_that_fail_without_a_message_are_errors(monkeypatch):
    def fail(*args, **kwargs):
        raise AssertionError

    monkeypatch.setattr(torch, "empty", fail)
    with pytest.raises(ValueError, match=r"device='cpu' .*\(AssertionError\)"):
        resolve_device("cpu")


def test_devices_of_other_builds_are_errors_without_a_list_of_backends(monkeypatch):
    def fail(*args, **kwargs):
        raise NotImplementedError("Could not run 'aten::empty' with arguments")

    monkeypatch.setattr(torch, "empty", fail)
    with pytest.raises(ValueError, match=r"\(this build of PyTorch does not"):
        resolve_device("mps")


def test_all_devices_but_the_cpu_are_asynchronous():
    assert not is_asynchronous("cpu")
    assert not is_asynchronous(torch.device("cpu", 0))
    assert is_asynchronous("cuda:1")
    assert is_asynchronous(torch.device("mps"))


def test_memory_that_pytorch_keeps_is_free(monkeypatch):
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (7, 20))
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda device: 5)
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda device: 3)
    assert free_memory(torch.device("cuda", 1)) == 9
    assert free_memory(torch.device("cpu")) is None
    assert free_memory(torch.device("mps")) is None
