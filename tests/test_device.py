import pytest
import torch

from contrastive_clustering._device import resolve_device


@pytest.mark.parametrize(
    ("cuda", "mps", "expected"),
    [
        (True, True, "cuda"),
        (True, False, "cuda"),
        (False, True, "mps"),
        (False, False, "cpu"),
    ],
)
def test_auto_takes_cuda_then_mps_then_the_cpu(monkeypatch, cuda, mps, expected):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
    assert resolve_device("auto") == torch.device(expected)


@pytest.mark.parametrize("device", ["cpu", torch.device("cpu")])
def test_named_devices(device):
    assert resolve_device(device) == torch.device("cpu")


@pytest.mark.parametrize("device", ["warp", "cuda:99", "meta", ""])
def test_devices_that_are_not_there_are_errors(device):
    with pytest.raises(ValueError, match=rf"device='{device}' cannot be used.*'auto'"):
        resolve_device(device)
