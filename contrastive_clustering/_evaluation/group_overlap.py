"""Groups of a training and a test set, which must not have a group in common."""

from typing import Any

from contrastive_clustering._utils.grouping import Grouping
from contrastive_clustering._utils.identifiers import factorize, read_column


def read_separate_groups(
    groups_train: Any, n_train: int, groups_test: Any, n_test: int
) -> tuple[Grouping | None, Grouping | None]:
    """Return the groups of both sets, or raise if a group is in both.

    Parameters
    ----------
    groups_train : array-like of shape (n_train,) or None
        Groups of the training set.

    n_train : int
        Number of training samples.

    groups_test : array-like of shape (n_test,) or None
        Groups of the test set. Overlap is checked if both are given; samples without an
        identifier do not overlap.

    n_test : int
        Number of test samples.

    Returns
    -------
    train, test : Grouping or None
        The groups; None where none are given.

    Raises
    ------
    TypeError, ValueError
        As for `Grouping.read`; if a group is in both sets; or if identifiers are
        strings in one set and numbers in the other, so that none could be equal.
    """
    train = test = None
    if groups_train is not None:
        train = Grouping.read(groups_train, n_train, "groups_train")
    if groups_test is not None:
        test = Grouping.read(groups_test, n_test, "groups_test")
    if train is not None and test is not None:
        _check_separate(groups_train, n_train, groups_test, n_test)
    return train, test


def _check_separate(
    groups_train: Any, n_train: int, groups_test: Any, n_test: int
) -> None:
    column = read_column(groups_train, "groups_train", n_train)
    _, train = factorize(column, "groups_train")
    column = read_column(groups_test, "groups_test", n_test)
    codes, test = factorize(column, "groups_test")
    kinds = [{isinstance(name, str) for name in names} for names in (train, test)]
    if kinds in ([{True}, {False}], [{False}, {True}]):
        raise ValueError(
            "groups_train and groups_test have identifiers of different types, strings "
            "and others, so that it cannot be checked whether groups are in both sets. "
            "Pass identifiers of the same type."
        )
    names = set(train)
    shared = [code for code, name in enumerate(test) if name in names]
    if shared:
        # Codes are in the order of first appearance.
        index = codes.tolist().index(shared[0])
        raise ValueError(
            f"{len(shared)} of {len(test)} groups in groups_test are also in "
            f"groups_train; the first is at index {index} of groups_test. Split by "
            "group, for example with sklearn.model_selection.GroupShuffleSplit."
        )
