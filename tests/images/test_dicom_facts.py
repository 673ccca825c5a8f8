import numpy as np
import pytest
from image_files import IDENTIFIER, NAME, make_dicom

from contrastive_clustering._images.dicom_facts import (
    dicom_facts,
    hash_patient,
    make_key,
    pixel_aspect,
    pixel_spacing,
)

STORED = np.zeros((2, 2), np.uint16)


def test_facts_contain_no_identifiers():
    facts = dicom_facts(make_dicom(STORED), make_key("salt"))
    assert facts | {"study_day": None, "patient": None} == {
        "modality": "CT",
        "manufacturer": "Maker",
        "model": "Model 1",
        "view": "AP",
        "body_part": None,
        "study_day": None,
        "patient": None,
        "format": "DICOM",
    }
    assert facts["study_day"] == 737434  # 2020-01-10
    for secret in (*NAME.split("^"), IDENTIFIER, "1961"):
        assert secret not in str(facts)


def test_patients_are_hashed_with_the_salt():
    key = make_key("salt")
    group = hash_patient(make_dicom(STORED), key)
    assert len(group) == 16
    assert group == hash_patient(make_dicom(STORED, PatientName="Other^Name"), key)
    others = [
        hash_patient(make_dicom(STORED, PatientID="MRN-4712"), key),
        hash_patient(make_dicom(STORED), make_key("pepper")),
        hash_patient(make_dicom(STORED), make_key(None)),
        hash_patient(make_dicom(STORED, PatientID=""), key),
    ]
    assert len({group, *others}) == 5
    nobody = make_dicom(STORED, PatientID=" ", PatientName="")
    assert hash_patient(nobody, key) is None


def test_salts():
    assert make_key("a") == make_key(b"a")
    with pytest.raises(TypeError, match=r"^salt is of type int\. Pass a secret str"):
        make_key(3)
    with pytest.raises(ValueError, match=r"^salt is empty\. Pass a secret"):
        make_key("")


@pytest.mark.parametrize("date", ["", "2020", "20201399", None])
def test_invalid_dates_are_missing(date):
    dataset = make_dicom(STORED)
    del dataset.StudyDate
    if date is not None:
        dataset.add_new("StudyDate", "LO", date)
    assert dicom_facts(dataset, b"key")["study_day"] is None


def test_spacing():
    assert pixel_spacing(make_dicom(STORED), 0) is None
    at_detector = make_dicom(STORED, ImagerPixelSpacing=["0.2", "0.3"])
    assert pixel_spacing(at_detector, 0) == (0.2, 0.3)
    at_detector.PixelSpacing = ["0.1", "0.4"]
    assert pixel_spacing(at_detector, 0) == (0.1, 0.4)
    assert pixel_spacing(make_dicom(STORED, PixelSpacing=["0", "1"]), 0) is None
    assert pixel_spacing({"PixelSpacing": ["1", "inf"]}, 0) is None
    assert pixel_spacing(make_dicom(STORED, PixelSpacing="1"), 0) is None


def test_aspect_of_pixels():
    assert pixel_aspect(make_dicom(STORED)) is None
    assert pixel_aspect(make_dicom(STORED, PixelAspectRatio=["2", "1"])) == (2, 1)
    assert pixel_aspect(make_dicom(STORED, PixelAspectRatio=["0", "1"])) is None
