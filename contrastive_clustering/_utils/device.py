"""Select a device and query its properties."""

import torch

from contrastive_clustering._utils.messages import reason_of, show


def resolve_device(device: str | torch.device) -> torch.device:
    """Return the device that the parameter `device` selects.

    Parameters
    ----------
    device : str or torch.device
        "auto" selects CUDA if available, then MPS, then the CPU. Otherwise a PyTorch
        device such as "cpu", "cuda" or "cuda:1".

    Returns
    -------
    device : torch.device
        A device on which tensors can be allocated.

    Raises
    ------
    ValueError
        If PyTorch does not support the device or this machine does not have it.
    """
    if device == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        if torch.backends.mps.is_available():
            return torch.device("mps")
        return torch.device("cpu")
    try:
        resolved = torch.device(device)
    except RuntimeError:  # its message lists devices that hardly anybody has
        raise _unusable(device, "PyTorch has no device of this name") from None
    # A build without support raises AssertionError or NotImplementedError, a missing
    # driver or extension RuntimeError or ImportError.
    try:
        if resolved.type == "meta":
            raise RuntimeError("the meta device holds no values")
        torch.empty(1, device=resolved)
    except NotImplementedError:  # its message lists backends, as for MPS on Linux
        reason = "this build of PyTorch does not support it"
        raise _unusable(device, reason) from None
    except (RuntimeError, AssertionError, ImportError) as error:
        raise _unusable(device, reason_of(error)) from None
    return resolved


def _unusable(device: str | torch.device, reason: str) -> ValueError:
    return ValueError(
        f"device={show(device)} cannot be used here ({reason}). Use device='auto' to "
        "select the best available device, or device='cpu'."
    )


def is_asynchronous(device: str | torch.device) -> bool:
    """Return whether a device computes asynchronously to Python.

    All devices except the CPU do: Python queues their work and waits only when it reads
    a result.
    """
    return torch.device(device).type != "cpu"


def free_memory(device: torch.device) -> int | None:
    """Return the free bytes of a GPU's dedicated memory, or None for other devices.

    Memory that PyTorch has freed but keeps for later tensors counts as free.
    """
    if device.type != "cuda":
        return None
    kept = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    return int(torch.cuda.mem_get_info(device)[0]) + kept
