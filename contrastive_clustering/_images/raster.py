"""Read PNG, JPEG and TIFF files with Pillow."""

import re
from pathlib import Path
from typing import Any

import numpy as np

from contrastive_clustering._images.file_types import PNG_MAGIC
from contrastive_clustering._images.loaded import (
    LoadedImage,
    UnreadableFileError,
    refuse_damaged,
)
from contrastive_clustering._utils.files import open_regular
from contrastive_clustering._utils.optional import import_pillow

# Only these parsers of Pillow see the file.
FORMATS = ("PNG", "JPEG", "TIFF")

# Modes of Pillow with one channel of more than 8 bits.
DEEP_MODES = ("I", "F", "I;16", "I;16B", "I;16L", "I;16N")

# Pillow states the bits per sample of a PNG file nowhere: it drops the low bytes of
# gray with alpha and of colors, but not of the transparent color, and scales gray of 2
# and 4 bits, but not its transparent value. The header stores them after the signature,
# and the color type next to them.
PNG_BITS, PNG_COLOR_TYPE = 24, 25
GRAY_WITH_ALPHA = 4

# Number of the tag PhotometricInterpretation of TIFF; 0 means that zero is white.
PHOTOMETRIC, ZERO_IS_WHITE = 262, 0

# Number of the tag NewSubfileType of TIFF, and its bits for a page that is a smaller
# copy of another one or its mask.
SUBFILE_TYPE, IS_REDUCED, IS_MASK = 254, 1, 4

# Number of the tag ImageDescription of TIFF, and what ImageJ writes there.
DESCRIPTION = 270
IMAGEJ_STACK = re.compile(r"ImageJ=.*?^images=(\d{1,9})$", re.DOTALL | re.MULTILINE)

# Number of the tag SampleFormat of TIFF; without it, values are unsigned. By the mode
# alone, unsigned values of 32 bits and signed ones of 8 bits have the wrong sign.
SAMPLE_FORMAT, UNSIGNED, SIGNED = 339, 1, 2
OTHER_SIGNS = {("I", UNSIGNED): np.uint32, ("L", SIGNED): np.int8}

# libtiff returns values in the byte order of the machine, but Pillow reverses the bytes
# of values in these forms, because those of the file are in the other order.
LIBTIFF = "libtiff"
NATIVE_FORMS = {"I;16BS": "I;16NS", "I;32BS": "I;32NS", "F;32BF": "F;32NF"}

# Numbers of the tags BitsPerSample, SamplesPerPixel and PlanarConfiguration of TIFF,
# and the value of the last for a plane of its own for each channel.
BITS, N_CHANNELS, PLANES, SEPARATE = 258, 277, 284, 2
GRAY_MODES = ("1", "L", *DEEP_MODES)


def read_raster(path: Path) -> list[LoadedImage]:
    """Read an image, or all pages of a TIFF file but copies and masks of others.

    Images of 8 bits are uint8 and deeper gray images float32. Transparent pixels become
    black, palettes become colors, and the orientation tag of cameras is applied. Pillow
    reduces colors of 16 bits to 8 bits.

    Parameters
    ----------
    path : Path
        A PNG, JPEG or TIFF file.

    Returns
    -------
    images : list of LoadedImage
        Gray or RGB images, without a spacing.

    Raises
    ------
    UnreadableFileError
        If the file is damaged, truncated or too large, or if it has values of 64 bits,
        floats of 16 bits, gray values of 16 bits with an alpha channel, colors of 16
        bits of which one is transparent, several gray channels, planes that Pillow
        does not read, or several images on one page.
    """
    pillow = import_pillow()
    with refuse_damaged("is a damaged, truncated or unsupported image"):
        try:
            with open_regular(path) as file:
                n_bits = _bits_of_png(file.read(PNG_COLOR_TYPE + 1))
                file.seek(0)
                with pillow.open(file, formats=FORMATS) as image:
                    return [
                        _read_page(image, page, n_bits) for page in _find_pages(image)
                    ]
        except pillow.UnidentifiedImageError:
            raise UnreadableFileError(
                "is a damaged, truncated or unsupported image: Pillow does not "
                "recognize it as PNG, JPEG or TIFF. It does not read all forms of "
                "TIFF, such as values of 64 bits and floats of 16 bits; save gray "
                "values as floats of 32 bits, and colors with 8 bits each"
            ) from None
        except pillow.DecompressionBombError:
            raise UnreadableFileError(
                f"has more than {2 * pillow.MAX_IMAGE_PIXELS} pixels, the limit for a "
                "single image"
            ) from None


def _bits_of_png(header: bytes) -> int | None:
    """Return the bits per sample of a PNG file, None for another format."""
    if len(header) <= PNG_COLOR_TYPE or not header.startswith(PNG_MAGIC):
        return None
    if (header[PNG_BITS], header[PNG_COLOR_TYPE]) == (16, GRAY_WITH_ALPHA):
        raise UnreadableFileError(
            "has gray values of 16 bits with an alpha channel, of which Pillow reads "
            "only 8 bits. Convert it to gray of 16 bits without an alpha channel"
        )
    return header[PNG_BITS]


def _find_pages(image: Any) -> list[int]:
    """Return the pages that are images of their own."""
    n_pages = image.n_frames if image.format == "TIFF" else 1
    if image.format == "TIFF":
        _check_stack(image, n_pages)
    own = []
    for page in range(n_pages):
        image.seek(page)
        kind = getattr(image, "tag_v2", {}).get(SUBFILE_TYPE, 0)
        if not kind & (IS_REDUCED | IS_MASK):
            own.append(page)
    return own or list(range(n_pages))


def _check_stack(image: Any, n_pages: int) -> None:
    """Refuse stacks of ImageJ with one page, of which Pillow finds the first image."""
    stated = IMAGEJ_STACK.match(str(image.tag_v2.get(DESCRIPTION, "")))
    if stated is not None and int(stated[1]) > n_pages == 1:
        raise UnreadableFileError(
            f"is a stack of {stated[1]} images of ImageJ without a page for each, as "
            "ImageJ writes those of more than 4 GB. Save its parts as smaller files"
        )


def _read_page(image: Any, page: int, n_bits: int | None) -> LoadedImage:
    image.seek(page)
    if image.format == "TIFF":
        _check_channels(image)
        _keep_byte_order(image)
    image.load()
    if "transparency" in image.info:
        if n_bits in (2, 4) and image.mode == "L":
            image.info["transparency"] *= 255 // (2**n_bits - 1)
        if n_bits == 16 and image.mode == "RGB":
            raise UnreadableFileError(
                "has colors of 16 bits of which one is transparent, but Pillow reads "
                "only 8 bits, in which other colors may be equal to it. Convert it to "
                "8 bits, or remove the transparent color"
            )
    tags = getattr(image, "tag_v2", {})
    zero_is_white = tags.get(PHOTOMETRIC) == ZERO_IS_WHITE
    values = _values(image, zero_is_white=zero_is_white)
    facts = {"format": image.format, "frame": page, "inverted": zero_is_white}
    return LoadedImage(values, None, facts)


def _check_channels(image: Any) -> None:
    """Refuse channels that Pillow leaves out or mixes up without an error."""
    tags = image.tag_v2
    n_channels = tags.get(N_CHANNELS, 1)
    if n_channels > 1 and image.mode in GRAY_MODES:
        raise UnreadableFileError(
            f"has {n_channels} channels that are not colors, of which only the first "
            "would be read. Save each channel as a file or a page of its own"
        )
    if n_channels == 1 or tags.get(PLANES) != SEPARATE:
        return
    is_decoded_by_pillow = any(tile.codec_name != LIBTIFF for tile in image.tile)
    if image.mode == "LA" or (is_decoded_by_pillow and max(tags.get(BITS, (1,))) > 8):
        raise UnreadableFileError(
            "has channels in separate planes, which Pillow does not read correctly in "
            "this form. Save it with the channels of each pixel next to each other, or "
            "as colors of 8 bits"
        )


def _keep_byte_order(image: Any) -> None:
    image.tile = [
        tile._replace(
            args=(NATIVE_FORMS.get(tile.args[0], tile.args[0]), *tile.args[1:])
        )
        if tile.codec_name == LIBTIFF
        else tile
        for tile in image.tile
    ]


def _values(image: Any, *, zero_is_white: bool) -> np.ndarray:
    from PIL import Image, ImageOps

    upright = ImageOps.exif_transpose(image)
    if upright.mode in GRAY_MODES:
        return _grays(image, upright, zero_is_white=zero_is_white)
    has_alpha = "A" in upright.getbands() or "transparency" in upright.info
    if has_alpha:
        rgba = upright.convert("RGBA")
        black = Image.new("RGBA", rgba.size, (0, 0, 0, 255))
        upright = Image.alpha_composite(black, rgba)
    return np.asarray(upright.convert("RGB"))


def _grays(image: Any, upright: Any, *, zero_is_white: bool) -> np.ndarray:
    """Return gray values with their sign; the transparent one becomes black."""
    stored = np.array(upright.convert("L") if upright.mode == "1" else upright)
    if image.format == "TIFF":
        sample_format = image.tag_v2.get(SAMPLE_FORMAT, (UNSIGNED,))[0]
        stored = stored.view(
            OTHER_SIGNS.get((upright.mode, sample_format), stored.dtype)
        )
    # Pillow inverts such files only if they have at most 8 bits.
    if zero_is_white and upright.mode in DEEP_MODES:
        is_unsigned = stored.dtype.kind == "u"
        stored = np.iinfo(stored.dtype).max - stored if is_unsigned else -stored
    stored[stored == upright.info.get("transparency")] = 0
    return stored if stored.dtype == np.uint8 else stored.astype(np.float32)
