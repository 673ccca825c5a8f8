import numpy as np
import pytest

from contrastive_clustering._report.data import Chosen
from contrastive_clustering._report.notes import caveats
from contrastive_clustering._report.privacy import Privacy
from contrastive_clustering._utils.grouping import Grouping


class Fitted:
    """A fitted estimator with strata of 6, 1, 3 and 0 samples, and noise."""

    labels_ = np.array([0] * 6 + [1] + [2] * 3 + [-1])
    n_clusters_ = 4


def chosen_part(labels=Fitted.labels_, rows=None, y=None):
    rows = np.arange(len(labels)) if rows is None else rows
    samples = np.arange(float(len(labels)))[:, None].repeat(64, axis=1)
    return Chosen(None, samples, rows, None, np.asarray(labels), None, y)


def privacy(
    *, n_distinct=(6, 1, 3, 0), resembling=(), of_one_group=(), is_training_set=True
):
    hidden = [np.isin(np.arange(4), strata) for strata in (resembling, of_one_group)]
    return Privacy(np.array(n_distinct), *hidden, is_training_set)


def said(chosen, n_samples=11, known=None, error=0.2):
    sentences = caveats(Fitted, chosen, n_samples, known, error)
    assert all(sentence.endswith(".") for sentence in sentences)
    return "\n".join(sentences)


def test_copies_within_a_group_are_not_reported():
    samples = np.zeros((11, 64)) + np.repeat([0, 1, 2], [9, 1, 1])[:, None]
    chosen = Chosen(None, samples, np.arange(11), None, Fitted.labels_, None, None)
    patients = Grouping(np.repeat([0, 1, 2], [9, 1, 1]), 3)
    plain, grouped = (
        "".join(caveats(Fitted, chosen, 11, None, 0.2, grouping=each))
        for each in (None, patients)
    )
    assert "8 of 11 samples of X are exact copies" in plain
    assert "copies" not in grouped


def test_strata_of_a_single_patient_are_doubted():
    chosen = chosen_part()
    patients = Grouping(np.array([0, 1, 2, 3, 4, 5, 6, 7, 7, 7, 8]), 9)
    plain, grouped = (
        "".join(caveats(Fitted, chosen, 11, None, 0.2, grouping=each))
        for each in (None, patients)
    )
    assert "1 of 4 strata has a single member" in plain
    assert "2 of 4 strata have a single group" in grouped


def test_privacy_notes_come_first():
    text = said(chosen_part(), known=privacy())
    assert text.startswith("This page shows no sample")
    assert "decoded centers of strata 1 and 3 are not shown: with at most one" in text
    assert "fewer than 5 distinct ones, as stratum 2 here" in text
    assert "resembles" not in text
    assert "X does not appear" not in text
    assert "hypotheses" in text


def test_center_that_resembles_a_sample_is_mentioned_once():
    text = said(chosen_part(), known=privacy(resembling=[1, 2]))
    assert "The decoded center of stratum 2 is not shown: a center resembles" in text
    assert "fewer than 5" not in text


def test_strata_of_one_group_are_mentioned_unless_hidden_for_another_reason():
    known = privacy(resembling=[2], of_one_group=[0, 1, 2])
    text = said(chosen_part(), known=known)
    assert "The decoded center of stratum 0 is not shown: more than 45% of" in text
    assert text.count("45%") == 1


def test_other_samples_weaken_the_privacy_notes():
    text = said(chosen_part(), known=privacy(is_training_set=False))
    assert "compared only with samples of X" in text


def test_shown_samples_are_announced_first():
    text = said(chosen_part())
    assert text.startswith("This page shows samples of X")
    assert "not shown" not in text


@pytest.mark.parametrize(("n_samples", "expected"), [(11, True), (12, False)])
def test_a_training_set_is_mentioned(n_samples, expected):
    found = said(chosen_part(), n_samples)
    assert ("most likely the training set" in found) is expected


def test_subset_and_empty_strata_are_mentioned():
    text = said(chosen_part([0, 0, 2], np.array([5, 700, 999])), 12_000)
    assert "3 samples, drawn at random from 12,000" in text
    assert "None of the samples used is in strata 1 and 3." in text
    assert "drawn at random" not in said(chosen_part())


def test_copies_are_counted_in_the_part_that_is_used():
    part = chosen_part(np.zeros(11), np.arange(0, 22, 2))
    part.samples[:] = 1.0
    assert "10 of the 11 samples used are exact copies of others" in said(part, 22)


@pytest.mark.parametrize(
    ("y", "expected", "other"),
    [
        (np.zeros(11), "only one class", "so they are optimistic"),
        (np.arange(11) % 2, "so they are optimistic", "only one class"),
        (np.arange(41), "41 classes, too many", "only one class"),
    ],
)
def test_caveats_of_labels(y, expected, other):
    text = said(chosen_part(y=y))
    assert expected in text
    assert other not in text


def test_problems_come_before_general_caveats():
    part = chosen_part()
    part.samples[:] = 1.0
    text = said(part, error=1.7)
    for problem in (
        "10 of 11 samples of X are exact copies",
        "1 of 4 strata has a single member",
        "their error is 1.70 of the variance",
    ):
        assert text.index(problem) < text.index("hypotheses")
