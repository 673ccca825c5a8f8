"""How the images of a model were read, which its file stores as notes."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from contrastive_clustering._command.console import CommandError, Console

# Keys of the notes, and parameters of `load_images` that they may contain. Others, such
# as a file to write to, are not taken from a file of a model.
READING, DTYPE = "load_images", "dtype"
PARAMETERS = {"as_volumes", "channels", "fit", "size", "spacing", "window"}

DTYPES = ("uint8", "float32")


@dataclass(frozen=True)
class Recipe:
    """How images are read.

    Attributes
    ----------
    parameters : dict
        Parameters of :func:`~contrastive_clustering.datasets.load_images`.

    dtype : str or None
        Type of the values; None if it is that of the files.
    """

    parameters: dict[str, Any]
    dtype: str | None = None

    def of_images(self, images: np.ndarray) -> "Recipe":
        """Return the recipe with the colors and the type of values of its images."""
        parameters = dict(self.parameters)
        if not parameters["as_volumes"]:
            parameters["channels"] = "rgb" if images.ndim == 4 else "gray"
        return Recipe(parameters, str(images.dtype))

    def to_notes(self) -> dict[str, Any]:
        """Return the notes to save with a model."""
        return {READING: self.parameters, DTYPE: self.dtype}

    def describe(self) -> list[tuple[str, str]]:
        """Return the recipe in words, for the readers of a report.

        Examples
        --------
        >>> from contrastive_clustering._command.recipe import Recipe
        >>> parameters = {"as_volumes": False, "size": 64, "spacing": None}
        >>> parameters |= {"fit": "crop", "channels": "rgb", "window": (40.0, 400.0)}
        >>> for name, value in Recipe(parameters).describe():
        ...     print(f"{name}: {value}")
        Read as: images in color
        Size: 64 × 64 pixels
        Fit to the size: crop
        Spacing: not set, so that scales may differ
        Window: center 40, width 400
        """
        given = self.parameters
        as_volumes = given["as_volumes"]
        n_axes, element = (3, "voxel") if as_volumes else (2, "pixel")
        kind = "images in color" if given["channels"] == "rgb" else "gray images"
        spacing, window = given["spacing"], given["window"]
        shown = "none, so that values are those of the files"
        if window == "file":
            shown = "that of the file or, without one, the range of its values"
        elif window is not None:
            shown = f"center {window[0]:g}, width {window[1]:g}"
        return [
            ("Read as", "volumes" if as_volumes else kind),
            ("Size", f"{_join_axes(given['size'], n_axes)} {element}s"),
            ("Fit to the size", given["fit"]),
            (
                "Spacing",
                "not set, so that scales may differ"
                if spacing is None
                else f"{_join_axes(spacing, n_axes)} mm per {element}",
            ),
            ("Window", shown),
        ]

    @classmethod
    def from_notes(cls, notes: dict[str, Any], path: Path) -> "Recipe":
        """Return the recipe in the notes of a model, which are not trusted.

        `load_images` checks the values of its parameters. A CommandError that names the
        file is raised if the notes do not contain a recipe.
        """
        parameters, dtype = notes.get(READING), notes.get(DTYPE)
        if parameters is None:
            raise CommandError(
                f"the model {str(path)!r} does not say how its images were read. Use a "
                "model that contrastive-clustering has written, or save it in Python "
                'with notes={"load_images": {"size": ...}}.'
            )
        if (
            not isinstance(parameters, dict)
            or not PARAMETERS.issuperset(parameters)
            or dtype not in (None, *DTYPES)
        ):
            raise CommandError(
                f"the model {str(path)!r} says in an unknown way how its images were "
                f"read. Its notes may contain {READING!r} with "
                f"{', '.join(sorted(PARAMETERS))}, and {DTYPE!r}."
            )
        return cls(parameters, dtype)

    def convert(self, images: np.ndarray, console: Console) -> np.ndarray:
        """Return images with the type of values of the model.

        A warning is shown if the images may have other units, and a CommandError is
        raised if they do.
        """
        if self.dtype is None or images.dtype == self.dtype:
            return images
        if self.dtype == "float32":
            console.warn(
                "all images have 8 bits, but images of the model have more. If those "
                "are in other units, such as Hounsfield units, do not rely on the "
                "strata."
            )
            return images.astype(np.float32)
        raise CommandError(
            "the images have more than 8 bits, but those of the model have 8. Convert "
            "them as for the model, or train another model with --window file."
        )


def _join_axes(value: Any, n_axes: int) -> str:
    """Return one number for each axis, such as "64 \N{MULTIPLICATION SIGN} 48"."""
    values = value if isinstance(value, tuple) else (value,) * n_axes
    return " \N{MULTIPLICATION SIGN} ".join(f"{each:g}" for each in values)
