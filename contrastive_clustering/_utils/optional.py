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


def import_pillow() -> Any:
    """Return PIL.Image, or raise an error with installation instructions."""
    return _import_reader("PIL.Image", "Pillow")


def import_pydicom() -> Any:
    """Return the pydicom package, or raise an error with installation instructions."""
    return _import_reader("pydicom", "pydicom")


def import_simpleitk() -> Any:
    """Return the SimpleITK package, or raise an error with instructions."""
    return _import_reader("SimpleITK", "SimpleITK")


def _import_reader(module: str, package: str) -> Any:
    return _import(
        module,
        f"load_images needs {package} for these files. Install it with `pip install "
        f"{package}`, or all readers with the extra [images].",
    )


def import_zarr() -> Any:
    """Return the zarr package, or raise an error with installation instructions."""
    return _import(
        "zarr",
        "load_images with a .zarr folder needs Zarr. Install it with `pip install "
        "zarr`.",
    )


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


def import_umap() -> Any:
    """Return the umap package, or raise an error with installation instructions."""
    return _import(
        "umap",
        'method="umap" needs umap-learn. Install it with `pip install umap-learn`, or '
        'use method="tsne" or method="pca".',
    )
