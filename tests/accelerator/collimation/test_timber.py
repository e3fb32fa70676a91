from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as checks
from hypothesis import strategies as st

from accelerator.collimation import timber
from core.errors import InputError
from tests.accelerator.collimation.made_files import T0, block, chambers, stamp, stream, vector_block

ZONE = ZoneInfo("Europe/Zurich")
NAMES = chambers(3)


def single(monitor, values, begins=T0, **told):
    return block(f"{monitor}:LOSS_RS09", begins + np.arange(len(values)), values, **told)


def test_a_vector_with_its_context():
    made = stream(seconds=5, count=3)
    text = "".join(
        [
            vector_block(made),
            block("HX:BMODE", [T0 - 100, T0 + 2.5], ["FLATTOP", "SQUEEZE"]),
            block("HX:FILLN", [T0 - 5000], ["6642"]),
            block("LHC.STATS:ENERGY", [T0 - 10], ["6499.8"]),
            block("HX:BETASTAR_IP1", [T0 + 0.4], ["30"]),
            block("LHC.BCTFR.A6R4.B1:BEAM_INTENSITY", T0 + np.arange(5), [1.1e11] * 5),
            block("ADTH.SR4.B1:BLOWUP_RUNNING", [T0 - 9, T0 + 1, T0 + 3], ["false", "true", "false"]),
            block("LHC.SOMETHING:ELSE", [T0], [1]),
        ]
    )
    read = timber.decode(text.encode(), "x", NAMES)
    assert np.allclose(read.signal_gy_per_s, made.signal_gy_per_s, rtol=1e-6)
    assert read.time_unix_s.tolist() == made.time_unix_s.tolist()
    assert read.context["beam_mode"].tolist() == ["FLATTOP"] * 3 + ["SQUEEZE"] * 2
    assert read.context["beta_star_m"].tolist() == [0.3] * 5
    assert read.context["fill"].tolist() == ["6642"] * 5
    assert read.context["blowup_b1h"].tolist() == [0, 1, 1, 0, 0]
    assert read.notes == ("1 other variables left out",)


def test_local_time_is_that_of_cern():
    text = single(NAMES[0], [1e-6, 2e-6], zone="LOCAL_TIME", of=ZONE)
    assert timber.decode(text.encode(), "x").time_unix_s.tolist() == [T0, T0 + 1]


def test_monitors_one_by_one_are_laid_on_seconds():
    text = single(NAMES[0], [1e-6, 2e-6, 3e-6]) + single(NAMES[1], [5e-6, 6e-6], begins=T0 + 1.2)
    read = timber.decode(text.encode(), "x")
    assert read.monitors == NAMES[:2]
    assert read.signal_gy_per_s[:, 0].tolist() == [1e-6, 2e-6, 3e-6]
    assert np.isnan(read.signal_gy_per_s[0, 1])
    assert read.signal_gy_per_s[1:, 1].tolist() == [5e-6, 6e-6]


def test_one_table_with_a_column_each():
    lines = [f"Timestamp (UTC_TIME),{NAMES[0]}:LOSS_RS09,HX:BMODE"]
    lines += [f"{stamp(T0 + at)},{value},STABLE" for at, value in enumerate(("1e-6", "2e-6"))]
    read = timber.decode("\n".join([*lines, ""]).encode(), "x")
    assert read.signal_gy_per_s.tolist() == [[1e-6], [2e-6]]
    assert read.context["beam_mode"].tolist() == ["STABLE", "STABLE"]


def test_odd_lines_are_left_out_and_stated():
    made = stream(seconds=6, count=3)
    lines = vector_block(made).splitlines()
    lines[4] = lines[4].rsplit(",", 1)[0]
    lines[5] = f"{stamp(T0 + 2)},NaN,1e-6,"
    lines[6] = f"{stamp(T0 + 3)},x,y,z"
    lines[8] = lines[8][:-4]
    read = timber.decode("\n".join(lines[:9]).encode(), "x", NAMES)
    assert np.isnan(read.time_unix_s).tolist() == [False, True, False, True, False]
    assert np.isnan(read.signal_gy_per_s[2]).tolist() == [True, False, True]
    assert "last line is cut off" in read.notes[0]
    assert "2 lines of LHC.BLMI:LOSS_RS09" in read.notes[1]


@pytest.mark.parametrize(
    ("content", "names", "reason"),
    [
        (vector_block(stream(seconds=2, count=3)).encode(), None, "does not name the 3 monitors"),
        (vector_block(stream(seconds=2, count=3)).encode(), NAMES[:2], "3 values of .* for 2 names"),
        (b"VARIABLE: LHC.BLMI:LOSS_RS09\n\n", NAMES, "no values of"),
        (block("LHC.BLMI:LOSS_RS09", [T0], ["a,b,c"]).encode(), NAMES, "no line of"),
        (block("HX:BMODE", [T0], ["STABLE"]).encode(), None, "no variable of a beam-loss monitor"),
        (b"hello\nworld\n", None, "no export of TIMBER"),
        (b"Timestamp (UTC_TIME),\xff\n", None, "no text"),
        (f"VARIABLE: {NAMES[0]}\n\nTimestamp (UTC_TIME),Value\nnever,1\n".encode(), None, "no time stamp"),
        (b"", None, "no export"),
    ],
)
def test_what_cannot_be_used_says_why(content, names, reason):
    with pytest.raises(InputError, match=reason):
        timber.decode(content, "export.csv", names)


def test_the_clock_change_in_autumn():
    change = datetime(2018, 10, 28, 1, tzinfo=UTC).timestamp()
    times = change + np.arange(-4000, 4000, 500.0)
    text = block(NAMES[0], times, [1e-6] * len(times), zone="LOCAL_TIME", of=ZONE)
    read = timber.decode(text.encode(), "x")
    assert read.time_unix_s.tolist() == times.tolist()
    assert "clock change" in read.notes[0]


@checks(deadline=None)
@given(st.text(max_size=300), st.integers(0, 400))
def test_anything_is_read_or_refused(text, cut):
    whole = (vector_block(stream(seconds=3, count=3)) + text).encode("utf-8", "replace")
    for content in (whole, whole[:cut], text.encode("utf-8", "replace")):
        try:
            read = timber.decode(content, "x", NAMES)
        except InputError:
            continue
        assert read.signal_gy_per_s.shape == (len(read.time_unix_s), len(read.monitors))
