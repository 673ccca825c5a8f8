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
