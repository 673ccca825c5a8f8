import sys

import pytest

from contrastive_clustering._utils.optional import (
    import_kornia_filters,
    import_onnx,
    import_pandas,
    import_pillow,
    import_pydicom,
    import_pyplot,
    import_simpleitk,
    import_umap,
    import_zarr,
)


@pytest.mark.parametrize(
    ("function", "arguments", "module", "message"),
    [
        (import_pandas, ["table"], "pandas", "^table needs pandas.*pip install"),
        (import_pyplot, ["A"], "matplotlib.pyplot", "^A needs matplotlib.*pip install"),
        (import_pillow, [], "PIL.Image", r"^load_images needs Pillow.*\[images\]"),
        (import_pydicom, [], "pydicom", r"^load_images needs pydicom.*\[images\]"),
        (
            import_simpleitk,
            [],
            "SimpleITK",
            r"^load_images needs Simple.*\[images\]",
        ),
        (import_zarr, [], "zarr", "^load_images with .* needs Zarr.*pip install zarr"),
        (import_onnx, [], "onnxscript", "^to_onnx needs onnx and onnxscript"),
        (import_kornia_filters, [], "kornia.filters", "blur above zero needs Kornia"),
        (import_umap, [], "umap", '^method="umap" needs umap-learn.*pip install'),
    ],
)
def test_missing_packages_are_named(function, arguments, module, message, monkeypatch):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ImportError, match=message):
        function(*arguments)


@pytest.mark.parametrize(
    ("function", "arguments", "name"),
    [
        (import_pandas, ["caller"], "pandas"),
        (import_pyplot, ["caller"], "matplotlib.pyplot"),
        (import_pillow, [], "PIL.Image"),
        (import_pydicom, [], "pydicom"),
        (import_simpleitk, [], "SimpleITK"),
        (import_zarr, [], "zarr"),
    ],
)
def test_installed_packages_are_returned(function, arguments, name):
    assert function(*arguments).__name__ == name
