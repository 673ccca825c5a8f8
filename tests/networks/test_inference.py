import copy

import pytest
import torch
from torch import nn

from contrastive_clustering._networks.backbones import (
    ConvolutionalEncoder,
    dense_network,
)
from contrastive_clustering._networks.inference import (
    BLOCK_ROWS,
    EqualBlocks,
    fold_normalization,
    in_equal_blocks,
)
from contrastive_clustering._networks.table_encoder import TableEncoder


@pytest.fixture(params=["images", "volumes", "table"])
def trained(request):
    """An encoder with trained normalization layers, and a batch."""
    generator = torch.Generator().manual_seed(0)
    torch.manual_seed(0)
    if request.param == "table":
        network, shape = dense_network(5, 3, width=8), (5,)
    else:
        shape = (2, 12, 9) if request.param == "images" else (1, 8, 9, 10)
        network = ConvolutionalEncoder(shape, 3)
    batch = 5 + 3 * torch.randn(40, *shape, generator=generator)
    for parameter in network.parameters():
        parameter.data += 0.3 * torch.rand(parameter.shape, generator=generator)
    for _ in range(20):
        network(batch)
    return network.eval(), batch


def test_folded_network_has_the_same_output(trained):
    network, batch = trained
    folded = fold_normalization(network)
    torch.testing.assert_close(folded(batch), network(batch), rtol=1e-4, atol=1e-4)
    kinds = {type(layer) for layer in folded}
    assert not kinds & {nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d}


def test_the_network_is_not_changed(trained):
    network, _ = trained
    before = copy.deepcopy(network.state_dict())
    folded = fold_normalization(network)
    for parameter in folded.parameters():
        parameter.data.zero_()
        break
    for name, value in network.state_dict().items():
        torch.testing.assert_close(value, before[name], rtol=0, atol=0)


def test_other_networks_are_returned_unchanged():
    class Own(nn.Sequential):
        def forward(self, x):
            return 2 * super().forward(x)

    for network in (nn.Linear(3, 2), Own(nn.Linear(3, 2), nn.BatchNorm1d(2))):
        assert fold_normalization(network) is network
    alone = nn.Sequential(nn.ReLU(), nn.BatchNorm1d(3), nn.Flatten()).eval()
    assert [type(layer) for layer in fold_normalization(alone)] == [
        nn.ReLU,
        nn.BatchNorm1d,
        nn.Flatten,
    ]


# Kernels for 2, 3 and 256 outputs depend on the number of rows.
@pytest.mark.parametrize("n_outputs", [2, 3, 64, 256])
@pytest.mark.parametrize("kind", ["linear", "table"])
def test_rows_are_bitwise_equal_in_any_batch(kind, n_outputs):
    torch.manual_seed(0)
    network = nn.Linear(30, n_outputs)
    if kind == "table":
        network = TableEncoder(dense_network(30, n_outputs, width=8), 30, n_outputs)
        network.set_components(torch.randn(n_outputs, 30).numpy())
    network.eval()
    steady = fold_normalization(nn.Sequential(network) if kind == "linear" else network)
    rows = torch.randn(BLOCK_ROWS + 44, 30)
    with torch.inference_mode():
        together = steady(rows)
        torch.testing.assert_close(together, network(rows))
        assert torch.equal(EqualBlocks(network)(rows), together)
        assert torch.equal(in_equal_blocks(network, rows), together)
        for start, stop in ((0, 1), (3, 20), (40, 90), (250, 290), (0, BLOCK_ROWS)):
            assert torch.equal(steady(rows[start:stop]), together[start:stop])
