"""Unidiomatic phrases are kept out of documentation, docstrings, comments and messages.

A failure prints ``file:line: found -> better``. Extend ``RULES`` by phrases that must
not come back.
"""

import re
import tokenize
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[1]

CHECKED = (
    *sorted(
        path.relative_to(ROOT).as_posix()
        for folder in ("contrastive_clustering", "tests")
        for path in (ROOT / folder).iterdir()
        if (path.is_dir() and path.name != "__pycache__") or path.suffix == ".py"
        if path != Path(__file__)
    ),
    "benchmarks",
    "docs",
    "examples",
    "README.md",
    "CODE_OF_CONDUCT.md",
    "SECURITY.md",
)
SUFFIXES = {".py", ".rst", ".md"}
GENERATED = {"_build", "auto_examples", "generated"}

# Phrases that a file needs, such as in quotations: (path, phrase in lower case).
EXCEPTIONS = {
    ("docs/whats_new.rst", "what"),  # the title
    # The list of words to avoid.
    ("docs/contributing.rst", "hang on"),
    ("docs/contributing.rst", "commonest"),
    ("docs/contributing.rst", "likeness"),
    ("docs/contributing.rst", "go on"),
    ("docs/contributing.rst", "places"),
}


class Rule(NamedTuple):
    """A pattern, what to write instead, and a sentence that the pattern must find."""

    found: str
    better: str
    planted: str


# A space matches any white space, including line ends, with comment signs and quotes.
# Patterns match whole words in upper or lower case; "(?-i:...)" is case-sensitive. A
# match with a group named "fine" does not count.
RULES = [
    Rule(r"hang(s|ing)? on|hung on", "depend on", "It does not hang\n    on it."),
    Rule(r"surer", "more confident", "makes the network surer of it"),
    Rule(r"anew", "again", "Fit it anew."),
    Rule(r"commonest", "most frequent", "the commonest label"),
    Rule(r"likeness(es)?", "similarity", "by their likeness"),
    Rule(r"no more than", "at most, only", "it is no more than a list"),
    Rule(r"speaks? of", "mentions", "the message speaks of X"),
    Rule(r"own parts", "custom components", "Own parts"),
    Rule(r"pictures(?! :)", "images, plots, figures", "the pictures of a report"),
    Rule(r"go(es)? on", "continue, resume", "the fit goes on where it was"),
    Rule(r"places(?! :)", "indices, positions", "The places of samples"),
    Rule(r"tells", "says, shows, distinguishes", "the name tells which it is"),
    Rule(r"decoder draws", "decodes", "what the decoder draws"),
    Rule(r"figures (say|against)", "metrics", "figures against labels"),
    Rule(r"for want of", "because there is no, without", "killed for want of memory"),
    Rule(r"lest", "so that ... not", "lest it fail"),
    Rule(r"for ever", "forever", "it waits for ever"),
    Rule(r"shall", "should, must, will", "the file shall hold it"),
    Rule(r"mend(s|ed|ing)?", "fix, correct", "to mend a wrong number"),
    Rule(r"(would|may|might|could) else", "otherwise", "which would else wait"),
    Rule(
        r"(names?|has|in|at most|after|of) so many", "this many", "names so many rows"
    ),
    Rule(
        r"(?P<fine>there )?(is|are|was|were) no"
        r"(?! (longer|more|fewer|less|better|worse|different|larger|smaller)\b) [a-z]+",
        "is not a",
        "X is no array.",
    ),
    Rule(
        r"(?-i:Of)(?! course)", "begin with the subject", "Of a module a copy is kept."
    ),
    Rule(
        r"(?-i:What)(?![^.:]*\?)",
        "begin with a noun",
        "What views are drawn by is a class.",
    ),
]


SPACE = r"""[\s#"']+"""
PATTERNS = [
    (
        re.compile(rf"\b(?:{rule.found.replace(' ', SPACE)})\b", re.IGNORECASE),
        rule.better,
    )
    for rule in RULES
]


TEXT_TOKENS = {"COMMENT", "STRING", "FSTRING_MIDDLE"}
IDENTIFIER = re.compile(r"""["']\w+["']""")
FIELD = re.compile(r"\{[^{}]*\}")  # of an f-string, whose tokens older Pythons lack


def without_fields(token):
    is_formatted = "f" in token.string.partition('"')[0].partition("'")[0].lower()
    if tokenize.tok_name[token.type] == "STRING" and is_formatted:
        return FIELD.sub("{}", token.string)
    return token.string


def read_text(path):
    """Return a file; of a Python file only comments and strings, at their lines."""
    if path.suffix != ".py":
        return path.read_text(encoding="utf-8")
    text, line = [], 1
    with path.open("rb") as file:
        for token in tokenize.tokenize(file.readline):
            is_text = tokenize.tok_name[token.type] in TEXT_TOKENS
            if is_text and not IDENTIFIER.fullmatch(token.string):
                text += ["\n" * (token.start[0] - line), " ", without_fields(token)]
                line = token.end[0]
    return "".join(text)


def find_phrases(text):
    """Yield the line, the phrase and a better one for each match of a rule."""
    for pattern, better in PATTERNS:
        for match in pattern.finditer(text):
            if match.groupdict().get("fine") is None:
                line = text.count("\n", 0, match.start()) + 1
                yield line, " ".join(re.split(SPACE, match.group())), better


def list_files(name):
    path = ROOT / name
    files = [path] if path.is_file() else sorted(path.rglob("*"))
    return [
        file
        for file in files
        if file.suffix in SUFFIXES
        and file != Path(__file__)
        and not GENERATED & set(file.parts)
    ]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.found)
def test_each_rule_finds_a_planted_sentence(rule):
    found = list(find_phrases(f"A first line.\n# {rule.planted}\n"))
    assert [(line, better) for line, _, better in found] == [(2, rule.better)]


@pytest.mark.parametrize(
    "text",
    [
        "There is no network.",
        "It is no longer than 80 characters.",
        "Of course, both are kept.",
        "What does a stratum mean?",
        "the number of clusters",
    ],
)
def test_idiomatic_sentences_are_not_reported(text):
    assert list(find_phrases(text)) == []


def test_line_breaks_and_comment_signs_do_not_hide_a_phrase():
    assert [
        found for _, found, _ in find_phrases("# it does not hang\n    # on it")
    ] == ["hang on"]


def test_python_files_are_checked_in_comments_and_strings_only(tmp_path):
    file = tmp_path / "file.py"
    file.write_text(
        'pictures = 1\n"""Go\non."""\n\nplaces = f"{pictures} no"  # anew\n'
    )
    found = [(line, phrase) for line, phrase, _ in find_phrases(read_text(file))]
    assert sorted(found) == [(2, "Go on"), (5, "anew")]


@pytest.mark.parametrize("name", CHECKED)
def test_texts_read_as_english(name):
    files = list_files(name)
    assert files, f"{name} does not exist"
    reports = []
    for file in files:
        path = file.relative_to(ROOT).as_posix()
        reports += [
            f"{path}:{line}: {found} -> {better}"
            for line, found, better in find_phrases(read_text(file))
            if (path, found.lower()) not in EXCEPTIONS
        ]
    assert not reports, "\n".join(["", *reports])
