import numpy as np
import pytest


@pytest.fixture
def cases(benchmark_module):
    return benchmark_module("small_sets_cases").CASES


def test_names_are_unique(cases):
    assert len({case.name for case in cases}) == len(cases)
    assert "rare mnist 9 among 4 5% of 1000 images" in {case.name for case in cases}


def test_each_number_of_images_is_there(cases, real_folder):
    """Cases promise numbers of images, which some sets barely have."""
    for case in cases:
        if case.data != "mnist":  # the largest set; reading it takes seconds
            sample = case.draw(real_folder, 0)
            data, marked = sample.data, sample.marked
            assert len(data.X_train) == len(data.y_train) == case.n, case.name
            assert len(data.X_new) == len(data.y_new), case.name
            if marked is None:
                assert case.share in (None, 1), case.name
            else:
                n_marked = round(case.share * case.n)
                # A share of each class is rounded.
                assert np.isclose(marked[0].sum(), n_marked, atol=1), case.name
                assert marked[1].any(), case.name
