"""The verdict on one nuisance variable, in words."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from contrastive_clustering._utils.messages import quantity

# A level needs this many groups to be judged. Two classes can be told apart from the
# nuisance if this many groups of either, or more than this fraction of them, lie at
# levels of the other class.
MIN_GROUPS = 5
MIN_SHARED = 0.1

# Level of the tests.
LEVEL = 0.05

# Longer lists of levels are cut.
MAX_NAMED = 5

NOT_IDENTIFIABLE = "not identifiable"
CONFOUNDED = "confounded"
ENCODED = "encoded in the latents"
TOO_FEW = "too few groups to judge"
NO_SIGN = "no sign of confounding"

# The verdicts, the most serious first.
VERDICTS = (NOT_IDENTIFIABLE, CONFOUNDED, ENCODED, TOO_FEW, NO_SIGN)


@dataclass(frozen=True, eq=False)
class Evidence:
    """Counts and tests of one nuisance variable.

    Attributes
    ----------
    name : str
        Name of the variable.

    level_names : sequence of str
        Names of its levels.

    composition : ndarray of shape (n_strata, n_levels)
        Number of units of each stratum at each level.

    p : float
        P-value of the agreement of strata and levels.

    smallest_p : float
        The smallest p-value that permutations of the levels have; 0 if unknown.

    is_encoded : bool
        Whether a probe predicts the levels from the latents better than chance.

    is_below_chance : bool
        Whether the probe is worse than chance.

    class_names : sequence of str
        Names of the classes; empty without classes.

    class_counts : ndarray of shape (n_classes, n_levels)
        Number of units of each class at each level.

    class_p, class_association : float
        P-value and Cramer's V of the association of classes and levels; NaN without
        classes.

    unit : {"groups", "samples"}
        The units of counts.
    """

    name: str
    level_names: Sequence[str]
    composition: np.ndarray
    p: float
    smallest_p: float
    is_encoded: bool
    is_below_chance: bool
    class_names: Sequence[str]
    class_counts: np.ndarray
    class_p: float
    class_association: float
    unit: str

    @property
    def small_levels(self) -> np.ndarray:
        """Indices of the levels with too few units to judge."""
        return np.flatnonzero(self.composition.sum(axis=0) < MIN_GROUPS)

    @property
    def inseparable_classes(self) -> np.ndarray:
        """Indices of classes that lie at other levels than another class.

        Two classes are compared at a time. Each level belongs to the class with the
        larger share of its units there. The classes cannot be told apart from the
        levels if hardly any unit of either lies at a level of the other. Classes that
        lie at the same level can be, even if they lie at no other. A class with fewer
        than twice `MIN_GROUPS` units cannot be judged.
        """
        counts, sizes = self.class_counts, self.class_counts.sum(axis=1)
        n_shared = np.empty((len(sizes), len(sizes)), dtype=np.intp)
        for number, (size, of_class) in enumerate(zip(sizes, counts, strict=True)):
            # Equal shares, as those of a class and itself, are levels of both.
            is_of_other = counts * size >= of_class * sizes[:, None]
            n_shared[number] = is_of_other @ of_class
        is_few = (n_shared < MIN_GROUPS) & (n_shared <= MIN_SHARED * sizes[:, None])
        is_judged = sizes >= 2 * MIN_GROUPS
        are_apart = is_few & is_few.T & is_judged & is_judged[:, None]
        return np.flatnonzero(are_apart.any(axis=1))

    @property
    def are_strata_pure(self) -> bool:
        """Whether each of several strata lies at a single level, not by chance.

        Strata of one unit each lie at a single level whatever their number.
        """
        n_levels = (self.composition > 0).sum(axis=1)
        is_pure = len(n_levels) > 1 and bool((n_levels == 1).all())
        return is_pure and self.p <= LEVEL


def judge(evidence: Evidence) -> tuple[str, list[str]]:
    """Return the verdict and sentences that explain it.

    Parameters
    ----------
    evidence : Evidence
        Counts and tests of the variable.

    Returns
    -------
    verdict : str
        One of `VERDICTS`.

    sentences : list of str
        Reasons, warnings, and levels that cannot be judged.
    """
    sentences = _on_identifiability(evidence)
    is_identifiable = not sentences
    if is_identifiable and evidence.class_p <= LEVEL:
        sentences.append(
            f"y and {evidence.name} are associated (Cramer's V "
            f"{evidence.class_association:.2f}): strata that follow y also follow "
            f"{evidence.name}, and removing {evidence.name} also removes a part of the "
            "finding."
        )
    if evidence.is_below_chance:
        sentences.append(
            f"The probe of {evidence.name} lies below chance, as on samples from which "
            f"an erasure or a harmonization of {evidence.name} was learned, or by "
            "accident. If fit or a harmonization has seen these samples, audit others."
        )
    if len(evidence.composition) > 1 and evidence.smallest_p > LEVEL:
        sentences.append(
            f"The smallest p-value of the permutations is {evidence.smallest_p:.2g}, "
            f"because strata or levels of {evidence.name} have too few "
            f"{evidence.unit}. A large p-value therefore says nothing."
        )
    small = evidence.small_levels
    if len(small):
        sentences.append(
            f"Fewer than {MIN_GROUPS} {evidence.unit}, too few to judge: "
            f"{_enumerate([evidence.level_names[level] for level in small])}."
        )
    if len(evidence.level_names) - len(small) < 2:
        return TOO_FEW, sentences
    if not is_identifiable:
        return NOT_IDENTIFIABLE, sentences
    if evidence.p <= LEVEL:
        return CONFOUNDED, sentences
    return (ENCODED if evidence.is_encoded else NO_SIGN), sentences


def _on_identifiability(evidence: Evidence) -> list[str]:
    """Return why the finding and the nuisance cannot be told apart, if so."""
    inseparable = evidence.inseparable_classes
    if len(inseparable):
        return [
            f"{_classes(evidence, inseparable)} lie at different levels of "
            f"{evidence.name}, except for a few {evidence.unit}, so that y and "
            f"{evidence.name} cannot be told apart. No method can do so without data "
            "with these classes at the same levels."
        ]
    if not len(evidence.class_names) and evidence.are_strata_pure:
        return [
            f"Each stratum has a single level of {evidence.name}, so that a finding "
            f"cannot be told apart from {evidence.name} without y."
        ]
    return []


def _classes(evidence: Evidence, numbers: np.ndarray) -> str:
    names = _enumerate([evidence.class_names[number] for number in numbers])
    return f"Classes {names}" if len(numbers) == 2 else f"Some of the classes {names}"


def _enumerate(names: Sequence[str]) -> str:
    shown = ", ".join(names[:MAX_NAMED])
    n_others = len(names) - MAX_NAMED
    return f"{shown} and {quantity(n_others, 'other')}" if n_others > 0 else shown
