import numpy as np
import pytest

from contrastive_clustering import (
    ContrastiveAutoencoderClusterer,
    TrainingCurveDisplay,
)

pytestmark = pytest.mark.usefixtures("no_window")


def line(ax, name):
    (found,) = [each for each in ax.get_lines() if each.get_label() == name]
    return found.get_ydata()


def test_each_loss_has_a_panel_with_its_history(fitted_kind):
    _, estimator = fitted_kind("gray")
    display = TrainingCurveDisplay.from_estimator(estimator)
    titles = [ax.get_title() for ax in display.axes_]
    assert titles == [
        "total",
        "contrastive (NT-Xent)",
        "decorrelation of latents",
        "reconstruction (MSE)",
        "assignment (cross-entropy)",
    ]
    history = estimator.history_
    np.testing.assert_array_equal(
        line(display.axes_[0], "training"), history[:, "train_loss"]
    )
    assignment = line(display.axes_[4], "training")
    assert np.isnan(assignment[:2]).all()
    assert assignment[2] == history[2, "train_assignment_loss"]


def test_second_phase_has_a_background(fitted_kind):
    _, estimator = fitted_kind("gray")
    display = TrainingCurveDisplay.from_estimator(estimator)
    assert display.phase.tolist() == [1, 1, 2]
    for ax in display.axes_:
        (background,) = ax.patches
        assert background.get_x() == 2.5
        assert background.get_width() == 1
    texts = [text.get_text() for text in display.axes_[0].get_legend().texts]
    assert texts == ["second phase", "training"]


def test_validation_losses(tiny_images, fast):
    estimator = ContrastiveAutoencoderClusterer(
        **fast | {"refinement_epochs": 0, "early_stopping": True, "kl_weight": 0.1}
    ).fit(tiny_images)
    display = TrainingCurveDisplay.from_estimator(estimator)
    assert set(display.train) == set(display.valid)
    assert "divergence (KL)" in [ax.get_title() for ax in display.axes_]
    np.testing.assert_array_equal(
        line(display.axes_[0], "validation"), estimator.history_[:, "valid_loss"]
    )
    assert set(display.phase) == {1}
    assert all(not ax.patches for ax in display.axes_)


def test_phases_of_several_fits():
    first, second = {"train_loss": 2.0, "phase": 1}, {"train_loss": 1.0, "phase": 2}
    display = TrainingCurveDisplay.from_history([first, second, first, second, second])
    (ax,) = display.axes_
    assert [(each.get_x(), each.get_width()) for each in ax.patches] == [
        (1.5, 1),
        (3.5, 2),
    ]
    assert len(ax.get_legend().texts) == 2  # the background has one entry


def test_histories_without_losses_are_reported(tiny_images, fast):
    with pytest.raises(ValueError, match="history does not contain losses"):
        TrainingCurveDisplay.from_history([])
    for wrong in (None, [1.0], {"train_loss": 1.0}):
        with pytest.raises(TypeError, match=r"history is a .* a dict for each epoch"):
            TrainingCurveDisplay.from_history(wrong)
    estimator = ContrastiveAutoencoderClusterer(
        **fast | {"max_epochs": 0, "refinement_epochs": 0}
    ).fit(tiny_images)
    with pytest.raises(ValueError, match="there was no epoch of training"):
        TrainingCurveDisplay.from_estimator(estimator)
