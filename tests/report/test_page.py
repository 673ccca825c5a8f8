import base64
import re
from importlib.resources import files

import numpy as np
import pytest
from html_page import Page, check_accessible, check_self_contained
from hypothesis import example, given
from hypothesis import strategies as st
from jinja2 import UndefinedError

from contrastive_clustering._display.drawing.palette import COLORS, NOISE_COLOR
from contrastive_clustering._report.page import (
    Card,
    Section,
    cards,
    facts,
    figure,
    notes,
    page,
    paragraph,
    printable,
    stratum_name,
    table,
)

PACKAGE = "contrastive_clustering._report"
NASTY = "\"><script>alert(1)</script><img src=x onerror=alert(2)> & ' {0} %s $x$"


def png(width, height):
    """Return the beginning of a PNG of a size."""
    return b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + b"".join(
        side.to_bytes(4, "big") for side in (width, height)
    )


@given(st.text())
@example(NASTY)
@example("\ud800 \x00 \x1b[31m")
def test_text_is_shown_literally(value):
    shown = Page(paragraph(value))
    assert shown.tags == [("p", {})]
    unfit = r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]"
    expected = re.sub(unfit, "\ufffd", value.replace("\ud800", "?"))
    assert "".join(shown.text()) == expected


@given(st.text(min_size=1))
@example(NASTY)
def test_text_cannot_leave_an_attribute(value):
    (image,) = Page(figure(png(200, 100), value, "caption")).all("img")
    assert set(image) == {"src", "width", "height", "alt"}
    assert printable(image["alt"]) == printable(value)


@pytest.mark.parametrize(
    "build",
    [
        lambda: notes([NASTY]),
        lambda: facts([(NASTY, NASTY)]),
        lambda: table("t", NASTY, [NASTY, NASTY], [[NASTY, NASTY]]),
        lambda: figure(png(2000, 100), NASTY, NASTY),
        lambda: stratum_name(0, NASTY),
        lambda: cards([Card(png(8, 8), NASTY, NASTY)]),
        lambda: page(NASTY, [], [Section("s", NASTY, [])], NASTY),
    ],
)
def test_every_piece_escapes_markup(build):
    source = build()
    parsed = Page(source)
    assert not parsed.all("script")
    assert not any("onerror" in attrs for _, attrs in parsed.tags)
    shown = "".join(parsed.text()) + "".join(
        attrs.get("alt", "") + attrs.get("aria-label", "") for _, attrs in parsed.tags
    )
    assert NASTY in shown


def test_table_has_classes_for_columns_and_rows():
    source = table(
        "sizes",
        "Sizes",
        ["stratum", "members", "name"],
        [[0, 12, "x"], [1, 3, "y"]],
        numeric=[1],
        code=[2],
        marked=[1],
    )
    parsed = Page(source)
    assert [attrs["scope"] for attrs in parsed.all("th")] == ["col"] * 3 + ["row"] * 2
    assert [attrs.get("class") for attrs in parsed.all("td")] == ["number", "code"] * 2
    assert [attrs.get("class") for attrs in parsed.all("tr")] == [None, None, "marked"]
    assert parsed.text("td", "th")[3:] == ["0", "12", "x", "1", "3", "y"]
    (box,) = parsed.all("div")
    assert box["aria-labelledby"] == parsed.all("caption")[0]["id"] == "sizes"


@pytest.mark.parametrize(("width", "boxes"), [(1120, 0), (1122, 1)])
def test_figure_has_its_size_and_scrolls_if_wide(width, boxes):
    source = figure(png(width, 301), "Twenty strata and more", "Strata")
    parsed = Page(source)
    (image,) = parsed.all("img")
    assert (image["width"], image["height"]) == (str(width // 2), "150")
    assert base64.b64decode(image["src"].partition(",")[2]) == png(width, 301)
    assert len(parsed.all("div")) == boxes
    assert parsed.text("figcaption") == ["Strata"]


def test_small_images_are_enlarged_with_sharp_pixels():
    small, large = (
        Card(png(*sides), f"Decoded center of {sides}", f"Stratum of {sides}")
        for sides in ((8, 9), (150, 100))
    )
    parsed = Page(cards([small, large]))
    assert [
        (attrs.get("class"), attrs["width"], attrs["height"], attrs["alt"])
        for attrs in parsed.all("img")
    ] == [
        ("pixels", "8", "9", "Decoded center of (8, 9)"),
        (None, "150", "100", "Decoded center of (150, 100)"),
    ]
    assert parsed.text("figcaption") == ["Stratum of (8, 9)", "Stratum of (150, 100)"]
    assert len(parsed.all("li")) == 2


@pytest.mark.parametrize(
    ("stratum", "color", "text"),
    [
        (np.int64(2), COLORS[2], "2"),
        (42, COLORS[2], "42"),
        (-1, NOISE_COLOR, "noise"),
        ("all", None, "all"),
    ],
)
def test_strata_have_squares_in_the_colors_of_the_plots(stratum, color, text):
    parsed = Page(stratum_name(stratum))
    assert [attrs["fill"] for attrs in parsed.all("rect")] == [color] * bool(color)
    assert "".join(parsed.text()) == text


def test_page_is_complete_and_accessible():
    sections = [
        Section("one", "First", [paragraph("some text")]),
        Section(
            "two",
            "Second",
            [
                table("t", "Numbers", ["a", "b"], [[1, 2]]),
                figure(png(1600, 200), "A plot of twenty strata", "Strata"),
            ],
        ),
    ]
    parsed = Page(page("A report", [notes(["Mind this."])], sections, "Written today."))
    check_self_contained(parsed)
    check_accessible(parsed)
    assert parsed.text("title") == ["A report"] == parsed.text("h1")
    assert parsed.text("h2") == ["First", "Second"]
    assert [attrs["href"] for attrs in parsed.all("a")] == ["#main", "#one", "#two"]
    assert "Written today." in parsed.text("p")


def test_templates_never_turn_off_escaping():
    templates = list(files(PACKAGE).joinpath("templates").iterdir())
    assert {template.name for template in templates} == {"page.html", "pieces.html"}
    for template in templates:
        source = template.read_text("utf-8")
        assert not re.search(r"\|\s*safe|autoescape", source), template.name


def test_missing_values_are_errors():
    with pytest.raises(UndefinedError, match="anchor"):
        page("title", [], [object()], "closing")


def luminance(color):
    """Return the relative luminance by WCAG 2.2."""
    parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts
    ]
    return sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one, other):
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


STYLE = files(PACKAGE).joinpath("report.css").read_text("utf-8")
MODES = [
    dict(re.findall(r"--([\w-]+): (#\w{6});", block))
    for block in re.findall(r":root \{(.*?)\}", STYLE, re.S)
]


@pytest.mark.parametrize("mode", MODES, ids=["light", "dark"])
@pytest.mark.parametrize(
    ("ink", "grounds"),
    [
        ("ink", ["paper", "panel", "marked"]),
        ("muted", ["paper", "panel"]),
        ("accent", ["paper", "panel"]),
        ("note-ink", ["note"]),
    ],
)
def test_text_has_enough_contrast(mode, ink, grounds):
    assert len(MODES) == 2
    assert min(contrast(mode[ink], mode[ground]) for ground in grounds) >= 4.5


def test_dark_colors_and_widths_of_screens_are_not_for_paper():
    conditions = re.findall(r"@media (.*?) \{", STYLE)
    assert "screen and (prefers-color-scheme: dark)" in conditions
    assert all(each == "print" or each.startswith("screen ") for each in conditions)


def test_colors_are_defined_once():
    rules = re.sub(r":root \{.*?\}", "", STYLE, flags=re.S)
    assert set(re.findall(r"#[0-9a-f]{3,8}\b", rules)) == {"#ffffff"}  # of images
