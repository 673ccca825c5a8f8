"""Import optional packages where they are used, or explain how to install them."""

from importlib import import_module
from typing import Any


def _import(module: str, hint: str) -> Any:
    """Return a module, or raise an error with installation instructions."""
    try:
        return import_module(module)
    except ImportError as error:
        raise ImportError(hint) from error


def import_pandas(caller: str) -> Any:
    """Return the pandas package, or raise an error with installation instructions."""
    return _import(
        "pandas", f"{caller} needs pandas. Install it with `pip install pandas`."
    )


def import_pyplot(caller: str) -> Any:
    """Return matplotlib.pyplot, or raise an error with installation instructions."""
    return _import(
        "matplotlib.pyplot",
        f"{caller} needs matplotlib. Install it with `pip install matplotlib`.",
    )


def import_pillow(caller: str) -> Any:
    """Return PIL.Image, or raise an error with installation instructions."""
    return _import_reader("PIL.Image", "Pillow", caller)


def import_pydicom(caller: str) -> Any:
    """Return the pydicom package, or raise an error with installation instructions."""
    return _import_reader("pydicom", "pydicom", caller)


def import_simpleitk(caller: str) -> Any:
    """Return the SimpleITK package, or raise an error with instructions."""
    return _import_reader("SimpleITK", "SimpleITK", caller)


def _import_reader(module: str, package: str, caller: str) -> Any:
    return _import(
        module,
        f"{caller} needs {package} for these files. Install it with `pip install "
        f"{package}`, or all readers with the extra [images].",
    )


def import_zarr(caller: str) -> Any:
    """Return the zarr package, or raise an error with installation instructions."""
    return _import("zarr", f"{caller} needs Zarr. Install it with `pip install zarr`.")


def import_onnx() -> Any:
    """Return the onnx package, or raise an error with installation instructions."""
    hint = (
        "to_onnx needs onnx and onnxscript. Install them with `pip install onnx "
        "onnxscript`."
    )
    _import("onnxscript", hint)  # PyTorch needs it for the export
    return _import("onnx", hint)


def import_kornia_filters() -> Any:
    """Return Kornia's filters, or raise an error with installation instructions."""
    return _import(
        "kornia.filters",
        "An augmentation with blur above zero needs Kornia. Install it with `pip "
        "install kornia`, or set blur=0.",
    )
