"""Resolve the parameter `augmentation` to a preset or a wrapped callable.

Callables run with seeded global generators, which makes their views reproducible.
Presets draw from the generator that is passed to them (presets.py).
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch

from contrastive_clustering._augmentation.base import Augmentation, Preset
from contrastive_clustering._augmentation.draws import Changes
from contrastive_clustering._augmentation.presets import (
    PRESETS,
    GrayImageAugmentation,
)
from contrastive_clustering._data.layout import SampleLayout
from contrastive_clustering._utils.device import is_asynchronous
from contrastive_clustering._utils.messages import show
from contrastive_clustering._utils.seeding import draw_seed, seeded_global_generators

# "auto" uses it for strokes on a uniform background: docs, "Defaults".
FOR_STROKES = GrayImageAugmentation(translate=0.1, erase=0.8)


@dataclass(frozen=True)
class CallableAugmentation(Augmentation):
    """Wrapper that makes any callable on a batch reproducible.

    Parameters
    ----------
    function : callable
        Takes a standardized batch and returns a random view of the same shape, for
        example a Kornia module. It may draw from the global generators of PyTorch,
        NumPy and Python.
    """

    function: Callable[[torch.Tensor], torch.Tensor]

    def __call__(
        self,
        batch: torch.Tensor,
        generator: torch.Generator,
        changes: Changes | None = None,  # noqa: ARG002
    ) -> torch.Tensor:
        """Return one random view of `batch`.

        Raises
        ------
        ValueError
            If the result is not a finite tensor with the shape, dtype and device of
            `batch`. Errors of the callable are raised unchanged, with a note added.
        """
        with seeded_global_generators(draw_seed(generator), batch.device):
            try:
                # The callable may modify its input, which the next view needs.
                view = self.function(batch.clone())
            # Any error of custom code is raised again, with a note.
            except Exception as error:
                error.add_note(
                    f"Raised by augmentation={show(self.function)} for a batch of "
                    f"shape {tuple(batch.shape)}, {batch.dtype}, on {batch.device}."
                )
                raise
        if not isinstance(view, torch.Tensor) or _traits(view) != _traits(batch):
            got = _traits(view) if isinstance(view, torch.Tensor) else type(view)
            raise ValueError(
                f"augmentation={show(self.function)} returned {got} for a batch of "
                f"{_traits(batch)}. It must return a tensor of the batch's shape, "
                "dtype and device."
            )
        # The check would have to wait for a GPU; there, the loss shows the problem.
        if not is_asynchronous(batch.device) and not torch.isfinite(view).all():
            raise ValueError(
                f"augmentation={show(self.function)} returned values that are not "
                f"finite for a batch of shape {tuple(batch.shape)}. It must return "
                "finite views. Batches are standardized and contain negative values."
            )
        return view


def _traits(batch: torch.Tensor) -> str:
    return f"shape {tuple(batch.shape)}, {batch.dtype}, on {batch.device}"


def resolve_augmentation(
    augmentation: str | Preset | Callable[[torch.Tensor], torch.Tensor] | None,
    layout: SampleLayout,
    *,
    has_uniform_background: bool = False,
) -> Augmentation | None:
    """Return the augmentation that a parameter specifies.

    Parameters
    ----------
    augmentation : {"auto", "gray", "rgb", "volume", "table"}, preset, callable or None
        The parameter; "auto" selects the preset that suits the samples.

    layout : SampleLayout
        Layout of the samples.

    has_uniform_background : bool, default=False
        Whether the samples are strokes on a uniform background. If so, "auto" erases
        parts of them.

    Returns
    -------
    augmentation : Augmentation or None
        Augmentation that draws views.

    Raises
    ------
    ValueError
        If the preset does not suit the samples, or if a class is passed instead of an
        instance.
    """
    if augmentation is None:
        return None
    if isinstance(augmentation, type):
        raise ValueError(
            f"augmentation={show(augmentation)} is a class. Pass an instance of it."
        )
    if not isinstance(augmentation, str | Preset):
        return CallableAugmentation(augmentation)
    preset = augmentation
    if preset == "auto" and has_uniform_background:
        preset = FOR_STROKES
    if isinstance(preset, str):
        preset = PRESETS[layout.preset if preset == "auto" else preset]()
    n_axes = 2 + layout.n_spatial_axes  # of a batch, with samples and channels
    suits = preset.least_axes <= n_axes <= preset.most_axes
    # An instance for tables is allowed for images, although it ignores their geometry.
    if augmentation == "table":
        suits = layout.is_table
    if not suits:
        raise ValueError(
            f"augmentation={show(augmentation)} does not suit samples that are "
            f"{layout.kind.noun}s. Use augmentation='auto', or set image_shape if the "
            "rows are flattened images."
        )
    return preset
