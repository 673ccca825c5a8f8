import numpy as np
import pandas as pd
import pytest

from contrastive_clustering._utils.stray_text import find_stray_text

AGES = np.random.default_rng(0).integers(20, 80, 60).tolist()


@pytest.mark.parametrize("convert", [str, float, lambda age: f" {age}.50 "])
@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("-", "only punctuation"),
        ("?", "only punctuation"),
        ("<5", "a number with a sign of comparison"),
        (">= 89", "a number with a sign of comparison"),
        ("61 y", "a number with a unit"),
        ("50 %", "a number with a unit"),
        ("n/a", "a text"),
        ("unknown", "a text"),
        ("2020-01-31", "a date"),
        ("31.12.2020", "a date"),
        (True, "a text"),
    ],
)
def test_one_text_among_numbers_is_found(convert, text, kind):
    entries = [convert(age) for age in AGES]
    assert find_stray_text(entries) is None
    entries[17], entries[3], entries[4] = text, None, " "
    assert find_stray_text(entries) == (17, kind, 1, 58)


def test_numbers_with_commas_are_texts_unless_there_are_others():
    entries = [f"{age},5" for age in AGES]
    assert find_stray_text(entries) == (0, "a number with a comma", 60, 60)
    entries[17] = "-"
    assert find_stray_text(entries) == (17, "only punctuation", 1, 60)


@pytest.mark.parametrize("text", ["1.000,50", "1,000.50", "1.000.000", "1,000,000"])
def test_separators_of_thousands_are_found_among_decimals(text):
    for decimal in ".,":
        entries = [f"{age}{decimal}5" for age in AGES]
        entries[17] = text
        kind = "a number with a separator of thousands"
        assert find_stray_text(entries) == (17, kind, 1, 60)


@pytest.mark.parametrize(
    ("form", "kind"),
    [
        ("{}%", "a number with a unit"),
        ("{},5 mm", "a number with a unit"),
        ("1'0{}", "a number with a separator of thousands"),
        ("1\u202f0{}", "a number with a separator of thousands"),
        ("1 0{},50", "a number with a separator of thousands"),
        ("1.0{},50", "a number with a separator of thousands"),
        ("1,0{}.50", "a number with a separator of thousands"),
        ("1.0{}.000", "a number with a separator of thousands"),
        ("1,0{}", "a number with a comma"),
        ("<{}", "a number with a sign of comparison"),
    ],
)
def test_numbers_may_all_have_another_form(form, kind):
    entries = [form.format(age) for age in AGES]
    assert find_stray_text(entries) == (0, kind, 60, 60)
    entries[:10] = AGES[:10]
    assert find_stray_text(entries) == (10, kind, 50, 60)


@pytest.mark.parametrize(
    "entries",
    [
        [f"0{age}a" for age in AGES],  # identifiers
        [f"{age}.png" for age in AGES],
        [f"{age}x{age}" for age in AGES],
        [f"{age}-{age + 5}" for age in AGES],
        [f"{age} {'abcdef'[age % 6]}" for age in AGES],
        ["10%", "20%", "30%"] * 20,  # doses
        ["WAHR", "FALSCH"] * 30,
        ["<50", "50-59", "60-69", ">70"] * 15,
        ["1", "2", "3", "4", "x"] * 20,  # codes
        ["1.5", "3", "unknown"] * 20,
        [f"A{age}" for age in AGES],
        ["f", "m"] * 30,
        [True, False],
        [],
        [None, np.nan, pd.NA],
    ],
)
def test_categories_are_no_numbers(entries):
    assert find_stray_text(entries) is None


def test_few_numbers_that_differ_are_a_quantity():
    assert find_stray_text(["61", "48", "57", "?", "70", "66"]).first == 3
    assert find_stray_text(["61", "48", "57", "?", "70"]) is None


def test_the_description_names_no_value():
    entries = list(map(str, AGES))
    entries[17] = entries[20] = "unknown Smith"
    found = find_stray_text(entries).describe("at index 17")
    assert found == (
        "2 of 60 values are not numbers; the first, at index 17, is a text"
    )
    entries[20] = "4"
    found = find_stray_text(entries).describe("at index 17")
    assert found.startswith("1 of 60 values is not a number; the first,")
