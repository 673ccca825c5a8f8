import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from contrastive_clustering._images.loaded import UnreadableFileError
from contrastive_clustering._images.raster import read_raster

rng = np.random.default_rng(0)
GRAY = rng.integers(0, 256, (6, 5), np.uint8)
COLOR = rng.integers(0, 256, (6, 5, 3), np.uint8)
DEEP = rng.integers(0, 65536, (6, 5)).astype(np.uint16)


def read(path):
    (image,) = read_raster(path)
    assert image.spacing is None
    return image.values


def write(path, values, **options):
    Image.fromarray(values).save(path, **options)
    return path


@pytest.mark.parametrize("suffix", ["png", "tif"])
@pytest.mark.parametrize(
    "values", [GRAY, COLOR, DEEP, DEEP.astype(np.float32) / 7, DEEP.astype(np.int32)]
)
def test_values_are_kept(tmp_path, suffix, values):
    if suffix == "png" and values.dtype.itemsize == 4:
        suffix = "tif"  # PNG has at most 16 bits
    found = read(write(tmp_path / f"a.{suffix}", values))
    np.testing.assert_array_equal(found, values)
    assert found.dtype == (np.uint8 if values.dtype == np.uint8 else np.float32)


@pytest.mark.parametrize("compression", ["tiff_lzw", "tiff_adobe_deflate", "packbits"])
def test_compressed_tiff(tmp_path, compression):
    path = write(tmp_path / "a.tif", DEEP, compression=compression)
    np.testing.assert_array_equal(read(path), DEEP)


def tiff(values, order="little", photometric=1, *, states_sign=True, compressed=False):
    """Return a file with one strip of gray values, written without Pillow.

    The channels of values of three axes are planes, each with a strip of its own.
    """
    sample_format = {"u": 1, "i": 2, "f": 3}[values.dtype.kind]
    code = {"little": "<", "big": ">"}[order]
    planes = values if values.ndim == 3 else values[None]
    strips = [
        plane.astype(plane.dtype.newbyteorder(code)).tobytes() for plane in planes
    ]
    if compressed:
        strips = [zlib.compress(strip) for strip in strips]
    sizes = [len(strip) for strip in strips]
    starts = [8 + sum(sizes[:number]) for number in range(len(strips))]
    n_bits, (height, width) = 8 * values.itemsize, planes.shape[1:]
    tags = [(256, 3, [width]), (257, 3, [height]), (258, 3, [n_bits])]
    tags += [(259, 3, [8 if compressed else 1]), (262, 3, [photometric])]
    tags += [(273, 4, starts), (277, 3, [len(planes)]), (278, 3, [height])]
    tags += [(279, 4, sizes)]
    if len(planes) > 1:
        tags += [(284, 3, [2])]
    if states_sign:
        tags += [(339, 3, [sample_format])]
    content = {"little": b"II*\0", "big": b"MM\0*"}[order]
    data = b"".join(strips)
    more = {}  # values that do not fit into their tags
    for tag, _, stated in tags:
        if len(stated) > 1:
            more[tag] = 8 + len(data)
            data += struct.pack(f"{code}{len(stated)}I", *stated)
    content += struct.pack(f"{code}I", 8 + len(data)) + data
    content += struct.pack(f"{code}H", len(tags))
    for tag, kind, stated in tags:
        form = f"{code}HHI" + ("Hxx" if kind == 3 else "I")
        value = more.get(tag, stated[0])
        content += struct.pack(form, tag, kind, len(stated), value)
    return content + bytes(4)


@pytest.mark.parametrize(
    ("order", "photometric", "expected"),
    [("little", 1, DEEP), ("big", 1, DEEP), ("little", 0, 65535 - DEEP)],
)
def test_byte_orders_and_zero_as_white(tmp_path, order, photometric, expected):
    (tmp_path / "a.tif").write_bytes(tiff(DEEP, order, photometric))
    np.testing.assert_array_equal(read(tmp_path / "a.tif"), expected)


@pytest.mark.parametrize("order", ["little", "big"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int16, np.int32, np.float32])
def test_byte_orders_of_compressed_values(tmp_path, order, dtype):
    values = DEEP.astype(dtype) - 3
    (tmp_path / "a.tif").write_bytes(tiff(values, order, compressed=True))
    np.testing.assert_array_equal(read(tmp_path / "a.tif"), values.astype(np.float32))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_planes_of_colors(tmp_path, dtype):
    planes = COLOR.astype(dtype).transpose(2, 0, 1) << (
        8 * np.dtype(dtype).itemsize - 8
    )
    path = tmp_path / "a.tif"
    path.write_bytes(tiff(planes, photometric=2, compressed=True))
    np.testing.assert_array_equal(read(path), COLOR)
    path.write_bytes(tiff(planes, photometric=2))
    if dtype == np.uint8:
        np.testing.assert_array_equal(read(path), COLOR)
        return
    with pytest.raises(UnreadableFileError, match="has channels in separate planes"):
        read_raster(path)


def test_channels_that_are_not_colors_are_refused(tmp_path):
    image = Image.fromarray(np.stack([GRAY, GRAY], axis=-1), "LA")
    path = tmp_path / "a.tif"
    image.save(path)
    content = path.read_bytes()
    alpha, unspecified = (struct.pack("<HHIHxx", 338, 3, 1, n) for n in (2, 0))
    assert content.count(alpha) == 1
    path.write_bytes(content.replace(alpha, unspecified))
    with pytest.raises(UnreadableFileError, match="has 2 channels that are not colors"):
        read_raster(path)


@pytest.mark.parametrize("photometric", [0, 1])
@pytest.mark.parametrize("values", [GRAY, DEEP, DEEP.astype(np.float32)])
def test_zero_as_white_is_a_fact(tmp_path, values, photometric):
    (tmp_path / "a.tif").write_bytes(tiff(values, photometric=photometric))
    (image,) = read_raster(tmp_path / "a.tif")
    assert image.facts["inverted"] == (photometric == 0)
    darkest, lightest = np.argmin(image.values), np.argmax(image.values)
    order = [values.ravel()[darkest], values.ravel()[lightest]]
    assert (order == sorted(order)) == (photometric == 1)


@pytest.mark.parametrize("dtype", [np.int8, np.int16, np.int32, np.uint32])
def test_values_have_their_sign(tmp_path, dtype):
    ends = np.iinfo(dtype)
    values = np.array([[ends.min, 0, 1, ends.max]], dtype)
    (tmp_path / "a.tif").write_bytes(tiff(values))
    found = read(tmp_path / "a.tif")
    np.testing.assert_array_equal(found, values.astype(np.float32))
    assert found.dtype == np.float32


@pytest.mark.parametrize(
    ("dtype", "photometric"),
    [(np.uint8, 0), (np.uint8, 1), (np.uint16, 0), (np.uint16, 1), (np.uint32, 1)],
)
def test_values_are_unsigned_unless_the_file_states_a_sign(
    tmp_path, dtype, photometric
):
    values = np.array([[0, 1, np.iinfo(dtype).max]], dtype)
    content = tiff(values, photometric=photometric, states_sign=False)
    (tmp_path / "a.tif").write_bytes(content)
    expected = values if photometric else np.iinfo(dtype).max - values
    np.testing.assert_array_equal(read(tmp_path / "a.tif"), expected.astype(np.float32))


def test_floats_of_64_bits_are_named_in_the_error(tmp_path):
    (tmp_path / "a.tif").write_bytes(tiff(DEEP.astype(np.float64)))
    with pytest.raises(UnreadableFileError, match="gray values as floats of 32 bits"):
        read_raster(tmp_path / "a.tif")


def test_jpeg_and_its_orientation(tmp_path):
    smooth = np.add.outer(np.arange(64), 2 * np.arange(48)).astype(np.uint8)
    found = read(write(tmp_path / "a.jpg", smooth, quality=95))
    assert np.abs(found.astype(int) - smooth).max() <= 8
    exif = Image.Exif()
    exif[0x0112] = 6  # to be rotated by 90 degrees clockwise
    turned = read(write(tmp_path / "b.jpg", smooth, quality=95, exif=exif))
    np.testing.assert_array_equal(turned, np.rot90(found, -1))


def test_palettes_become_colors(tmp_path):
    image = Image.fromarray(COLOR).quantize(256)
    image.save(tmp_path / "a.png")
    np.testing.assert_array_equal(
        read(tmp_path / "a.png"), np.asarray(image.convert("RGB"))
    )


def test_transparent_pixels_become_black(tmp_path):
    alpha = np.array([[0, 255, 128, 255, 0]] * 6, np.uint8)
    expected = np.rint(COLOR * (alpha[..., None] / 255))
    found = read(write(tmp_path / "a.png", np.dstack([COLOR, alpha])))
    assert np.abs(found - expected).max() <= 1
    assert not found[:, [0, -1]].any()
    Image.merge("LA", (Image.fromarray(GRAY), Image.fromarray(alpha))).save(
        tmp_path / "b.png"
    )
    found = read(tmp_path / "b.png")
    assert np.abs(found - np.rint(GRAY * (alpha / 255))[..., None]).max() <= 1
    for gray in (GRAY, DEEP):
        path = write(tmp_path / "c.png", gray, transparency=int(gray[0, 0]))
        expected = np.where(gray == gray[0, 0], 0, gray)
        np.testing.assert_array_equal(read(path), expected)


@pytest.mark.parametrize("bits", [2, 4, 8])
def test_transparent_colors_become_black(tmp_path, bits):
    image = Image.fromarray(np.array([[0, 1, 2]], np.uint8), mode="P")
    image.putpalette([10, 20, 30, 40, 50, 60, 70, 80, 90])
    image.save(tmp_path / "a.png", bits=bits, transparency=1)
    expected = [[[10, 20, 30], [0, 0, 0], [70, 80, 90]]]
    assert read(tmp_path / "a.png").tolist() == expected
    color = COLOR.copy()
    path = write(tmp_path / "b.png", color, transparency=tuple(color[0, 0].tolist()))
    color[0, 0] = 0
    np.testing.assert_array_equal(read(path), color)


def png(rows, width, n_bits, color_type, *chunks):
    """Return a PNG file of packed rows, written without Pillow."""
    header = struct.pack(">IIBBBBB", width, len(rows), n_bits, color_type, 0, 0, 0)
    packed = zlib.compress(b"".join(b"\0" + row for row in rows))
    content = b"\x89PNG\r\n\x1a\n"
    for name, data in ((b"IHDR", header), *chunks, (b"IDAT", packed), (b"IEND", b"")):
        checksum = struct.pack(">I", zlib.crc32(name + data))
        content += struct.pack(">I", len(data)) + name + data + checksum
    return content


@pytest.mark.parametrize("n_bits", [1, 2, 4, 8])
@pytest.mark.parametrize("transparent", [0, 1])
def test_transparent_values_of_few_bits_become_black(tmp_path, n_bits, transparent):
    stored = (np.arange(16).reshape(2, 8) % 2**n_bits).astype(np.uint8)
    bits = np.unpackbits(stored[..., None], axis=-1)[..., -n_bits:]
    rows = [row.tobytes() for row in np.packbits(bits.reshape(2, -1), axis=1)]
    chunk = (b"tRNS", struct.pack(">H", transparent))
    (tmp_path / "a.png").write_bytes(png(rows, 8, n_bits, 0, chunk))
    expected = np.where(stored == transparent, 0, stored * (255 // (2**n_bits - 1)))
    np.testing.assert_array_equal(read(tmp_path / "a.png"), expected)


def test_gray_of_16_bits_with_alpha_is_refused(tmp_path):
    values = np.dstack([DEEP, np.full_like(DEEP, 65535)]).astype(">u2")
    content = png([row.tobytes() for row in values], DEEP.shape[1], 16, 4)
    (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(UnreadableFileError, match=r"16 bits with .* Convert it to gr"):
        read_raster(tmp_path / "a.png")


def test_a_transparent_color_of_16_bits_is_refused(tmp_path):
    values = np.array([[0x1234, 0x5678, 0x9ABC, 0x3434, 0x7878, 0xBCBC]], ">u2")
    chunk = (b"tRNS", values[0, :3].tobytes())
    for name, chunks in (("a.png", [chunk]), ("b.png", [])):
        content = png([row.tobytes() for row in values], 2, 16, 2, *chunks)
        (tmp_path / name).write_bytes(content)
    with pytest.raises(UnreadableFileError, match="16 bits of which one is transparen"):
        read_raster(tmp_path / "a.png")
    found = read(tmp_path / "b.png")
    np.testing.assert_array_equal(found, [[[0x12, 0x56, 0x9A], [0x34, 0x78, 0xBC]]])


def test_bits_are_black_and_white(tmp_path):
    Image.fromarray(GRAY > 100).save(tmp_path / "a.png")
    np.testing.assert_array_equal(
        read(tmp_path / "a.png"), np.where(GRAY > 100, 255, 0)
    )


def test_pages_of_a_tiff_are_images(tmp_path):
    pages = [Image.fromarray(GRAY), Image.fromarray(DEEP), Image.fromarray(COLOR)]
    pages[0].save(tmp_path / "a.tif", save_all=True, append_images=pages[1:])
    found = read_raster(tmp_path / "a.tif")
    for page, (image, values) in enumerate(
        zip(found, (GRAY, DEEP, COLOR), strict=True)
    ):
        np.testing.assert_array_equal(image.values, values)
        assert image.facts == {"format": "TIFF", "frame": page, "inverted": False}


def test_stacks_of_one_page_are_refused(tmp_path):
    stated = "ImageJ=1.54f\nimages=3\nslices=3\nloop=false\n"
    path = write(tmp_path / "a.tif", DEEP, tiffinfo={270: stated})
    with pytest.raises(UnreadableFileError, match="a stack of 3 images of ImageJ with"):
        read_raster(path)
    pages = [Image.fromarray(DEEP + number) for number in range(3)]
    more = {"save_all": True, "append_images": pages[1:], "tiffinfo": {270: stated}}
    pages[0].save(path, **more)
    assert [image.values[0, 0] - DEEP[0, 0] for image in read_raster(path)] == [0, 1, 2]
    write(path, DEEP, tiffinfo={270: "images=3"})
    np.testing.assert_array_equal(read(path), DEEP)


@pytest.mark.parametrize("kind", [1, 4])
def test_smaller_copies_and_masks_are_not_images(tmp_path, kind):
    page, other = Image.fromarray(DEEP), Image.fromarray(DEEP[::2, ::2])
    other.encoderinfo = {"tiffinfo": {254: kind}}
    path = tmp_path / "a.tif"
    page.save(path, save_all=True, append_images=[other, page])
    found = read_raster(path)
    assert [image.facts["frame"] for image in found] == [0, 2]
    for image in found:
        np.testing.assert_array_equal(image.values, DEEP)
    write(path, DEEP, tiffinfo={254: kind})  # a copy of nothing in the file
    np.testing.assert_array_equal(read(path), DEEP)


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
@pytest.mark.parametrize("suffix", ["png", "jpg", "tif"])
def test_truncated_files_are_errors(tmp_path, suffix):
    path = write(tmp_path / f"a.{suffix}", rng.integers(0, 256, (64, 64), np.uint8))
    whole = path.read_bytes()
    for length in (12, len(whole) // 3, len(whole) // 2):
        path.write_bytes(whole[:length])
        with pytest.raises(UnreadableFileError, match="is a damaged, truncated"):
            read_raster(path)


def test_a_page_without_a_width_is_an_error(tmp_path):
    page = Image.fromarray(GRAY)
    path = write(tmp_path / "a.tif", GRAY, save_all=True, append_images=[page])
    whole = path.read_bytes()
    last = whole.rindex(struct.pack("<HHI", 256, 4, 1))  # tag of the width
    path.write_bytes(whole[:last] + struct.pack("<H", 255) + whole[last + 2 :])
    with pytest.raises(UnreadableFileError, match="damaged, truncated or unsupp"):
        read_raster(path)


def test_bombs_are_errors(tmp_path, monkeypatch):
    path = write(tmp_path / "a.png", np.zeros((50, 50), np.uint8))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    with pytest.raises(UnreadableFileError, match="has more than 2000 pixels"):
        read_raster(path)


def test_other_formats_of_pillow_are_not_parsed(tmp_path):
    write(tmp_path / "a.bmp", GRAY).rename(tmp_path / "a.png")
    with pytest.raises(UnreadableFileError, match="is a damaged, truncated"):
        read_raster(tmp_path / "a.png")
