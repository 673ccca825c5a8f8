import numpy as np
import pytest

from contrastive_clustering._evaluation.group_overlap import read_separate_groups

TRAIN = ["secret 1", "secret 2", "secret 3", "secret 2"]


def test_separate_groups_are_read():
    train, test = read_separate_groups(TRAIN, 4, ["x", "y", "x"], 3)
    assert train.codes.tolist() == [0, 1, 2, 1]
    assert test.codes.tolist() == [0, 1, 0]


def test_one_side_alone_cannot_be_checked():
    train, test = read_separate_groups(TRAIN, 4, None, 4)
    assert train.n_groups == 3
    assert test is None
    train, test = read_separate_groups(None, 4, TRAIN, 4)
    assert train is None
    assert test.n_groups == 3


def test_common_groups_are_counted_and_located_without_their_names():
    test = ["a", "secret 3", "b", "secret 2", "secret 3"]
    with pytest.raises(ValueError, match="index 1 of groups_test") as error:
        read_separate_groups(TRAIN, 4, test, 5)
    message = str(error.value)
    assert message.startswith("2 of 4 groups in groups_test are also in groups_train")
    assert "GroupShuffleSplit" in message
    assert "secret" not in message


@pytest.mark.parametrize("missing", [None, np.nan, ""])
def test_samples_without_an_identifier_do_not_overlap(missing):
    train, test = read_separate_groups([missing, 1], 2, [missing, 2, 2], 3)
    assert (train.n_groups, test.n_groups) == (2, 2)


def test_identifiers_are_compared_by_value():
    with pytest.raises(ValueError, match="1 of 2 groups"):
        read_separate_groups(np.array([1, 2]), 2, [2.0, 3.0], 2)


@pytest.mark.parametrize("sides", [([1, 2], ["1", "3"]), (["1", "3"], [1, 2])])
def test_strings_and_numbers_cannot_be_compared(sides):
    with pytest.raises(ValueError, match="identifiers of different types"):
        read_separate_groups(sides[0], 2, sides[1], 2)


def test_errors_name_the_side():
    with pytest.raises(ValueError, match="groups_test has 1 values"):
        read_separate_groups(TRAIN, 4, ["a"], 2)
    with pytest.raises(ValueError, match="groups_train has one group only"):
        read_separate_groups(["a", "a"], 2, TRAIN, 4)
