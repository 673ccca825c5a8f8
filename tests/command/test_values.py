from argparse import ArgumentTypeError
from pathlib import Path

import pytest

from contrastive_clustering._command.values import (
    to_count,
    to_jobs,
    to_n_clusters,
    to_path,
    to_seed,
    to_size,
    to_spacing,
    to_window,
)
from contrastive_clustering._images.checking import MAX_SIDE


@pytest.mark.parametrize(
    ("convert", "text", "value"),
    [
        (to_count, "1", 1),
        (to_seed, "0", 0),
        (to_seed, "4294967295", 2**32 - 1),
        (to_jobs, "-1", -1),
        (to_jobs, "2", 2),
        (to_n_clusters, "auto", "auto"),
        (to_n_clusters, "8", 8),
        (to_size, "8", 8),
        (to_size, "32768", MAX_SIDE),
        (to_size, "64X48", (64, 48)),
        (to_size, "16x64x64", (16, 64, 64)),
        (to_spacing, "1e-1", 0.1),
        (to_spacing, "3x0.7x0.7", (3.0, 0.7, 0.7)),
        (to_window, "file", "file"),
        (to_window, "none", None),
        (to_window, "-600,1500", (-600.0, 1500.0)),
        (to_path, "~/scans", Path.home() / "scans"),
    ],
)
def test_texts_are_converted(convert, text, value):
    assert convert(text) == value


@pytest.mark.parametrize(
    ("convert", "text"),
    [
        (to_count, "0"),
        (to_count, "1.5"),
        (to_count, "²"),
        (to_seed, "-1"),
        (to_seed, "4294967296"),
        (to_jobs, "-2"),
        (to_n_clusters, "1"),
        (to_n_clusters, "many"),
        (to_size, "7"),
        (to_size, "32769"),
        (to_size, "64x100000"),
        (to_size, "64x"),
        (to_size, "8x8x8x8"),
        (to_size, "64,48"),
        (to_spacing, "0"),
        (to_spacing, "nan"),
        (to_spacing, "1x1x1x1"),
        (to_spacing, "inf"),
        (to_window, "40"),
        (to_window, "40,0"),
        (to_window, "nan,1"),
        (to_window, "1,2,3"),
        (to_path, ""),
        (to_path, "a\0b"),
        (to_path, "~nobody-has-this-name/x"),
    ],
)
def test_other_texts_are_refused_by_name(convert, text):
    with pytest.raises(ArgumentTypeError, match=r"^'"):
        convert(text)
