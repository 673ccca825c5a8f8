"""The table of strata that the command writes."""

from pathlib import Path
from typing import Any

import numpy as np

from contrastive_clustering._command.reading import LoadedFolder
from contrastive_clustering._evaluation.group_strata import to_group_frame
from contrastive_clustering._utils.files import write_atomically
from contrastive_clustering._utils.numbering import NOISE
from contrastive_clustering._utils.optional import import_pandas


def make_labels(
    clusterer: Any,
    folder: LoadedFolder,
    latents: np.ndarray,
    labels: np.ndarray,
    groups: Any,
) -> Any:
    """Return a table with a row for each image and each file that was not read.

    Parameters
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
        Group of each image.

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
    model = clusterer._model
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
        codes, names = pandas.factorize(groups)
        # An image without a group is one of its own.
        codes = np.where(codes < 0, len(names) + np.arange(len(codes)), codes)
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


def write_labels(path: Path, table: Any) -> None:
    """Write the table as CSV with the encoding UTF-8."""
    write_atomically(path, table.to_csv(index=False).encode("utf-8", "surrogateescape"))
