"""The watched folder, pictures with sidecars, and simulated events that come back through the same reader."""

import json
import os
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from PIL import Image

from accelerator.schlieren.causes import Cause
from accelerator.schlieren.observing import read_file
from accelerator.schlieren.simulate.anomalies import Anomaly
from accelerator.schlieren.simulate.publishing import publish
from accelerator.schlieren.simulate.shift import Episode, ShiftSettings, simulate_shift
from accelerator.schlieren.source import FolderSource
from core.clock import ManualClock
from core.errors import IncompleteInputError, InputError
from core.settings import SchlierenSettings, load_settings

NOW = datetime(2026, 6, 2, tzinfo=UTC)
SIDECAR = {
    "density_up_cm3": 4e14,
    "density_down_cm3": 4.2e14,
    "detuning_ghz": -60,
    "pixel_um": 20.0,
    "mask": "stop",
    "run": 3,
    "event": 4,
    "observed_at": "2026-06-01T08:00:00+00:00",
}


def settings(tmp_path, **given):
    return load_settings(home=tmp_path, schlieren=SchlierenSettings(settle_s=1.0, **given))


def source(tmp_path, **given):
    return FolderSource(settings(tmp_path, **given), ManualClock(NOW))


def none(tickets):
    return set()


def old(path, seconds=60.0):
    at = NOW.timestamp() - seconds
    os.utime(path, (at, at))
    return path


def saved(folder, pixels, name="shot.png", sidecar=None):
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    if name.endswith("npz"):
        np.savez_compressed(path, image=pixels)
    else:
        Image.fromarray(pixels).save(path)
    if sidecar is not None:
        old(path.with_suffix(".json")) if path.with_suffix(".json").exists() else None
        path.with_suffix(".json").write_text(sidecar if isinstance(sidecar, str) else json.dumps(sidecar))
    return path


def read(path, tmp_path, **given):
    return read_file(path, settings(tmp_path, **given), ManualClock(NOW))


def ramp(top, dtype):
    return np.linspace(0, top, 64 * 80).reshape(64, 80).astype(dtype)


@pytest.mark.parametrize(
    ("name", "top", "dtype", "bits"),
    [
        ("a.png", 255, np.uint8, 8),
        ("a.png", 4095, np.uint16, 12),
        ("a.png", 65535, np.uint16, 16),
        ("a.tif", 255, np.uint8, 8),
        ("a.tiff", 4095, np.uint16, 12),
        ("a.tif", 65535, np.uint16, 16),
        ("a.npz", 4095, np.int16, 12),
        ("a.npz", 4095, np.int64, 12),
    ],
)
def test_pictures_keep_their_counts(tmp_path, name, top, dtype, bits):
    pixels = ramp(top, dtype)
    seen = read(saved(tmp_path, pixels, name, SIDECAR), tmp_path)
    assert np.array_equal(seen.payload["image"], pixels)
    assert seen.conditions["bits"] == bits
    assert seen.key.startswith("3_4_")
    assert seen.observed_at == datetime(2026, 6, 1, 8, tzinfo=UTC)
    expected = {"mask": "stop", "pixel_um": 20.0, "density_cm3": 4.2e14, "detuning_ghz": -60.0, "missing": ""}
    assert {key: seen.conditions[key] for key in expected} == expected


def test_twelve_bits_at_the_top_of_sixteen_are_shifted_down(tmp_path):
    pixels = ramp(4095, np.uint16)
    seen = read(saved(tmp_path, pixels << 4), tmp_path)
    assert np.array_equal(seen.payload["image"], pixels)
    assert "shifted" in str(seen.conditions["notes"])


def test_a_picture_alone_says_what_it_lacks(tmp_path):
    conditions = read(saved(tmp_path, ramp(255, np.uint8)), tmp_path).conditions
    assert conditions["missing"] == "density_down, detuning"
    assert conditions["density_cm3"] is None
    one = read(saved(tmp_path, ramp(255, np.uint8), sidecar={"density_cm3": 1e14, "detuning_ghz": -20}), tmp_path)
    assert one.conditions["missing"] == ""
    assert one.conditions["density_cm3"] == 1e14


def test_grey_saved_as_colour_is_grey(tmp_path):
    grey = ramp(255, np.uint8)
    assert np.array_equal(read(saved(tmp_path, np.stack([grey] * 3, -1)), tmp_path).payload["image"], grey)
    with pytest.raises(InputError, match="no grey"):
        read(saved(tmp_path, np.stack([grey, grey, grey[::-1]], -1)), tmp_path)


@pytest.mark.parametrize(
    ("sidecar", "match"),
    [
        ({"detuning_Ghz": 1}, "unknown keys: 'detuning_Ghz'"),
        ({"density_cm3": "many"}, "must be a number"),
        ({"pixel_um": 0}, "must be positive"),
        ({"mask": "hat"}, "knife or stop"),
        ({"run": 1.5}, "whole number"),
        ({"run": True}, "must be a number"),
        ({"camera": ""}, "printable"),
        ({"observed_at": "yesterday"}, "no time"),
        ("[" * 100_000, "65536|JSON"),
        ("[1]", "no JSON object|not a JSON object"),
    ],
)
def test_wrong_sidecars_are_refused(tmp_path, sidecar, match):
    with pytest.raises(InputError, match=match):
        read(saved(tmp_path, ramp(255, np.uint8), sidecar=sidecar), tmp_path)


def test_impossible_numbers_in_a_sidecar_are_told(tmp_path):
    sidecar = '{"density_cm3": NaN, "detuning_ghz": 0, "laser_energy_mj": 1' + "0" * 400 + "}"
    conditions = read(saved(tmp_path, ramp(255, np.uint8), sidecar=sidecar), tmp_path).conditions
    assert conditions["density_cm3"] is conditions["detuning_ghz"] is conditions["laser_energy_mj"] is None
    for text in ("density_cm3 is nan", "detuning_ghz is 0", "laser_energy_mj is inf"):
        assert text in str(conditions["notes"])


def test_a_stale_delay_in_a_sidecar_counts(tmp_path):
    conditions = read(saved(tmp_path, ramp(255, np.uint8), sidecar={"camera_delay_s": -40}), tmp_path).conditions
    assert conditions["stale"] == "camera"


def test_damaged_pictures_are_refused(tmp_path):
    path = saved(tmp_path, ramp(4095, np.uint16))
    whole = path.read_bytes()
    for content in (whole[: len(whole) // 2], b"PNG?", whole[:40]):
        path.write_bytes(content)
        with pytest.raises(InputError):
            read(path, tmp_path)
    huge = saved(tmp_path, np.zeros((5000, 4000), np.uint8), "huge.png")
    with pytest.raises(InputError, match=r"20\.0 megapixels"):
        read(huge, tmp_path)
    for bad in (np.zeros((40, 40, 3), np.int16), np.zeros((40, 40)), np.full((40, 40), -1), np.zeros((3, 40), np.int8)):
        with pytest.raises(InputError):
            read(saved(tmp_path, bad, "bad.npz"), tmp_path)
    np.savez(tmp_path / "pickled.npz", image=np.array([[{"a": 1}] * 40] * 40, dtype=object))
    with pytest.raises(InputError, match="type object"):
        read(tmp_path / "pickled.npz", tmp_path)
    np.savez(tmp_path / "other.npz", picture=np.zeros((40, 40), np.int16))
    with pytest.raises(InputError, match="no array called image"):
        read(tmp_path / "other.npz", tmp_path)
    with pytest.raises(InputError, match="does not exist"):
        read(tmp_path / "gone.h5", tmp_path)
    with pytest.raises(InputError, match="none of"):
        read(tmp_path / "gone.txt", tmp_path)


def test_a_simulated_shift_comes_back(tmp_path):
    folder = tmp_path / "inbox" / "schlieren"
    folder.mkdir(parents=True)
    episodes = (Episode(Anomaly(Cause.STALE, -40.0), 2, 3), Episode(Anomaly(Cause.WRONG_BINNING, 2.0), 3, 4))
    events = list(simulate_shift(ShiftSettings(shots=5, episodes=episodes), 1))
    for event in events:
        old(publish(event, folder, settings(tmp_path).schlieren), 3600 - event.number)
    watched = source(tmp_path, camera_rows_columns=(256, 256))
    seen = [watched.read(arrival) for arrival in watched.arrivals(none)]
    assert [one.conditions["event"] for one in seen] == [1, 2, 3, 4, 5]
    assert [one.conditions["stale"] for one in seen] == ["", "", "camera", "", ""]
    assert [one.conditions.get("wrong_size", False) for one in seen] == [False, False, False, True, False]
    for one, event in zip(seen, events, strict=True):
        assert np.array_equal(one.payload["image"], event.shot.frame)
        assert one.conditions["density_down_cm3"] == event.shot.measured.density_down_cm3
        assert one.observed_at == event.at
        for word in (*Cause, "truth", "anomaly"):
            assert str(word).encode() not in (folder / one.origin).read_bytes()


def test_only_complete_files_are_offered(tmp_path):
    folder = tmp_path / "inbox" / "schlieren"
    folder.mkdir(parents=True)
    for name in ("a.h5.part", ".hidden.h5", "~a.h5", "notes.txt", "a.json"):
        old(folder / name if (folder / name).write_bytes(b"x") else folder)
    fresh = folder / "fresh.h5"
    fresh.write_bytes(b"x")
    os.utime(fresh, (NOW.timestamp() - 0.5,) * 2)
    watched = source(tmp_path)
    assert list(watched.arrivals(none)) == []
    watched._clock.sleep(1.0)
    assert [arrival.origin for arrival in watched.arrivals(none)] == [str(fresh)]


def test_settled_files_are_not_offered_until_their_sidecar_changes(tmp_path):
    folder = tmp_path / "inbox" / "schlieren"
    path = old(saved(folder, ramp(255, np.uint8), sidecar={"run": 1}))
    old(path.with_suffix(".json"))
    watched = source(tmp_path)
    known = {arrival.ticket for arrival in watched.arrivals(none)}
    assert len(known) == 1
    assert list(watched.arrivals(lambda tickets: set(tickets) & known)) == []
    path.with_suffix(".json").write_text('{"run": 20}')
    old(path.with_suffix(".json"), 30)
    assert len(list(watched.arrivals(lambda tickets: set(tickets) & known))) == 1


def test_two_shots_with_one_number_are_told_apart(tmp_path):
    folder = tmp_path / "inbox" / "schlieren"
    for index, name in enumerate(("a.png", "b.png")):
        path = old(saved(folder, ramp(255 - index, np.uint8), name, SIDECAR), 60 - index)
        old(path.with_suffix(".json"), 60 - index)
    watched = source(tmp_path)
    first, second = [watched.read(arrival) for arrival in watched.arrivals(none)]
    assert first.key != second.key
    assert "repeated_number" not in first.conditions
    assert second.conditions["repeated_number"] is True
    assert "seen before" in str(second.conditions["notes"])


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(InputError, match="does not exist"):
        list(source(tmp_path, inbox=tmp_path / "nowhere").arrivals(none))
    assert list(source(tmp_path).arrivals(none)) == []
    assert (tmp_path / "inbox" / "schlieren").is_dir()


def test_a_file_that_changes_is_read_later(tmp_path, monkeypatch):
    folder = tmp_path / "inbox" / "schlieren"
    path = old(saved(folder, ramp(255, np.uint8)))
    watched = source(tmp_path)
    arrival = next(iter(watched.arrivals(none)))
    real, times = type(path).stat, []

    def stat(self, **given):
        status = real(self, **given)
        if self == path:
            times.append(1)
            if len(times) == 3:
                path.write_bytes(path.read_bytes() + b"more")
                return real(self, **given)
        return status

    monkeypatch.setattr(type(path), "stat", stat)
    with pytest.raises(IncompleteInputError):
        watched.read(arrival)


def test_a_clock_behind_is_waited_for(tmp_path):
    folder = tmp_path / "inbox" / "schlieren"
    path = saved(folder, ramp(255, np.uint8))
    os.utime(path, ((NOW + timedelta(hours=1)).timestamp(),) * 2)
    watched = source(tmp_path)
    assert list(watched.arrivals(none)) == []
    watched._clock.sleep(2.0)
    assert len(list(watched.arrivals(none))) == 1
