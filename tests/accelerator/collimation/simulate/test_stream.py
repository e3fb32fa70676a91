"""Fills at 1 Hz: what is written, what is true, and that it is the same again with the same seeds."""

from pathlib import Path

import numpy as np
import pytest

from accelerator.collimation import parquet
from accelerator.collimation.diagnosis import Quantity
from accelerator.collimation.simulate.faults import Setting
from accelerator.collimation.simulate.fill import BlowUp, FillPlan, Ufo, Wrong, phases
from accelerator.collimation.simulate.stream import Piece, simulate_fill, write_piece

PRIMARY = "tcp.c6l7.b1"
MONITOR = "BLMTI.06L7.B1E10_TCP.C6L7.B1"
DRIFT = Wrong(Setting(PRIMARY, Quantity.GAP, 1.5), 60.0, 6.0)


def _fill(**changes: object) -> list[Piece]:
    plan = FillPlan(phases=phases(0.1, whole=False), ufos_per_hour=0.0, **changes)  # type: ignore[arg-type]
    return list(simulate_fill(plan, 3))


def test_a_piece_is_written_as_it_is_read_and_holds_nothing_of_the_truth(tmp_path: Path) -> None:
    piece = _fill(wrong=(DRIFT,))[-1]
    path = write_piece(tmp_path, piece)
    content = path.read_bytes()
    read = parquet.decode(content, path.name)
    assert np.array_equal(read.signal_gy_per_s, piece.stream.signal_gy_per_s)
    assert read.monitors == piece.stream.monitors
    assert str(read.context["beam_mode"][0]) == "STABLE"
    assert set(read.context) <= set(piece.stream.context)
    assert not any(word in content for word in (b"truth", b"gap_sigma", b"tcp.c6l7"))


def test_a_drift_grows_in_the_truth_and_stops_at_its_size() -> None:
    sizes = [sum(one.change for one in piece.truth) for piece in _fill(wrong=(DRIFT,))]
    assert sizes[0] == 0.0
    assert sizes == sorted(sizes)
    assert sizes[2] == pytest.approx(0.15, abs=0.01)
    assert DRIFT.at(1e6) == DRIFT.setting


def test_a_secondary_that_moves_in_lights_up_behind_itself() -> None:
    wrong = (Wrong(Setting("tcspm.b4l7.b1", Quantity.GAP, -2.0), 180.0),)
    ratio = []
    for piece in _fill(wrong=wrong):
        place = {name: at for at, name in enumerate(piece.stream.monitors)}
        mean = piece.stream.signal_gy_per_s.mean(axis=0)
        ratio.append(mean[place["BLMTI.04L7.B1E10_TCSG.A4L7.B1"]] / mean[place[MONITOR]])
    assert min(ratio[3:]) > 3 * max(ratio[:3])


def test_a_loss_map_stands_out_and_the_damper_says_so() -> None:
    piece = _fill(blowups=(BlowUp(90.0, 1, "H"),))[1]
    at = piece.stream.monitors.index(MONITOR)
    signal, flag = piece.stream.signal_gy_per_s[:, at], piece.stream.context["blowup_b1h"]
    assert flag.sum() == 12
    assert signal[flag > 0].max() > 10 * np.median(signal)
    assert piece.stream.context["blowup_b2v"].sum() == 0


def test_dust_is_seen_for_a_second_where_it_falls() -> None:
    piece = _fill(ufos=(Ufo(30.0, 1, 1500.0, 1e9),))[0]
    change = piece.stream.signal_gy_per_s[30] - piece.stream.signal_gy_per_s[29]
    assert change.max() > 1e-4
    assert piece.stream.signal_gy_per_s[31, change.argmax()] < 0.1 * change.max()


def test_a_whole_fill_goes_from_no_beam_to_no_beam_at_one_hertz() -> None:
    plan = FillPlan(phases=phases(0.02))
    pieces = list(simulate_fill(plan, 1, piece_s=600))
    time_s = np.concatenate([one.stream.time_unix_s for one in pieces])
    modes = np.concatenate([one.stream.context["beam_mode"] for one in pieces])
    assert (np.diff(time_s) == 1.0).all()
    assert modes[0] == modes[-1] == "NOBEAM"
    assert {"INJPHYS", "RAMP", "FLATTOP", "SQUEEZE", "ADJUST", "STABLE"} <= set(modes)
    assert pieces[-1].stream.context["intensity_b1"][-1] == 0.0


def test_the_same_seeds_give_the_same_readings() -> None:
    first, second = _fill()[0], _fill()[0]
    assert np.array_equal(first.stream.signal_gy_per_s, second.stream.signal_gy_per_s)
