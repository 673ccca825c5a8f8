"""Import optional packages where they are used, or explain how to install them."""

from importlib import import_module
from typing import Any


def import_pandas(caller: str) -> Any:
    """Return the pandas package, or raise an error with installation instructions."""
    try:
        return import_module("pandas")
    except ImportError as error:
        hint = f"{caller} needs pandas. Install it with `pip install pandas`."
        raise ImportError(hint) from error


def import_pyplot(caller: str) -> Any:
    """Return matplotlib.pyplot, or raise an error with installation instructions.

    Parameters
    ----------
    caller : str
        Name of the function or class that draws.

    Returns
    -------
    pyplot : module
        ``matplotlib.pyplot``.

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    """
    try:
        return import_module("matplotlib.pyplot")
    except ImportError as error:
        hint = f"{caller} needs matplotlib. Install it with `pip install matplotlib`."
        raise ImportError(hint) from error


def import_pillow(caller: str) -> Any:
    """Return PIL.Image, or raise an error with installation instructions."""
    return _import_reader("PIL.Image", "Pillow", caller)


def import_pydicom(caller: str) -> Any:
    """Return the pydicom package, or raise an error with installation instructions."""
    return _import_reader("pydicom", "pydicom", caller)


def import_simpleitk(caller: str) -> Any:
    """Return the SimpleITK package, or raise an error with instructions."""
    return _import_reader("SimpleITK", "SimpleITK", caller)


def import_zarr(caller: str) -> Any:
    """Return the zarr package, or raise an error with installation instructions."""
    try:
        return import_module("zarr")
    except ImportError as error:
        hint = f"{caller} needs Zarr. Install it with `pip install zarr`."
        raise ImportError(hint) from error


def _import_reader(module: str, package: str, caller: str) -> Any:
    try:
        return import_module(module)
    except ImportError as error:
        raise ImportError(
            f"{caller} needs {package} for these files. Install it with `pip install "
            f"{package}`, or all readers with the extra [images]."
        ) from error


def import_onnx() -> Any:
    """Return the onnx package, or raise an error with installation instructions."""
    try:
        import_module("onnxscript")  # PyTorch needs it for the export
        return import_module("onnx")
    except ImportError as error:
        raise ImportError(
            "to_onnx needs onnx and onnxscript. Install them with `pip install onnx "
            "onnxscript`."
        ) from error


def import_kornia_filters() -> Any:
    """Return Kornia's filters, or raise an error with installation instructions."""
    try:
        return import_module("kornia.filters")
    except ImportError as error:
        raise ImportError(
            "An augmentation with blur above zero needs Kornia. Install it with `pip "
            "install kornia`, or set blur=0."
        ) from error
