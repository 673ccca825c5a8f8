import subprocess
import sys

import contrastive_clustering


def test_public_names_exist():
    for name in contrastive_clustering.__all__:
        assert hasattr(contrastive_clustering, name)


def test_the_package_alone_is_imported_without_pytorch():
    code = (
        "import sys, contrastive_clustering; contrastive_clustering.__version__;"
        "print('torch' in sys.modules, 'numpy' in sys.modules)"
    )
    shown = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert shown.stdout.strip() == "False False"


def test_heavy_packages_are_imported_lazily():
    lazy = ["kornia", "medmnist", "torchvision", "matplotlib", "pandas", "onnx"]
    lazy += ["onnxscript", "polars", "mlflow", "tensorboard"]
    code = (
        "import sys, sklearn, skorch, torch; before = set(sys.modules);"
        "from contrastive_clustering import *; new = set(sys.modules) - before;"
        f"print([name for name in {lazy} if name in new])"
    )
    shown = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert shown.stdout.strip() == "[]"
