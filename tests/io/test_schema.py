import math
import re

import numpy as np
import pytest
import torch

from contrastive_clustering._io.schema import (
    AnyArray,
    Array,
    Boolean,
    Entries,
    Fields,
    Integer,
    Items,
    Kinds,
    Maybe,
    Number,
    OneOf,
    Real,
    Scope,
    Text,
    shown,
)

PAIR = Fields({"a": Integer(1), "b": Text(3)})
MATRIX = Array(("n", 2), dtypes=("f8",))


def check(node, tree, scope=None):
    node.check(tree, "the tree", Scope() if scope is None else scope)


@pytest.mark.parametrize(
    ("node", "tree"),
    [
        (Boolean(), False),
        (Integer(), 0),
        (Integer(-3, 5), 5),
        (Number(), math.nan),
        (Number(), -math.inf),
        (Number(), 3),
        (Real(), -1e300),
        (Real(0.0), 0),
        (Real(0.0, open=True), 5e-324),
        (Text(3), "abc"),
        (OneOf(("a", "b")), "b"),
        (MATRIX, np.zeros((5, 2))),
        (Array((), dtypes=("f4",)), np.zeros((), "f4")),
        (Array(("n",), dtypes=("b1",)), np.array([True])),
        (Array(("n",), finite=False), np.array([math.nan])),
        (Array(("n",), dtypes=("i8",), low=-1), np.array([-1, 3])),
        (AnyArray(), np.zeros((0, 3), "u1")),
        (Maybe(PAIR), None),
        (Maybe(PAIR), {"a": 1, "b": ""}),
        (Items(Integer()), []),
        (Items(Integer(), least=1, most=2), [1, 2]),
        (Entries(Integer()), {}),
        (Entries(Integer()), {"a": 1, "": 2}),
        (PAIR, {"b": "", "a": 1}),
        (Kinds({"one": PAIR, "two": Fields({})}), {"kind": "two"}),
        (Kinds({"one": PAIR}, key="which"), {"which": "one", "a": 1, "b": ""}),
    ],
)
def test_valid_trees_are_accepted(node, tree):
    check(node, tree)


@pytest.mark.parametrize(
    ("node", "tree", "message"),
    [
        (Boolean(), 1, "the tree is 1, and not a boolean"),
        (Boolean(), None, "the tree is None, and not a boolean"),
        (Integer(), -1, "the tree is -1, and not an integer from 0 to 2147483647"),
        (Integer(), 2**31, "the tree is 2147483648, and not an integer"),
        (Integer(1, 3), 4, "and not an integer from 1 to 3"),
        (Integer(), True, "the tree is True, and not an integer"),
        (Integer(), 1.0, "the tree is 1.0, and not an integer"),
        (Integer(), "1", "the tree is '1', and not an integer"),
        (Number(), "1", "and not a number"),
        (Number(), True, "and not a number"),
        (Number(), 2**63, "and not a number"),
        (Real(), math.nan, "the tree is nan, and not a finite number >= -inf"),
        (Real(), math.inf, "and not a finite number"),
        (Real(0.0), -5e-324, "and not a finite number >= 0.0"),
        (Real(0.0, open=True), 0.0, "and not a finite number > 0.0"),
        (Real(), 10**400, "and not a finite number"),
        (Real(), False, "and not a finite number"),
        (Text(3), "abcd", "and not a string of up to 3 characters"),
        (Text(), None, "and not a string"),
        (OneOf(("a", "b")), "c", "the tree is 'c', and not one of ['a', 'b']"),
        (OneOf(("a", "b")), ["a"], "and not one of"),
        (MATRIX, [[1.0, 2.0]], "and not an array of f8 and shape ('n', 2)"),
        (MATRIX, np.zeros((5, 2), "f4"), "is an array of float32 and shape (5, 2)"),
        (MATRIX, np.zeros((5, 2), "i8"), "is an array of int64 and shape (5, 2)"),
        (MATRIX, np.zeros((5, 2), "c16"), "is an array of complex128"),
        (MATRIX, np.zeros((5, 3)), "and not an array of shape ('n', 2)"),
        (MATRIX, np.zeros(2), "is an array of float64 and shape (2,)"),
        (MATRIX, np.zeros((5, 2, 1)), "and shape (5, 2, 1)"),
        (MATRIX, np.zeros((0, 2)), "and shape (0, 2)"),
        (MATRIX, np.full((1, 2), math.nan), "the tree is not finite"),
        (MATRIX, np.full((1, 2), -math.inf), "the tree is not finite"),
        (Array(("n",), low=0.0), np.array([3.0, -1.0]), "holds values below 0.0"),
        (
            Array(("n",), finite=False, low=0.0),
            np.array([math.nan]),
            "holds values below 0.0",
        ),
        (AnyArray(), [1], "and not an array"),
        (Maybe(PAIR), 3, "the tree is 3, and not a dict"),
        (Items(Integer()), {}, "and not a list of 0 items or more"),
        (Items(Integer(), least=2), [1], "and not a list of 2 items or more"),
        (Items(Integer(), least=1, most=2), [1] * 3, "a list of 1 to 2 items"),
        (Items(Integer()), np.zeros(3), "and not a list"),
        (Items(Integer()), [1, "a"], "item 1 of the tree is 'a'"),
        (Entries(Integer()), [], "the tree is [], and not a dict"),
        (Entries(Integer()), {"a": 1, "b": "c"}, "'b' of the tree is 'c'"),
        (Entries(Integer()), {"a" * 1001: 1}, "a key of the tree is 'aaa"),
        (PAIR, [], "and not a dict"),
        (PAIR, {"a": 1}, "the tree lacks 'b'"),
        (PAIR, {"a": 1, "b": "", "c": 2}, "the tree has an unknown field 'c'"),
        (PAIR, {"a": 0, "b": ""}, "a of the tree is 0, and not an integer"),
        (Kinds({"one": PAIR}), {"kind": "two"}, "the kind of the tree is 'two'"),
        (Kinds({"one": PAIR}), {"a": 1, "b": ""}, "the kind of the tree is None"),
        (Kinds({"one": PAIR}), {"kind": "one", "a": 1}, "the tree lacks 'b'"),
        (Kinds({"one": PAIR}), {"kind": ["one"]}, "the kind of the tree is ['one']"),
        (Kinds({"one": PAIR}), None, "and not a dict"),
    ],
)
def test_invalid_trees_are_rejected(node, tree, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        check(node, tree)


def test_sizes_are_compared_across_fields():
    node = Fields(
        {
            "n": Integer(size="n"),
            "a": Array(("n", "width")),
            "b": Array(("width", "width")),
            "names": Maybe(Items(Text(), size="width")),
            "index": Array(("k",), dtypes=("i8",), low=0, below="n"),
        }
    )
    fits = {
        "n": 5,
        "a": np.ones((5, 2)),
        "b": np.ones((2, 2)),
        "names": ["x", "y"],
        "index": np.array([0, 4]),
    }
    check(node, fits)
    for changes, message in [
        ({"n": 4}, "a of the tree has n=5, and not 4"),
        ({"b": np.ones((3, 3))}, "b of the tree has width=3, and not 2"),
        ({"b": np.ones((2, 3))}, "b of the tree has width=3, and not 2"),
        ({"names": ["x"]}, "names of the tree has width=1, and not 2"),
        ({"index": np.array([5])}, "holds values that are not below 5"),
        ({"index": np.array([-1])}, "holds values below 0"),
    ]:
        with pytest.raises(ValueError, match=re.escape(message)):
            check(node, {**fits, **changes})


def test_indices_are_compared_if_the_size_is_known():
    node = Array(("k",), dtypes=("i8",), below="n")
    check(node, np.array([10**6]))
    with pytest.raises(ValueError, match="not below 10"):
        check(node, np.array([10]), Scope({"n": 10}))


def test_items_share_only_sizes_known_outside():
    node = Items(Array(("rows", "width")))
    scope = Scope({"width": 2})
    check(node, [np.zeros((3, 2)), np.zeros((4, 2))], scope)
    assert scope.get("rows") is None
    with pytest.raises(ValueError, match="item 1 of the tree has width=3, and not 2"):
        check(node, [np.zeros((3, 2)), np.zeros((4, 3))], scope)


def test_entries_share_their_sizes():
    with pytest.raises(ValueError, match="'b' of the tree has n=3, and not 2"):
        check(Entries(Array(("n",))), {"a": np.zeros(2), "b": np.zeros(3)})


def test_scopes_record_a_size_once():
    outer = Scope({"known": 3})
    inner = outer.new_child()
    inner.bind("known", 3, "it")
    inner.bind("new", 4, "it")
    assert (outer.get("new"), inner.get("new")) == (None, 4)
    with pytest.raises(ValueError, match="it has known=4, and not 3"):
        inner.bind("known", 4, "it")


def test_relations_are_checked_after_all_fields():
    node = Fields(
        {"low": Real(), "high": Real()},
        relations=((lambda tree: tree["low"] <= tree["high"], "low is above high"),),
    )
    check(node, {"low": 1.0, "high": 1.0})
    with pytest.raises(ValueError, match="the tree: low is above high"):
        check(node, {"low": 2.0, "high": 1.0})
    # A relation may rely on the types of the fields.
    with pytest.raises(ValueError, match="high of the tree is 'text'"):
        check(node, {"low": 2.0, "high": "text"})


DEEP = [[[["A" * 100] * 9] * 9] * 9] * 9
SECRET = np.array([0.123456, 7.654321])


@pytest.mark.parametrize(
    "value",
    [
        "A" * 10**6,
        "\ud800\n" * 1000,
        10**39,
        -(10**5000),
        1e300,
        DEEP,
        {str(key): DEEP for key in range(9)},
        {"A" * 10**5: {"B" * 10**5: {"C" * 10**5: 1}}},
        (DEEP,) * 9,
        [None] * 10**5,
        np.zeros((100, 100)),
        np.zeros((1,) * 30),
        torch.zeros(100, 100),
        object(),
        set(range(1000)),
    ],
    ids=lambda value: type(value).__name__,
)
def test_shown_values_are_short_and_printable(value):
    text = shown(value)
    assert 0 < len(text) <= 200
    assert "\n" not in text
    text.encode()


@pytest.mark.parametrize(
    "value",
    [
        SECRET,
        SECRET.astype("f4"),
        [SECRET],
        {"a": SECRET},
        {"a": [SECRET, {"b": SECRET}]},
        torch.from_numpy(SECRET),
        [torch.from_numpy(SECRET)],
    ],
)
def test_messages_do_not_contain_values_of_arrays(value):
    for node in (Integer(), Text(), PAIR, Array((7,), dtypes=("i8",)), OneOf(("a",))):
        with pytest.raises(ValueError, match="the tree") as caught:
            check(node, value)
        assert "123" not in str(caught.value)
        assert "7.65" not in str(caught.value)
    bad = np.array([0.123456, -7.654321])
    for node in (Array(("n",), low=0), Array(("n",), below="n")):
        with pytest.raises(ValueError, match="holds values") as caught:
            check(node, abs(bad) if node.below else bad)
        assert "7.65" not in str(caught.value)
