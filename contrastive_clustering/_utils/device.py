"""Which device to compute on, and what it is like."""

import torch

from contrastive_clustering._utils.messages import reason_of, show


def resolve_device(device: str | torch.device) -> torch.device:
    """Return the device that the parameter `device` stands for.

    Parameters
    ----------
    device : str or torch.device
        "auto" takes CUDA where there is one, then MPS, then the CPU; else a device of
        PyTorch such as "cpu", "cuda" or "cuda:1".

    Returns
    -------
    device : torch.device
        A device that tensors can be put on.

    Raises
    ------
    ValueError
        If PyTorch does not know the device, or this machine does not have it.
    """
    if device == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        if torch.backends.mps.is_available():
            return torch.device("mps")
        return torch.device("cpu")
    try:
        resolved = torch.device(device)
        if resolved.type == "meta":
            raise RuntimeError("the meta device holds no values")
        torch.empty(1, device=resolved)
    # PyTorch reports an unknown name (RuntimeError), a build without support
    # (AssertionError), a missing driver or extension (RuntimeError, ImportError) and a
    # device that cannot hold values (NotImplementedError) by errors of these types;
    # each means that no tensor can be put there, and the message says which.
    except (RuntimeError, AssertionError, ImportError, NotImplementedError) as error:
        raise ValueError(
            f"device={show(device)} cannot be used here ({reason_of(error)}). Use "
            "device='auto' to take the best that there is, or device='cpu'."
        ) from None
    return resolved


def is_asynchronous(device: str | torch.device) -> bool:
    """Return whether a device goes on computing while Python does.

    All devices but the CPU do: Python queues their work, and waits for it only where it
    asks for a number.
    """
    return torch.device(device).type != "cpu"


def free_memory(device: torch.device) -> int | None:
    """Return how many bytes of a GPU's own memory are free; None for other devices."""
    if device.type != "cuda":
        return None
    return int(torch.cuda.mem_get_info(device)[0])
