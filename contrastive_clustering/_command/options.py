"""The options of the command and its help.

This module must not import heavy packages, so that the help appears at once.
"""

from argparse import (
    ArgumentParser,
    Namespace,
    RawDescriptionHelpFormatter,
    _ArgumentGroup,
)
from collections.abc import Sequence

from contrastive_clustering import __version__
from contrastive_clustering._command.values import (
    to_count,
    to_jobs,
    to_n_clusters,
    to_path,
    to_seed,
    to_size,
    to_spacing,
    to_window,
)

NAME = "contrastive-clustering"
PREDICT = "predict"

FIT_DESCRIPTION = f"""\
Sort the images of a folder into strata: groups of images that look alike.

FOLDER is searched with its subfolders for PNG, JPEG, TIFF and DICOM files, and
with --volumes also for NIfTI, MetaImage and NRRD files. A network is trained on
them without labels. Pass at least one of --report, --model, --labels and
--group-labels.
"{NAME} {PREDICT}" finds the strata of other images."""

FIT_EXAMPLES = f"""\
examples:
  A report, a model to use again, and a table with the stratum of each image:
    {NAME} scans --report report.html --model model.safetensors \\
        --labels strata.csv
  Several images of a patient, from several scanners (both from the DICOM files):
    {NAME} scans --group-labels patients.csv --groups patient \\
        --nuisance manufacturer
  A table with a column "path", and columns to compare the strata with:
    {NAME} scans --report report.html --metadata table.csv \\
        --survival months died
  A long run that continues where it was interrupted when it is started again:
    {NAME} scans --model model.safetensors --checkpoint progress

exit status: 0 success, 1 failure, 2 wrong options, 130 interrupted by Ctrl-C.
Nothing is sent anywhere. Strata are hypotheses, not diagnoses."""

PREDICT_DESCRIPTION = f"""\
Find the stratum of each image of a folder by a model that was written by
"{NAME}". Images are read as they were for the model."""

PREDICT_EXAMPLES = f"""\
example:
  {NAME} {PREDICT} model.safetensors new_scans --labels new_strata.csv

exit status: 0 success, 1 failure, 2 wrong options, 130 interrupted by Ctrl-C."""


PATH_COLUMN = "path"

LABELS_HELP = "table (CSV) with the stratum of each image"
GROUP_LABELS_HELP = "table (CSV) with the stratum of each group"

# Options are added to a parser or to one of its groups.
_Group = ArgumentParser | _ArgumentGroup


def parse(argv: Sequence[str]) -> Namespace:
    """Return the options; exit with the status 2 if they are wrong.

    Parameters
    ----------
    argv : sequence of str
        Arguments of the command, without its name.

    Returns
    -------
    options : Namespace
        The values of all options. `predicts` says which form of the command it is.
    """
    argv = _join_window(argv)
    if argv[:1] == [PREDICT]:
        parser, find_conflict = _predict_parser(), _find_conflict_of_tables
        options = parser.parse_args(argv[1:])
    else:
        parser, find_conflict = _fit_parser(), _find_conflict
        options = parser.parse_args(argv)
    conflict = find_conflict(options)
    if conflict is not None:
        parser.error(conflict)
    return options


def _join_window(argv: Sequence[str]) -> list[str]:
    """Join a window that begins with "-", which argparse takes for an option."""
    joined: list[str] = []
    for argument in argv:
        if joined[-1:] == ["--window"] and argument[:1] == "-" and "," in argument:
            joined[-1] = f"--window={argument}"
        else:
            joined.append(argument)
    return joined


def _find_conflict(options: Namespace) -> str | None:
    """Return why options cannot be combined, if they cannot."""
    if not (options.report or options.model or options.labels or options.group_labels):
        return "pass at least one of --report, --model, --labels and --group-labels"
    if options.survival and not (options.metadata and options.report):
        return "--survival needs --metadata with both columns, and --report"
    if options.show_samples and not options.report:
        return "--show-samples needs --report"
    return _find_conflict_of_tables(options) or _find_conflict_of_images(options)


def _find_conflict_of_tables(options: Namespace) -> str | None:
    """Return why options of either form cannot be combined, if they cannot."""
    if options.predicts and not (options.labels or options.group_labels):
        return "pass at least one of --labels and --group-labels"
    if options.group_labels and not options.groups:
        return "--group-labels needs --groups"
    if options.path_column != PATH_COLUMN and not options.metadata:
        return "--path-column needs --metadata"
    return None


def _find_conflict_of_images(options: Namespace) -> str | None:
    """Return why options on how images are read cannot be combined, if they cannot."""
    axes = "depth x height x width" if options.volumes else "height x width"
    for name in ("size", "spacing"):
        given = getattr(options, name)
        if isinstance(given, tuple) and len(given) != 2 + options.volumes:
            return f"--{name} has {len(given)} numbers; pass one, or {axes}"
    if options.spacing is not None and options.fit == "stretch":
        return "--fit stretch would change the scale that --spacing sets"
    if options.volumes and options.channels == "rgb":
        return "--volumes cannot be combined with --channels rgb"
    return None


def _fit_parser() -> ArgumentParser:
    parser = ArgumentParser(
        NAME,
        usage=f"{NAME} FOLDER [options]\n       {NAME} {PREDICT} MODEL FOLDER --labels "
        f"FILE [options]\n       {NAME} {PREDICT} --help",
        description=FIT_DESCRIPTION,
        epilog=FIT_EXAMPLES,
        formatter_class=RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.set_defaults(predicts=False)
    parser.add_argument("folder", metavar="FOLDER", type=to_path, help="the images")
    results = parser.add_argument_group("results")
    for name, text in {
        "report": "page for a browser, without images of FOLDER",
        "model": "file of the model, without images of FOLDER",
        "labels": LABELS_HELP,
        "group-labels": GROUP_LABELS_HELP,
    }.items():
        results.add_argument(f"--{name}", metavar="FILE", type=to_path, help=text)
    results.add_argument(
        "--show-samples",
        action="store_true",
        help="show images of FOLDER in the report",
    )
    _add_overwrite(results)
    _add_image_options(parser.add_argument_group("images"))
    _add_strata_options(parser.add_argument_group("strata"))
    group = parser.add_argument_group("what is known about the images")
    _add_table_options(group)
    group.add_argument(
        "--nuisance",
        metavar="COLUMN",
        action="append",
        default=[],
        help="column that strata should not follow; repeatable",
    )
    group.add_argument(
        "--survival",
        metavar=("TIME", "EVENT"),
        nargs=2,
        help="columns: time, and 1 if the event was observed or 0",
    )
    _add_general_options(parser)
    return parser


def _predict_parser() -> ArgumentParser:
    parser = ArgumentParser(
        f"{NAME} {PREDICT}",
        usage=f"{NAME} {PREDICT} MODEL FOLDER --labels FILE [options]",
        description=PREDICT_DESCRIPTION,
        epilog=PREDICT_EXAMPLES,
        formatter_class=RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.set_defaults(predicts=True)
    parser.add_argument("model", metavar="MODEL", type=to_path, help="the model")
    parser.add_argument("folder", metavar="FOLDER", type=to_path, help="the images")
    for name, text in {
        "labels": LABELS_HELP,
        "group-labels": GROUP_LABELS_HELP,
    }.items():
        parser.add_argument(f"--{name}", metavar="FILE", type=to_path, help=text)
    _add_overwrite(parser)
    _add_reading_options(parser)
    _add_table_options(parser)
    _add_device(parser)
    _add_general_options(parser)
    return parser


def _add_overwrite(group: _Group) -> None:
    group.add_argument(
        "--overwrite", action="store_true", help="replace files that exist"
    )


def _add_image_options(group: _Group) -> None:
    group.add_argument(
        "--size",
        metavar="PIXELS",
        type=to_size,
        default=64,
        help="sides to resample to: 64 (default), or 64x48",
    )
    group.add_argument(
        "--spacing",
        metavar="MM",
        type=to_spacing,
        help="millimeters per pixel, if physical size matters",
    )
    group.add_argument(
        "--fit",
        choices=["letterbox", "crop", "stretch"],
        default="letterbox",
        help="pad to SIZE (letterbox, default), crop, or stretch",
    )
    group.add_argument(
        "--channels",
        choices=["auto", "gray", "rgb"],
        default="auto",
        help="auto (default) keeps colors if an image has any",
    )
    group.add_argument(
        "--window",
        metavar="WINDOW",
        type=to_window,
        default="file",
        help="file (default), none, or center and width: 40,400",
    )
    group.add_argument(
        "--volumes",
        action="store_true",
        help="read volumes, also from the slices of DICOM series",
    )
    _add_reading_options(group)


def _add_reading_options(group: _Group) -> None:
    group.add_argument(
        "--on-error",
        choices=["skip", "raise"],
        default="skip",
        help="skip unreadable files (default), or fail",
    )
    group.add_argument(
        "--n-jobs",
        metavar="N",
        type=to_jobs,
        default=1,
        help="processes that read files (default: 1; all cores: -1)",
    )


def _add_strata_options(group: _Group) -> None:
    group.add_argument(
        "--n-clusters",
        metavar="N",
        type=to_n_clusters,
        default="auto",
        help="number of strata; auto (default) chooses it",
    )
    group.add_argument(
        "--max-epochs",
        metavar="N",
        type=to_count,
        help="passes over the images (default: by their number)",
    )
    group.add_argument(
        "--random-state",
        metavar="N",
        type=to_seed,
        default=0,
        help="seed that makes the result repeatable (default: 0)",
    )
    group.add_argument(
        "--checkpoint",
        metavar="FOLDER",
        type=to_path,
        help="keep progress; the same command resumes from it",
    )
    _add_device(group)


def _add_table_options(group: _Group) -> None:
    group.add_argument(
        "--metadata",
        metavar="CSV",
        type=to_path,
        help="table (CSV) with a row for each file or folder",
    )
    group.add_argument(
        "--path-column",
        metavar="COLUMN",
        default=PATH_COLUMN,
        help="its column of files or folders (default: path)",
    )
    group.add_argument(
        "--groups",
        metavar="COLUMN",
        help='column of patients; "patient" is that of DICOM files',
    )


def _add_device(group: _Group) -> None:
    group.add_argument(
        "--device",
        default="auto",
        help="auto (default), cpu, cuda or mps",
    )


def _add_general_options(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--quiet",
        action="store_true",
        help="show only the sizes of the strata, warnings and errors",
    )
    parser.add_argument("--version", action="version", version=f"{NAME} {__version__}")
