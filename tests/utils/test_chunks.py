import numpy as np
import pytest

from contrastive_clustering._utils import chunks
from contrastive_clustering._utils.chunks import chunk_slices, iterate_chunks


@pytest.mark.parametrize(
    ("n_samples", "values_of_each", "sizes"),
    [(7, 4, [3, 3, 1]), (6, 4, [3, 3]), (2, 100, [1, 1]), (0, 4, []), (3, 0, [3])],
)
def test_chunks_have_about_as_many_values(
    n_samples, values_of_each, sizes, monkeypatch
):
    monkeypatch.setattr(chunks, "CHUNK_VALUES", 12)
    parts = list(chunk_slices(n_samples, values_of_each))
    assert [part.stop - part.start for part in parts] == sizes
    rows = np.concatenate([np.arange(n_samples)[part] for part in parts] or [[]])
    assert rows.tolist() == list(range(n_samples))


def test_an_array_is_read_from_first_to_last(monkeypatch):
    monkeypatch.setattr(chunks, "CHUNK_VALUES", 12)
    X = np.arange(56).reshape(7, 2, 4)
    parts = list(iterate_chunks(X))
    assert [len(part) for part in parts] == [1] * 7
    np.testing.assert_array_equal(np.concatenate(parts), X)
