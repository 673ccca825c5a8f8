"""A folder as radiologists have it: PNG and DICOM files of several sizes."""

import numpy as np
from image_files import write_dicom
from PIL import Image

BROKEN = ["cut.png", "empty.png", "text.dcm"]


def write_scans(folder, n_images=24, *, broken=True):
    """Write images with bright left or right halves, and return the folder.

    Every third image is a DICOM file, and two of these are of a patient.
    """
    rng = np.random.default_rng(0)
    for number in range(n_images):
        shape = (int(rng.choice([8, 10, 16])), int(rng.choice([8, 12, 16])))
        image = rng.integers(0, 60, shape, dtype=np.uint8)
        middle = shape[1] // 2
        image[:, slice(middle) if number % 2 else slice(middle, None)] += 180
        parent = folder / f"ward {number % 2}"
        parent.mkdir(parents=True, exist_ok=True)
        if number % 3:
            Image.fromarray(image).save(parent / f"{number}.png")
        else:
            write_dicom(
                parent / f"{number}.dcm",
                image.astype(np.uint16) * 16,
                PatientID=f"MRN-{number // 6}",
                Manufacturer=["Maker", "Other"][number // 3 % 2],
            )
    if broken:
        whole = (folder / "ward 1" / "1.png").read_bytes()
        (folder / "cut.png").write_bytes(whole[: len(whole) // 2])
        (folder / "empty.png").touch()
        (folder / "text.dcm").write_text("not an image")
    return folder


def write_table(path, folder, *, suffix=True):
    """Write a table with a row for each image of `write_scans`."""
    files = sorted(
        file for ward in folder.iterdir() if ward.is_dir() for file in ward.iterdir()
    )
    lines = ["path,age,site,months,died"]
    for row, file in enumerate(files):
        name = file.name if suffix else file.stem
        lines.append(f"{name},{50 + row % 7},{'xyz'[row % 3]},{row % 5 + 1},{row % 2}")
    path.write_text("\n".join(lines) + "\n")
    return path
