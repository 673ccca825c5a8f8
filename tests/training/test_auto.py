import pytest
from hypothesis import given
from hypothesis import strategies as st

from contrastive_clustering._training.auto import (
    count_batch_size,
    count_epochs,
    count_refinement_epochs,
)


@given(n_samples=st.integers(1, 100_000))
def test_auto_batch_size_gives_an_epoch_several_steps(n_samples):
    size = count_batch_size("auto", n_samples)
    assert 64 <= size <= 256
    if 64 < size < 256:
        assert n_samples // size == 16
    assert count_batch_size(size, 1) == size


@given(n_samples=st.integers(1, 100_000))
def test_small_sets_of_images_and_volumes_train_for_more_epochs(n_samples):
    of_rows, of_images, of_volumes = (
        count_epochs("auto", n_samples, kind=kind)
        for kind in ("row", "image", "volume")
    )
    assert 15 <= of_rows <= 30
    assert of_rows <= of_images <= 90
    assert of_rows <= of_volumes <= 60
    if n_samples >= 3_000:
        assert of_rows == of_images == of_volumes
    if of_images < 90:
        assert n_samples * of_images >= 90_000 - n_samples
    if of_volumes < 60:
        assert n_samples * of_volumes >= 72_000 - n_samples
    assert count_epochs(7, n_samples, kind="image") == 7


@pytest.mark.parametrize(
    ("kind", "expected"), [("row", 0), ("image", 8), ("volume", 8)]
)
def test_tables_have_no_second_phase_unless_asked_for(kind, expected):
    assert count_refinement_epochs("auto", kind=kind) == expected
    assert count_refinement_epochs(3, kind=kind) == 3


@given(n_samples=st.integers(1, 100_000), megabytes=st.integers(1, 10_000))
def test_a_step_takes_a_limited_amount_of_memory(n_samples, megabytes):
    size = count_batch_size("auto", n_samples, sample_bytes=megabytes * 2**20)
    assert 16 <= size <= count_batch_size("auto", n_samples)
    assert size == 16 or size * megabytes <= 2048
    assert count_batch_size(300, n_samples, sample_bytes=2**40) == 300
