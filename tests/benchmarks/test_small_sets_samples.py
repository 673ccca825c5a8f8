import functools

import numpy as np
import pytest


@pytest.fixture
def samples(benchmark_module):
    return benchmark_module("small_sets_samples")


def numbered(start, n, side=4):
    """Return gray images whose first pixels are consecutive numbers."""
    X = np.full((n, side, side), 100, dtype=np.uint8)
    X[:, 0, 0] = np.arange(start, start + n)
    return X


N_TRAIN, N_JUDGED = 40, 201


@pytest.fixture
def folder(tmp_path):
    """Return a folder of X-rays and ultrasound images without a test split."""
    np.savez(
        tmp_path / "pneumoniamnist.npz",
        train_images=numbered(0, N_TRAIN),
        train_labels=np.arange(N_TRAIN)[:, np.newaxis] % 2,
        val_images=numbered(50, N_JUDGED),
        val_labels=np.arange(N_JUDGED)[:, np.newaxis] % 2,
    )
    np.savez(
        tmp_path / "ultrasound_sites.npz",
        train_images=numbered(0, 120),
        train_labels=np.arange(120)[:, np.newaxis] // 2 % 2,
        train_site=np.array(["c", "a", "b"])[np.arange(120) % 3],
        train_patient=np.arange(120) // 2,
    )
    return tmp_path


def numbers(X):
    return X[:, 0, 0].tolist()


def test_a_larger_set_contains_the_smaller_one(samples, folder):
    draw = functools.partial(samples.draw_few, folder, name="pneumoniamnist")
    few, some = draw(3, n=10).data, draw(3, n=20).data
    assert numbers(few.X_train) == numbers(some.X_train)[:10]
    assert len(set(numbers(some.X_train))) == 20
    assert few.y_train.tolist() == [number % 2 for number in numbers(few.X_train)]
    assert numbers(few.X_new) == list(range(50, 50 + N_JUDGED))
    assert numbers(draw(4, n=10).data.X_train) != numbers(few.X_train)


def test_a_share_of_the_images_is_of_the_rare_class(samples, folder):
    draw = functools.partial(
        samples.draw_unequal, folder, 0, name="pneumoniamnist", n=20
    )
    sample = draw(classes=(1, 0), share=0.1)
    assert sample.data.y_train.sum() == 2
    rare = [number % 2 == 0 for number in numbers(sample.data.X_train)]
    assert rare == sample.data.y_train.tolist() == sample.marked[0].tolist()
    assert sample.marked[1].tolist() == [i % 2 == 0 for i in range(N_JUDGED)]
    np.testing.assert_array_equal(sample.data.y_new, sample.marked[1])
    with pytest.raises(ValueError, match="has 0 images of class 5, not 10"):
        draw(classes=(1, 5), share=0.5)


def test_a_share_of_each_class_is_changed(samples, folder):
    sample = samples.draw_changed(
        folder, 0, name="pneumoniamnist", change=lambda X: X // 2, n=40, share=0.25
    )
    few = samples.draw_few(folder, 0, name="pneumoniamnist", n=40).data
    train, new = sample.marked
    for each in (0, 1):
        assert train[few.y_train == each].sum() == 5
    expected = np.where(train[:, np.newaxis, np.newaxis], few.X_train // 2, few.X_train)
    np.testing.assert_array_equal(sample.data.X_train, expected)
    np.testing.assert_array_equal(sample.data.X_new[~new], few.X_new)
    np.testing.assert_array_equal(sample.data.X_new[new], few.X_new // 2)
    np.testing.assert_array_equal(sample.data.y_new[new], few.y_new)
    np.testing.assert_array_equal(sample.nuisance, train)


def test_all_images_are_changed(samples, folder):
    sample = samples.draw_all_changed(
        folder, 0, name="pneumoniamnist", change=lambda X: X // 2, n=10
    )
    few = samples.draw_few(folder, 0, name="pneumoniamnist", n=10).data
    np.testing.assert_array_equal(sample.data.X_train, few.X_train // 2)
    np.testing.assert_array_equal(sample.data.X_new, few.X_new // 2)
    assert sample.marked is None


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_hospital_has_a_share_of_the_images(samples, folder, seed):
    sample = samples.draw_hospitals(folder, seed, n=40, share=0.1)
    train, new = sample.marked
    assert (len(train), train.sum()) == (40, 4)
    # Hospitals are chosen in alphabetical order: "a" has the numbers 1, 4, 7, ...
    is_small = [
        [number % 3 == (seed + 1) % 3 for number in numbers(X)]
        for X in (sample.data.X_train, sample.data.X_new)
    ]
    assert [train.tolist(), new.tolist()] == is_small
    assert set(sample.nuisance[train]) == {seed}
    assert len(set(sample.nuisance)) == 3
    patients = [
        {n // 2 for n in numbers(X)} for X in (sample.data.X_train, sample.data.X_new)
    ]
    assert not patients[0] & patients[1]


def test_dark_images_keep_their_type_or_their_precision(samples):
    X = np.array([[[3, 200]]], dtype=np.uint8)
    dark = samples.darken(0.1, X)
    assert dark.dtype == np.uint8
    assert dark.tolist() == [[[0, 20]]]
    dark = samples.darken_as_float(0.1, X)
    assert dark.dtype == np.float32
    np.testing.assert_allclose(dark, [[[0.3, 20]]], rtol=1e-6)


def test_a_scanner_changes_all_images(samples):
    X = np.full((2, 4, 4), 100, dtype=np.uint8)
    assert (samples.rescan("gain", X) == 100).all()  # 0.7 times 100, plus 30
    assert (samples.rescan("gain", X // 2) == 65).all()
