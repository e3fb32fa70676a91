import json
import time

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as checks
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from accelerator.collimation import parquet
from accelerator.collimation.stream import Stream, tidied
from core.errors import InputError
from tests.accelerator.collimation.made_files import T0, chambers, stream


def packed(columns, metadata=None):
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table(columns).replace_schema_metadata(metadata), sink)
    return sink.getvalue().to_pybytes()


def listed(rows, names=None, times=None):
    told = {"monitors": json.dumps(names if names is not None else list(chambers(2)))}
    return packed({"time_unix_s": times or [T0, T0 + 1], "signal_gy_per_s": rows}, told)


@checks(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(signal=arrays(np.float32, (3, 4), elements=st.floats(width=32, allow_nan=True)))
def test_what_is_written_is_read(tmp_path, signal):
    made = Stream(
        T0 + np.arange(3.0), chambers(4), signal, {"fill": np.array(["1", "", "2"]), "energy_gev": np.arange(3.0)}
    )
    parquet.write(tmp_path / "piece.parquet", made)
    read = parquet.decode((tmp_path / "piece.parquet").read_bytes(), "x")
    assert np.array_equal(read.signal_gy_per_s, signal, equal_nan=True)
    assert read.signal_gy_per_s.dtype == np.float32
    assert read.time_unix_s.tolist() == made.time_unix_s.tolist()
    assert read.monitors == made.monitors
    assert read.context["fill"].tolist() == ["1", "", "2"]
    assert read.context["energy_gev"].tolist() == [0, 1, 2]
    assert [path.name for path in tmp_path.iterdir()] == ["piece.parquet"]


@pytest.mark.parametrize(
    "times",
    [
        pa.array([T0, T0 + 1]),
        pa.array([int(T0), int(T0) + 1]),
        pa.array([int(T0 * 1e9), int((T0 + 1) * 1e9)]),
        pa.array([int(T0 * 1e3), int((T0 + 1) * 1e3)]).cast(pa.timestamp("ms")),
        pa.array([int(T0 * 1e9), int((T0 + 1) * 1e9)]).cast(pa.timestamp("ns", tz="Europe/Zurich")),
        pa.array(["2018-04-08 15:06:40", "2018-04-08T15:06:41Z"]),
    ],
)
def test_a_column_a_monitor_and_any_time(times):
    first, second = chambers(2)
    content = packed(
        {
            "timestamp": times,
            f"{first}:LOSS_RS09": [1e-6, 2e-6],
            second: [1, 2],
            "HX:BMODE": ["STABLE", None],
            "HX:FILLN": [6642.0, None],
            "LHC.STATS:ENERGY": [6500, 6500],
            "HX:BETASTAR_IP1": [30.0, 30.0],
            "ADTH.SR4.B1:BLOWUP_RUNNING": [True, False],
            "something else": ["a", "b"],
        }
    )
    read = parquet.decode(content, "x")
    assert read.time_unix_s.tolist() == [T0, T0 + 1]
    assert read.signal_gy_per_s[:, 1].tolist() == [1, 2]
    assert read.context["beam_mode"].tolist() == ["STABLE", ""]
    assert read.context["fill"].tolist() == ["6642", ""]
    assert read.context["beta_star_m"].tolist() == [0.3, 0.3]
    assert read.context["blowup_b1h"].tolist() == [1, 0]


def test_a_missing_reading_is_nan():
    content = packed({"time": [T0, T0 + 1], chambers(1)[0]: [1e-6, None]})
    assert np.isnan(parquet.decode(content, "x").signal_gy_per_s[1, 0])


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"PAR1", "no Parquet file"),
        (listed([[1.0, 2.0], [3.0, 4.0]])[:-30], "no Parquet file"),
        (listed([[1.0, 2.0], [3.0, 4.0]])[:40], "no Parquet file"),
        (packed({chambers(1)[0]: [1.0]}), "no column of times"),
        (packed({"time": [T0], "x": [1.0]}), "neither"),
        (packed({"time": [T0], "signal_gy_per_s": [[1.0]]}), "does not name"),
        (packed({"time": [T0], "signal_gy_per_s": [[1.0]]}, {"monitors": "{"}), "no JSON list"),
        (packed({"time": [T0], "signal_gy_per_s": [[1.0]]}, {"monitors": "[1]"}), "no JSON list"),
        (packed({"time": [T0], "signal_gy_per_s": [1.0]}, {"monitors": '["a"]'}), "instead of lists"),
        (packed({"time": [T0], "signal_gy_per_s": [["a"]]}, {"monitors": '["a"]'}), "floating-point"),
        (listed([[1.0, 2.0], [3.0]]), "another number of readings"),
        (listed([[1.0, 2.0], None]), "another number of readings"),
        (packed({"time": [{"a": 1}], chambers(1)[0]: [1.0]}), "instead of numbers in time"),
        (packed({"time": [T0], chambers(1)[0]: ["much"]}), "instead of numbers"),
        (packed({"time": [T0], chambers(1)[0]: [1.0], "LHC.STATS:ENERGY": ["x"]}), "instead of numbers"),
    ],
)
def test_what_cannot_be_used_says_why(content, reason):
    with pytest.raises(InputError, match=reason):
        parquet.decode(content, "piece.parquet")


def test_what_unpacks_to_too_much_is_not_unpacked():
    rows = pa.DictionaryArray.from_arrays(pa.array(np.zeros(200_001, dtype=np.int32)), pa.array([0.0]))
    content = packed({"time": rows, chambers(1)[0]: rows})
    assert len(content) < 10_000
    with pytest.raises(InputError, match="too many"):
        parquet.decode(content, "bomb")


def test_an_hour_of_all_monitors_is_read_in_seconds(tmp_path):
    parquet.write(tmp_path / "hour.parquet", stream(seconds=600, count=None))
    content = (tmp_path / "hour.parquet").read_bytes()
    began = time.process_time()
    tidied(parquet.decode(content, "x"), "x")
    assert time.process_time() - began < 3.0, "ten minutes; an hour costs six times as much"
