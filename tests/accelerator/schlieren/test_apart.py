"""Event files are read in a process of their own: what it returns, what it survives, and that it is replaced."""

import os
import signal
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime

import h5py
import numpy as np
import pytest

from accelerator.schlieren.events.apart import Reader
from accelerator.schlieren.events.reading import read_event
from accelerator.schlieren.events.record import from_bytes, to_bytes
from accelerator.schlieren.events.writing import EventToWrite, write_event
from core.errors import InputError
from core.settings import load_settings

STAMP = int(datetime(2026, 6, 1, 8, 0, tzinfo=UTC).timestamp()) * 1_000_000_000
CAMERA = "AwakeEventData/BOVWA.11TCC4.AWAKECAM11/ExtractionImage"
SETTINGS = load_settings().schlieren
VALUES = {"density_up": 4.1e14, "density_down": np.nan, "detuning": -60.0, "laser_energy": 0.12}


def event(folder, change=None, side=16):
    pixels = (np.arange(side * side).reshape(side, side) % 4000).astype(np.int16)
    path = write_event(folder, EventToWrite(167, 838, STAMP, pixels, VALUES), SETTINGS)
    if change:
        with h5py.File(path, "r+") as file:
            change(file)
    return path.read_bytes()


@pytest.fixture(scope="module")
def reader():
    one = Reader(os.getpid())
    yield one
    one.close()


def told(record):
    return repr((record.run, record.event, record.stamp_ns, record.camera, record.camera_delay_s, record.readings))


def test_a_record_crosses_over_unchanged(tmp_path):
    here = read_event(event(tmp_path), "x", SETTINGS)
    there = from_bytes(to_bytes(here))
    assert told(there) == told(here)
    assert there.readings["density_down"].value != there.readings["density_down"].value  # NaN stays NaN
    assert np.array_equal(there.pixels, here.pixels)
    for wrong in (b"", b"\x05\x00\x00\x00{}", to_bytes(here)[:-1], b"\x02\x00\x00\x00[]"):
        with pytest.raises(ValueError, match=r"no event|reshape|JSON|buffer"):
            from_bytes(wrong)


def test_one_process_reads_many_files_as_this_one_would(tmp_path, reader):
    content = event(tmp_path)
    first = reader.read(content, "x", SETTINGS)
    process = reader.process
    second = reader.read(content, "x", SETTINGS)
    assert reader.process == process != os.getpid()
    assert told(first) == told(second) == told(read_event(content, "x", SETTINGS))
    with pytest.raises(InputError, match=r"^/a/b\.h5: is truncated"):
        reader.read(content[:1000], "/a/b.h5", SETTINGS)
    assert reader.process == process


def test_a_process_that_was_ended_is_replaced(tmp_path, reader):
    content = event(tmp_path)
    reader.read(content, "x", SETTINGS)
    before = reader.process
    os.kill(before, signal.SIGKILL)
    assert reader.read(content, "x", SETTINGS).run == 167
    assert reader.process != before


def test_a_file_over_which_the_process_hangs_is_refused(tmp_path):
    content, one = event(tmp_path), Reader(os.getpid(), 0.05)
    one.read(content, "x", SETTINGS)
    before = one.process
    os.kill(before, signal.SIGSTOP)
    with pytest.raises(InputError, match="x: takes too long to read"):
        one.read(content, "x", SETTINGS)
    with pytest.raises(ProcessLookupError):
        os.kill(before, 0)
    assert one.read(content, "x", SETTINGS).run == 167
    one.close()


@pytest.mark.parametrize(
    ("harm", "ends"),
    [("bytearray(1 << 30)", 1), ("sum(1 for _ in iter(int, 1))", -signal.SIGXCPU)],
)
def test_the_kernel_limits_memory_and_time(harm, ends):
    code = f"from accelerator.schlieren.events import child\nchild._limit(1, 1 << 28)\nbytearray(1 << 26)\n{harm}"
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True, timeout=60)
    assert done.returncode == ends
    assert ends != 1 or "MemoryError" in done.stderr


def test_links_that_go_round_are_no_trouble(tmp_path, reader):
    def change(file):
        data = file["AwakeEventData"]
        data["ROUND"] = data
        data["ROUND2"] = file["/"]
        del data["BOVWA.11TCC4.AWAKECAM11"]
        data["BOVWA.11TCC4.AWAKECAM11"] = data

    with pytest.raises(InputError, match=r"ExtractionImage: is missing"):
        reader.read(event(tmp_path, change), "x", SETTINGS)


def test_what_unpacks_to_much_more_than_its_size_stays_within_limits(tmp_path, reader):
    def change(file):
        group = file[CAMERA]
        del group["imageRawData"], group["height"], group["width"]
        group.create_dataset("imageRawData", (4000, 3999), np.int16, compression="gzip", chunks=(4000, 3999))

    content = event(tmp_path, change)
    assert len(content) < 200_000
    assert reader.read(content, "x", SETTINGS).pixels.shape == (4000, 3999)

    def announce(file):
        change(file)
        table = file["AwakeEventData/TSG41.AWAKE-DENSITY-DATA/ValueAcquisition"]
        del table["floatValue"]
        table.create_dataset("floatValue", (1 << 40,), np.float64, compression="gzip", chunks=(1 << 20,))

    record = reader.read(event(tmp_path, announce), "x", SETTINGS)
    assert "MB, more than" in record.readings["density_up"].missing


def damaged(whole, rng):
    """Bytes that are changed, zeroed, filled, copied over each other, or cut off."""
    content = bytearray(whole)
    kind = rng.integers(5)
    if kind == 0:
        for at in rng.integers(0, len(content), int(rng.integers(1, 20))):
            content[at] = int(rng.integers(256))
        return bytes(content)
    at, length = int(rng.integers(len(content) - 64)), int(rng.choice([1, 2, 4, 8, 64]))
    if kind == 4:
        return bytes(content[:at])
    source = int(rng.integers(len(content) - 64))
    fill = {1: b"\0" * length, 2: b"\xff" * length, 3: bytes(content[source : source + length])}
    content[at : at + length] = fill[int(kind)]
    return bytes(content)


def test_damaged_files_are_read_or_refused_and_harm_none_after_them(tmp_path):
    whole, rng, seen, one = event(tmp_path), np.random.default_rng(5), Counter(), Reader(os.getpid())
    expected, processes = told(one.read(whole, "x", SETTINGS)), set()
    for _ in range(600):
        try:
            one.read(damaged(whole, rng), "x", SETTINGS)
            seen["read"] += 1
        except InputError as error:
            seen["refused" if error.origin == "x" else "elsewhere"] += 1
        processes.add(one.process)
    assert set(seen) == {"read", "refused"}
    assert min(seen["read"], seen["refused"]) > 100
    assert len(processes - {None}) > 1  # replaced after a hundred that were refused
    assert told(one.read(whole, "x", SETTINGS)) == expected
    one.close()


def test_a_program_that_has_read_damaged_files_comes_to_its_end(tmp_path):
    path = tmp_path / "event.h5"
    path.write_bytes(event(tmp_path)[:3000])
    code = (
        "import sys\nfrom pathlib import Path\nfrom core.settings import load_settings\n"
        "from accelerator.schlieren.observing import read_file\nfrom core.errors import InputError\n"
        "for _ in range(20):\n    try:\n        read_file(Path(sys.argv[1]), load_settings())\n"
        "    except InputError as error:\n        print(error)\n"
        "assert 'h5py' not in sys.modules\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], check=False, capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert len(done.stdout.splitlines()) == 20
