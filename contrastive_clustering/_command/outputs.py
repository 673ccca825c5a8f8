"""Check before the work begins whether the results can be written."""

from argparse import Namespace
from pathlib import Path

from contrastive_clustering._command.console import CommandError
from contrastive_clustering._utils.files import as_output_path
from contrastive_clustering._utils.optional import import_pandas, import_pyplot


def check_outputs(options: Namespace) -> None:
    """Raise unless all files of results can be written.

    Parameters
    ----------
    options : Namespace
        Options of either form of the command.

    Raises
    ------
    CommandError
        If a file exists, unless it may be overwritten, or if two are the same.

    OSError
        If a file cannot be written.

    ImportError
        If a package is missing that a result needs.
    """
    import_pandas("contrastive-clustering")
    names = ["labels"] if options.predicts else ["report", "model", "labels"]
    found: dict[Path, str] = {}
    for name in names:
        path = getattr(options, name)
        if path is None:
            continue
        as_output_path(path, f"--{name}")
        other = found.setdefault(path.resolve(), name)
        if other != name:
            raise CommandError(
                f"--{other} and --{name} name the same file, {str(path)!r}. Pass "
                "different names."
            )
        if path.exists() and not options.overwrite:
            raise CommandError(
                f"--{name}: {str(path)!r} exists. Pass another name, or --overwrite "
                "to replace it."
            )
    if "report" in found.values():
        import_pyplot("--report")
