"""The metadata, the constraints files and the documentation agree with each other."""

import re
import sys
from configparser import ConfigParser
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

import contrastive_clustering

ROOT = Path(__file__).parents[1]


def read_pins(name):
    """Return the pinned version of each package in a constraints file."""
    lines = (ROOT / name).read_text().splitlines()
    requirements = [Requirement(line) for line in lines if not line.startswith("#")]
    pins = {}
    for requirement in requirements:
        (specifier,) = requirement.specifier
        assert specifier.operator == "==", requirement
        pins[canonicalize_name(requirement.name)] = Version(specifier.version)
    assert len(pins) == len(requirements), "a package is pinned twice"
    return pins


TESTED = read_pins("constraints.txt")
OLDEST = read_pins("constraints-oldest.txt")
# Run by hand, as docs/install.rst says: CI would have to download gigabytes.
FLOORS = {**OLDEST, "torch": Version("2.9.1")}


METADATA = ConfigParser()
METADATA.read(ROOT / "setup.cfg", encoding="utf-8")


def read_requirements():
    """Return the requirements in setup.cfg, by section."""
    lists = {
        "install_requires": METADATA["options"]["install_requires"],
        **METADATA["options.extras_require"],
    }
    return {
        section: [Requirement(line) for line in lines.split()]
        for section, lines in lists.items()
    }


def split_off(requirements, extra):
    """Remove an extra and return the other extras of the package that it installs."""
    (combined,) = requirements.pop(extra)
    assert (combined.name, str(combined.specifier)) == ("contrastive_clustering", "")
    return combined.extras


REQUIREMENTS = read_requirements()
ALL_EXTRAS = split_off(REQUIREMENTS, "all")
# Extras for work in a clone, which "all" leaves out.
CLONE_EXTRAS = {"benchmarks", "docs", "examples", "tests"}


@pytest.mark.parametrize(
    ("section", "requirement"),
    [(section, each) for section, listed in REQUIREMENTS.items() for each in listed],
    ids=str,
)
def test_lower_bounds_were_tested(section, requirement):
    floors = TESTED if section in {"benchmarks", "docs"} else FLOORS
    (specifier,) = requirement.specifier
    assert specifier.operator == ">="  # later versions are not excluded untested
    name = canonicalize_name(requirement.name)
    assert Version(specifier.version) == floors[name]
    assert TESTED[name] in requirement.specifier


def test_oldest_versions_differ_only_in_requirements():
    required = {
        canonicalize_name(each.name)
        for listed in REQUIREMENTS.values()
        for each in listed
    }
    differing = {name for name in OLDEST if OLDEST[name] != TESTED.get(name)}
    assert differing - required == {"pytz"}  # newer versions of pandas do not need it


def test_documentation_names_the_versions():
    text = (ROOT / "docs" / "install.rst").read_text()
    rows = re.findall(r"^    ([\w-]+), ([\d.]+), ([\d.]+)$", text, re.M)
    assert {
        name: (Version(oldest), Version(tested)) for name, oldest, tested in rows
    } == {
        each.name: (FLOORS[canonicalize_name(each.name)], TESTED[each.name])
        for each in REQUIREMENTS["install_requires"]
    }


def test_all_installs_what_users_may_need():
    extras = set(REQUIREMENTS) - {"install_requires"}
    assert extras - CLONE_EXTRAS == ALL_EXTRAS
    offered = {each.name for name in ALL_EXTRAS for each in REQUIREMENTS[name]}
    # Error messages about optional packages say how to install them.
    package = ROOT / "contrastive_clustering"
    text = "".join(path.read_text("utf-8") for path in package.rglob("*.py"))
    hinted = re.findall(r'`pip\s(?:"?\s*"?)install ([a-z-]+)', text)
    assert {"kornia", "matplotlib", "onnx", "pandas", "umap-learn"} <= set(hinted)
    assert set(hinted) <= offered


def test_documentation_lists_the_extras_and_their_packages():
    text = (ROOT / "docs" / "install.rst").read_text("utf-8")
    rows = re.findall(r"^    ``(\w+)`` \| ([\w, -]+) \|", text, re.M)
    assert dict(rows) == {
        "all": "the extras below",
        **{
            name: ", ".join(sorted(each.name for each in REQUIREMENTS[name]))
            for name in ALL_EXTRAS
        },
    }


def test_examples_find_what_they_import():
    paths = [*(ROOT / "examples").glob("*.py")]
    imported = {
        name
        for path in paths
        for name in re.findall(
            r"^(?:import|from) (\w+)(?:\.\w+)*(?: import .+| as \w+)?$",
            path.read_text("utf-8"),
            re.M,
        )
    }
    assert {"matplotlib", "pandas", "sklearn"} <= imported
    needed = {name.replace("sklearn", "scikit-learn") for name in imported}
    needed -= {*sys.stdlib_module_names, "contrastive_clustering"}
    needed -= {path.stem for path in paths}
    required = {each.name for each in REQUIREMENTS["install_requires"]}
    assert {each.name for each in REQUIREMENTS["examples"]} == needed - required


def test_the_citation_has_the_version_and_the_date_of_the_release():
    text = (ROOT / "CITATION.cff").read_text("utf-8")
    fields = dict(re.findall(r"^([\w-]+): (\S.*)$", text, re.M))
    assert fields["version"] == contrastive_clustering.__version__
    assert fields["license"] == METADATA["metadata"]["license"]
    assert "arXiv:2209.12005" in text
    news = (ROOT / "docs" / "whats_new.rst").read_text("utf-8")
    version, date = re.search(r"^([\d.]+) \((.+)\)\n---", news, re.M).groups()
    assert version == contrastive_clustering.__version__
    assert fields.get("date-released", "unreleased") == date


def test_only_python_versions_that_ran_all_tests_are_classified():
    classified = re.findall(r"Python :: (3\.\d+)", METADATA["metadata"]["classifiers"])
    text = (ROOT / "docs" / "install.rst").read_text("utf-8")
    ran = re.findall(r"^    (3\.\d+)\.\d+, the fast suite, ", text, re.M)
    assert classified == ran
    assert f">={classified[0]}" == METADATA["options"]["python_requires"]


WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


@pytest.mark.skipif(not WORKFLOWS, reason="an sdist has no hidden files")
def test_actions_are_pinned_to_commits():
    used = [
        line
        for path in WORKFLOWS
        for line in re.findall(r"uses: .+", path.read_text("utf-8"))
    ]
    pinned = re.compile(r"uses: [\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+")
    assert len(used) >= 5
    assert [line for line in used if not pinned.fullmatch(line)] == []
    assert len({line.partition("@")[0] for line in used}) == len(set(used))
