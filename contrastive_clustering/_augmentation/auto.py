"""What the parameter `augmentation` stands for: a preset, or any callable.

Callables get seeded global generators, so that their views are repeatable; presets draw
from the generator that they are given (presets.py).
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch

from contrastive_clustering._augmentation.presets import (
    Augmentation,
    GrayImageAugmentation,
    Preset,
    RGBImageAugmentation,
    TableAugmentation,
    VolumeAugmentation,
)
from contrastive_clustering._utils.device import is_asynchronous
from contrastive_clustering._utils.messages import show
from contrastive_clustering._utils.seeding import draw_seed, seeded_global_generators

PRESETS: dict[str, type[Preset]] = {
    "gray": GrayImageAugmentation,
    "rgb": RGBImageAugmentation,
    "volume": VolumeAugmentation,
    "table": TableAugmentation,
}

# What "auto" takes for strokes on an empty background: docs, "Choices".
FOR_STROKES = GrayImageAugmentation(translate=0.1, erase=0.8)


@dataclass(frozen=True)
class CallableAugmentation(Augmentation):
    """Any callable on a batch, made repeatable.

    Parameters
    ----------
    function : callable
        Takes a batch on the common scale and returns a random view of it, of the same
        shape; for example a module of Kornia. It may draw from the global generators
        of PyTorch, NumPy and Python.
    """

    function: Callable[[torch.Tensor], torch.Tensor]

    def __call__(self, batch: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Return one random view of `batch`.

        Raises
        ------
        ValueError
            If the callable returns anything but a finite float32 tensor of the shape of
            `batch` on its device. What it raises itself is passed on with a note.
        """
        with seeded_global_generators(draw_seed(generator), batch.device):
            try:
                # The next view is drawn of the same batch, come what may of this one.
                view = self.function(batch.clone())
            # Any error of the user's own code gets the note, and is raised again.
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
        # A GPU would have to be waited for; there the loss tells.
        if not is_asynchronous(batch.device) and not torch.isfinite(view).all():
            raise ValueError(
                f"augmentation={show(self.function)} returned values that are not "
                f"finite for a batch of shape {tuple(batch.shape)}. It must return "
                "finite views; the values of a batch are about 1, and may be negative."
            )
        return view


def _traits(batch: torch.Tensor) -> str:
    return f"shape {tuple(batch.shape)}, {batch.dtype}, on {batch.device}"


def resolve_augmentation(
    augmentation: str | Preset | Callable[[torch.Tensor], torch.Tensor] | None,
    kind: str,
    *,
    shows_strokes: bool = False,
) -> Augmentation | None:
    """Return the augmentation that a parameter stands for.

    Parameters
    ----------
    augmentation : {"auto", "gray", "rgb", "volume", "table"}, preset, callable or None
        The parameter; "auto" is the preset for `kind`.

    kind : {"table", "volume", "gray", "rgb"}
        What the samples are.

    shows_strokes : bool, default=False
        Whether the samples are strokes on an empty background, of which "auto" erases
        parts.

    Returns
    -------
    augmentation : Augmentation or None
        What draws views.

    Raises
    ------
    ValueError
        If a preset is asked for that does not suit the samples, or if a class is
        passed in place of an instance.
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
    if preset == "auto" and shows_strokes:
        preset = FOR_STROKES
    if isinstance(preset, str):
        preset = PRESETS[kind if preset == "auto" else preset]()
    # The one for tables knows no neighbors, which images can do without, if so wished.
    is_for_tables = isinstance(preset, TableAugmentation)
    suits = is_for_tables if kind == "table" else augmentation != "table"
    if isinstance(preset, VolumeAugmentation):
        suits = kind == "volume"
    if not suits:
        samples = {"table": "rows of a table", "volume": "volumes"}.get(kind, "images")
        raise ValueError(
            f"augmentation={show(augmentation)} does not suit samples that are "
            f"{samples}. "
            'Use augmentation="auto", or set image_shape if the rows are flattened '
            "images."
        )
    return preset
