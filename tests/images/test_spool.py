import numpy as np
import pytest
import zarr

from contrastive_clustering._images import spool as module
from contrastive_clustering._images.spool import FileSpool, MemorySpool, as_row

rng = np.random.default_rng(0)
GRAY = [rng.integers(0, 256, (4, 5), np.uint8) for _ in range(7)]
DEEP = rng.uniform(-9, 9, (4, 5)).astype(np.float32)
COLOR = rng.integers(0, 256, (4, 5, 3), np.uint8)

MIXES = {
    "gray": GRAY,
    "one": GRAY[:1],
    "then deep": [*GRAY, DEEP],
    "then color": [*GRAY, COLOR, GRAY[0]],
    "deep, then color": [GRAY[0], DEEP, *GRAY, COLOR],
    "color, then deep": [COLOR, *GRAY, DEEP],
}


def expected_of(rows):
    color = any(row.ndim == 3 for row in rows)
    dtype = np.result_type(*rows)
    return np.stack(
        [
            (np.dstack([row] * 3) if color and row.ndim == 2 else row).astype(dtype)
            for row in rows
        ]
    )


def open_spool(kind, folder):
    return MemorySpool(3) if kind == "memory" else FileSpool(folder / f"a.{kind}")


@pytest.mark.parametrize("mix", MIXES)
@pytest.mark.parametrize("kind", ["memory", "npy", "zarr"])
def test_rows_are_kept(tmp_path, kind, mix, monkeypatch):
    monkeypatch.setattr(module, "BLOCK_BYTES", 200)  # blocks of a few rows
    monkeypatch.setattr(module, "ZARR_CHUNK_BYTES", 80)
    with open_spool(kind, tmp_path) as spool:
        for row in MIXES[mix]:
            spool.append(row)
        found = spool.finish()
    expected = expected_of(MIXES[mix])
    assert found.shape == expected.shape
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(found[:], expected)
    assert spool.row_bytes == expected[0].nbytes
    if kind == "npy":
        assert isinstance(found, np.memmap)
        np.testing.assert_array_equal(np.load(tmp_path / "a.npy"), expected)
    if kind == "zarr":
        assert isinstance(found, zarr.Array)
        assert found.chunks[0] <= 4
    assert [path.name for path in tmp_path.iterdir()] == (
        [] if kind == "memory" else [f"a.{kind}"]
    )


def test_longer_headers_are_handled(tmp_path, monkeypatch):
    """The header of rows with channels may be longer than that of gray ones."""
    header = FileSpool._header
    monkeypatch.setattr(
        FileSpool,
        "_header",
        lambda self, shape, dtype: (
            header(self, shape, dtype)
            if len(shape) == 3
            else header(self, shape, dtype)[:64] + b"\n"
        ),
    )
    with FileSpool(tmp_path / "a.npy") as spool:
        for row in (*GRAY, COLOR):
            spool.append(row)
        found = spool.finish()
    np.testing.assert_array_equal(found, expected_of([*GRAY, COLOR]))


@pytest.mark.parametrize("kind", ["npy", "zarr"])
def test_nothing_is_left_after_an_error(tmp_path, kind):
    with pytest.raises(KeyError), open_spool(kind, tmp_path) as spool:  # noqa: PT012
        spool.append(DEEP)
        raise KeyError
    assert list(tmp_path.iterdir()) == []


def test_permissions_follow_the_umask(tmp_path, umask):
    with FileSpool(tmp_path / "a.npy") as spool:
        spool.append(DEEP)
        spool.finish()
    (tmp_path / "b").touch()
    assert (tmp_path / "a.npy").stat().st_mode == (tmp_path / "b").stat().st_mode


def test_rows():
    assert as_row(GRAY[0], (4, 5, 3), np.dtype(np.float32)).shape == (4, 5, 3)
    assert as_row(DEEP, (4, 5), np.dtype(np.float32)) is DEEP
