import numpy as np
import pytest

from contrastive_clustering._report.data import Chosen
from contrastive_clustering._report.notes import what_to_know
from contrastive_clustering._report.privacy import Privacy


class Fitted:
    """What the notes ask of an estimator: strata of 6, 1, 3 and no samples, noise."""

    labels_ = np.array([0] * 6 + [1] + [2] * 3 + [-1])
    n_clusters_ = 4


def chosen_part(labels=Fitted.labels_, rows=None, y=None):
    rows = np.arange(len(labels)) if rows is None else rows
    samples = np.arange(float(len(labels)))[:, None].repeat(64, axis=1)
    return Chosen(None, samples, rows, None, np.asarray(labels), y)


def privacy(*, n_distinct=(6, 1, 3, 0), resembling=(), is_training_set=True):
    return Privacy(
        np.array(n_distinct), np.isin(np.arange(4), resembling), is_training_set
    )


def said(chosen, n_samples=11, known=None, error=0.2):
    sentences = what_to_know(Fitted, chosen, n_samples, known, error)
    assert all(sentence.endswith(".") for sentence in sentences)
    return "\n".join(sentences)


def test_privacy_comes_first():
    text = said(chosen_part(), known=privacy())
    assert text.startswith("This page shows no sample")
    assert "Not shown is the decoded center of strata 1 and 3, with one" in text
    assert "The decoded center of stratum 2, with fewer than 5 distinct" in text
    assert "resembles" not in text
    assert "X is not the training set" not in text
    assert "hypotheses" in text


def test_what_resembles_a_sample_is_said_once():
    text = said(chosen_part(), known=privacy(resembling=[1, 2]))
    assert "Not shown is the decoded center of stratum 2: it resembles" in text
    assert "fewer than 5" not in text


def test_other_samples_limit_the_promise():
    text = said(chosen_part(), known=privacy(is_training_set=False))
    assert "compared with samples of X alone" in text


def test_shown_samples_are_said_first():
    text = said(chosen_part())
    assert text.startswith("This page shows samples of X")
    assert "Not shown" not in text


@pytest.mark.parametrize(
    ("labels", "rows", "n_samples", "expected"),
    [
        (Fitted.labels_, None, 11, True),
        (Fitted.labels_[[1, 6, 7]], np.array([1, 6, 7]), 11, True),
        (Fitted.labels_, None, 12, False),
        (Fitted.labels_[::-1], None, 11, False),
    ],
)
def test_training_set_is_told_by_its_strata(labels, rows, n_samples, expected):
    part = chosen_part(labels, rows)
    assert ("most likely the training set" in said(part, n_samples)) is expected


def test_part_and_empty_strata_are_said():
    text = said(chosen_part([0, 0, 2], np.array([5, 700, 999])), 12_000)
    assert "3 samples, drawn at random of 12,000" in text
    assert "No sample looked at is in strata 1 and 3." in text
    assert "drawn at random" not in said(chosen_part())


@pytest.mark.parametrize(
    ("y", "expected", "other"),
    [
        (np.zeros(11), "one class alone", "flatters"),
        (np.arange(11) % 2, "flatters", "one class alone"),
        (np.arange(41), "41 classes, too many", "one class alone"),
    ],
)
def test_classes_are_warned_of(y, expected, other):
    text = said(chosen_part(y=y))
    assert expected in text
    assert other not in text


def test_doubts_stand_before_the_usual_warnings():
    part = chosen_part()
    part.samples[:] = 1.0
    text = said(part, error=1.7)
    for doubt in (
        "10 of 11 samples of X are exact copies",
        "1 of 4 strata has a single member",
        "its error is 1.70 of the variance",
    ):
        assert text.index(doubt) < text.index("hypotheses")
