import numpy as np
import pytest
from scipy.ndimage import map_coordinates


@pytest.fixture
def sets(benchmark_module):
    return benchmark_module("quality_sets")


def images(n, shape, seed=0):
    rng = np.random.default_rng(seed)
    return rng.integers(1, 256, (n, *shape), dtype=np.uint8)


def classes(n):
    return (np.arange(n) % 2)[:, np.newaxis]


SHAPES = {
    "pneumoniamnist": (28, 28),
    "mnist": (28, 28),
    "bloodcells": (32, 32, 3),
    "retinamnist": (28, 28, 3),
    "chestxray_patients": (64, 64),
    "ultrasound_sites": (64, 64),
    "adrenalmnist3d": (28, 28, 28),
    "adrenalmnist3d_64": (64, 64, 64),
    "hippocampus3d": (28, 28, 28),
}


@pytest.fixture
def folder(tmp_path):
    """Return a folder of small files whose arrays of the test split cannot be opened.

    An array of objects is pickled, and NumPy refuses to open it.
    """
    pickled = np.array([{}], dtype=object)
    for name, shape in SHAPES.items():
        arrays = {"train_images": images(16, shape), "train_labels": classes(16)}
        if name in ("pneumoniamnist", "bloodcells", "retinamnist"):
            n = 12 if name == "retinamnist" else 201
            arrays |= {"val_images": images(n, shape, 1), "val_labels": classes(n)}
        if name == "chestxray_patients":
            arrays["train_patient"] = np.arange(16) // 2
        np.savez(
            tmp_path / f"{name}.npz",
            **arrays,
            test_images=pickled,
            test_labels=pickled,
            test_patient=pickled,
        )
    return tmp_path


def test_development_opens_no_array_of_a_test_split(sets, folder):
    for image_set in sets.IMAGE_SETS:
        data = image_set.read(folder, False)
        assert len(data.X_train) == len(data.y_train) > 0
        assert len(data.X_new) == len(data.y_new) > 0
        if image_set.name != "digits":
            with pytest.raises(ValueError, match="allow_pickle"):
                image_set.read(folder, True)


def test_a_large_validation_split_is_used_as_it_is(sets, folder):
    data = sets.read_file("pneumoniamnist.npz", folder, False)
    np.testing.assert_array_equal(data.X_train, images(16, (28, 28)))
    np.testing.assert_array_equal(data.X_new, images(201, (28, 28), 1))


def test_a_small_validation_split_joins_the_training_split(sets, folder):
    data = sets.read_file("retinamnist.npz", folder, False)
    assert (len(data.X_train), len(data.X_new)) == (21, 7)
    pool = np.concatenate([images(16, (28, 28, 3)), images(12, (28, 28, 3), 1)])
    both = np.concatenate([data.X_train, data.X_new])
    assert sorted(X.tobytes() for X in both) == sorted(X.tobytes() for X in pool)


def test_a_patient_is_in_one_part(sets):
    rng = np.random.default_rng(0)
    patients = rng.integers(0, 40, 200)
    numbers = np.arange(200)
    data = sets.hold_out(numbers, numbers % 2, patients[:, np.newaxis])
    assert len(data.X_new) == pytest.approx(50, abs=10)
    assert not set(patients[data.X_train]) & set(patients[data.X_new])
    again = sets.hold_out(numbers, numbers % 2, patients[:, np.newaxis])
    np.testing.assert_array_equal(again.X_new, data.X_new)


def test_final_uses_the_whole_training_split_and_the_test_split(sets, tmp_path):
    arrays = {
        f"{split}_{what}": values
        for seed, split in enumerate(("train", "val", "test"))
        for what, values in (
            ("images", images(8, (8, 8), seed)),
            ("labels", classes(8)),
        )
    }
    np.savez(tmp_path / "a.npz", **arrays)
    data = sets.read_file("a.npz", tmp_path, True)
    np.testing.assert_array_equal(data.X_train, arrays["train_images"])
    np.testing.assert_array_equal(data.X_new, arrays["test_images"])


def test_digits_of_the_test_split_are_not_used_for_development(sets, tmp_path):
    final, development = (sets.read_digits(tmp_path, part) for part in (True, False))
    train = {X.tobytes() for X in final.X_train}
    assert len(train) == len(final.X_train)  # no image occurs twice
    assert {X.tobytes() for X in development.X_train} < train
    assert {X.tobytes() for X in development.X_new} < train


def test_every_other_image_is_changed(sets, folder):
    data = sets.read_changed(sets.darken, folder, False)
    X = images(201, (28, 28), 1)
    np.testing.assert_array_equal(data.X_new[::2], X[::2])
    np.testing.assert_array_equal(data.X_new[1::2], np.rint(X[1::2] * 0.7))
    np.testing.assert_array_equal(data.y_new, np.arange(201) % 2)


def test_magnified_images_show_the_inner_part(sets):
    X = images(2, (28, 28)).astype(float)
    inside = 13.5 + (np.arange(28) - 13.5) * 7 / 9
    grid = np.meshgrid(inside, inside, indexing="ij")
    for image, magnified in zip(X, sets.magnify(X), strict=True):
        np.testing.assert_allclose(
            magnified, map_coordinates(image, grid, order=1), atol=1e-10
        )


def test_flat_rows_lie_between_0_and_1(sets):
    data = sets.Data(images(3, (2, 2)), None, images(2, (2, 2), 1), None)
    train, new = data.flat()
    assert train.shape == (3, 4)
    assert new.dtype == np.float32
    assert train.max() == 1
