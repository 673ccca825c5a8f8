import numpy as np
import pytest
from trees import assert_rejected, changed, through_a_file

from contrastive_clustering._data.layout import read_layout
from contrastive_clustering._data.scaling import Scaler
from contrastive_clustering._io.schema import Scope
from contrastive_clustering._saving.fitted_scaler import (
    SCALER,
    scaler_from_tree,
    scaler_to_tree,
)

SCALERS = ["gray", "rgb", "five channels", "volume", "flat", "table"]


@pytest.mark.parametrize("kind", SCALERS)
def test_scalers_survive_a_roundtrip_to_the_bit(fitted_kind, tmp_path, kind):
    X, estimator = fitted_kind(kind)
    scaler = estimator._model.scaler
    tree = through_a_file(scaler_to_tree(scaler), tmp_path)
    scope = Scope()
    SCALER.check(tree, "the scaler", scope)
    assert scope.get("n_features") == X[0].size
    found = scaler_from_tree(tree)
    assert found.layout == scaler.layout
    assert found.dtype == scaler.dtype
    assert (found.low, found.high) == (scaler.low, scaler.high)
    for name in ("mean", "std"):
        value = getattr(scaler, name)
        assert getattr(found, name).shape == value.shape
        np.testing.assert_array_equal(getattr(found, name), value)


@pytest.mark.parametrize(
    ("kind", "path", "value", "message"),
    [
        ("gray", "layout.sample_shape", [8, 9], "image_shape=(8, 8) requires"),
        ("gray", "layout.sample_shape", [], "a list of 1 to 4 items"),
        ("gray", "layout.sample_shape", [0, 8], "an integer from 1"),
        ("gray", "layout.sample_shape", [8.0, 8], "an integer from 1"),
        ("gray", "layout.sample_shape", [2**31 - 1] * 3, "the number of values of"),
        # Computing the product of this many sides would take hours.
        ("gray", "layout.sample_shape", [2**31 - 1] * 10**6, "a list of 1 to 4 items"),
        ("gray", "layout.image_shape", [2] * 10**6, "a list of 2 to 4 items"),
        ("gray", "layout.image_shape", None, "is not a layout of samples of that"),
        ("gray", "layout.channel_axis", 7, "an integer from 0 to 3"),
        ("gray", "layout.more", 1, "an unknown field"),
        ("gray", "mean", np.zeros(2), "n_statistics=2, and not 1"),
        ("rgb", "layout.channel_axis", 1, "the part"),
        ("rgb", "layout.channel_axis", None, "the part"),
        ("rgb", "mean", np.zeros(1), "n_statistics=1, and not 3"),
        ("rgb", "std", np.zeros(3), "values below"),
        ("rgb", "std", np.ones((3, 1)), "an array of f8"),
        ("table", "mean", np.zeros(5), "n_statistics=5, and not 4"),
        ("table", "std", np.full(4, 5e-324), "values below"),
        ("table", "std", np.full(4, np.nan), "is not finite"),
        ("table", "low", 1e9, "low is above high"),
        ("table", "high", float("inf"), "a finite number"),
        ("table", "dtype", "f8," * 200_000, "a string of up to 10"),
    ],
)
def test_forged_scalers_are_rejected(fitted_kind, kind, path, value, message):
    _, estimator = fitted_kind(kind)
    tree = changed(scaler_to_tree(estimator._model.scaler), path, value)
    if message == "the part":
        # The tree is invalid for several reasons; any of them may be reported.
        with pytest.raises(ValueError, match=r"layout|channel_axis|side"):
            SCALER.check(tree, "the part", Scope())
    else:
        assert_rejected(SCALER, tree, message)


def test_scalers_require_a_numeric_dtype(fitted_kind):
    _, estimator = fitted_kind("gray")
    tree = {**scaler_to_tree(estimator._model.scaler), "dtype": "O"}
    with pytest.raises(ValueError, match="'O' is not a numeric dtype"):
        scaler_from_tree(tree)


def image_scaler():
    X = np.random.default_rng(0).integers(0, 99, size=(60, 9, 8, 3), dtype=np.uint8)
    return Scaler.fit(X, read_layout(X.shape))


def test_the_appearance_of_images_survives_a_roundtrip(tmp_path):
    scaler = image_scaler()
    tree = through_a_file(scaler_to_tree(scaler), tmp_path)
    SCALER.check(tree, "the scaler", Scope())
    found = scaler_from_tree(tree).appearance
    for name, value in vars(scaler.appearance).items():
        np.testing.assert_array_equal(getattr(found, name), value)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("average", np.zeros(63), "appearance does not match the layout"),
        ("center", np.zeros(8), "n_measures=10, and not 8"),
        ("precision", np.eye(8), "n_measures=8, and not 10"),
        ("usual", np.zeros((3, 10)), "an array of shape (2, 'n_measures')"),
        ("scale", 0.0, "a finite number > 0.0"),
        ("limit", float("nan"), "a finite number >= 0.0"),
        ("spreads", np.array([-1.0, 1.0]), "values below 0.0"),
        ("more", 1, "an unknown field 'more'"),
    ],
)
def test_forged_appearances_are_rejected(name, value, message):
    tree = changed(scaler_to_tree(image_scaler()), f"appearance.{name}", value)
    assert_rejected(SCALER, tree, message)


def test_tables_have_no_appearance():
    tree = scaler_to_tree(image_scaler())
    tree["layout"] = {"sample_shape": [3], "image_shape": None, "channel_axis": None}
    assert_rejected(SCALER, tree, "appearance does not match the layout of samples")
