"""Training curves: each loss over the epochs, with the phases marked."""

import math
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from contrastive_clustering._display.drawing.style import (
    FIRST_COLOR,
    SECOND_COLOR,
    get_figure,
)
from contrastive_clustering._display.fitted import check_fitted
from contrastive_clustering._networks.joint_loss import LOSS_TITLES
from contrastive_clustering._training.loss_recording import phase_numbers
from contrastive_clustering._utils.library_settings import default_library_settings
from contrastive_clustering._utils.optional import import_pyplot

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SUFFIX = "_loss"

PHASE_COLOR = "#DDDDDD"


@dataclass(kw_only=True, eq=False, repr=False)
class TrainingCurveDisplay:
    """Training and validation losses over the epochs.

    Create it with :meth:`from_estimator` or :meth:`from_history`; :meth:`plot` redraws
    it. Each panel shows a loss; epochs of the second phase have a gray background. The
    total jumps there, as it sums other terms in the second phase than in the first.

    Parameters
    ----------
    train, valid : dict of str to ndarray of shape (n_epochs,)
        Losses by name, such as "loss" and "contrastive_loss"; NaN in epochs without
        them. `valid` is empty without a validation set.

    phase : ndarray of shape (n_epochs,)
        Phase of each epoch, 1 or 2.

    Attributes
    ----------
    axes_ : ndarray of shape (n_losses,) of matplotlib.axes.Axes
        Axes of the panels.

    figure_ : matplotlib.figure.Figure or SubFigure
        Their figure, or a subfigure in place of `ax` if that was passed.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from contrastive_clustering import (
    ...     ContrastiveAutoencoderClusterer,
    ...     TrainingCurveDisplay,
    ... )
    >>> clusterer = ContrastiveAutoencoderClusterer(
    ...     n_clusters=5, max_epochs=3, refinement_epochs=1, random_state=0
    ... ).fit(load_digits().images[:300])
    >>> display = TrainingCurveDisplay.from_estimator(clusterer)
    >>> [ax.get_title() for ax in display.axes_[:2]]
    ['total', 'contrastive (NT-Xent)']
    >>> display.phase.tolist()
    [1, 1, 1, 2]
    """

    train: dict[str, np.ndarray]
    valid: dict[str, np.ndarray]
    phase: np.ndarray

    @classmethod
    @default_library_settings()
    def from_estimator(cls, estimator: Any, *, ax: "Axes | None" = None) -> Self:
        """Plot the losses of a fitted estimator.

        Parameters
        ----------
        estimator : ContrastiveAutoencoderClusterer
            A fitted estimator.

        ax : matplotlib.axes.Axes, default=None
            Axes to replace with the panels; None creates a new figure.

        Returns
        -------
        display : TrainingCurveDisplay
            The plotted display.

        Raises
        ------
        ImportError
            If matplotlib is not installed.

        TypeError, ValueError
            If `estimator` is of another type or not fitted, or if it was not trained.
        """
        estimator = check_fitted(estimator, f"{cls.__name__}.from_estimator")
        return cls.from_history(estimator.history_, ax=ax)

    @classmethod
    @default_library_settings()
    def from_history(cls, history: Any, *, ax: "Axes | None" = None) -> Self:
        """Plot the losses of a history.

        Parameters
        ----------
        history : skorch.history.History or list of dict
            The records of each epoch, such as `history_`. Epochs whose "phase" is 2
            belong to the second phase.

        ax : matplotlib.axes.Axes, default=None
            Axes to replace with the panels; None creates a new figure.

        Returns
        -------
        display : TrainingCurveDisplay
            The plotted display.

        Raises
        ------
        ImportError
            If matplotlib is not installed.

        TypeError, ValueError
            If it is not a history, or if it does not contain losses.
        """
        import_pyplot(f"{cls.__name__}.from_history")
        if not isinstance(history, list) or not all(
            isinstance(epoch, dict) for epoch in history
        ):
            raise TypeError(
                f"history is a {type(history).__name__}, not a list with a dict for "
                "each epoch. Pass history_ of a fitted estimator."
            )
        epochs: list[dict[str, Any]] = list(history)
        train, valid = (_losses(epochs, part) for part in ("train_", "valid_"))
        if not train:
            raise ValueError(
                "history does not contain losses, as there was no epoch of training. "
                "Set max_epochs or refinement_epochs above 0."
            )
        return cls(train=train, valid=valid, phase=phase_numbers(epochs)).plot(ax)

    @default_library_settings()
    def plot(self, ax: "Axes | None" = None) -> Self:
        """Plot the panels.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            Axes in a grid to replace with the panels; None creates a new figure.

        Returns
        -------
        display : TrainingCurveDisplay
            The display itself, with `axes_` and `figure_`.
        """
        n_columns = 2 if len(self.train) == 4 else min(3, len(self.train))
        n_rows = math.ceil(len(self.train) / n_columns)
        figsize = (3.2 * n_columns, 2.5 * n_rows)
        figure = get_figure(f"{type(self).__name__}.plot", ax, figsize)
        grid = figure.add_gridspec(n_rows, n_columns)
        axes = []
        for index, name in enumerate(self.train):
            panel = figure.add_subplot(grid[divmod(index, n_columns)])
            self._draw_loss(panel, name)
            axes.append(panel)
        if (self.phase == 2).any() or self.valid:
            axes[0].legend(fontsize="small", framealpha=0.9)
        self.axes_, self.figure_ = np.array(axes, dtype=object), figure
        return self

    def _draw_loss(self, ax: "Axes", name: str) -> None:
        epochs = np.arange(1, len(self.phase) + 1)
        edges = np.flatnonzero(np.diff(np.r_[False, self.phase == 2, False]))
        for number, (start, stop) in enumerate(edges.reshape(-1, 2)):
            ax.axvspan(
                start + 0.5,
                stop + 0.5,
                color=PHASE_COLOR,
                linewidth=0,
                zorder=0,
                label=None if number else "second phase",
            )
        ax.plot(
            epochs,
            self.train[name],
            color=FIRST_COLOR,
            marker="o",
            markersize=3,
            label="training",
        )
        if name in self.valid:
            ax.plot(
                epochs,
                self.valid[name],
                color=SECOND_COLOR,
                marker="s",
                markersize=3,
                linestyle="--",
                label="validation",
            )
        title = LOSS_TITLES.get(name, name.replace("_", " "))
        ax.set_title(title, fontsize="medium")
        ax.set_xlabel("epoch")
        ax.set_xlim(0.5, len(epochs) + 0.5)
        locator = import_module("matplotlib.ticker").MaxNLocator(5, integer=True)
        ax.xaxis.set_major_locator(locator)
        ax.spines[["top", "right"]].set_visible(False)


def _losses(epochs: list[dict[str, Any]], part: str) -> dict[str, np.ndarray]:
    """Return the losses of one data set by name, the total first."""
    names = {
        name.removeprefix(part)
        for epoch in epochs
        for name in epoch
        if name.startswith(part) and name.endswith(SUFFIX)
    }
    order = [*LOSS_TITLES, *sorted(names - set(LOSS_TITLES))]
    return {
        name: np.array([epoch.get(part + name, np.nan) for epoch in epochs])
        for name in order
        if name in names
    }
