"""Event files: the layout of the real inventories, freshness of instruments, and files that mean harm."""

import csv
import io
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import h5py
import numpy as np
import pytest

from accelerator.schlieren.events.hdf5 import find, opened, read_array
from accelerator.schlieren.events.layout import Address, file_name, numbers_in_name, parse_address, parse_camera
from accelerator.schlieren.events.writing import EventToWrite, write_event
from accelerator.schlieren.observing import read_file
from core.clock import ManualClock
from core.errors import InputError, SettingsError
from core.settings import SchlierenSettings, load_settings

AT = datetime(2026, 6, 1, 8, 0, tzinfo=UTC)
STAMP = int(AT.timestamp()) * 1_000_000_000
CAMERA = "AwakeEventData/BOVWA.11TCC4.AWAKECAM11/ExtractionImage"
TABLE = "AwakeEventData/TSG41.AWAKE-DENSITY-DATA/ValueAcquisition"
VALUES = {
    "density_up": 4.1e14,
    "density_down": 4.0e14,
    "density_set": 4.0e14,
    "detuning": -60.0,
    "detuning_set": -61.0,
    "laser_energy": 0.12,
}
SETTINGS = load_settings()


def picture(rows=40, columns=64):
    return (np.arange(rows * columns).reshape(rows, columns) % 4000).astype(np.int16)


def written(folder, change=None, **given):
    event = EventToWrite(
        **{"run": 167, "event": 838, "stamp_ns": STAMP, "pixels": picture(), "values": VALUES, **given}
    )
    path = write_event(folder, event, SETTINGS.schlieren)
    if change:
        with h5py.File(path, "r+") as file:
            change(file)
    return path


def read(path, **settings):
    settings = load_settings(schlieren=SchlierenSettings(**settings))
    return read_file(path, settings, ManualClock(AT + timedelta(minutes=1)))


def refused(path, match, **settings):
    with pytest.raises(InputError, match=match) as caught:
        read(path, **settings)
    assert str(path) in str(caught.value)


def test_an_event_comes_back_as_it_was_written(tmp_path):
    path = written(tmp_path)
    assert path.name == f"{STAMP}_167_838.h5"
    seen = read(path)
    assert seen.element == "BOVWA.11TCC4.AWAKECAM11"
    assert seen.key.startswith("167_838_")
    assert seen.observed_at == AT
    assert np.array_equal(seen.payload["image"], picture())
    assert seen.payload["image"].dtype == np.uint16
    expected = {
        "run": 167,
        "event": 838,
        "density_up_cm3": 4.1e14,
        "density_down_cm3": 4.0e14,
        "density_cm3": 4.0e14,
        "density_set_cm3": 4.0e14,
        "detuning_ghz": -60.0,
        "detuning_set_ghz": -61.0,
        "laser_energy_mj": pytest.approx(120, rel=1e-6),
        "camera_delay_s": 0.5,
        "stale": "",
        "missing": "",
        "notes": "",
        "height": 40,
        "width": 64,
        "mask": "knife",
        "pixel_um": 31.25,
    }
    assert {name: seen.conditions[name] for name in expected} == expected


def test_the_layout_is_that_of_the_inventory(tmp_path):
    """Types and places of all that the writer writes are those of the file of 2018-11-11; texts vary in length."""
    inventory = (
        Path(__file__).resolve().parents[4] / "shared/data/awake/event_1541962108935000000_167_838_inventory.csv"
    )
    if not inventory.is_file():
        pytest.skip("the inventories are not part of the repository")
    with inventory.open(newline="") as file:
        real = {row["Name"]: row for row in csv.DictReader(file)}
    with h5py.File(written(tmp_path)) as file:
        mine = {}
        file.visititems(lambda name, item: mine.update({f"/{name}": item}) if isinstance(item, h5py.Dataset) else None)
        types = {name: str(item.dtype) for name, item in mine.items()}
    shared = [name for name in types if name in real]
    assert len(shared) >= 10
    for name in shared:
        told = real[name]["Dataset dtype"]
        assert types[name] == told or types[name][:2] == told[:2] == "|S", name
    assert not [name for name in types if name not in real and "GUI-SUPPORT" not in name]


def test_pictures_of_two_axes_are_read_too(tmp_path):
    def change(file):
        group = file[CAMERA]
        del group["imageRawData"], group["height"], group["width"]
        group["imageRawData"] = picture()

    assert np.array_equal(read(written(tmp_path, change)).payload["image"], picture())


def test_older_cameras_are_stamped_by_a_field(tmp_path):
    def change(file):
        del file[CAMERA].attrs["acqStamp"]
        file[CAMERA]["imageTimeStamp"][0] = STAMP + 3_000_000_000

    assert read(written(tmp_path, change)).conditions["camera_delay_s"] == 3


@pytest.mark.parametrize(
    ("delays", "stale"),
    [
        ({}, ""),
        ({"camera": 10.0}, ""),
        ({"camera": 10.5}, "camera"),
        ({"camera": -0.1}, "camera"),
        ({"camera": -7200.0}, "camera"),
        ({"laser_energy": -1.0}, "laser_energy"),
        ({"density_set": -9.0}, ""),
        ({"density_set": 12.0}, "density_up, density_down, density_set"),  # one table, one stamp
    ],
)
def test_what_is_stamped_outside_its_window_is_stale(tmp_path, delays, stale):
    conditions = read(written(tmp_path, delays_s=delays)).conditions
    assert conditions["stale"] == stale
    assert bool(stale) == bool(conditions["notes"])


def test_what_has_no_stamp_is_stale(tmp_path):
    def change(file):
        del file[CAMERA].attrs["acqStamp"], file[CAMERA]["imageTimeStamp"]

    conditions = read(written(tmp_path, change)).conditions
    assert conditions["stale"] == "camera"
    assert conditions["camera_delay_s"] is None


def test_missing_instruments_are_named_and_the_picture_read(tmp_path):
    conditions = read(written(tmp_path, values={"density_down": 4e14})).conditions
    assert conditions["missing"] == "density_up, density_set, detuning, detuning_set, laser_energy"
    assert conditions["detuning_ghz"] is None
    assert conditions["density_cm3"] == 4e14


@pytest.mark.parametrize(
    ("name", "value", "condition"),
    [
        ("detuning", 0.0, "detuning_ghz"),
        ("detuning", np.nan, "detuning_ghz"),
        ("density_down", np.nan, "density_down_cm3"),
        ("density_down", -1e14, "density_down_cm3"),
        ("density_up", np.inf, "density_up_cm3"),
        ("laser_energy", np.nan, "laser_energy_mj"),
    ],
)
def test_impossible_readings_are_told_and_not_used(tmp_path, name, value, condition):
    conditions = read(written(tmp_path, values={**VALUES, name: value})).conditions
    assert conditions[condition] is None
    assert condition in str(conditions["notes"])
    assert name == "detuning" or conditions["density_cm3"] is not None


def test_overflown_pixels_are_read_as_unsigned(tmp_path):
    pixels = picture()
    pixels[3, 4:7] = [-1, -32768, 5000]
    seen = read(written(tmp_path, pixels=pixels))
    assert seen.payload["image"][3, 4:7].tolist() == [65535, 32768, 5000]
    assert seen.conditions["beyond_bits"] == 3
    assert "2 pixels overflow int16" in str(seen.conditions["notes"])


def test_a_clock_ahead_is_told(tmp_path):
    seen = read(written(tmp_path, stamp_ns=STAMP + 3600 * 10**9))
    assert seen.conditions["clock_ahead"] is True
    assert seen.observed_at == AT + timedelta(minutes=1)
    assert "future" in str(read(written(tmp_path, stamp_ns=2**63 - 10**10)).conditions["notes"])


def test_a_camera_of_another_size_is_told(tmp_path):
    conditions = read(written(tmp_path), camera_rows_columns=(256, 256)).conditions
    assert conditions["wrong_size"] is True
    assert "40 x 64 pixels instead of 256 x 256" in str(conditions["notes"])


def test_another_camera_is_named(tmp_path):
    refused(written(tmp_path), "cameras in the file: BOVWA.11TCC4", camera="BOVWA.02TCC4.AWAKECAM02/ExtractionImage")


def test_readings_by_path_and_element(tmp_path):
    def change(file):
        file["AwakeEventData/OTHER/Acq/values"] = np.array([1e14, 2e14], np.float64)

    conditions = read(written(tmp_path, change), density_down="OTHER/Acq/values[1]").conditions
    assert conditions["density_down_cm3"] == 2e14
    assert conditions["stale"] == "density_down"  # it has no stamp
    missing = read(written(tmp_path, change), density_down="OTHER/Acq/values[7]").conditions
    assert missing["density_down_cm3"] is None
    assert "density_down" in str(missing["missing"])


def test_addresses_are_checked():
    assert parse_address("A/B/C[3]") == Address("A", ("B", "C"), 3)
    assert parse_address("T[NAME]").stamped == ("T", "ValueAcquisition")
    assert parse_camera("A/B") == ("A", "B")
    assert numbers_in_name("1541962108935000000_167_838") == (167, 838)
    assert file_name(1541962108935000000, 167, 838) == "1541962108935000000_167_838.h5"
    assert numbers_in_name("holiday") is None
    for wrong in ("A", "A/B", "A/B/C[x]", "", "A/B/C/D", "A[]", "A//C"):
        with pytest.raises(SettingsError):
            parse_address(wrong)
    with pytest.raises(SettingsError):
        parse_camera("A/B/C")


def replace_pixels(**given):
    def change(file):
        del file[CAMERA]["imageRawData"]
        file[CAMERA].create_dataset("imageRawData", **given)

    return change


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (replace_pixels(data=np.zeros(17, np.int16)), "17 pixels"),
        (replace_pixels(data=np.zeros((2, 40, 64), np.int16)), "5120 pixels"),
        (replace_pixels(data=np.zeros(2560, np.float64)), "pixels of type float64"),
        (replace_pixels(data=np.full(2560, 1 << 20, np.int32)), "more than 16 bits"),
        (replace_pixels(shape=(20_000_000,), dtype=np.int16, compression="gzip"), "20.0 megapixels"),
        (replace_pixels(shape=(1 << 44,), dtype=np.int16, chunks=(1 << 20,)), "megapixels"),
        (replace_pixels(shape=(2560,), maxshape=(None,), dtype=np.int16, chunks=(1 << 30,)), "MB, more than"),
        (replace_pixels(shape=(2560,), dtype=np.int16, compression="lzf"), "filter 32000: refused"),
        (replace_pixels(shape=(2560,), dtype=np.int16, external=[("/etc/passwd", 0, 5120)]), "another file"),
        (replace_pixels(data=[b"x"] * 2560), "pixels of type"),
    ],
)
def test_unusable_pictures_are_refused(tmp_path, change, match):
    refused(written(tmp_path, change), match)


def test_nothing_outside_the_file_is_read(tmp_path):
    other = written(tmp_path)

    def external(file):
        del file[CAMERA]["imageRawData"]
        file[CAMERA]["imageRawData"] = h5py.ExternalLink(str(other), f"{CAMERA}/imageRawData")

    def soft(file):
        del file["AwakeEventData/EMETER02"]
        file["AwakeEventData/EMETER02"] = h5py.SoftLink(f"/{TABLE}")

    def virtual(file):
        del file[CAMERA]["imageRawData"]
        layout = h5py.VirtualLayout((2560,), np.int16)
        layout[:] = h5py.VirtualSource(str(other), f"{CAMERA}/imageRawData", (2560,))
        file[CAMERA].create_virtual_dataset("imageRawData", layout)

    refused(written(tmp_path, external, event=1), "link to another place")
    refused(written(tmp_path, virtual, event=2), "another file")
    assert "link to another place" in str(read(written(tmp_path, soft, event=3)).conditions["notes"])


@pytest.mark.parametrize("name", ["runNumber", "eventNumber", "timestamp"])
def test_a_file_without_numbers_is_no_event(tmp_path, name):
    def change(file):
        del file[f"AwakeEventInfo/{name}"]

    refused(written(tmp_path, change), f"{name}.*no AWAKE event")


def test_variable_length_is_refused():
    stream = io.BytesIO()
    with h5py.File(stream, "w") as file:
        file["texts"] = ["a", "b"]
        file["empty"] = h5py.Empty("f")
    with opened(stream.getvalue(), "x") as file:
        for name in ("texts", "empty"):
            with pytest.raises(InputError):
                read_array(find(file, (name,)), 1000)
        assert find(file, ("texts", "deeper")) is None


def test_a_truncated_file_is_refused(tmp_path):
    path = written(tmp_path)
    whole = path.read_bytes()
    for share in (0.1, 0.5, 0.9, 0.999):
        path.write_bytes(whole[: int(len(whole) * share)])
        refused(path, "truncated|damaged")
    path.write_bytes(b"")
    refused(path, "empty")
    path.write_bytes(b"not HDF5 at all")
    refused(path, "no HDF5")


def test_damaged_bytes_never_raise_anything_else(tmp_path):
    path = written(tmp_path, pixels=picture(16, 16))
    whole, rng, seen = bytearray(path.read_bytes()), np.random.default_rng(1), Counter()
    for _ in range(400):
        damaged = bytearray(whole)
        for at in rng.integers(0, len(damaged), int(rng.integers(1, 20))):
            damaged[at] = int(rng.integers(256))
        path.write_bytes(damaged)
        try:
            read(path)
            seen["read"] += 1
        except InputError:
            seen["refused"] += 1
    assert seen["read"] > 20
    assert seen["refused"] > 20


def test_a_file_that_is_too_large_is_not_read(tmp_path):
    refused(written(tmp_path), "limit is 0.001", max_file_mb=0.001)
