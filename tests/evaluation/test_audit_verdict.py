from dataclasses import replace

import numpy as np
import pytest

from contrastive_clustering._evaluation.audit_verdict import (
    CONFOUNDED,
    ENCODED,
    NO_SIGN,
    NOT_IDENTIFIABLE,
    TOO_FEW,
    Evidence,
    judge,
)

BASE = Evidence(
    name="site",
    level_names=["a", "b"],
    composition=np.array([[20, 20], [20, 20]]),
    p=0.5,
    smallest_p=0.001,
    is_encoded=False,
    is_below_chance=False,
    class_names=[],
    class_counts=np.zeros((0, 2), int),
    class_p=np.nan,
    class_association=np.nan,
    unit="groups",
)
WITH_CLASSES = {"class_names": ["well", "ill"], "class_p": 0.5, "class_association": 0}


def judge_with(**changes):
    return judge(replace(BASE, **changes))


def test_no_sign():
    assert judge_with() == (NO_SIGN, [])
    assert judge_with(p=np.nextafter(0.05, 1)) == (NO_SIGN, [])


def test_a_probe_below_chance_is_explained():
    verdict, (sentence,) = judge_with(is_below_chance=True)
    assert verdict == NO_SIGN
    assert "an erasure or a harmonization of site was learned" in sentence
    assert sentence.endswith("has seen these samples, audit others.")


def test_strata_that_follow_the_levels_are_confounded():
    assert judge_with(p=0.05, is_encoded=True) == (CONFOUNDED, [])


def test_levels_in_the_latents_alone_are_encoded():
    assert judge_with(is_encoded=True) == (ENCODED, [])


def test_pure_strata_are_not_identifiable_without_classes():
    pure = np.array([[40, 0], [0, 40]])
    verdict, (sentence,) = judge_with(p=0.01, composition=pure)
    assert verdict == NOT_IDENTIFIABLE
    assert sentence.startswith("Each stratum has a single level of site")
    balanced = np.full((2, 2), 20)
    found = judge_with(p=0.01, composition=pure, class_counts=balanced, **WITH_CLASSES)
    assert found == (CONFOUNDED, [])
    assert judge_with(composition=np.array([[40, 1], [0, 40]]))[0] == NO_SIGN
    one_stratum = {"composition": np.array([[20, 0, 0]]), "level_names": ["a", "b"]}
    assert not replace(BASE, **one_stratum).are_strata_pure


def test_strata_that_are_pure_by_chance_are_identifiable():
    """As each of ten strata with one or two members is."""
    pure = np.repeat([[2, 0], [0, 1]], 5, axis=0)
    for p, verdict in ((0.05, NOT_IDENTIFIABLE), (0.06, NO_SIGN), (1.0, NO_SIGN)):
        assert judge_with(p=p, composition=pure)[0] == verdict


def test_a_p_value_that_cannot_be_small_is_explained():
    verdict, (sentence,) = judge_with(p=1.0, smallest_p=0.083)
    assert verdict == NO_SIGN
    assert sentence.startswith("The smallest p-value of the permutations is 0.083, ")
    assert "strata or levels of site have too few groups" in sentence
    assert judge_with(p=1.0, smallest_p=0.05) == (NO_SIGN, [])
    one_stratum = np.array([[20, 20]])
    found = judge_with(p=1.0, smallest_p=1.0, composition=one_stratum)
    assert found == (NO_SIGN, [])


@pytest.mark.parametrize(("n_shared", "is_identifiable"), [(4, False), (5, True)])
def test_classes_must_occur_at_the_same_levels(n_shared, is_identifiable):
    counts = np.array([[56, n_shared], [0, 20]])
    verdict, sentences = judge_with(class_counts=counts, **WITH_CLASSES)
    assert (verdict != NOT_IDENTIFIABLE) == is_identifiable
    assert bool(sentences) != is_identifiable
    if not is_identifiable:
        assert sentences[0].startswith(
            "Classes well, ill lie at different levels of site, except for a few groups"
        )


@pytest.mark.parametrize(
    "counts",
    [
        [[96, 4], [94, 6]],  # a small site, unrelated to the classes
        [[40, 0], [40, 0]],
        [[50, 0], [50, 50]],  # comparable at the first site
    ],
)
def test_classes_at_the_same_level_can_be_told_apart(counts):
    found = judge_with(class_counts=np.array(counts), **WITH_CLASSES)
    assert found == (NO_SIGN, [])


def test_each_class_may_have_several_levels_of_its_own():
    verdict, _ = judge_with(
        level_names=["a", "b", "c", "d"],
        composition=np.full((2, 4), 10),
        class_counts=np.array([[20, 20, 0, 1], [0, 1, 20, 20]]),
        **WITH_CLASSES,
    )
    assert verdict == NOT_IDENTIFIABLE


def test_a_small_site_that_is_unrelated_to_classes_is_identifiable():
    """Another site has 10 random patients of 200."""
    rng = np.random.default_rng(0)
    found = []
    for _ in range(200):
        classes, site = rng.integers(2, size=200), rng.permutation(np.arange(200) < 10)
        counts = np.zeros((2, 2), int)
        np.add.at(counts, (classes, site.astype(int)), 1)
        found.append(judge_with(class_counts=counts, **WITH_CLASSES)[0])
    assert set(found) == {NO_SIGN}


@pytest.mark.parametrize(
    ("n_classes", "names_of_last"),
    [(5, "c4"), (6, "c4 and 1 other"), (7, "c4 and 2 others")],
)
def test_all_inseparable_classes_are_named_up_to_five(n_classes, names_of_last):
    names = [f"c{number}" for number in range(n_classes)]
    verdict, (sentence,) = judge_with(
        class_names=names,
        level_names=[*"abcdefg"],
        composition=np.full((2, 7), 40),
        class_counts=40 * np.eye(n_classes, 7, dtype=int),
        class_p=0.01,
    )
    assert verdict == NOT_IDENTIFIABLE
    expected = f"Some of the classes c0, c1, c2, c3, {names_of_last} lie at different"
    assert sentence.startswith(expected)


def test_a_class_with_few_groups_is_not_judged():
    counts = np.array([[9, 0], [0, 40]])
    assert judge_with(class_counts=counts, **WITH_CLASSES) == (NO_SIGN, [])


def test_an_association_with_y_causes_a_warning():
    counts = np.array([[85, 15], [15, 85]])
    verdict, (sentence,) = judge_with(
        class_names=["well", "ill"],
        class_counts=counts,
        class_p=0.05,
        class_association=0.7,
    )
    assert verdict == NO_SIGN
    assert sentence.startswith("y and site are associated (Cramer's V 0.70)")
    assert sentence.endswith("removing site also removes a part of the finding.")


def test_levels_with_few_groups_are_named():
    three = {"level_names": ["a", "b", "c"]}
    verdict, (sentence,) = judge_with(
        composition=np.array([[20, 20, 2], [20, 20, 2]]), p=0.01, **three
    )
    assert verdict == CONFOUNDED
    assert sentence == "Fewer than 5 groups, too few to judge: c."
    verdict, (sentence,) = judge_with(
        composition=np.array([[20, 2, 2], [20, 2, 2]]), p=0.01, unit="samples", **three
    )
    assert verdict == TOO_FEW
    assert sentence == "Fewer than 5 samples, too few to judge: b, c."


def test_a_level_with_five_groups_in_all_strata_is_judged():
    composition = np.array([[3, 20], [2, 20]])
    assert judge_with(composition=composition) == (NO_SIGN, [])


@pytest.mark.parametrize(
    ("counts", "is_inseparable"),
    [
        ([9, 4], False),  # a small class at both levels
        ([13, 0], True),
        ([12, 1], True),
        ([96, 4], True),
        ([95, 5], False),
        ([36, 4], True),
        ([27, 4], False),
        ([10, 0], True),
        ([5, 0], False),  # too small to judge
    ],
)
def test_a_class_with_a_tenth_elsewhere_can_be_told_apart(counts, is_inseparable):
    evidence = replace(BASE, **WITH_CLASSES, class_counts=np.array([counts, [0, 60]]))
    found = evidence.inseparable_classes.tolist()
    assert found == ([0, 1] if is_inseparable else [])
