"""Both forms of the command: train on a folder, or apply a model to one."""

from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from contrastive_clustering._command.console import (
    CommandError,
    Console,
    explain_error,
)
from contrastive_clustering._command.interrupts import training_begun
from contrastive_clustering._command.labels import (
    AssignedImages,
    make_group_labels,
    make_labels,
    write_labels,
)
from contrastive_clustering._command.outputs import check_outputs
from contrastive_clustering._command.reading import LoadedFolder, read_folder
from contrastive_clustering._command.recipe import Recipe
from contrastive_clustering._command.variables import (
    Variables,
    read_metadata,
    read_variables,
)
from contrastive_clustering._estimator.clusterer import ContrastiveAutoencoderClusterer
from contrastive_clustering._images.file_types import has_single_image
from contrastive_clustering._images.finding import image_files
from contrastive_clustering._report.people import PeopleData
from contrastive_clustering._report.report import write_report
from contrastive_clustering._saving.checkpoint import FILE_NAME
from contrastive_clustering._utils.device import resolve_device
from contrastive_clustering._utils.folder_lock import locked_folder
from contrastive_clustering._utils.messages import quantity
from contrastive_clustering._utils.numbering import NOISE


def run(options: Namespace) -> None:
    """Run the command with options; see `contrastive_clustering._command.options`."""
    console = Console(quiet=options.quiet, predicts=options.predicts)
    with console.shows_warnings():
        check_outputs(options)
        try:
            if options.predicts:
                _predict(options, console)
            else:
                _fit(options, console)
        except ValueError as error:  # which may name images by their indices
            raise CommandError(console.explain(str(error))) from error


def _fit(options: Namespace, console: Console) -> None:
    recipe = Recipe(
        {
            "as_volumes": options.volumes,
            "size": options.size,
            "spacing": options.spacing,
            "fit": options.fit,
            "channels": options.channels,
            "window": options.window,
        }
    )
    # Images of many files take long to read, so that everything else is checked first.
    table = read_metadata(options, console)
    resolve_device(options.device)
    with locked_folder(options.checkpoint, FILE_NAME):
        pass
    _check_number_of_files(options)
    folder = read_folder(options, recipe, console)
    _check_number(len(folder.paths), options)
    variables = read_variables(options, folder, table, console)
    if options.report is not None:
        # Wrong columns are found before the training, not in the report after it.
        people = _report_arguments(options, variables)
        PeopleData.read(n_samples=len(folder.paths), **people)
    clusterer = ContrastiveAutoencoderClusterer(
        n_clusters=options.n_clusters,
        max_epochs="auto" if options.max_epochs is None else options.max_epochs,
        checkpoint_dir=options.checkpoint,
        device=options.device,
        random_state=options.random_state,
        verbose=console.verbose,
    )
    console.say(f"Training on {len(folder.paths)} images")
    with training_begun():
        clusterer.fit(
            folder.images, groups=variables.groups, nuisance=variables.nuisance
        )
        _write_results(
            clusterer,
            options,
            folder=folder,
            recipe=recipe,
            variables=variables,
            console=console,
        )
    _summarize(clusterer.labels_, clusterer.n_clusters_)


def _check_number_of_files(options: Namespace) -> None:
    """Raise if the files have too few images, where this is known before reading.

    Other files than PNG and JPEG may have several images each.
    """
    if not options.folder.is_dir():  # refused later
        return
    paths = list(islice(image_files(options.folder), _least_number(options)))
    if paths and all(map(has_single_image, paths)):
        _check_number(len(paths), options, "")


def _least_number(options: Namespace) -> int:
    return 2 if options.n_clusters == "auto" else max(2, options.n_clusters)


def _check_number(
    n_images: int, options: Namespace, which: str = " that can be read"
) -> None:
    least = _least_number(options)
    if n_images < least:
        images = "1 image" if n_images == 1 else f"{n_images} images"
        raise CommandError(
            f"the folder {str(options.folder)!r} has {images}{which}, but at least "
            f"{least} are needed. Pass more images"
            + ("." if least == 2 else ", or a smaller --n-clusters.")
        )


def _report_arguments(options: Namespace, variables: Variables) -> dict[str, Any]:
    """Return the arguments of the report that describe the images."""
    return {
        "metadata": variables.metadata,
        "groups": variables.groups,
        "survival": options.survival,
        "nuisance": variables.nuisance,
    }


def _write_results(
    clusterer: ContrastiveAutoencoderClusterer,
    options: Namespace,
    *,
    folder: LoadedFolder,
    recipe: Recipe,
    variables: Variables,
    console: Console,
) -> None:
    results = _Results(console)
    recipe = recipe.of_images(folder.images)
    # The model comes first, because only it takes hours to make again.
    if options.model is not None:
        with results.writes("Model", options.model):
            clusterer.save(options.model, notes=recipe.to_notes())
    if options.labels is not None or options.group_labels is not None:
        latents = clusterer.transform(folder.images)
        images = AssignedImages(
            clusterer, folder, latents, clusterer.labels_, variables.groups
        )
        _write_tables(images, options, results)
    if options.report is not None:
        with results.writes("Report", options.report):
            write_report(
                clusterer,
                folder.images,
                path=options.report,
                show_samples=options.show_samples,
                random_state=options.random_state,
                reading=_describe_reading(recipe, folder),
                **_report_arguments(options, variables),
            )
    results.check()


def _describe_reading(recipe: Recipe, folder: LoadedFolder) -> list[tuple[str, str]]:
    """Return how the images were read, which a report states."""
    left_out = "none"
    if folder.errors:
        left_out = f"{quantity(len(folder.errors), 'file')} that could not be read"
    return [*recipe.describe(), ("Left out", left_out)]


def _predict(options: Namespace, console: Console) -> None:
    _check_model(options.model)
    clusterer = ContrastiveAutoencoderClusterer.load(
        options.model, device=options.device
    )
    recipe = Recipe.from_notes(clusterer.notes_, options.model)
    table = read_metadata(options, console)
    folder = read_folder(options, recipe, console)
    variables = read_variables(options, folder, table, console)
    latents = clusterer.transform(folder.images)
    labels = clusterer._model.assign(latents)
    images = AssignedImages(clusterer, folder, latents, labels, variables.groups)
    results = _Results(console)
    _write_tables(images, options, results)
    results.check()
    _summarize(labels, clusterer.n_clusters_)


def _check_model(path: Path) -> None:
    """Raise a `CommandError` unless the model is a file, of any content."""
    remedy = "Pass a file that contrastive-clustering has written with --model"
    if path.is_dir():
        raise CommandError(
            f"MODEL: {str(path)!r} is a folder. {remedy}, and after it the folder of "
            "the images."
        )
    if not path.exists():
        raise CommandError(f"MODEL: the file {str(path)!r} does not exist. {remedy}.")


class _Results:
    """Files of results, which are written even if others cannot be."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self._failures: list[str] = []

    @contextmanager
    def writes(self, what: str, path: Path) -> Iterator[None]:
        """Report a file that the context writes, or keep the reason why it did not."""
        try:
            yield
        except OSError as error:
            self._failures.append(explain_error(error))
        else:
            self.console.say(f"{what}: {path}")

    def check(self) -> None:
        """Raise a `CommandError` if a file could not be written."""
        if self._failures:
            raise CommandError("\n".join(self._failures))


def _write_tables(
    images: AssignedImages, options: Namespace, results: _Results
) -> None:
    if options.labels is not None:
        with results.writes("Labels", options.labels):
            write_labels(options.labels, make_labels(images))
    if options.group_labels is not None:
        with results.writes("Labels of groups", options.group_labels):
            write_labels(options.group_labels, make_group_labels(images))


def _summarize(labels: np.ndarray, n_clusters: int) -> None:
    members = labels[labels != NOISE]
    sizes = ", ".join(map(str, np.bincount(members, minlength=n_clusters)))
    noise = len(labels) - len(members)
    images = "image" if len(labels) == 1 else "images"
    print(
        f"{len(labels)} {images} in {n_clusters} strata of {sizes} images"
        + (f", and {noise} in none (noise)" if noise else "")
    )
