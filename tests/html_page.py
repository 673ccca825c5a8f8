"""Checks that an HTML page is complete, self-contained and accessible."""

import re
from html.parser import HTMLParser
from itertools import pairwise

VOID = {"meta", "link", "img", "br", "hr", "input"}
LOADING = {"src", "href", "srcset", "action", "poster", "data", "background", "style"}
FOREIGN = {"script", "iframe", "object", "embed", "form", "base", "video", "audio"}


class Page(HTMLParser):
    """A parsed page: its tags with their attributes, and its texts.

    `tags` holds the name and the attributes of each tag, `texts` the name of the
    innermost tag and the text of each piece of text.
    """

    def __init__(self, source):
        super().__init__(convert_charrefs=True)
        self.tags, self.texts, self.open = [], [], []
        self.feed(source)
        self.close()
        assert self.open == [], "these tags are never closed"

    def handle_starttag(self, tag, attrs):
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), (tag, attrs)
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append((self.open[-1] if self.open else "", data))

    def all(self, *names):
        """Return the attributes of the tags with these names."""
        return [attrs for tag, attrs in self.tags if tag in names]

    def text(self, *names):
        """Return the texts within tags with these names, or all texts."""
        return [data for tag, data in self.texts if tag in names or not names]


def check_self_contained(page):
    """Check that the page loads nothing and runs no script."""
    for tag, attrs in page.tags:
        assert tag not in FOREIGN, tag
        for name, value in attrs.items():
            assert not name.startswith("on"), (tag, name)
            if name in LOADING:
                assert value.startswith(("#", "data:")), (tag, name, value[:80])
    (style,) = page.text("style")
    assert not re.search(r"url\(|@import|expression|image-set", style)
    (policy,) = [
        attrs["content"]
        for attrs in page.all("meta")
        if attrs.get("http-equiv") == "Content-Security-Policy"
    ]
    assert policy.startswith("default-src 'none'; img-src data:; style-src 'sha256-")


def check_accessible(page):
    """Check that screen readers and keyboard users get all of the page."""
    assert page.all("html")[0]["lang"] == "en"
    (title,) = page.text("title")
    assert title.strip()
    levels = [int(tag[1]) for tag, _ in page.tags if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(b <= a + 1 for a, b in pairwise(levels))
    for landmark in ("header", "nav", "main", "footer"):
        assert len(page.all(landmark)) == 1, landmark
    ids = [attrs["id"] for _, attrs in page.tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    links = [attrs["href"] for attrs in page.all("a")]
    assert links[0] == "#main"
    assert page.all("main")[0]["tabindex"] == "-1"  # for the focus
    assert {link[1:] for link in links} <= set(ids)
    for tag, attrs in page.tags:
        aria = {name for name in attrs if name.startswith("aria-")}
        assert aria <= {"aria-label", "aria-labelledby"}, tag
        if "aria-labelledby" in attrs:
            assert attrs["aria-labelledby"] in ids
        if attrs.get("role") == "region" or tag == "section":
            assert attrs.get("aria-labelledby") or attrs.get("aria-label")
        if attrs.get("class", "").startswith("box"):
            assert attrs["tabindex"] == "0"
    for attrs in page.all("img"):
        assert len(attrs["alt"]) > 20
        assert int(attrs["width"]) > 0
        assert int(attrs["height"]) > 0
    assert len(page.all("caption")) == len(page.all("table"))
    assert all(attrs["scope"] in {"col", "row"} for attrs in page.all("th"))
