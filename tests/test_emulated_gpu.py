"""Fits on an emulated GPU."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("emulated_gpu.py")

CASES = ["images", "host", "colors", "volumes", "table", "variational", "groups"]
CASES += ["terms", "pretrained"]


@pytest.fixture(scope="module")
def differences():
    """Differences between fits on the emulated device and on the CPU, by case."""
    found = subprocess.run(
        [sys.executable, SCRIPT],
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )
    assert found.returncode == 0, found.stderr
    return dict(json.loads(line) for line in found.stdout.splitlines())


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_fits_on_a_gpu_are_those_on_the_cpu(differences, case):
    assert differences[case] == []
    assert len(differences) == len(CASES)
