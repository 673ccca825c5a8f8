import subprocess
import sys

import contrastive_clustering


def test_the_module_runs_the_command():
    done = subprocess.run(
        [sys.executable, "-m", "contrastive_clustering", "--version"],
        capture_output=True,
        text=True,
        check=True,
    )
    version = contrastive_clustering.__version__
    assert done.stdout == f"contrastive-clustering {version}\n"
