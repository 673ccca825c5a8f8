"""The metadata, the constraints files and the documentation agree on versions."""

import re
from configparser import ConfigParser
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[1]


def read_pins(name):
    """Return the version of each package that a constraints file pins."""
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


def read_requirements():
    """Return the requirements in setup.cfg by section: the package's, each extra's."""
    metadata = ConfigParser()
    metadata.read(ROOT / "setup.cfg")
    lists = {
        "install_requires": metadata["options"]["install_requires"],
        **metadata["options.extras_require"],
    }
    return {
        section: [Requirement(line) for line in lines.split()]
        for section, lines in lists.items()
    }


REQUIREMENTS = read_requirements()


@pytest.mark.parametrize(
    ("section", "requirement"),
    [(section, each) for section, listed in REQUIREMENTS.items() for each in listed],
    ids=str,
)
def test_floor_is_what_was_run(section, requirement):
    floors = TESTED if section in {"benchmarks", "docs"} else FLOORS
    (specifier,) = requirement.specifier
    assert specifier.operator == ">="  # upper bounds forbid what nobody has tried
    name = canonicalize_name(requirement.name)
    assert Version(specifier.version) == floors[name]
    assert TESTED[name] in requirement.specifier


def test_oldest_versions_differ_in_requirements_only():
    required = {
        canonicalize_name(each.name)
        for listed in REQUIREMENTS.values()
        for each in listed
    }
    differing = {name for name in OLDEST if OLDEST[name] != TESTED.get(name)}
    assert differing - required == {"pytz"}  # which newer versions of pandas do without


def test_documentation_names_the_versions():
    text = (ROOT / "docs" / "install.rst").read_text()
    rows = re.findall(r"^    ([\w-]+), ([\d.]+), ([\d.]+)$", text, re.M)
    assert {
        name: (Version(oldest), Version(tested)) for name, oldest, tested in rows
    } == {
        each.name: (FLOORS[canonicalize_name(each.name)], TESTED[each.name])
        for each in REQUIREMENTS["install_requires"]
    }
