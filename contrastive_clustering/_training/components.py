"""Start the encoder of a table from the principal components of its rows."""

import numpy as np

from contrastive_clustering._data.dataset import ArrayDataset
from contrastive_clustering._networks.table_encoder import (
    TableEncoder,
    principal_directions,
)
from contrastive_clustering._training.net import ContrastiveNet
from contrastive_clustering._utils.seeding import draw_rows

# Components of larger tables are computed from this many random rows. More would change
# the leading ones little, at a cost that grows with the rows.
MAX_ROWS = 2_000

# Root mean square of the components. The larger it is, the less training changes the
# distances of latents, which helps where rows are few: docs, "Defaults".
SIZE = 4.0


def set_components(net: ContrastiveNet, dataset: ArrayDataset) -> None:
    """Let the default encoder of a table start from its principal components.

    Other encoders are not changed. With groups, a group weighs as one.
    """
    encoder = net.module_.encoder
    if not isinstance(encoder, TableEncoder):
        return
    rows = draw_rows(len(dataset), MAX_ROWS, np.random.RandomState(0))
    part = dataset.take(rows)
    batch, _ = part.__getitems__(range(len(part)))
    standardized = net.prepare(batch.to(net.device)).cpu().numpy()
    directions = principal_directions(
        standardized, net.module_.latent_dim, part.metadata.weights()
    )
    encoder.set_components(SIZE * directions)


def components_bytes(n_samples: int, n_features: int) -> int:
    """Return the bytes that the principal components of a table take at most.

    They are free again before the training.
    """
    n_rows = min(n_samples, MAX_ROWS)
    # In float64: the rows, and LAPACK's copies of them, of the directions and of square
    # matrices. In float32: the standardized rows.
    n_values = 5 * n_rows * n_features + 3 * min(n_rows, n_features) ** 2
    return 8 * n_values + 4 * n_rows * n_features
