import math
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from contrastive_clustering._networks.backbones import default_decoder, default_encoder
from contrastive_clustering._training.auto import count_batch_size
from contrastive_clustering._training.step_memory import (
    SMALL,
    _count_activations,
    step_bytes,
)

BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "sizes.py"


def test_activations_of_a_small_network_are_counted_by_hand():
    network = nn.Sequential(
        nn.Conv2d(1, 2, 3, stride=2, padding=1, bias=False),  # keeps its input
        nn.BatchNorm2d(2),  # keeps its input and 4 statistics per channel
        nn.ReLU(inplace=True),  # keeps its output
        nn.Flatten(),
        nn.Linear(2 * 4 * 4, 5),  # its input is the output of the layer before
    )
    total, largest = _count_activations(network, torch.empty(3, 1, 8, 8))
    assert largest == 3 * 64
    assert total == 3 * (64 + 32 + 32) + 4 * 2


def test_bytes_are_those_of_activations_two_gradients_and_six_copies_of_both_views():
    network = nn.Sequential(default_encoder((9,), 4), default_decoder((9,), 4))
    total, largest = _count_activations(network, torch.empty(2, 9))
    assert step_bytes((9,), 4) == 4 * (total + 2 * largest + 6 * 2 * 9)


def test_the_calculation_leaves_the_generator_of_weights_alone():
    state = torch.get_rng_state()
    step_bytes.cache_clear()
    step_bytes((1, 70, 70), 4)
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("shape", [(1, 181, 181), (3, 104, 104), (1, 32, 32, 32)])
def test_small_samples_never_need_smaller_batches(shape):
    assert math.prod(shape) <= SMALL
    n_bytes = step_bytes(shape, 64)
    assert count_batch_size("auto", 10_000, sample_bytes=n_bytes) == 256


def test_memory_grows_no_faster_than_the_pixels():
    per_pixel = [step_bytes((1, side, side), 64) / side**2 for side in (128, 224, 512)]
    assert per_pixel == sorted(per_pixel, reverse=True)


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc").exists(), reason="reads Linux's /proc")
@pytest.mark.parametrize(
    ("size", "shape", "batch"),
    [("224", (1, 224, 224), 32), ("8x128x128", (1, 8, 128, 128), 32)],
)
def test_a_fit_takes_the_calculated_memory(size, shape, batch):
    row = subprocess.run(
        [sys.executable, BENCHMARK, size, "--batch", str(batch), "--row"],
        check=True,
        capture_output=True,
        text=True,
    )
    grown = float(row.stdout.split()[-1]) * 2**30
    # A fit also imports libraries and clusters, which takes a fixed amount.
    fixed = 150 * 2**20
    assert grown / 1.5 < batch * step_bytes(shape, 64) + fixed < 2 * grown
