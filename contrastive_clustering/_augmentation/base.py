"""Base classes of augmentations and of presets, which check their input."""

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import torch

from contrastive_clustering._augmentation.draws import Changes
from contrastive_clustering._utils.library_settings import no_autocast
from contrastive_clustering._utils.messages import show
from contrastive_clustering._utils.param_validation import Number, check_parameters

# Constraints of the presets' parameters. The upper limits are far beyond practical use
# and keep the views finite.
CONSTRAINTS: dict[str, list[Any]] = {
    "degrees": [Number(0, 360, closed="both")],
    "translate": [Number(0, 1, closed="both")],
    "scale": [Number(1, 100, closed="both")],
    "shear": [Number(0, 90, closed="left")],
    "intensity": [Number(0, 10, closed="both")],
    "erase": [Number(0, 1, closed="both")],
    "saturation": [Number(0, 10, closed="both")],
    "blur": [Number(0, 100, closed="both")],
    "noise": [Number(0, 1e6, closed="both")],
    "dropout": [Number(0, 1, closed="both")],
}


class Augmentation(ABC):
    """Base class of augmentations.

    Attributes
    ----------
    restores : bool
        Whether the decoder reconstructs the original sample instead of its view, which
        is useful if views differ in properties that latents should not encode.
    """

    restores: ClassVar[bool] = False

    @abstractmethod
    def __call__(
        self,
        batch: torch.Tensor,
        generator: torch.Generator,
        changes: Changes | None = None,
    ) -> torch.Tensor:
        """Return one random view of `batch`, and note what was drawn if this is known.

        `changes` receives numbers from -1 to 1, each a tensor of shape (n,).
        """

    def pair(
        self,
        batch: torch.Tensor,
        generator: torch.Generator,
        changes: Changes | None = None,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the two views of `batch` for the contrastive loss.

        Parameters
        ----------
        batch : torch.Tensor of shape (n, ...)
            Standardized samples.

        generator : torch.Generator
            Source of all random numbers, on the device of `batch`.

        changes : list, default=None
            Receives how the views differ if this is known: tensors of shape (n,) with
            the numbers drawn for the first view minus those for the second, such as
            angles, shifts, magnifications and contrasts. Each number is from -1 to 1
            times the largest; those without effect are omitted.

        Returns
        -------
        first, second : torch.Tensor
            Tensors with the shape and dtype of `batch`.

        Raises
        ------
        TypeError, ValueError
            If `batch` or `generator` is not valid.
        """
        if changes is None:
            return self._draw_pair(batch, generator)
        of_first: Changes = []
        of_second: Changes = []
        views = self._draw_pair(batch, generator, of_first, of_second)
        changes += [a - b for a, b in zip(of_first, of_second, strict=True)]
        return views

    def _draw_pair(
        self, batch: torch.Tensor, generator: torch.Generator, *changes: Changes
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return two views of a batch, by default two independent draws.

        `changes` are none, or a list for each view that receives what was drawn for it.
        """
        first = self(batch, generator, *changes[:1])
        return first, self(batch, generator, *changes[1:])


class Preset(Augmentation):
    """Base class of presets, which checks their parameters and inputs."""

    least_axes = 4
    most_axes = 5

    def __post_init__(self) -> None:
        check_parameters(
            {name: CONSTRAINTS[name] for name in vars(self)},
            vars(self),
            caller=type(self).__name__,
        )

    def __call__(
        self,
        batch: torch.Tensor,
        generator: torch.Generator,
        changes: Changes | None = None,
    ) -> torch.Tensor:
        """Return one random view of `batch`.

        Raises
        ------
        TypeError, ValueError
            If `batch` or `generator` is not valid.
        """
        self._check(batch, generator)
        with no_autocast():
            return self._draw(batch, generator, changes)

    @abstractmethod
    def _draw(
        self,
        batch: torch.Tensor,
        generator: torch.Generator,
        changes: Changes | None = None,
    ) -> torch.Tensor:
        """Return one random view of a valid batch, and note what was drawn."""

    def _check(self, batch: torch.Tensor, generator: torch.Generator) -> None:
        if (
            not isinstance(batch, torch.Tensor)
            or batch.layout != torch.strided
            or batch.dtype not in (torch.float32, torch.float64)
        ):
            got = batch.dtype if isinstance(batch, torch.Tensor) else type(batch)
            raise TypeError(
                f"batch is of {got}, but must be a dense tensor of torch.float32 or "
                "torch.float64."
            )
        if not self.least_axes <= batch.ndim <= self.most_axes or batch.numel() == 0:
            n_axes = range(self.least_axes, self.most_axes + 1)
            raise ValueError(
                f"batch has shape {tuple(batch.shape)}, but {type(self).__name__} "
                f"requires {' or '.join(map(str, n_axes))} axes, none of them empty."
            )
        if (
            not isinstance(generator, torch.Generator)
            or generator.device.type != batch.device.type
        ):
            raise TypeError(
                f"generator={show(generator)} is not a torch.Generator on "
                f"{batch.device}, the device of batch."
            )
