"""Saves what an example shows, where there is no screen to show it on.

This file is not an example: the scripts beside it call it last.
"""

from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
from matplotlib.backends import BackendFilter, backend_registry

from contrastive_clustering import clustering_report


def save_results(
    script: str, estimator: Any, X: Any, y: Any = None, **report_options: Any
) -> None:
    """Save the open figures and a report on an estimator, unless there is a screen.

    Parameters
    ----------
    script : str
        The file of the example.

    estimator : ContrastiveAutoencoderClusterer
        The fitted estimator.

    X : array-like of shape (n_samples, ...)
        Samples for the report.

    y : array-like of shape (n_samples,), default=None
        Classes to compare the strata with.

    **report_options
        Other parameters of `clustering_report`.
    """
    screenless = backend_registry.list_builtin(BackendFilter.NON_INTERACTIVE)
    if plt.get_backend().lower() not in screenless:
        return
    name = Path(script).stem.removeprefix("plot_")
    folder = Path("example_results", name).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    for i, number in enumerate(plt.get_fignums(), start=1):
        figure = plt.figure(number)
        figure.savefig(folder / f"figure_{i}.png", dpi=150, bbox_inches="tight")
    clustering_report(
        estimator,
        X,
        y,
        folder / "report.html",
        title=name.replace("_", " ").capitalize(),
        random_state=0,
        **report_options,
    )
    print(f"There is no screen: the figures and report.html are in {folder}")
