"""The tables of strata that the command writes."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from contrastive_clustering._command.reading import LoadedFolder
from contrastive_clustering._evaluation.group_strata import to_group_frame
from contrastive_clustering._utils.files import write_atomically
from contrastive_clustering._utils.grouping import number_groups
from contrastive_clustering._utils.numbering import NOISE
from contrastive_clustering._utils.optional import import_pandas


@dataclass(frozen=True, eq=False)
class AssignedImages:
    """The images of a folder and what an estimator found in them.

    Attributes
    ----------
    clusterer : ContrastiveAutoencoderClusterer
        The fitted estimator.

    folder : LoadedFolder
        The images.

    latents : ndarray of shape (n, latent_dim)
        Latent of each image, from which everything else is computed.

    labels : ndarray of shape (n,)
        Stratum of each image.

    groups : pandas.Series or None
        Group of each image; images without one are groups of their own.
    """

    clusterer: Any
    folder: LoadedFolder
    latents: np.ndarray
    labels: np.ndarray
    groups: Any


def make_labels(images: AssignedImages) -> Any:
    """Return a table with a row for each image and each file that was not read.

    Parameters
    ----------
    images : AssignedImages
        The images, with or without groups.

    Returns
    -------
    table : pandas.DataFrame
        "path" relative to the folder; "frame" from 0 in files with several; "stratum",
        -1 for noise; "confidence", the soft assignment to it, none for noise;
        "typicality", the log-density of the latent; with groups "group",
        "group_stratum" and "group_agreement", the fraction of its images in that
        stratum; "error", the reason why a file was not read. Such files have no other
        value and come last.
    """
    pandas = import_pandas("--labels")
    model, folder = images.clusterer._model, images.folder
    latents, labels, groups = images.latents, images.labels, images.groups
    proba = model.clustering.predict_proba(latents)
    confidence = proba[np.arange(len(labels)), labels]
    confidence = np.where(labels == NOISE, np.nan, confidence)
    table = pandas.DataFrame(
        {
            "path": folder.paths,
            "frame": folder.facts["frame"].to_numpy(),
            "stratum": labels,
            "confidence": np.round(confidence.astype(float), 4),
            "typicality": np.round(model.density.score_samples(latents), 4),
        }
    )
    if groups is not None:
        codes, _ = number_groups(groups, len(labels))
        found = to_group_frame(model.assign(latents), proba, codes).loc[codes]
        table["group"] = groups.to_numpy()
        table["group_stratum"] = found["stratum"].to_numpy()
        table["group_agreement"] = np.round(found["agreement"].to_numpy(), 4)
    unread = pandas.DataFrame(
        {"path": list(folder.errors), "error": list(folder.errors.values())},
        dtype="string",
    )
    # With a type, because pandas 2 warns of columns without values.
    error = pandas.array([None] * len(table), dtype="string")
    table = table.convert_dtypes().assign(error=error)
    return pandas.concat([table, unread], ignore_index=True)


def make_group_labels(images: AssignedImages) -> Any:
    """Return a table with a row for each group.

    Parameters
    ----------
    images : AssignedImages
        The images, with groups.

    Returns
    -------
    table : pandas.DataFrame
        "group", none for an image without one; "path" of its first image; "stratum"
        and "agreement" as in the columns "group_stratum" and "group_agreement" of
        `make_labels`; "n_images"; "proba_0" and so on, the means of the soft
        assignments. Groups are in the order in which they first appear; images without
        one come last.
    """
    pandas = import_pandas("--group-labels")
    model, folder, latents = images.clusterer._model, images.folder, images.latents
    proba = model.clustering.predict_proba(latents)
    codes, names = number_groups(images.groups, len(latents))
    found = to_group_frame(model.assign(latents), proba, codes)
    order, first = np.unique(codes, return_index=True)
    found = found.loc[order]
    means = found.filter(like="proba_").round(4)
    table = pandas.DataFrame(
        {
            "group": [*names, *[None] * (len(order) - len(names))],
            "path": [folder.paths[row] for row in first],
            "stratum": found["stratum"].to_numpy(),
            "agreement": np.round(found["agreement"].to_numpy(), 4),
            "n_images": found["n_samples"].to_numpy(),
            **{name: means[name].to_numpy() for name in means},
        }
    )
    return table.convert_dtypes()


def write_labels(path: Path, table: Any) -> None:
    """Write a table as CSV with the encoding UTF-8."""
    write_atomically(path, table.to_csv(index=False).encode("utf-8", "surrogateescape"))
