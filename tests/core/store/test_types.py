"""Column types."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import StoreError
from core.store import Store
from core.store.types import NAME_LENGTH, plain_json, plain_name, plain_text


def test_instants_come_back_aware_and_in_utc(store: Store) -> None:
    local = datetime(2026, 3, 29, 3, 30, tzinfo=timezone(timedelta(hours=2)))
    store.heartbeat("flex", "watch", local, ok=True)
    [state] = store.overview(local)
    assert state.heartbeat is not None
    assert state.heartbeat.at == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)
    assert state.heartbeat.at.tzinfo is UTC


def test_a_naive_instant_is_refused(store: Store) -> None:
    with pytest.raises(StoreError, match="naive datetime"):
        store.heartbeat("flex", "watch", datetime(2026, 3, 29), ok=True)  # noqa: DTZ001


@settings(deadline=None, derandomize=True)
@given(st.text())
def test_plain_text_always_fits_both_databases(text: str) -> None:
    assert "\x00" not in plain_text(text)
    plain_text(text).encode("utf-8")


@settings(deadline=None, derandomize=True)
@given(st.text(max_size=400), st.text(max_size=400))
def test_names_are_short_and_stay_distinct(one: str, other: str) -> None:
    assert len(plain_name(one)) <= NAME_LENGTH
    assert (plain_name(one) == plain_name(other)) == (plain_text(one) == plain_text(other))
    assert plain_name(plain_name(one)) == plain_name(one)


def test_json_holds_no_odd_numbers() -> None:
    assert plain_json({"a": (1, float("inf")), 2: datetime(2026, 1, 1, tzinfo=UTC)}) == {
        "a": [1, None],
        "2": "2026-01-01T00:00:00+00:00",
    }


def test_marks_that_turn_the_direction_of_writing_are_written_out() -> None:
    turned = "board \u202egnp.exe\u2069 \u200f\u061c"
    assert plain_text(turned) == r"board \u202egnp.exe\u2069 \u200f\u061c"
    assert plain_text("שלום, μm, naïve") == "שלום, μm, naïve"
