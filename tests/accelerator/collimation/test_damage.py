"""Files of every format, damaged at random: each is read into finite patterns, or refused with its name and reason."""

import io
import json
import random

import numpy as np
import pytest

from accelerator.collimation import parquet
from accelerator.collimation.lossmap import pattern
from accelerator.collimation.quantities import measurements
from accelerator.collimation.reading import read_file
from core.errors import InputError
from core.settings import Settings
from tests.accelerator.collimation.made_files import T0, block, blown_up, chambers, lossmap_json, vector_block

TOKENS = (b"nan", b"1e400", b"-1", b"null", b'""', b"[]", b"{}", b"true", b"9" * 20, b"\n", b",", b"\x00", b"\xff")


def whole(kind, tmp_path):
    if kind == "json":
        return json.dumps(lossmap_json()).encode()
    if kind == "timber":
        (tmp_path / "monitors.csv").write_text("\n".join(chambers(12)))
        return (vector_block(blown_up(1, "H", count=12)) + block("HX:BMODE", [T0 - 5], ["FLATTOP"])).encode()
    if kind == "parquet":
        parquet.write(tmp_path / "whole", blown_up(1, "H", count=12, beam_mode="STABLE"))
        return (tmp_path / "whole").read_bytes()
    file = io.BytesIO()
    np.savez(file, time_unix_s=T0 + np.arange(3.0), monitor=np.array(chambers(2)), signal_gy_per_s=np.ones((3, 2)))
    return file.getvalue()


def damaged(content, rng):
    """One to five bytes changed, pieces cut out, put in or doubled, or the end cut off."""
    raw = bytearray(content)
    for _ in range(rng.randint(1, 5)):
        at, what = rng.randrange(len(raw) + 1), rng.randrange(5)
        if what == 0 and at < len(raw):
            raw[at] = rng.randrange(256)
        elif what == 1:
            raw[at : at + rng.randint(0, 30)] = b""
        elif what == 2:
            raw[at : at + rng.randint(0, 12)] = rng.choice(TOKENS)
        elif what == 3:
            raw = raw[:at]
        else:
            raw[at:at] = raw[max(0, at - 100) : at]
    return bytes(raw)


@pytest.mark.parametrize("kind", ["json", "timber", "parquet", "npz"])
def test_damaged_files_are_read_or_refused(kind, tmp_path):
    content, rng = whole(kind, tmp_path), random.Random(7)
    path, reasons = tmp_path / "damaged", []
    for _ in range(150):
        path.write_bytes(damaged(content, rng))
        try:
            seen = read_file(path, Settings())
        except InputError as error:
            reasons.append(str(error))
            continue
        for beam in (1, 2):
            found = pattern(seen, beam)
            assert np.isfinite(found.values).all()
            assert np.isfinite(found.sigma).all()
            measurements(seen, found)
        assert all(array.dtype.kind != "O" for array in seen.payload.values())
    assert reasons
    assert all(reason.startswith(str(tmp_path)) for reason in reasons)
