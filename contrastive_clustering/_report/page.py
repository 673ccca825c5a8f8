"""A page of HTML that needs nothing but itself: pieces, and the whole.

Every function here takes plain text and escapes it. What is `Html` has been through
one of them, so that nothing a caller names can become markup.
"""

import base64
import hashlib
import html
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import NewType

Html = NewType("Html", str)

# Control characters have no place in HTML; browsers differ in what they make of them.
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")

# Pictures wider than this keep a legible size on a phone and scroll in their box.
WIDEST_UNSCROLLED = 560

# About as wide as a card is on the page.
CARD_WIDTH = 150

# Dots of a picture to each pixel of the page, for sharp lines on today's screens.
DOTS_A_PIXEL = 2


@dataclass(frozen=True)
class Section:
    """A part of the page that the list of contents leads to.

    Parameters
    ----------
    anchor : str
        Its id: letters and hyphens.

    title : str
        Its heading.

    pieces : sequence of Html
        What it holds.
    """

    anchor: str
    title: str
    pieces: Sequence[Html]


def text(value: object) -> Html:
    """Return a text as HTML that shows it letter by letter.

    Parameters
    ----------
    value : object
        Anything; what is no str is shown as ``str`` gives it.

    Returns
    -------
    fragment : Html
        Without markup; also fit for the value of an attribute in double quotes.

    Examples
    --------
    >>> from contrastive_clustering._report.page import text
    >>> text("<b> & co")
    '&lt;b&gt; &amp; co'
    """
    # Lone surrogates cannot be written to a file.
    sound = str(value).encode("utf-8", "replace").decode("utf-8")
    return Html(html.escape(_CONTROL.sub("\N{REPLACEMENT CHARACTER}", sound)))


def quantity(n: int, noun: str) -> str:
    """Return a count with its noun, in the singular or the plural.

    Examples
    --------
    >>> from contrastive_clustering._report.page import quantity
    >>> quantity(1, "sample"), quantity(12000, "sample")
    ('1 sample', '12,000 samples')
    """
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {noun}s"


def paragraph(value: str) -> Html:
    """Return a paragraph of plain text."""
    return Html(f"<p>{text(value)}</p>")


def notes(values: Iterable[str]) -> Html:
    """Return a list of sentences that a reader should know."""
    items = "".join(f"<li>{text(value)}</li>" for value in values)
    return Html(f'<ul class="notes">{items}</ul>')


def facts(pairs: Iterable[tuple[str, object]], *, large: bool = False) -> Html:
    """Return a list of names and what is said of each, in large letters if asked."""
    rows = "".join(
        f"<div><dt>{text(name)}</dt><dd>{text(value)}</dd></div>"
        for name, value in pairs
    )
    return Html(f'<dl class="{"key-figures" if large else "facts"}">{rows}</dl>')


def table(
    anchor: str,
    caption: str,
    columns: Sequence[str],
    rows: Iterable[Sequence[object]],
    *,
    numeric: Iterable[int] = (),
    code: Iterable[int] = (),
    marked: Iterable[int] = (),
) -> Html:
    """Return a table whose first column names its rows.

    Parameters
    ----------
    anchor : str
        Its id.

    caption : str
        What it shows.

    columns : sequence of str
        Names of the columns.

    rows : iterable of sequences
        One entry a column.

    numeric, code : iterable of int
        Columns that hold numbers, and names as they stand in code.

    marked : iterable of int
        Rows that stand out.

    Returns
    -------
    fragment : Html
        In a box of its own, which scrolls where the page is too narrow for it.
    """
    numbers, codes = set(numeric), set(code)

    def kind(column: int) -> str:
        if column in numbers:
            return ' class="number"'
        return ' class="code"' if column in codes else ""

    standing_out = set(marked)
    head = "".join(
        f'<th scope="col"{kind(i) if i in numbers else ""}>{text(name)}</th>'
        for i, name in enumerate(columns)
    )
    body = []
    for number, (first, *others) in enumerate(rows):
        cells = "".join(
            f"<td{kind(i)}>{text(value)}</td>"
            for i, value in enumerate(others, start=1)
        )
        row = ' class="marked"' if number in standing_out else ""
        name = f'<th scope="row"{kind(0)}>{text(first)}</th>'
        body.append(f"<tr{row}>{name}{cells}</tr>")
    # A box that scrolls has to take the focus, or the keyboard cannot scroll it. The
    # caption is as wide as the table; what is in it stays in sight.
    return Html(
        f'<div class="box" role="region" tabindex="0" aria-labeledby="{anchor}">'
        f'<table><caption id="{anchor}"><span>{text(caption)}</span></caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{''.join(body)}</tbody></table></div>"
    )


@dataclass(frozen=True)
class Card:
    """A small picture among others.

    Parameters
    ----------
    png : bytes
        The file.

    alternative : str
        What it shows, for who cannot see it.

    caption : str
        What to know when looking at it.
    """

    png: bytes
    alternative: str
    caption: str


def cards(items: Iterable[Card]) -> Html:
    """Return small pictures side by side, as many in a row as the page has room for."""
    shown = []
    for item in items:
        width, height = _sides(item.png)
        # What is enlarged shows its pixels as they are, and no smooth guess.
        kind = ' class="pixels"' if width < CARD_WIDTH else ""
        image = _image(item.png, width, height, item.alternative, kind)
        caption = f"<figcaption>{text(item.caption)}</figcaption>"
        shown.append(f"<li><figure>{image}{caption}</figure></li>")
    return Html(f'<ul class="cards">{"".join(shown)}</ul>')


def picture(png: bytes, alternative: str, caption: str) -> Html:
    """Return a picture that stands in the page itself.

    Parameters
    ----------
    png : bytes
        The file, with `DOTS_A_PIXEL` dots to each pixel of the page.

    alternative : str
        What it shows, for who cannot see it.

    caption : str
        What to know when looking at it.

    Returns
    -------
    fragment : Html
        A figure.
    """
    width, height = (round(side / DOTS_A_PIXEL) for side in _sides(png))
    image = _image(png, width, height, alternative)
    if width > WIDEST_UNSCROLLED:
        image = (
            f'<div class="box wide" role="region" tabindex="0" '
            f'aria-label="{text(caption)}">{image}</div>'
        )
    return Html(f"<figure>{image}<figcaption>{text(caption)}</figcaption></figure>")


def _sides(png: bytes) -> tuple[int, int]:
    """Return width and height, which stand in the header of a PNG."""
    return int.from_bytes(png[16:20], "big"), int.from_bytes(png[20:24], "big")


def _image(
    png: bytes, width: int, height: int, alternative: str, kind: str = ""
) -> str:
    data = base64.b64encode(png).decode("ascii")
    return (
        f'<img{kind} src="data:image/png;base64,{data}" width="{width}" '
        f'height="{height}" alt="{text(alternative)}">'
    )


def page(
    title: str, opening: Sequence[Html], sections: Sequence[Section], closing: str
) -> str:
    """Return the whole page.

    Parameters
    ----------
    title : str
        Its title and first heading.

    opening : sequence of Html
        What stands below the title.

    sections : sequence of Section
        Its parts.

    closing : str
        What stands at its end.

    Returns
    -------
    document : str
        HTML that loads nothing and runs nothing; browsers are told to see to that.
    """
    style = files(__package__).joinpath("report.css").read_text("utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode("ascii")
    policy = (
        f"default-src 'none'; img-src data:; style-src 'sha256-{digest}'; "
        "base-uri 'none'; form-action 'none'"
    )
    links = "".join(
        f'<li><a href="#{section.anchor}">{text(section.title)}</a></li>'
        for section in sections
    )
    parts = "\n".join(_section(section) for section in sections)
    # The empty icon keeps a browser from asking the server of the page for one.
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<meta name="robots" content="noindex">
<title>{text(title)}</title>
<link rel="icon" href="data:,">
<style>{style}</style>
</head>
<body>
<a class="skip" href="#main">Skip to the report</a>
<header>
<h1>{text(title)}</h1>
{"".join(opening)}
</header>
<nav aria-label="Contents"><ul>{links}</ul></nav>
<main id="main" tabindex="-1">
{parts}
</main>
<footer><p>{text(closing)}</p></footer>
</body>
</html>
"""


def _section(section: Section) -> str:
    heading = f"{section.anchor}-heading"
    return (
        f'<section id="{section.anchor}" aria-labeledby="{heading}">'
        f'<h2 id="{heading}">{text(section.title)}</h2>\n'
        + "\n".join(section.pieces)
        + "</section>"
    )
