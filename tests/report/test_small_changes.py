import re

import numpy as np
import pytest

from contrastive_clustering import ContrastiveAutoencoderClusterer, audit_perturbations
from contrastive_clustering._report import small_changes as module
from contrastive_clustering._report.data import choose_samples
from contrastive_clustering._report.small_changes import small_changes
from contrastive_clustering._utils.grouping import Grouping


def section_of(estimator, X, grouping=None):
    chosen = choose_samples(
        estimator, X, X, None, max_samples=1000, seed=0, grouping=grouping
    )
    section = small_changes(estimator, chosen, grouping, 0)
    return str(section.pieces[0])


def cells(html):
    rows = re.findall(r"<tr.*?>(.*?)</tr>", html, re.DOTALL)
    return [re.findall(r"<t[dh].*?>(.*?)</t[dh]>", row, re.DOTALL) for row in rows]


@pytest.fixture(scope="module")
def fitted(digits):
    images = digits[0][:200]
    return images, ContrastiveAutoencoderClusterer(
        6, clusterer="kmeans", max_epochs=2, refinement_epochs=1, random_state=0
    ).fit(images)


def test_the_table_shows_the_audit(fitted):
    images, estimator = fitted
    html = section_of(estimator, images)
    audit = audit_perturbations(estimator, images, random_state=0)
    _, *rows = cells(html)
    assert [row[0] for row in rows] == list(audit.names)
    expected = audit.shares
    np.testing.assert_allclose(
        [float(row[2].removesuffix(" %")) / 100 for row in rows], expected, atol=6e-4
    )
    assert "on 200 samples" in html
    least = audit.strata_shares[:, 4].argmin()
    share = f"{100 * audit.strata_shares[least, 4]:.1f} %"
    assert rows[4][4] == f"{share} (stratum {least})"


def test_few_samples_of_many_groups_are_changed(fitted, monkeypatch):
    images, estimator = fitted
    monkeypatch.setattr(module, "MAX_SAMPLES", 50)
    html = section_of(estimator, images, Grouping(np.arange(200) // 4, 50))
    assert "on 50 samples of 50 groups; a group weighs as one" in html


def test_only_noise_is_added_to_tables(digits):
    X = digits[0][:100].reshape(100, -1)
    estimator = ContrastiveAutoencoderClusterer(
        3, clusterer="kmeans", max_epochs=1, random_state=0
    ).fit(X)
    _, row = cells(section_of(estimator, X))
    assert row[0] == "noise"
