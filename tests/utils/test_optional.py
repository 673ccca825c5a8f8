import sys

import pytest

from contrastive_clustering._utils.optional import (
    import_kornia_filters,
    import_onnx,
    import_pandas,
    import_pyplot,
)


@pytest.mark.parametrize(
    ("function", "arguments", "module", "message"),
    [
        (import_pandas, ["to_frame"], "pandas", "^to_frame needs pandas.*pip install"),
        (import_pyplot, ["A"], "matplotlib.pyplot", "^A needs matplotlib.*pip install"),
        (import_onnx, [], "onnxscript", "^to_onnx needs onnx and onnxscript"),
        (import_kornia_filters, [], "kornia.filters", "blur above zero needs Kornia"),
    ],
)
def test_missing_packages_are_named(function, arguments, module, message, monkeypatch):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ImportError, match=message):
        function(*arguments)


@pytest.mark.parametrize("function", [import_pandas, import_pyplot])
def test_installed_packages_are_returned(function):
    assert function("caller").__name__ in {"pandas", "matplotlib.pyplot"}
