"""Properties that all displays share."""

import subprocess
import sys
from functools import partial
from importlib import import_module

import numpy as np
import pytest
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from sklearn.exceptions import NotFittedError

import contrastive_clustering
from contrastive_clustering import (
    CenterSimilarityDisplay,
    ClusterGalleryDisplay,
    ClusterNumberDisplay,
    ClusterNumberResult,
    ContrastiveAutoencoderClusterer,
    EmbeddingDisplay,
    InterpolationDisplay,
    LabelSpreadDisplay,
    ReconstructionDisplay,
    SampleDisplay,
    StrataCompositionDisplay,
    SurvivalDisplay,
    TrainingCurveDisplay,
    _display,
)

pytestmark = [
    pytest.mark.usefixtures("no_window"),
    # The estimators were trained for three epochs.
    pytest.mark.filterwarnings("ignore:.*generated samples are predicted:UserWarning"),
]

RESULT = ClusterNumberResult(3, np.array([2, 3]), np.array([0.1, 0.2]), "silhouette")

# How each display is created from an estimator and samples, and from arrays.
FROM_ESTIMATOR = {
    ClusterGalleryDisplay: ClusterGalleryDisplay.from_estimator,
    EmbeddingDisplay: partial(EmbeddingDisplay.from_estimator, method="pca"),
    InterpolationDisplay: lambda estimator, X, **options: (
        InterpolationDisplay.from_estimator(estimator, X[0], 1, **options)
    ),
    LabelSpreadDisplay: lambda estimator, X, **options: (
        LabelSpreadDisplay.from_estimator(
            estimator, X, np.arange(len(X)) % 3, **options
        )
    ),
    CenterSimilarityDisplay: lambda estimator, X, **options: (
        CenterSimilarityDisplay.from_estimator(estimator, **options)
    ),
    ReconstructionDisplay: partial(
        ReconstructionDisplay.from_estimator, random_state=0
    ),
    SampleDisplay: lambda estimator, X, **options: SampleDisplay.from_estimator(
        estimator, n_samples=3, random_state=0, **options
    ),
    TrainingCurveDisplay: lambda estimator, X, **options: (
        TrainingCurveDisplay.from_estimator(estimator, **options)
    ),
}
FROM_ARRAYS = {
    ClusterNumberDisplay: partial(ClusterNumberDisplay.from_result, RESULT),
    EmbeddingDisplay: partial(
        EmbeddingDisplay.from_latents, np.eye(4), [0, 0, 1, -1], method="pca"
    ),
    LabelSpreadDisplay: partial(LabelSpreadDisplay.from_strata, [0, 1, 1], [5, 5, 6]),
    StrataCompositionDisplay: partial(
        StrataCompositionDisplay.from_strata, [0, 1, 1], ["a", "b", "a"]
    ),
    SurvivalDisplay: partial(
        SurvivalDisplay.from_strata, [0, 1, 1], ([1, 2, 3], [1, 0, 1])
    ),
    TrainingCurveDisplay: partial(
        TrainingCurveDisplay.from_history, [{"train_loss": 1.0}]
    ),
}


def test_all_displays_are_public_and_tested_here():
    names = set(_display.__all__)
    assert names == {
        name for name in contrastive_clustering.__all__ if name.endswith("Display")
    }
    assert names == {each.__name__ for each in FROM_ESTIMATOR.keys() | FROM_ARRAYS}


def test_import_does_not_import_matplotlib():
    code = (
        "import sys, contrastive_clustering as package;"
        "package.EmbeddingDisplay.from_estimator;"
        "print('matplotlib' in sys.modules)"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "False"


@pytest.mark.parametrize("display", FROM_ARRAYS, ids=lambda each: each.__name__)
def test_missing_matplotlib_is_reported_for_arrays(display, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(
        ImportError, match=rf"{display.__name__}\.from_\w+ needs .*pip install"
    ):
        FROM_ARRAYS[display]()


@pytest.mark.parametrize("display", FROM_ESTIMATOR, ids=lambda each: each.__name__)
def test_missing_matplotlib_is_reported_first(display, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(
        ImportError, match=rf"{display.__name__}\.from_estimator needs matplotlib"
    ):
        FROM_ESTIMATOR[display](None, [0])


@pytest.mark.parametrize("display", FROM_ESTIMATOR, ids=lambda each: each.__name__)
def test_estimator_must_be_fitted(display):
    with pytest.raises(NotFittedError):
        FROM_ESTIMATOR[display](ContrastiveAutoencoderClusterer(), np.ones((4, 8, 8)))
    with pytest.raises(TypeError, match=f"{display.__name__} needs a fitted"):
        FROM_ESTIMATOR[display](None, np.ones((4, 8, 8)))


def check_within(figure):
    """Check that no artist extends beyond the figure."""
    figure.draw_without_rendering()
    for ax in figure.axes:
        box = ax.get_tightbbox()
        assert box.x0 >= -1
        assert box.y0 >= -1
        assert box.x1 <= figure.bbox.width + 1
        assert box.y1 <= figure.bbox.height + 1


def tick_boxes(axis):
    return [
        label.get_window_extent()
        for label in axis.get_ticklabels()
        if label.get_text() and label.get_visible()
    ]


def check_labels_apart(figure):
    """Check that tick labels of an axis do not overlap."""
    for ax in figure.axes:
        for axis in (ax.xaxis, ax.yaxis):
            boxes = tick_boxes(axis)
            for index, box in enumerate(boxes):
                assert not any(box.overlaps(other) for other in boxes[index + 1 :])


@pytest.mark.parametrize(
    "kind", ["gray", "rgb", "five channels", "volume", "flat", "table", "many strata"]
)
@pytest.mark.parametrize("display", FROM_ESTIMATOR, ids=lambda each: each.__name__)
def test_nothing_is_clipped_or_covered_or_shown(
    display, kind, fitted_kind, monkeypatch
):
    def fail():
        raise AssertionError("a display showed itself")

    monkeypatch.setattr(plt, "show", fail)
    X, estimator = fitted_kind(kind)
    figure = FROM_ESTIMATOR[display](estimator, X).figure_
    check_within(figure)
    check_labels_apart(figure)


@pytest.mark.parametrize("kind", ["gray", "table"])
def test_single_images_have_room_for_their_labels(kind, fitted_kind):
    X, estimator = fitted_kind(kind)
    for display in (
        ClusterGalleryDisplay.from_estimator(
            estimator, X, n_typical=1, n_atypical=0, strata=[0]
        ),
        InterpolationDisplay.from_estimator(estimator, X[0], 1, n_steps=2),
        ReconstructionDisplay.from_estimator(estimator, X, n_samples=1),
        SampleDisplay.from_estimator(estimator, n_samples=1, strata=[0]),
    ):
        check_within(display.figure_)


@pytest.mark.parametrize("display", FROM_ESTIMATOR, ids=lambda each: each.__name__)
def test_given_axes_are_used(display, fitted_kind):
    X, estimator = fitted_kind("gray")
    figure = Figure(figsize=(9, 4), layout="constrained")  # unknown to pyplot
    given, other = figure.subplots(1, 2)
    before = plt.get_fignums()
    drawn = FROM_ESTIMATOR[display](estimator, X, ax=given)
    assert plt.get_fignums() == before
    figure.draw_without_rendering()
    if display is TrainingCurveDisplay:
        assert drawn.figure_ in figure.subfigs
        assert all(panel.figure is drawn.figure_ for panel in drawn.axes_)
    else:
        assert drawn.ax_ is given
        assert drawn.figure_ is figure
    assert not other.has_data()


@pytest.mark.parametrize("display", FROM_ARRAYS, ids=lambda each: each.__name__)
def test_plot_redraws_and_returns_the_display(display):
    drawn = FROM_ARRAYS[display]()
    first = drawn.figure_
    assert drawn.plot() is drawn
    assert drawn.figure_ is not first
    count = {
        figure: sum(len(ax.get_children()) for ax in figure.axes)
        for figure in (first, drawn.figure_)
    }
    assert count[first] == count[drawn.figure_]


@pytest.mark.parametrize("display", FROM_ARRAYS, ids=lambda each: each.__name__)
def test_other_objects_than_axes_are_rejected(display):
    with pytest.raises(TypeError, match="ax is a str, not a matplotlib Axes"):
        FROM_ARRAYS[display](ax="here")


@pytest.mark.parametrize("display", FROM_ESTIMATOR, ids=lambda each: each.__name__)
def test_samples_and_estimator_are_not_changed(display, fitted_kind):
    X, estimator = fitted_kind("gray")
    before, centers = X.copy(), estimator.cluster_centers_.copy()
    state = np.random.get_state()[1].copy()
    FROM_ESTIMATOR[display](estimator, X)
    np.testing.assert_array_equal(X, before)
    np.testing.assert_array_equal(estimator.cluster_centers_, centers)
    np.testing.assert_array_equal(np.random.get_state()[1], state)


def test_styles_of_the_user_do_not_break_labels(fitted_kind):
    X, estimator = fitted_kind("gray")
    style = import_module("matplotlib.style")
    with style.context("dark_background"):
        display = ClusterGalleryDisplay.from_estimator(estimator, X)
        display.figure_.draw_without_rendering()
    labels = display.ax_.get_yticklabels()
    sizes = np.bincount(estimator.predict(X))
    assert [label.get_text() for label in labels] == [
        f"stratum {stratum} (n={size})" for stratum, size in enumerate(sizes)
    ]
    assert {label.get_color() for label in labels} == {"white"}
