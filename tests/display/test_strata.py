import numpy as np
import pytest

from contrastive_clustering._display.strata import read_strata


def test_strata_are_sorted_and_numbered():
    strata, codes = read_strata([[3], [-1], [3]])
    assert strata.tolist() == [-1, 3]
    assert codes.tolist() == [1, 0, 1]


@pytest.mark.parametrize(
    "labels",
    [
        [-1.0, 0.0, 2.0],
        np.array([-1, 0, 2], dtype=object),
        np.array([-1.0, 0, 2], dtype=object),
    ],
)
def test_whole_numbers_are_integers_by_which_strata_are_colored(labels):
    strata, codes = read_strata(labels)
    assert strata.dtype.kind == "i"
    assert strata.tolist() == [-1, 0, 2]
    assert codes.tolist() == [0, 1, 2]


@pytest.mark.filterwarnings("error")
def test_other_numbers_are_not_changed():
    assert read_strata([1.0, 1e300])[0].tolist() == [1.0, 1e300]
    assert read_strata(np.array([3, 1], np.uint8))[0].tolist() == [1, 3]


def test_missing_strata_are_reported():
    with pytest.raises(ValueError, match="strata"):
        read_strata([0.0, np.nan])
