"""Metadata of DICOM files without names or identifiers."""

import hashlib
import secrets
from datetime import date, datetime
from typing import Any

from contrastive_clustering._images.dicom import frame_item

# 64 bits: among a million patients, two share a hash with a probability of 1 in 37
# million.
HASH_BYTES = 8

# Columns that are copied from DICOM files. None of them names a person.
COPIED = {
    "modality": "Modality",
    "manufacturer": "Manufacturer",
    "model": "ManufacturerModelName",
    "view": "ViewPosition",
    "body_part": "BodyPartExamined",
}


def make_key(salt: Any) -> bytes:
    """Return the key for the hashes of patients.

    Parameters
    ----------
    salt : str, bytes or None
        Secret of the caller; None for a random one.

    Returns
    -------
    key : bytes
        Key of 64 bytes.

    Raises
    ------
    TypeError, ValueError
        If the salt is neither text nor bytes, or if it is empty.

    Examples
    --------
    >>> from contrastive_clustering._images.dicom_facts import make_key
    >>> make_key("secret") == make_key("secret"), make_key(None) == make_key(None)
    (True, False)
    """
    if salt is None:
        return secrets.token_bytes(64)
    if not isinstance(salt, str | bytes):
        raise TypeError(
            f"salt is of type {type(salt).__name__}. Pass a secret string or bytes, or "
            "None for a random one."
        )
    if not salt:
        raise ValueError("salt is empty. Pass a secret, or None for a random one.")
    content = salt.encode("utf-8", "surrogatepass") if isinstance(salt, str) else salt
    return hashlib.blake2b(content).digest()


def hash_patient(dataset: Any, key: bytes) -> str | None:
    """Return a keyed hash of a patient, or None if the file names no patient.

    The identifier is used if it exists, and otherwise the name.
    """
    for name in ("PatientID", "PatientName"):
        value = str(dataset.get(name) or "").strip()
        if value:
            content = f"{name}:{value}".encode("utf-8", "surrogatepass")
            return hashlib.blake2b(content, key=key, digest_size=HASH_BYTES).hexdigest()
    return None


def dicom_facts(dataset: Any, key: bytes) -> dict[str, Any]:
    """Return the metadata of a DICOM file.

    Parameters
    ----------
    dataset : pydicom.Dataset
        The data set.

    key : bytes
        Key for the hash of the patient.

    Returns
    -------
    facts : dict
        Columns of the metadata. "study_day" is a proleptic ordinal.
    """
    facts: dict[str, Any] = {
        column: _text(dataset.get(name)) for column, name in COPIED.items()
    }
    facts["study_day"] = _ordinal(dataset.get("StudyDate"))
    facts["patient"] = hash_patient(dataset, key)
    return facts | {"format": "DICOM"}


def _text(value: Any) -> str | None:
    return str(value or "").strip() or None


def _ordinal(value: Any) -> int | None:
    if isinstance(value, date):
        return value.toordinal()
    try:
        return datetime.strptime(str(value or "").strip(), "%Y%m%d").toordinal()
    except ValueError:
        return None


def pixel_spacing(dataset: Any, frame: int) -> tuple[float, ...] | None:
    """Return the distances between rows and between columns in millimeters, if known.

    Projection images without a calibrated distance give that at the detector.
    """
    item = frame_item(dataset, frame, "PixelMeasuresSequence")
    return _read_pair(item.get("PixelSpacing")) or _read_pair(
        item.get("ImagerPixelSpacing")
    )


def pixel_aspect(dataset: Any) -> tuple[float, ...] | None:
    """Return the height and the width of a pixel in any unit, if stated.

    Files that do not know the distances in millimeters, such as those of ultrasound,
    state it if pixels are not square.
    """
    return _read_pair(dataset.get("PixelAspectRatio"))


def _read_pair(value: Any) -> tuple[float, ...] | None:
    """Return two positive numbers, or None if the value is something else."""
    try:
        rows, columns = (float(each) for each in value)
    except (TypeError, ValueError):
        return None
    is_valid = 0 < rows < float("inf") and 0 < columns < float("inf")
    return (rows, columns) if is_valid else None
