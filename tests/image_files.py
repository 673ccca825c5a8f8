"""Small DICOM files, written for the tests."""

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

NAME, IDENTIFIER = "Doe^Jane", "MRN-4711"


def make_dicom(stored, **elements):
    """Return a data set with the stored values and elements by their keywords."""
    stored = np.asarray(stored)
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = CTImageStorage
    dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    dataset.SOPClassUID = CTImageStorage
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID
    dataset.PatientName, dataset.PatientID = NAME, IDENTIFIER
    dataset.PatientBirthDate = "19610203"
    dataset.StudyDate = "20200110"
    dataset.Modality, dataset.Manufacturer = "CT", "Maker"
    dataset.ManufacturerModelName, dataset.ViewPosition = "Model 1", "AP"
    is_color = stored.shape[-1] == 3 and stored.ndim > 2
    dataset.Rows, dataset.Columns = (
        stored.shape[-3:-1] if is_color else stored.shape[-2:]
    )
    dataset.SamplesPerPixel = 3 if is_color else 1
    dataset.PhotometricInterpretation = "RGB" if is_color else "MONOCHROME2"
    if is_color:
        dataset.PlanarConfiguration = 0
    if stored.ndim - is_color > 2:
        dataset.NumberOfFrames = len(stored)
    dataset.BitsAllocated = dataset.BitsStored = 8 * stored.dtype.itemsize
    dataset.HighBit = dataset.BitsStored - 1
    dataset.PixelRepresentation = int(stored.dtype.kind == "i")
    dataset.PixelData = stored.tobytes()
    dataset["PixelData"].VR = "OB" if stored.dtype.itemsize == 1 else "OW"
    for name, value in elements.items():
        setattr(dataset, name, value)
    return dataset


def frame_windows(*centers, width):
    """Return the functional groups of frames, each with a window of its own."""
    groups = []
    for center in centers:
        window, group = Dataset(), Dataset()
        window.WindowCenter, window.WindowWidth = center, width
        group.FrameVOILUTSequence = [window]
        groups.append(group)
    return groups


def write_dicom(path, stored, **elements):
    """Write a DICOM file and return its path."""
    make_dicom(stored, **elements).save_as(path, enforce_file_format=True)
    return path


def write_series(
    folder,
    volume,
    *,
    spacing=(2.0, 0.5, 0.75),
    directions=(1, 0, 0, 0, 1, 0),
    order=None,
    uid=None,
    **elements,
):
    """Write a volume as slices, in the order of their file names."""
    folder.mkdir(parents=True, exist_ok=True)
    uid = generate_uid() if uid is None else uid
    normal = np.cross(directions[:3], directions[3:])
    for number, index in enumerate(range(len(volume)) if order is None else order):
        position = np.array([10.0, 20.0, 30.0]) + normal * spacing[0] * index
        write_dicom(
            folder / f"IM{number}",
            volume[index],
            SeriesInstanceUID=uid,
            ImagePositionPatient=[float(each) for each in position],
            ImageOrientationPatient=[float(each) for each in directions],
            PixelSpacing=list(spacing[1:]),
            **elements,
        )
    return folder
