from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as checks
from hypothesis import strategies as st

from accelerator.collimation.timestamps import CERN, parse, scaled
from tests.accelerator.collimation.made_files import T0, stamp

ZONE = ZoneInfo(CERN)


def test_utc_and_local_time():
    assert parse([stamp(T0)], local=False, origin="x").unix_s.tolist() == [T0]
    assert parse([stamp(T0, ZONE)], local=True, origin="x").unix_s.tolist() == [T0]
    assert parse([stamp(T0, ZONE)], local=False, origin="x").unix_s.tolist() == [T0 + 7200]


@checks(deadline=None)
@given(st.integers(946684800, 4102444799), st.sampled_from([1, 10**3, 10**6, 10**9]))
def test_numbers_of_any_unit(seconds, unit):
    assert scaled(np.array([float(seconds * unit)]))[0] == pytest.approx(seconds, abs=1e-3)


@pytest.mark.parametrize("bad", ["", "yesterday", "1e400", "nan", "0", "12:00", "1900-01-01 00:00:00", "-5"])
def test_no_time_is_nan(bad):
    read = parse([bad, stamp(T0)], local=True, origin="x")
    assert np.isnan(read.unix_s[0])
    assert np.isfinite(read.unix_s[1])


def test_several_forms_in_one_list_are_stated():
    at = datetime.fromtimestamp(T0, UTC)
    forms = [stamp(T0), at.isoformat(), f"{T0:.3f}", f"{T0 * 1e9:.0f}"]
    read = parse(forms, local=False, origin="x")
    assert read.unix_s.tolist() == [T0] * 4
    assert "several forms" in read.notes[0]


def _autumn(minutes):
    """Local stamps and true times around the end of summer time, 2018-10-28 01:00 UTC."""
    change = datetime(2018, 10, 28, 1, tzinfo=UTC)
    true = [(change + timedelta(minutes=one)).timestamp() for one in minutes]
    return [stamp(one, ZONE) for one in true], true


def test_the_doubled_hour_is_resolved_by_order():
    stamps, true = _autumn(range(-90, 90, 10))
    read = parse(stamps, local=True, origin="x")
    assert read.unix_s.tolist() == true
    assert "doubles" in read.notes[0]


def test_the_doubled_hour_after_the_change_only():
    stamps, true = _autumn(range(20, 100, 10))
    read = parse(stamps, local=True, origin="x")
    assert read.unix_s[-4:].tolist() == true[-4:]
    assert "clock change" in read.notes[0], "nothing tells which hour it was: stated"


def test_the_skipped_hour_is_stated():
    read = parse(["2018-03-25 02:30:00.000"], local=True, origin="x")
    assert np.isfinite(read.unix_s[0])
    assert "skips" in read.notes[0]
