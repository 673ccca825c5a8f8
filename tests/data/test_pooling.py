import numpy as np
import pytest
import torch

from contrastive_clustering._data.layout import read_layout
from contrastive_clustering._data.pooling import pool, pooled_sides


@pytest.mark.parametrize("shape", [(5, 12, 8), (5, 12, 8, 10)])
def test_cells_are_averages(shape):
    X = np.random.default_rng(0).normal(size=shape)
    layout = read_layout(shape)
    pooled = pool(torch.from_numpy(X)[:, None], layout, 4).numpy()
    assert pooled.shape == (5, 1, *pooled_sides(layout, 4))
    corner = X[:, :3, :2] if len(shape) == 3 else X[:, :3, :2, :3]
    np.testing.assert_allclose(
        pooled.reshape(5, -1)[:, 0], corner.reshape(5, -1).mean(axis=1)
    )


def test_small_images_are_unchanged():
    X = torch.rand(5, 1, 8, 9)
    layout = read_layout((5, 8, 9))
    assert torch.equal(pool(X, layout, 32), X)
