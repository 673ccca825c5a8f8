"""Time of importing the package, beside importing what it is built on.

    python benchmarks/startup.py

Each import is a new process; the two take turns, and the medians are compared. What it
is built on is torch, scikit-learn (its base, clustering and metrics) and skorch.
"""

import statistics
import subprocess
import sys
import time

REPEATS = 9
BASE = "import torch, sklearn.base, sklearn.cluster, sklearn.metrics, skorch"


def seconds(code: str) -> float:
    """Return how long a new process takes for some code."""
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True)
    return time.perf_counter() - start


def main() -> None:
    codes = {"base": BASE, "package": "import contrastive_clustering"}
    for code in codes.values():
        seconds(code)  # reads the files from the disk
    times: dict[str, list[float]] = {name: [] for name in codes}
    for _ in range(REPEATS):
        for name, code in codes.items():
            times[name].append(seconds(code))
    base, ours = (statistics.median(times[name]) for name in codes)
    print(f"{base:.2f} s for what it is built on, {ours:.2f} s for the package")
    print(f"ratio {ours / base:.2f}")


if __name__ == "__main__":
    main()
