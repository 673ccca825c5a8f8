"""Random numbers for each sample of a batch, and notes of those that have an effect."""

import torch

# The numbers drawn for each sample of a batch: tensors of shape (n,) from -1 to 1.
Changes = list[torch.Tensor]


def uniform(
    n_samples: int, low: float, high: float, generator: torch.Generator
) -> torch.Tensor:
    """Draw one number per sample, uniformly from ``[low, high)``."""
    draws = torch.rand(
        n_samples,
        generator=generator,
        device=generator.device,
        dtype=torch.float32,
    )
    return low + (high - low) * draws


def note(changes: Changes | None, *draws: tuple[float, torch.Tensor]) -> None:
    """Append draws, each given with its strength, to a list if they have an effect."""
    if changes is not None:
        changes += [draw for strength, draw in draws if strength > 0]


def per_sample(values: torch.Tensor, batch: torch.Tensor) -> torch.Tensor:
    """Reshape (n,) to (n, 1, ..., 1), so that it broadcasts over `batch`."""
    return values.reshape(-1, *[1] * (batch.ndim - 1))
