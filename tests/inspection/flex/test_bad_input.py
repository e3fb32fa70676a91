"""Every bad input of the issue, through the source as a watch uses it: a reason that names the file, or it is read."""

import io
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.clock import SystemClock
from core.errors import InputError
from core.settings import Settings
from inspection.flex.source import FolderSource
from tests.inspection.flex.test_images import bomb_png, encoded, picture


def board() -> Image.Image:
    return Image.fromarray(picture(200, 300))


def jpeg(**options: object) -> bytes:
    return encoded(board(), "JPEG", **options)


BAD = {
    "truncated.jpg": (jpeg()[:2000], "truncated"),
    "zero bytes.png": (b"", "empty"),
    "text.png": (b"this is a text", "not a JPEG"),
    "pixel.png": (encoded(Image.new("RGB", (1, 1)), "PNG"), "too small"),
    "bomb.png": (bomb_png(30000), "megapixels"),
    "基板 ü.tif": (b"II*\x00nonsense", "not a JPEG|cannot be decoded"),
}
USABLE = {
    "grey.png": encoded(board().convert("L"), "PNG"),
    "cmyk.jpg": encoded(board().convert("CMYK"), "JPEG"),
    "alpha.png": encoded(board().convert("RGBA"), "PNG"),
    "deep.png": encoded(Image.fromarray(np.arange(6400, dtype=np.uint16).reshape(80, 80) * 10), "PNG"),
    "name with  spaces ü 基板.jpg": jpeg(),
    "png named.jpg": encoded(board(), "PNG"),
}


@pytest.fixture
def source(tmp_path: Path) -> FolderSource:
    for name, content in {**{name: content for name, (content, _) in BAD.items()}, **USABLE}.items():
        (tmp_path / name).write_bytes(content)
        os.utime(tmp_path / name, (1.7e9, 1.7e9))
    return FolderSource(Settings(flex={"inbox": tmp_path}), SystemClock())


def test_each_file_is_read_or_refused_with_its_name(source: FolderSource) -> None:
    arrivals = {Path(arrival.origin).name: arrival for arrival in source.arrivals(lambda _: set())}
    assert arrivals.keys() == BAD.keys() | USABLE.keys()
    for name, (_, reason) in BAD.items():
        with pytest.raises(InputError, match=reason) as caught:
            source.read(arrivals[name])
        assert name in str(caught.value)
    for name in USABLE:
        image = source.read(arrivals[name]).payload["image"]
        assert image.ndim == 3
        assert image.dtype == np.uint8


def test_a_file_still_being_written_is_left_alone_and_then_read_whole(tmp_path: Path) -> None:
    content, path = jpeg(quality=95), tmp_path / "slow.jpg"
    source = FolderSource(Settings(flex={"inbox": tmp_path, "settle_s": 0.3}), SystemClock())
    for end in (500, len(content) // 2, len(content)):
        path.write_bytes(content[:end])
        assert list(source.arrivals(lambda _: set())) == []
    os.utime(path, (1.7e9, 1.7e9))
    (arrival,) = source.arrivals(lambda _: set())
    with Image.open(io.BytesIO(content)) as whole:
        assert source.read(arrival).payload["image"].shape[:2] == whole.size[::-1]
