"""The default encoder of tables: principal components plus a dense network."""

import numpy as np
import torch
from torch import nn


class TableEncoder(nn.Sequential):
    r"""Principal components of a table, to which a dense network adds.

    A standardized row :math:`x` has the latent :math:`h = P x + r(x)` with the fixed
    principal directions :math:`P` and a trained network :math:`r`, whose last layer
    starts at zero. Latents therefore start as the principal components, and training
    adds to them. Few rows do not suffice to learn as much from scratch.

    Parameters
    ----------
    layers : torch.nn.Sequential
        The layers of the dense network :math:`r`; the last one is linear.

    n_features, n_outputs : int
        Number of columns of the table and of outputs.

    Attributes
    ----------
    components : torch.Tensor of shape (n_outputs, n_features)
        The directions :math:`P`, a buffer; zero before `set_components`.
    """

    components: torch.Tensor

    def __init__(self, layers: nn.Sequential, n_features: int, n_outputs: int) -> None:
        super().__init__(*layers)
        for parameter in self[-1].parameters():
            nn.init.zeros_(parameter)
        self.register_buffer("components", torch.zeros(n_outputs, n_features))

    def set_components(self, components: np.ndarray) -> None:
        """Set the directions of the first outputs; the others stay zero.

        Parameters
        ----------
        components : ndarray of shape (n_components, n_features)
            At most as many directions as there are outputs.
        """
        values = torch.from_numpy(components).to(self.components)
        self.components[: len(values)] = values

    def forward(self, batch: torch.Tensor) -> torch.Tensor:
        """Return the latents of a standardized batch."""
        added: torch.Tensor = super().forward(batch)  # type: ignore[no-untyped-call]
        return nn.functional.linear(batch, self.components) + added


def principal_directions(
    rows: np.ndarray, n_components: int, weights: np.ndarray | None = None
) -> np.ndarray:
    """Return the principal directions of rows, scaled alike.

    Parameters
    ----------
    rows : ndarray of shape (n_rows, n_features)
        Standardized rows.

    n_components : int
        Largest number of directions.

    weights : ndarray of shape (n_rows,), default=None
        Weights of the rows; None weighs them equally.

    Returns
    -------
    directions : ndarray of shape (n_found, n_features)
        Orthogonal directions of equal length, largest variance first. Components along
        them have a mean variance of one, whatever the number of columns.
    """
    rows = rows.astype(np.float64)  # a copy, which is changed in place
    rows -= np.average(rows, axis=0, weights=weights)
    shares = np.full(len(rows), 1.0) if weights is None else weights
    rows *= np.sqrt(shares / shares.sum())[:, None]
    _, singular, directions = np.linalg.svd(rows, full_matrices=False)
    variances = np.square(singular[:n_components])
    size = np.sqrt(variances.mean())
    return np.asarray(directions[:n_components] / (size if size > 0 else 1.0))
