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
