"""A self-contained HTML page, rendered by Jinja2 from the folder ``templates``.

Jinja2 escapes every value. Only what a template has rendered is `Markup`, so no text
that a caller passes can become markup.
"""

import base64
import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.resources import files
from numbers import Integral

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from contrastive_clustering._display.drawing.palette import group_color
from contrastive_clustering._utils.numbering import NOISE

# Control characters are not valid in HTML, and browsers treat them differently.
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")

# Wider figures keep a legible size on a phone and scroll in their box.
MAX_UNSCROLLED_WIDTH = 560

# About the width of a card on the page.
CARD_WIDTH = 150

# Image pixels for each CSS pixel, so that lines are sharp on today's screens.
PIXEL_RATIO = 2


@dataclass(frozen=True)
class Section:
    """A section of the page, listed in its table of contents.

    Parameters
    ----------
    anchor : str
        Its id: letters and hyphens.

    title : str
        Its heading.

    pieces : sequence of Markup
        Its content.
    """

    anchor: str
    title: str
    pieces: Sequence[Markup]


@dataclass(frozen=True)
class Card:
    """A small image with a caption, shown beside others.

    Parameters
    ----------
    png : bytes
        The file.

    alt : str
        Description of the image for readers who cannot see it.

    caption : str
        Text below the image.
    """

    png: bytes
    alt: str
    caption: str


@dataclass(frozen=True)
class _Image:
    """An image as the templates need it, with its size in CSS pixels."""

    data: str
    width: int
    height: int
    alt: str

    @classmethod
    def from_png(cls, png: bytes, alt: str, pixel_ratio: int = 1) -> "_Image":
        """Encode a PNG, whose header holds its width and height."""
        width, height = (int.from_bytes(png[i : i + 4], "big") for i in (16, 20))
        return cls(
            base64.b64encode(png).decode("ascii"),
            round(width / pixel_ratio),
            round(height / pixel_ratio),
            alt,
        )


def printable(value: object) -> str:
    r"""Return a value as text that can be written to an HTML file.

    Jinja2 passes every value through this function before it is escaped. Lone
    surrogates become "?" and control characters U+FFFD; `Markup` is returned unchanged.

    Examples
    --------
    >>> from contrastive_clustering._report.page import printable
    >>> printable("line\x0b1") == "line\N{REPLACEMENT CHARACTER}1"
    True
    """
    if isinstance(value, Markup):
        return value
    encodable = str(value).encode("utf-8", "replace").decode("utf-8")
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", encodable)


_TEMPLATES = Environment(
    loader=PackageLoader("contrastive_clustering._report"),
    autoescape=True,
    undefined=StrictUndefined,
    finalize=printable,
    trim_blocks=True,
)


def _render(macro: str, **values: object) -> Markup:
    """Return what a macro of ``pieces.html`` renders."""
    pieces = _TEMPLATES.get_template("pieces.html").module
    return Markup(getattr(pieces, macro)(**values))


def paragraph(value: str) -> Markup:
    """Return a paragraph of plain text.

    Examples
    --------
    >>> from contrastive_clustering._report.page import paragraph
    >>> print(paragraph("<b> & co"))
    <p>&lt;b&gt; &amp; co</p>
    """
    return _render("paragraph", value=value)


def notes(values: Iterable[str]) -> Markup:
    """Return a highlighted list of sentences."""
    return _render("notes", values=list(values))


def facts(pairs: Iterable[tuple[str, object]], *, large: bool = False) -> Markup:
    """Return a list of names with their values, in large type if asked."""
    kind = "key-facts" if large else "facts"
    return _render("facts", pairs=list(pairs), kind=kind)


def table(
    anchor: str,
    caption: str,
    columns: Sequence[str],
    rows: Iterable[Sequence[object]],
    *,
    numeric: Iterable[int] = (),
    code: Iterable[int] = (),
    marked: Iterable[int] = (),
) -> Markup:
    """Return a table whose first column names its rows.

    Parameters
    ----------
    anchor : str
        Its id.

    caption : str
        Its caption.

    columns : sequence of str
        Names of the columns.

    rows : iterable of sequences
        One entry for each column.

    numeric, code : iterable of int
        Indices of the columns that hold numbers, and of those that hold code.

    marked : iterable of int
        Indices of the highlighted rows.

    Returns
    -------
    table : Markup
        The table in a box that scrolls where the page is too narrow for it.
    """
    return _render(
        "table",
        anchor=anchor,
        caption=caption,
        columns=columns,
        rows=list(rows),
        numeric=set(numeric),
        code=set(code),
        marked=set(marked),
    )


def stratum_name(stratum: object, name: object = None) -> Markup:
    """Return the name of a stratum beside a square in its color.

    Parameters
    ----------
    stratum : int or object
        A number, -1 for noise. Other values, such as names of columns, have no square.

    name : object, default=None
        The shown name; None shows the number, or "noise".

    Returns
    -------
    name : Markup
        The name. The color is that of the plots.

    Examples
    --------
    >>> from contrastive_clustering._report.page import stratum_name
    >>> print(stratum_name("all"))
    all
    """
    color = None
    if isinstance(stratum, Integral):
        color = group_color(int(stratum))
    if name is None:
        name = "noise" if stratum == NOISE else stratum
    return _render("stratum_name", color=color, name=name)


def cards(items: Iterable[Card]) -> Markup:
    """Return small images side by side, as many in a row as fit.

    Images smaller than a card are enlarged with sharp pixels, without interpolation.
    """
    images = [(_Image.from_png(item.png, item.alt), item.caption) for item in items]
    return _render("cards", items=images, small_width=CARD_WIDTH)


def figure(png: bytes, alt: str, caption: str) -> Markup:
    """Return an image, with `PIXEL_RATIO` pixels for each CSS pixel, with a caption.

    A wide image is in a box that scrolls on narrow screens.
    """
    image = _Image.from_png(png, alt, PIXEL_RATIO)
    scrolls = image.width > MAX_UNSCROLLED_WIDTH
    return _render("figure", image=image, caption=caption, scrolls=scrolls)


def page(
    title: str, opening: Sequence[Markup], sections: Sequence[Section], closing: str
) -> str:
    """Return the whole page, with `opening` above the table of contents.

    The HTML loads nothing and runs no script, which its Content-Security-Policy
    enforces.
    """
    style = files(__package__).joinpath("report.css").read_text("utf-8")
    digest = hashlib.sha256(style.encode()).digest()
    return _TEMPLATES.get_template("page.html").render(
        title=title,
        opening=opening,
        sections=sections,
        closing=closing,
        style=Markup(style),
        digest=base64.b64encode(digest).decode("ascii"),
    )
