"""The public function that loads files of images."""

import os
from typing import Any, Literal

from sklearn.utils import Bunch

from contrastive_clustering._images.checking import check_out, make_settings
from contrastive_clustering._images.collecting import load_files


def load_images(
    source: Any,
    *,
    as_volumes: bool = False,
    size: int | tuple[int, ...] | None = None,
    spacing: float | tuple[float, ...] | None = None,
    fit: Literal["letterbox", "crop", "stretch"] = "letterbox",
    channels: Literal["auto", "gray", "rgb"] = "auto",
    window: Literal["file"] | tuple[float, float] | None = None,
    path_column: str = "path",
    salt: str | bytes | None = None,
    on_error: Literal["raise", "skip"] = "raise",
    n_jobs: int | None = None,
    out: str | os.PathLike[str] | None = None,
    verbose: int = 0,
) -> Bunch:
    """Load files of images or volumes into one array and a table of metadata.

    Reads PNG, JPEG and TIFF with Pillow, DICOM with pydicom, and NIfTI, MetaImage and
    NRRD with SimpleITK, which the extra ``[images]`` installs together with pandas. The
    content of a file determines its format; only NIfTI, MetaImage and NRRD are
    recognized by their suffixes. Each frame of a DICOM file is an image, and so is each
    page of a TIFF file except smaller copies and masks of other pages. Nothing is sent
    anywhere.

    Parameters
    ----------
    source : str, path-like, list, array or series of paths, or data frame
        A folder, which is searched recursively, also through links; a pattern such as
        ``"scans/**/*.png"``; paths; or a table with a column of paths, whose other
        columns are added to the metadata. Files of folders and patterns are in natural
        order: 2 comes before 10. Hidden files and files of other formats in a folder
        are ignored.

    as_volumes : bool, default=False
        Load volumes of shape (depth, height, width). The slices of a DICOM series, or
        the frames of a DICOM file, form a volume in the order of their positions. A
        list or a table may then contain folders with the slices of one series each. If
        a table has a row for each slice, that of the first slice counts, and a warning
        names the columns that differ. Axes are permuted and reversed, without
        interpolation, so that axis 0 points to the head, axis 1 to the back and axis 2
        to the left of the patient ("LPS" in SimpleITK). If False, a NIfTI, MetaImage or
        NRRD file of a single slice is an image as it would be displayed, with the front
        or the head at the top.

    size : int or tuple of int, default=None
        Sides of the result, (height, width) or (depth, height, width). With None, all
        files must have the same sides after `spacing`, and without `spacing` pixels are
        returned as stored, even if they are not square.

    spacing : float or tuple of float, default=None
        Distance between pixels in millimeters, in the order of the axes of `size`. All
        files must state theirs. Sides are rounded to whole pixels, so the distance may
        differ slightly. `size` then pads or crops around the center.

    fit : {"letterbox", "crop", "stretch"}, default="letterbox"
        How an image with another aspect ratio is brought to `size`: whole with padding
        of its smallest value, cropped around its center, or stretched. The ratio is
        the physical one if the spacing or the aspect ratio of pixels is known.

    channels : {"auto", "gray", "rgb"}, default="auto"
        Colors of the images. With "auto", all are RGB if one of them is not gray.
        Transparent pixels become black.

    window : "file", tuple of float or None, default=None
        Range of gray values that is mapped to 0 to 255: the window or the lookup table
        in the DICOM file or, if there is neither, the range of the values; or the
        center and the width, such as (40, 400) in Hounsfield units. The range leaves
        out the lowest and the highest 0.5 % of the values of an image if they would
        make it more than five times as wide. With None, values keep their units. Images
        of 8 bits are not changed.

    path_column : str, default="path"
        Name of the column of paths if `source` is a data frame.

    salt : str or bytes, default=None
        Secret for the hashes of patients. With the same secret, a patient has the same
        hash in several calls; None takes a random one.

    on_error : {"raise", "skip"}, default="raise"
        Whether a file that cannot be read raises an error or is left out with a
        warning.

    n_jobs : int, default=None
        Number of jobs that read files, through joblib.

    out : str or path-like, default=None
        Path of a new ``.npy`` file or a new ``.zarr`` folder for the images, which then
        do not have to fit into memory.

    verbose : int, default=0
        Show the progress if not 0.

    Returns
    -------
    bunch : sklearn.utils.Bunch
        Object with these attributes:

        images : ndarray, memory map or zarr.Array of shape (n, height, width), \
(n, height, width, 3) or (n, depth, height, width)
            uint8 if all images have 8 bits without a rescale slope, and float32
            otherwise, in the units of the files.
        metadata : pandas.DataFrame with n rows
            For each image: "format", "frame", "original_shape", "original_spacing",
            "resized_shape" before padding and cropping, "offset" of the resized image
            in the result, "spacing" of the result, "window_center", "window_width",
            "inverted" (whether zero was white), and from DICOM files "modality",
            "manufacturer", "model", "view", "body_part", "patient" (a hash),
            "study_day" (days since the first loaded study of the patient).
            "duplicate_of" is the index of the first image with the same content, or -1.
            Names, identifiers and dates are left out.
        paths : ndarray of str, shape (n,)
            Path of each image, or of the first slice. Paths may contain names.
        errors : pandas.DataFrame
            "path" and "reason" for each file that was left out.

    Raises
    ------
    TypeError, ValueError
        If a parameter is invalid, if a file cannot be read, if images differ in their
        sides and `size` is None, or if there is nothing to read.

    OSError
        If `out` exists or cannot be written.

    ImportError
        If a package that is needed for the files is not installed.

    Examples
    --------
    >>> from contrastive_clustering.datasets import load_images
    >>> scans = load_images("scans", size=64, on_error="skip")  # doctest: +SKIP
    >>> scans.images.shape, scans.metadata["modality"].unique()  # doctest: +SKIP
    ((812, 64, 64), array(['CR', 'DX'], dtype=object))
    """
    settings = make_settings(locals())
    return load_files(
        source,
        settings,
        path_column=path_column,
        on_error=on_error,
        n_jobs=n_jobs,
        out=check_out(out),
        verbose=verbose,
    )
