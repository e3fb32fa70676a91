"""Whatever lies in a scanner folder is either read right or refused with a reason that names it."""

import io
import os
import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image, ImageOps

from core.errors import IncompleteInputError, InputError
from inspection.flex import images
from inspection.flex.images import decode, read_image

LIMIT = 64.0


def picture(height: int = 60, width: int = 90) -> np.ndarray:
    """A smooth picture with a different colour in each corner."""
    y, x = np.mgrid[0 : 1 : height * 1j, 0 : 1 : width * 1j]
    return np.dstack([255 * x, 255 * y, 255 * (1 - x)]).astype(np.uint8)


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def refused(content: bytes) -> str:
    with pytest.raises(InputError) as caught:
        decode(content, "board.xyz", LIMIT)
    assert str(caught.value).startswith("board.xyz: ")
    return caught.value.reason


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "BMP"])
def test_lossless_formats_come_back_exactly(kind: str) -> None:
    np.testing.assert_array_equal(decode(encoded(Image.fromarray(picture()), kind), "a", LIMIT), picture())


def test_jpeg_comes_back_as_rgb() -> None:
    out = decode(encoded(Image.fromarray(picture()), "JPEG", quality=98, subsampling=0), "a", LIMIT)
    assert np.abs(out.astype(int) - picture()).mean() < 2


def test_grey_palette_bilevel_and_opaque_alpha_become_rgb() -> None:
    grey = Image.fromarray(picture()).convert("L")
    for image in (grey, grey.convert("P"), grey.convert("LA"), grey.convert("RGBA")):
        out = decode(encoded(image, "PNG"), "a", LIMIT)
        np.testing.assert_array_equal(out, np.asarray(grey)[..., None].repeat(3, 2))
    assert set(np.unique(decode(encoded(grey.convert("1"), "PNG"), "a", LIMIT))) == {0, 255}


def test_transparent_pixels_are_black() -> None:
    rgba = np.dstack([picture(), np.full((60, 90), 255, np.uint8)])
    rgba[:30, :, 3] = 0
    out = decode(encoded(Image.fromarray(rgba), "PNG"), "a", LIMIT)
    assert out[:30].max() == 0
    np.testing.assert_array_equal(out[30:], picture()[30:])


def test_cmyk_jpeg_is_close_to_its_rgb() -> None:
    out = decode(encoded(Image.fromarray(picture()).convert("CMYK"), "JPEG", quality=98), "a", LIMIT)
    assert np.abs(out.astype(int) - picture()).mean() < 4


@pytest.mark.parametrize(("top", "bits"), [(4095, 12), (65535, 16)])
@pytest.mark.parametrize("suffix", [".png", ".tiff"])
def test_deep_pixels_keep_their_range(top: int, bits: int, suffix: str) -> None:
    deep = (picture().astype(np.float64) / 255 * top).round().astype(np.uint16)
    for values, expected in ((deep, picture()), (deep[..., 0], picture()[..., :1].repeat(3, 2))):
        stored = values[..., ::-1] if values.ndim == 3 else values
        out = decode(cv2.imencode(suffix, stored)[1].tobytes(), f"{bits} bits", LIMIT)
        assert np.abs(out.astype(int) - expected).max() <= 1


def test_float_pixels_are_refused() -> None:
    assert "floating-point" in refused(encoded(Image.fromarray(picture()[..., 0].astype(np.float32)), "TIFF"))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF"])
def test_exif_orientation_is_applied_as_pillow_does(orientation: int, kind: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    content = encoded(Image.fromarray(picture()), kind, exif=exif)
    with Image.open(io.BytesIO(content)) as opened:
        expected = np.asarray(ImageOps.exif_transpose(opened).convert("RGB"))
    out = decode(content, "a", LIMIT)
    assert out.shape == expected.shape
    assert np.abs(out.astype(int) - expected).mean() < 2
    assert out.flags.c_contiguous


def test_truncated_files_are_refused() -> None:
    for kind in ("JPEG", "PNG", "TIFF"):
        content = encoded(Image.fromarray(picture(400, 600)), kind)
        for share in (0.3, 0.6, 0.95):
            refused(content[: int(len(content) * share)])


def test_a_jpeg_whose_rest_is_zeros_is_refused() -> None:
    """A copy that reserved its space before it was cut off."""
    content = encoded(Image.fromarray(picture(600, 900)), "JPEG", quality=95)
    half = len(content) // 2
    assert "truncated" in refused(content[:half] + bytes(len(content) - half))


def test_a_jpeg_with_a_trailer_is_read() -> None:
    content = encoded(Image.fromarray(picture()), "JPEG")
    assert decode(content + b"\x00\x00", "a", LIMIT).shape == (60, 90, 3)
    assert decode(content + b"SEFT trailer of a phone", "a", LIMIT).shape == (60, 90, 3)


@pytest.mark.parametrize(
    "content", [b"hello, I am a text", b"<svg/>", b"\x89PNG\r\n\x1a\n", b"II*\x00", b"MM\x00*\xff"]
)
def test_what_is_no_image_is_refused(content: bytes) -> None:
    refused(content)


def test_a_single_pixel_is_too_small() -> None:
    assert "1x1" in refused(encoded(Image.new("RGB", (1, 1)), "PNG"))


def bomb_png(side: int) -> bytes:
    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


@pytest.mark.parametrize("side", [8001, 11000, 30000])
def test_a_huge_header_is_refused_before_memory_is_taken(side: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image.Image, "load", lambda *_: pytest.fail("decoded a bomb"))
    monkeypatch.setattr(cv2, "imdecode", lambda *_: pytest.fail("decoded a bomb"))
    assert "megapixels" in refused(bomb_png(side))


def test_a_huge_deep_tiff_is_refused_before_memory_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    content = bytearray(cv2.imencode(".tiff", np.zeros((40, 50, 3), np.uint16))[1].tobytes())
    assert decode(bytes(content), "a", LIMIT).shape == (40, 50, 3)
    directory = struct.unpack_from("<I", content, 4)[0]
    for entry in range(struct.unpack_from("<H", content, directory)[0]):
        at = directory + 2 + 12 * entry
        if struct.unpack_from("<H", content, at)[0] in {256, 257}:
            struct.pack_into("<HHII", content, at, struct.unpack_from("<H", content, at)[0], 4, 1, 30000)
    monkeypatch.setattr(cv2, "imdecode", lambda *_: pytest.fail("decoded a bomb"))
    assert "megapixels" in refused(bytes(content))


def test_a_tiff_with_two_boards_is_refused_but_a_thumbnail_is_not() -> None:
    board, small = Image.fromarray(picture()), Image.fromarray(picture(12, 18))
    np.testing.assert_array_equal(
        decode(encoded(board, "TIFF", save_all=True, append_images=[small]), "a", LIMIT), picture()
    )
    assert "2 full pages" in refused(encoded(board, "TIFF", save_all=True, append_images=[board]))


def test_damaged_bytes_never_raise_anything_else() -> None:
    rng = np.random.default_rng(3)
    for kind in ("JPEG", "PNG", "TIFF", "BMP"):
        content = np.frombuffer(encoded(Image.fromarray(picture()), kind), np.uint8)
        for _ in range(60):
            damaged = content.copy()
            at = rng.integers(0, min(len(damaged), 400), 6)
            damaged[at] = rng.integers(0, 256, 6)
            try:
                out = decode(damaged.tobytes(), "a", LIMIT)
            except InputError:
                continue
            assert out.ndim == 3
            assert out.dtype == np.uint8


def test_names_with_spaces_and_any_letters(tmp_path: Path) -> None:
    for name in ("board 1 ü 基板.png", os.fsdecode(b"latin\xfc.png")):
        path = tmp_path / name
        Image.fromarray(picture()).save(path)
        np.testing.assert_array_equal(read_image(path, LIMIT), picture())
        path.write_bytes(b"no")
        with pytest.raises(InputError) as caught:
            read_image(path, LIMIT)
        str(caught.value).encode()  # printable everywhere


def test_folders_devices_empty_and_absent_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "empty.png").touch()
    os.mkfifo(tmp_path / "pipe.png")
    cases = {tmp_path: "is a folder", tmp_path / "empty.png": "is empty", tmp_path / "none.png": "does not exist"}
    for path, reason in {**cases, tmp_path / "pipe.png": "is not a plain file"}.items():
        with pytest.raises(InputError, match=reason):
            read_image(path, LIMIT)


def test_a_file_larger_than_any_image_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "big.tif"
    with path.open("wb") as file:
        file.truncate(int(2e9))
    with pytest.raises(InputError, match="2000 MB"):
        read_image(path, LIMIT)


def test_permission_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "secret.png"
    Image.fromarray(picture()).save(path)

    def deny(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", deny)
    with pytest.raises(InputError, match=r"secret\.png: permission denied"):
        read_image(path, LIMIT)


def test_a_file_that_grows_while_it_is_read_is_incomplete(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "growing.png"
    Image.fromarray(picture()).save(path)
    real_open = Path.open

    def grow(self: Path, mode: str = "r") -> object:
        with real_open(self, "ab") as file:
            file.write(b"more")
        return real_open(self, mode)

    monkeypatch.setattr(images.Path, "open", grow)
    with pytest.raises(IncompleteInputError, match="changed while it was read"):
        read_image(path, LIMIT)
