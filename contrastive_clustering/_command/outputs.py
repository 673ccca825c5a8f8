"""Check before the work begins whether the results can be written."""

from argparse import Namespace
from pathlib import Path

from contrastive_clustering._command.console import CommandError
from contrastive_clustering._images.file_types import has_image_suffix, is_dicom
from contrastive_clustering._utils.files import as_output_path
from contrastive_clustering._utils.optional import import_pandas, import_pyplot

# Names of files that other programs could not open, and the suffix of the format.
SHEETS = ((".xlsx", ".xls", ".ods"), ".csv")
OTHER_FORMATS = {
    "labels": SHEETS,
    "group-labels": SHEETS,
    "report": ((".pdf", ".docx", ".doc"), ".html"),
}


def check_outputs(options: Namespace) -> None:
    """Raise unless all files of results can be written.

    Raises
    ------
    CommandError
        If a file exists, unless it may be overwritten, if two are the same, if one is
        an input (a model, a table of metadata or an image of the folder), or if one has
        the suffix of another format.

    OSError
        If a file cannot be written.

    ImportError
        If a package is missing that a result needs.
    """
    import_pandas("contrastive-clustering")
    checkpoint = getattr(options, "checkpoint", None)
    if checkpoint is not None and _is_same(checkpoint, options.folder):
        raise CommandError(
            f"--checkpoint: {str(checkpoint)!r} is the folder of the images. Pass "
            "another folder."
        )
    names = ["labels", "group-labels"]
    if not options.predicts:
        names = ["report", "model", *names]
    found: dict[Path, str] = {}
    for name in names:
        path = getattr(options, name.replace("-", "_"))
        if path is None:
            continue
        if checkpoint is not None and _is_same(path, checkpoint):
            raise CommandError(
                f"--{name} and --checkpoint have the same name, {str(path)!r}. Pass "
                "different names."
            )
        _check_suffix(path, name)
        as_output_path(path, f"--{name}")
        other = found.setdefault(path.resolve(), name)
        if other != name:
            raise CommandError(
                f"--{other} and --{name} name the same file, {str(path)!r}. Pass "
                "different names."
            )
        _check_not_input(path, f"--{name}", options)
        if path.exists() and not options.overwrite:
            raise CommandError(
                f"--{name}: {str(path)!r} exists. Pass another name, or --overwrite "
                "to replace it."
            )
    if "report" in found.values():
        import_pyplot("--report")


def _is_same(path: Path, other: Path) -> bool:
    """Return whether two paths lead to the same place, which need not exist."""
    if path.exists() and other.exists():
        return path.samefile(other)
    return path.resolve() == other.resolve()


def _check_suffix(path: Path, name: str) -> None:
    """Raise if a name suggests another format than that of the file."""
    others, suffix = OTHER_FORMATS.get(name, ((), ""))
    if path.suffix.lower() in others:
        raise CommandError(
            f"--{name}: {str(path)!r} would not be a file in the format of its suffix. "
            f"Pass a name that ends with {suffix!r}, which other programs can convert."
        )


def _check_not_input(path: Path, option: str, options: Namespace) -> None:
    """Raise if a result would replace what the command reads."""
    inputs = {"the table of --metadata": options.metadata}
    if options.predicts:
        inputs["the model"] = options.model
    for what, read in inputs.items():
        if read is not None and _is_same(path, read):
            raise CommandError(
                f"{option}: {str(path)!r} is {what}, which would be lost. Pass another "
                "name."
            )
    is_inside = path.resolve().is_relative_to(options.folder.resolve())
    if is_inside and path.is_file() and (has_image_suffix(path) or is_dicom(path)):
        raise CommandError(
            f"{option}: {str(path)!r} is an image of the folder, which would be lost. "
            "Pass another name."
        )
