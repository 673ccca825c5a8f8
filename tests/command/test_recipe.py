from pathlib import Path

import numpy as np
import pytest

from contrastive_clustering._command.console import CommandError, Console
from contrastive_clustering._command.recipe import Recipe

CONSOLE = Console(quiet=True)
MODEL = Path("model.safetensors")
PARAMETERS = {
    "as_volumes": False,
    "size": (8, 9),
    "spacing": None,
    "fit": "crop",
    "channels": "auto",
    "window": (40.0, 400.0),
}

UNSET = "not set, so that scales may differ"


@pytest.mark.parametrize(
    ("shape", "as_volumes", "channels"),
    [
        ((2, 8, 8), False, "gray"),
        ((2, 8, 8, 3), False, "rgb"),
        ((2, 8, 8, 8), True, "auto"),
    ],
)
def test_a_recipe_says_what_was_found(shape, as_volumes, channels):
    recipe = Recipe({**PARAMETERS, "as_volumes": as_volumes})
    found = recipe.of_images(np.zeros(shape, np.uint8))
    assert found.parameters == {**recipe.parameters, "channels": channels}
    assert found.dtype == "uint8"
    assert recipe.parameters["channels"] == "auto"
    assert Recipe.from_notes(found.to_notes(), MODEL) == found


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, ["gray images", "8 x 9 pixels", UNSET]),
        ({"channels": "rgb"}, ["images in color", "8 x 9 pixels", UNSET]),
        (
            {"as_volumes": True, "size": 8, "spacing": (3.0, 0.5, 0.5)},
            ["volumes", "8 x 8 x 8 voxels", "3 x 0.5 x 0.5 mm per voxel"],
        ),
    ],
)
def test_recipes_are_described(changed, expected):
    found = dict(Recipe({**PARAMETERS, **changed}).describe())
    shown = [found[name] for name in ("Read as", "Size", "Spacing")]
    assert [text.replace("\N{MULTIPLICATION SIGN}", "x") for text in shown] == expected
    assert found["Fit to the size"] == "crop"


@pytest.mark.parametrize(
    ("window", "expected"),
    [
        ((-600.5, 1500.0), "center -600.5, width 1500"),
        (None, "none, so that values are those of the files"),
        ("file", "that of the file or, without one, the range of its values"),
    ],
)
def test_windows_are_described(window, expected):
    found = dict(Recipe({**PARAMETERS, "window": window}).describe())
    assert found["Window"] == expected


def test_recipes_may_be_written_by_hand():
    recipe = Recipe.from_notes({"load_images": {"size": 64}, "other": 1}, MODEL)
    assert recipe == Recipe({"size": 64})
    images = np.zeros((1, 8, 8))
    assert recipe.convert(images, CONSOLE) is images


def test_models_without_a_recipe_are_refused():
    with pytest.raises(CommandError, match=r"'model\.safetensors' does not say how"):
        Recipe.from_notes({}, MODEL)


@pytest.mark.parametrize(
    "notes",
    [
        {"load_images": {"out": "/etc/x.npy"}},
        {"load_images": {"n_jobs": 100}},
        {"load_images": [64]},
        {"load_images": {}, "dtype": "object"},
        {"load_images": {}, "dtype": ["uint8"]},
    ],
)
def test_unknown_parameters_of_a_file_are_refused(notes):
    with pytest.raises(CommandError, match="in an unknown way"):
        Recipe.from_notes(notes, MODEL)


def test_images_of_8_bits_get_the_type_of_the_model(capsys):
    images = np.arange(256, dtype=np.uint8).reshape(1, 16, 16)
    converted = Recipe({}, "float32").convert(images, CONSOLE)
    assert converted.dtype == np.float32
    np.testing.assert_array_equal(converted, images)
    assert "Warning: all images have 8 bits, but" in capsys.readouterr().err
    assert Recipe({}, "uint8").convert(images, CONSOLE) is images
    with pytest.raises(CommandError, match="more than 8 bits"):
        Recipe({}, "uint8").convert(converted, CONSOLE)
    assert capsys.readouterr().err == ""
