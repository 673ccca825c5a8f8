"""Time of importing the package, compared with importing its dependencies.

    python benchmarks/startup.py

Each import runs in a new process. The two imports alternate, and the medians are
compared. The dependencies are torch, scikit-learn (base, clustering and metrics) and
skorch.
"""

import statistics
import subprocess
import sys
import time

REPEATS = 9
BASE = "import torch, sklearn.base, sklearn.cluster, sklearn.metrics, skorch"


def seconds(code: str) -> float:
    """Return the time that a new process needs to run code."""
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True)
    return time.perf_counter() - start


def main() -> None:
    codes = {"base": BASE, "package": "from contrastive_clustering import *"}
    for code in codes.values():
        seconds(code)  # reads the files into the disk cache
    times: dict[str, list[float]] = {name: [] for name in codes}
    for _ in range(REPEATS):
        for name, code in codes.items():
            times[name].append(seconds(code))
    base, ours = (statistics.median(times[name]) for name in codes)
    print(f"{base:.2f} s for the dependencies, {ours:.2f} s for the package")
    print(f"ratio {ours / base:.2f}")


if __name__ == "__main__":
    main()
