import numpy as np
import pytest
from scipy.stats import chi2_contingency

from contrastive_clustering._evaluation.audit_row import Audited, make_row
from contrastive_clustering._evaluation.variable_tests import cramers_v
from contrastive_clustering._utils.grouping import Grouping
from contrastive_clustering._utils.weighted_tables import contingency_table, count

RNG = np.random.default_rng(0)
GROUPS = np.repeat(np.arange(40), 3)
SITE = GROUPS % 2
STRATA = RNG.integers(3, size=120)
CLASSES = np.where(GROUPS % 8 > 1, SITE, 1 - SITE)  # differ in one group of four
LATENTS = RNG.normal(size=(120, 4)) + CLASSES[:, None]


def row_of(levels=SITE, **changes):
    audited = Audited(
        **{
            "strata": STRATA,
            "n_strata": 3,
            "proba": None,
            "probed": np.arange(120),
            "latents": LATENTS,
            "classes": CLASSES,
            "grouping": Grouping(GROUPS, 40),
            "unit": "groups",
            **changes,
        }
    )
    return make_row(
        audited,
        levels,
        "site",
        ["a", "b"],
        n_permutations=99,
        n_neighbors=5,
        confidence_level=0.95,
        seed=0,
    )


def test_a_group_counts_once_in_the_stratum_of_most_of_its_samples():
    _, composition = row_of()
    expected = np.zeros((3, 2), int)
    for group in range(40):
        members = STRATA[group == GROUPS].tolist()
        expected[max(members, key=members.count), group % 2] += 1
    np.testing.assert_array_equal(composition, expected)


def test_a_group_counts_once_at_each_of_its_levels():
    levels = np.tile([0, 1, 1], 40)
    row, composition = row_of(levels)
    assert row["n"] == 80
    assert composition.sum(axis=0).tolist() == [40, 40]
    first = np.bincount(STRATA[::3], minlength=3)
    np.testing.assert_array_equal(composition[:, 0], first)


def test_association_with_classes_is_the_corrected_cramers_v_of_groups():
    row, _ = row_of()
    counts = np.zeros((2, 2))
    np.add.at(counts, (CLASSES[::3], SITE[::3]), 1)
    squared = chi2_contingency(counts, correction=False).statistic / 40 - 1 / 39
    expected = np.sqrt(squared / (1 - 1 / 39))
    assert row["y_association"] == pytest.approx(expected, abs=1e-10)
    assert row["y_p"] <= 0.05
    assert row["positivity"] is True
    assert "are associated" in row["note"]


def test_association_with_classes_does_not_depend_on_numbers_of_images():
    """The majority of many images is the common class, that of one image less often."""
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(80), np.tile([1, 45], 40))
    classes = (rng.random(len(groups)) < 0.35).astype(int)
    grouping = Grouping(groups, 80)
    row, _ = row_of(
        groups % 2,
        strata=np.arange(len(groups)) % 3,
        classes=classes,
        latents=None,
        grouping=grouping,
    )
    assert row["y_p"] > 0.05
    assert row["y_association"] < 0.15
    majority = count(grouping.majority(classes), np.arange(80)[None] % 2, (2, 2))
    assert cramers_v(majority, n_corrections=1)[0] > 0.3


def test_without_classes_or_latents_columns_are_missing():
    row, _ = row_of(classes=None, latents=None)
    for name in (
        "probe",
        "probe_low",
        "probe_chance",
        "robustness_index",
        "y_association",
    ):
        assert np.isnan(row[name])
    assert row["positivity"] is None
    assert np.isnan(row_of(latents=None)[0]["robustness_index"])
    assert not np.isnan(row_of(latents=None)[0]["y_association"])


def test_only_the_latents_of_chosen_samples_are_examined():
    chosen = np.flatnonzero(GROUPS < 30)
    row, _ = row_of(probed=chosen, latents=LATENTS[chosen])
    expected, _ = row_of(
        SITE[chosen],
        strata=STRATA[chosen],
        classes=CLASSES[chosen],
        grouping=Grouping(GROUPS[chosen], 30),
        probed=np.arange(len(chosen)),
        latents=LATENTS[chosen],
    )
    for name in ("probe", "probe_low", "probe_high", "robustness_index"):
        assert row[name] == expected[name]
    assert row["n"] == 40


def test_probabilities_decide_between_equally_frequent_strata():
    strata = np.tile([0, 1, 2], 40)  # each group has a sample in each stratum
    best = np.arange(40) % 3
    proba = np.where(best[GROUPS, None] == np.arange(3), 0.5, 0.25)
    _, first = row_of(strata=strata)
    _, likeliest = row_of(strata=strata, proba=proba)
    np.testing.assert_array_equal(first, [[20, 20], [0, 0], [0, 0]])
    expected = contingency_table(best, SITE[::3])
    np.testing.assert_array_equal(likeliest, expected)
