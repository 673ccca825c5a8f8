"""The package uses what exists on Linux, macOS and Windows, or says why it is safe.

Each suspect is a construct that often breaks on another system. A use of it fails the
tests unless ``EXCEPTIONS`` gives a reason; reasons without a use fail, too.
"""

import ast
import re
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = sorted((ROOT / "contrastive_clustering").rglob("*.py"))
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))

UNIX_MODULES = {"fcntl", "grp", "pty", "pwd", "resource", "syslog", "termios", "tty"}
WINDOWS_MODULES = {"msvcrt", "winreg"}
UNIX_OF_OS = re.compile(
    r"fork\w*|register_at_fork|get(e?[ug]id|pg\w+|groups|loadavg|xattr)|setxattr"
    r"|f?chown|fchmod|lchown|mkfifo|mknod|set[ug]id|setsid|kill\w*|wait\w*|sched_\w+"
    r"|sysconf|uname|ttyname|O_(NONBLOCK|DIRECTORY|NOFOLLOW|CLOEXEC|SYNC)"
)
PORTABLE_OF_SIGNAL = {"SIGINT", "SIGTERM", "Signals", "getsignal", "signal"}
SYSTEM_PATH = re.compile(r"/(dev|proc|tmp|etc|usr|var|home)\b|proc$")
SEPARATES = {"join", "split", "rsplit", "partition", "rpartition"}
RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?|.*[<>:\"|?*\\].*|.*[ .]")
MAX_PATH_LENGTH = 120  # of the 260 characters of Windows, most are left for the folder


def name_of(node: ast.AST) -> str:
    """Return a dotted name such as "os.path.sep", or an empty string."""
    if isinstance(node, ast.Attribute):
        return f"{name_of(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def imported(node: ast.AST) -> set[str]:
    if isinstance(node, ast.Import):
        return {alias.name.partition(".")[0] for alias in node.names}
    return {node.module or ""} if isinstance(node, ast.ImportFrom) else set()


def is_unix_of_os(node: ast.AST) -> bool:
    module, _, name = name_of(node).rpartition(".")
    return module == "os" and bool(UNIX_OF_OS.fullmatch(name))


def is_signal(node: ast.AST) -> bool:
    module, _, name = name_of(node).rpartition(".")
    return module == "signal" and name not in PORTABLE_OF_SIGNAL


def is_system_path(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and bool(SYSTEM_PATH.match(node.value))
    )


def is_separator(node: ast.AST) -> bool:
    """Return whether a call splits or joins a path at slashes of one kind."""
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
        return False
    given = [each for each in (node.func.value, *node.args) if hasattr(each, "value")]
    return node.func.attr in SEPARATES and bool(
        {"/", "\\"} & {each.value for each in given if isinstance(each, ast.Constant)}
    )


def is_text_without_encoding(node: ast.AST) -> bool:
    """Return whether a call opens, reads or writes text in an unknown encoding."""
    if not isinstance(node, ast.Call):
        return False
    called = name_of(node.func).rpartition(".")[2] or getattr(node.func, "attr", "")
    texts = [each.value for each in node.args if isinstance(each, ast.Constant)]
    stated = {each.arg for each in node.keywords}
    if called in {"read_text", "write_text"}:
        has_encoding = len(node.args) > (called == "write_text")
        return not (has_encoding or "encoding" in stated)
    if called in {"open", "fdopen", "NamedTemporaryFile"}:
        is_binary = any("b" in text for text in texts if isinstance(text, str))
        return (
            not (is_binary or "encoding" in stated) and name_of(node.func) != "os.open"
        )
    return False


def is_text_open_of_descriptor(node: ast.AST) -> bool:
    """Return whether os.open may translate line ends on Windows."""
    return (
        isinstance(node, ast.Call)
        and name_of(node.func) == "os.open"
        and not {"OPEN_FLAGS", "flags"}
        & {n.id for n in ast.walk(node) if hasattr(n, "id")}
    )


def calls(*names: str) -> Callable[[ast.AST], bool]:
    """Return a finder of calls of functions or methods with these names."""

    def finds(node: ast.AST) -> bool:
        return (
            isinstance(node, ast.Call)
            and getattr(node.func, "attr", getattr(node.func, "id", "")) in names
        )

    return finds


def is_named(*names: str) -> Callable[[ast.AST], bool]:
    return lambda node: name_of(node) in names


class Suspect(NamedTuple):
    """A construct, a finder of it, and a statement in which it must be found."""

    name: str
    finds: Callable[[ast.AST], bool]
    planted: str


SUSPECTS = [
    Suspect(
        "module of one system",
        lambda node: bool(imported(node) & (UNIX_MODULES | WINDOWS_MODULES)),
        "import resource",
    ),
    Suspect("function of Unix", is_unix_of_os, "os.getuid()"),
    Suspect("signal of Unix", is_signal, "signal.SIGKILL"),
    Suspect("path of one system", is_system_path, "open('/dev/null', 'wb')"),
    Suspect("separator of paths", is_separator, "name.rsplit('/', 1)"),
    Suspect(
        "branch by system",
        is_named("sys.platform", "os.name", "platform.system"),
        "if sys.platform == 'linux': pass",
    ),
    Suspect("text without encoding", is_text_without_encoding, "path.read_text()"),
    Suspect("line ends of one system", is_text_open_of_descriptor, "os.open(a, b)"),
    Suspect("text with line ends", calls("write_text"), "path.write_text(a, 'utf-8')"),
    # On Windows, it fails if the target exists; `replace` does not.
    Suspect("rename", calls("rename", "renames"), "path.rename(other)"),
    # On Windows, a mapped file can be neither deleted nor replaced.
    Suspect(
        "memory map",
        lambda node: (
            calls("memmap", "mmap", "open_memmap")(node)
            or (isinstance(node, ast.keyword) and node.arg == "mmap_mode")
        ),
        "np.load(path, mmap_mode='r')",
    ),
    # On Windows, it cannot be opened a second time.
    Suspect("named file", calls("NamedTemporaryFile", "mkstemp"), "mkstemp()"),
    # Its resolution on Windows is about 16 ms, and the clock may be set back.
    Suspect("time of day as a clock", is_named("time.time"), "time.time()"),
    Suspect(
        "method of starting processes",
        calls("get_context", "set_start_method"),
        "multiprocessing.get_context('fork')",
    ),
]

EXCEPTIONS = {
    ("module of one system", "_utils/folder_lock.py"): "one of them for each system",
    ("branch by system", "_utils/folder_lock.py"): "one lock for each system",
    ("branch by system", "_utils/files.py"): "names are limited in different units",
    ("function of Unix", "_utils/folder_lock.py"): "asked for with hasattr",
    ("function of Unix", "_utils/threads.py"): "asked for with hasattr",
    ("function of Unix", "_utils/seeding.py"): "asked for with hasattr",
    ("function of Unix", "_utils/library_settings.py"): "asked for with hasattr",
    ("function of Unix", "_utils/files.py"): "asked for with hasattr",
    ("function of Unix", "_utils/memory.py"): "its absence is caught",
    ("path of one system", "_utils/files.py"): "links to /proc do not exist elsewhere",
    ("line ends of one system", "_utils/files.py"): "a folder, to be synchronized",
    ("text without encoding", "_images/raster.py"): "Pillow's open, of a binary file",
    ("rename", "_evaluation/survival_column.py"): "of a column of pandas",
    (
        "memory map",
        "_data/torch_datasets.py",
    ): "deleted by the system when it is closed",
    ("separator of paths", "_command/joining.py"): "paths of tables, made POSIX first",
    ("memory map", "_images/spool.py"): "of the new file of the user, after its rename",
}


KINDS = (
    ast.Attribute | ast.Call | ast.Constant | ast.Import | ast.ImportFrom | ast.keyword
)


def nodes_of(text: str) -> list[ast.AST]:
    """Return what suspects may be found in; docstrings are left out."""
    nodes = list(ast.walk(ast.parse(text)))
    docstrings = {id(node.value) for node in nodes if isinstance(node, ast.Expr)}
    return [
        node
        for node in nodes
        if isinstance(node, KINDS)
        and not (isinstance(node, ast.Constant) and id(node) in docstrings)
    ]


def find(suspect: Suspect, nodes: list[ast.AST]) -> list[int]:
    """Return the line of each use of a suspect."""
    return [node.lineno for node in nodes if suspect.finds(node)]


NODES = {
    path.relative_to(ROOT / "contrastive_clustering").as_posix(): nodes_of(
        path.read_text("utf-8")
    )
    for path in SOURCES
}


@pytest.mark.parametrize("suspect", SUSPECTS, ids=lambda suspect: suspect.name)
def test_suspects_are_found_where_they_are_planted(suspect):
    assert find(suspect, nodes_of(suspect.planted)) == [1]


@pytest.mark.parametrize("suspect", SUSPECTS, ids=lambda suspect: suspect.name)
def test_uses_of_suspects_have_a_reason(suspect):
    found = {name: find(suspect, nodes) for name, nodes in NODES.items()}
    explained = {name for kind, name in EXCEPTIONS if kind == suspect.name}
    unexplained = {
        name: lines for name, lines in found.items() if lines and name not in explained
    }
    assert unexplained == {}
    assert [name for name in sorted(explained) if not found[name]] == []


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_examples_that_start_processes_can_be_imported_by_them(path):
    # Processes on macOS and Windows import the script that starts them.
    text = path.read_text("utf-8")
    starts = re.search(r"num_workers=[^0]|import multiprocessing", text)
    assert not starts or '__name__ == "__main__"' in text


def test_names_of_files_are_valid_on_all_systems():
    folders = ("contrastive_clustering", "tests", "docs", "examples", "benchmarks")
    names = [
        path.relative_to(ROOT).as_posix()
        for folder in folders
        for path in (ROOT / folder).rglob("*")
        if not {"_build", "auto_examples", "generated", "__pycache__"} & set(path.parts)
    ]
    parts = {part for name in names for part in name.split("/")}
    assert [part for part in sorted(parts) if RESERVED.fullmatch(part.lower())] == []
    assert [name for name in names if len(name) > MAX_PATH_LENGTH] == []
    assert len({name.casefold() for name in names}) == len(names)
