import warnings

import numpy as np
import pytest

from contrastive_clustering._command.console import Console, fail, in_options
from contrastive_clustering._data.extreme_values import doubts_of_extremes
from contrastive_clustering._data.layout import read_layout
from contrastive_clustering._data.scaling import Scaler
from contrastive_clustering._images import collecting
from contrastive_clustering._utils.grouping import Grouping
from contrastive_clustering._utils.nuisance import Nuisance


@pytest.mark.parametrize("quiet", [False, True])
def test_steps_are_shown_unless_quiet(quiet, capsys):
    console = Console(quiet=quiet)
    console.say("a step")
    console.warn("a doubt")
    fail("a reason")
    shown = capsys.readouterr()
    steps = "" if quiet else "a step\n"
    assert shown.err == f"{steps}Warning: a doubt\nError: a reason\n"
    assert shown.out == ""


def test_warnings_are_lines_that_appear_once(capsys):
    console = Console(quiet=True)
    before = warnings.showwarning
    with console.shows_warnings():
        for _ in range(2):
            warnings.warn("two\nlines", UserWarning, stacklevel=1)
        warnings.warn("for developers", ResourceWarning, stacklevel=1)
    assert warnings.showwarning is before
    assert capsys.readouterr().err == "Warning: two lines\n"


def test_parameters_are_named_by_their_options():
    assert in_options("n_clusters=9 and\ncheckpoint_dir='x', device='cuda'") == (
        "--n-clusters=9 and --checkpoint='x', --device='cuda'"
    )
    assert in_options("this device has max_epochs") == "this device has --max-epochs"
    assert in_options("Pass as_volumes=True") == "Pass --volumes"
    assert in_options("Check how X was loaded.") == "Check the images and --window."


def test_a_nuisance_of_many_levels_is_refused_without_functions_of_python():
    with pytest.raises(ValueError, match="has 9 levels") as caught:
        Nuisance.read(np.arange(9), n_samples=9)
    text = in_options(str(caught.value))
    assert "divide numbers in the table into ranges; and" in text


def test_remedies_of_a_prediction_are_other_models():
    text = "Pass as_volumes=True. Pass size instead of spacing."
    assert in_options(text) == "Pass --volumes. Leave out --spacing."
    assert in_options(text, predicts=True) == (
        "Use a model that was trained with --volumes. "
        "Use a model that was trained without --spacing."
    )


def test_images_are_named_instead_of_their_indices(capsys):
    console = Console(quiet=True)
    text = "X[1] and X[0] (2 of 2) differ. The time at index 1 is odd. X[2] is unknown."
    assert console.explain(text) == text
    console.images = ["a.png", "frame 3 of b.dcm"]
    with console.shows_warnings():
        warnings.warn(text, stacklevel=1)
    assert capsys.readouterr().err == (
        "Warning: frame 3 of b.dcm and a.png (2 of 2) differ. The time for frame 3 of "
        "b.dcm is odd. X[2] is unknown.\n"
    )


def test_the_remedy_for_extreme_values_is_an_option():
    images = np.random.default_rng(0).uniform(size=(60, 9, 9))
    images[3, 2, 2] = 1e5
    scaler = Scaler.fit(images, read_layout(images.shape))
    (doubt,) = doubts_of_extremes(images, scaler)
    text = in_options(doubt, images=[f"{i}.png" for i in range(60)])
    assert text.startswith("3.png (1 of 60 samples) has values more than 30")
    assert text.endswith("exclude these images or limit their values by --window.")


def test_texts_that_say_that_groups_are_unknown_are_explained(capsys):
    console = Console(quiet=True)
    with console.shows_warnings():
        Grouping.read(["a", "?", "?"], 3)
        Grouping.read(["?", "a", "?"], 3)
    assert capsys.readouterr().err == (
        "Warning: --groups has several images with the identifier '?', which count as "
        "one group. If their group is unknown, leave the cells empty.\n"
    )


def test_the_remedy_for_sizes_beyond_the_memory_is_an_option(monkeypatch):
    monkeypatch.setattr(collecting, "total_memory", lambda: 100)
    with pytest.raises(ValueError, match="is too large") as caught:
        collecting._check_memory(5, (8, 8))
    text = in_options(str(caught.value))
    assert text.endswith("Lower --size or pass fewer images.")
    text = in_options(str(caught.value), predicts=True)
    assert text.endswith("Pass fewer images at a time.")
