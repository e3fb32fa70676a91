from datetime import UTC, datetime

import numpy as np
import pytest

from accelerator.collimation import parquet
from accelerator.collimation.lossmap import pattern
from accelerator.collimation.reading import read_file
from core.clock import ManualClock
from core.errors import InputError
from core.settings import CollimationSettings, Settings
from tests.accelerator.collimation.made_files import (
    T0,
    block,
    blown_up,
    chambers,
    lossmap_json,
    stream,
    vector_block,
    write_json,
)

SETTINGS = Settings()
POINTS = "\n".join(
    [
        "# {title} ; digitised from a figure; normalised to max BLM",
        "dcum_cm_approx,type,norm_signal_approx",
        *(f"{cm},{kind},{signal}" for cm, kind, signal in (
            (1979205, "coll", 0.7), (1979405, "coll", 1.0), (1983381, "coll", 0.2), (1982319, "warm", 0.1),
            (2029627, "cold", 1.2e-4), (2033533, "cold", 1e-4), (2037580, "cold", 0.9e-4), (2014478, "coll", 0.01),
        )),
        "",
    ]
)  # fmt: skip


def export(tmp_path, made, *more):
    path = tmp_path / "export.csv"
    (tmp_path / "monitors.csv").write_text("\n".join(["name", *made.monitors, ""]))
    path.write_text("".join([vector_block(made), *more]))
    return path


def test_a_map_with_its_sidecar(tmp_path):
    path = write_json(tmp_path / "map.json", lossmap_json())
    assert read_file(path, SETTINGS).conditions["plane"] == "H"
    write_json(tmp_path / "map.meta.json", {"beam": 1, "plane": "S"})
    assert read_file(path, SETTINGS).element == "B1S"


def test_a_piece_of_a_stream(tmp_path):
    path = tmp_path / "piece.parquet"
    parquet.write(path, stream(seconds=10, count=None, beam_mode="STABLE", fill="6642", energy_gev=6500.0))
    seen = read_file(path, SETTINGS)
    told = seen.conditions
    assert seen.element == "LHC"
    assert seen.observed_at.timestamp() == T0 + 9
    assert (told["kind"], told["domain"], told["state"], told["fill"]) == ("stream", "blm", "collisions", "6642")
    assert seen.axes["signal_gy_per_s"] == ("time", "monitor")
    found = pattern(seen, 1)
    assert found.of("tcp.c6l7.b1") == pytest.approx(2.5e-7, rel=0.05)
    assert found.sigma[0] == pytest.approx(1e-8 / 10**0.5, rel=0.7)
    assert read_file(path, SETTINGS).identity == seen.identity


def test_a_short_export_with_one_excitation_is_its_loss_map(tmp_path):
    path = export(tmp_path, blown_up(2, "V"), block("HX:BMODE", [T0 - 5], ["INJPHYS"]))
    seen = read_file(path, SETTINGS)
    assert seen.element == "B2V"
    assert (seen.conditions["kind"], seen.conditions["state"]) == ("lossmap", "injection")
    assert pattern(seen).beam == 2


def test_an_export_without_background_stays_a_stream(tmp_path):
    seen = read_file(export(tmp_path, blown_up(1, "H", begin=1, end=5, flags=False)), SETTINGS)
    assert seen.conditions["kind"] == "stream"
    assert "background" in str(seen.conditions["notes"])


def test_an_export_of_several_excitations_says_so(tmp_path):
    one, other = blown_up(1, "H", 40, 44, flags=False), blown_up(2, "V", 60, 65, flags=False)
    one.signal_gy_per_s[:] = np.maximum(one.signal_gy_per_s, other.signal_gy_per_s)
    seen = read_file(export(tmp_path, one), SETTINGS)
    assert (seen.conditions["kind"], seen.conditions["excitations"]) == ("stream", 2)


def test_names_of_a_vector_beside_the_file_itself_win(tmp_path):
    path = export(tmp_path, stream(seconds=5, count=3))
    (tmp_path / "export.monitors.csv").write_text("\n".join(reversed(chambers(3))))
    assert read_file(path, SETTINGS).payload["monitor"].tolist() == list(reversed(chambers(3)))
    (tmp_path / "export.monitors.csv").write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match=r"export\.monitors\.csv"):
        read_file(path, SETTINGS)


def test_a_map_of_monitors_as_npz(tmp_path):
    path = tmp_path / "map.npz"
    names = [chambers(3)[0], "BLM.UNKNOWN", chambers(3)[2]]
    np.savez(
        path,
        time_unix_s=np.array(T0),
        monitor=np.array(names),
        signal_gy_per_s=np.array([1e-3, 7.0, 1e-4]),
        background_gy_per_s=np.array([1e-6, 2e-6, 3e-6]),
        energy_gev=np.array(450.0),
    )
    seen = read_file(path, SETTINGS)
    assert seen.conditions["kind"] == "lossmap"
    assert seen.conditions["unknown_monitors"] == 1
    assert seen.conditions["state"] == "injection"
    assert seen.payload["background_gy_per_s"].tolist() == [1e-6, 3e-6]


@pytest.mark.parametrize(
    ("title", "element", "state"),
    [
        ("B1H FLATTOP 6.5 TeV 2018-04-08 22:18:59", "B1H", "flat_top"),
        ("a map of the LHC", "B1", None),
        ("B2V INJPHYS 450 GeV", "B1V", "injection"),
    ],
)
def test_points_of_a_figure(tmp_path, title, element, state):
    path = tmp_path / "points.csv"
    path.write_text(POINTS.format(title=title))
    seen = read_file(path, SETTINGS)
    told = seen.conditions
    assert (seen.element, told["state"]) == (element, state)
    assert (told["points"], told["points_unassigned"], told["position_tolerance_m"]) == (8, 0, 1.5)
    assert told["looks_like_injection"] is False
    assert ("beam 2" in str(told.get("notes"))) == (element == "B1V")
    assert ("450 GeV" in str(told.get("notes"))) == (element == "B1V")
    found = pattern(seen)
    assert found.of("tcp.b6l7.b1") == 1.0
    assert found.of("ir7 ds q8-9 b1") == pytest.approx(1.1e-4)


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        (["nan,coll,1", "x,coll,1", "5,coll", "5,hot,1"], "no point with a signal"),
        (["99999999,coll,1", "1979205,coll,-1", "1979205,coll,inf"], "no point with a signal"),
        (["1979205,coll,0"], "no point with a signal"),
        (["1700000,xrp,1"], "no point that lies at a monitor"),
    ],
)
def test_points_that_are_none(tmp_path, lines, reason):
    path = tmp_path / "points.csv"
    path.write_text("\n".join(["dcum_cm_approx,type,norm_signal_approx", *lines]))
    with pytest.raises(InputError, match=reason):
        read_file(path, SETTINGS)


def test_a_time_in_the_future_is_now(tmp_path):
    path = write_json(tmp_path / "map.json", lossmap_json(date=["2027-01-01 00:00:00"]))
    now = datetime(2026, 11, 27, tzinfo=UTC)
    seen = read_file(path, SETTINGS, ManualClock(now))
    assert seen.observed_at == now
    assert "in the future" in str(seen.conditions["notes"])


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"", "is empty"), (b"\x00\x01\x02", "is no xcoll JSON"), (b"   \n", "is no xcoll JSON"), (b"PAR1", "no Parquet")],
)
def test_other_bytes_are_refused(tmp_path, content, reason):
    path = tmp_path / "thing.json"
    path.write_bytes(content)
    with pytest.raises(InputError, match=reason) as caught:
        read_file(path, SETTINGS)
    assert caught.value.origin == str(path)


def test_a_file_that_is_too_large_or_not_there(tmp_path):
    path = tmp_path / "big.json"
    path.write_bytes(b"{" + b" " * 2**20)
    small = Settings(collimation=CollimationSettings(max_file_mb=1))
    with pytest.raises(InputError, match="larger than 1 MB"):
        read_file(path, small)
    with pytest.raises(InputError, match="does not exist"):
        read_file(tmp_path / "none.json", SETTINGS)
    with pytest.raises(InputError, match="cannot be read"):
        read_file(tmp_path, SETTINGS)
