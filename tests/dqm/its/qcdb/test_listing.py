"""Lists in both spellings; damaged rows are left out by name, answers that are no list are errors."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import SourceError
from dqm.its.qcdb.listing import LAST_MS, MAX_METADATA, MAX_TEXT, Version, bare, metadata_of, parse_listing

NEW = {
    "path": "qc/ITS/MO/ITSClusterTask/Layer0/ClusterOccupation",
    "ETag": '"8a-1"',
    "Valid-From": "1700000000000",
    "Valid-Until": "1700000180000",
    "Created": "1700000181000",
    "Content-Length": "14694",
    "RunNumber": "560123",
    "CycleNumber": "7",
}
OLD = {
    "path": "/qc/ITS/MO/ITSClusterTask/Layer0/ClusterOccupation",
    "id": "8a-1",
    "validFrom": 1700000000000,
    "validUntil": 1700000180000,
    "createTime": 1700000181000,
    "size": 14694,
    "RunNumber": 560123,
    "CycleNumber": 7,
}
MEANT = Version(
    "qc/ITS/MO/ITSClusterTask/Layer0/ClusterOccupation",
    "8a-1",
    1700000000000,
    1700000180000,
    1700000181000,
    14694,
    {"RunNumber": "560123", "CycleNumber": "7"},
)


def body(*rows: Any, **more: Any) -> bytes:
    return json.dumps({"objects": rows, **more}).encode()


@pytest.mark.parametrize("row", [NEW, OLD, {**NEW, "metadata": {"CycleNumber": "7", "RunNumber": 560123}}])
def test_both_spellings_mean_the_same(row: dict[str, Any]) -> None:
    listing = parse_listing(body(row, subfolders=["qc/ITS/MO/x"]), "u")
    assert listing.versions == (MEANT,)
    assert listing.subfolders == ("qc/ITS/MO/x",)
    assert listing.unusable == ()


def test_line_breaks_inside_texts_are_taken() -> None:
    raw = body(NEW).replace(b'"560123"', b'"560\n123"')
    assert parse_listing(raw, "u").versions[0].metadata["RunNumber"] == "560\n123"


def test_the_time_of_the_answer_is_kept() -> None:
    at = datetime(2026, 1, 2, tzinfo=UTC)
    assert parse_listing(body(), "u", at).answered_at == at


@pytest.mark.parametrize(
    "changed",
    [
        {"path": ""},
        {"path": 7},
        {"path": None},
        {"ETag": None},
        {"Created": "yesterday"},
        {"Created": -1},
        {"Created": 1e300},
        {"Created": float("inf")},
        {"Created": float("nan")},
        {"Valid-From": LAST_MS + 1},
        {"Valid-Until": [1]},
        {"Content-Length": {}},
    ],
)
def test_a_damaged_row_is_left_out_and_named(changed: dict[str, Any]) -> None:
    listing = parse_listing(body({**NEW, **changed}, NEW, 5, None), "http://x/browse")
    assert listing.versions == (MEANT,)
    assert len(listing.unusable) == 3
    assert listing.unusable[0].startswith("http://x/browse: row left out")


@pytest.mark.parametrize(
    "raw", [b"", b"<html>", b"[]", b"{}", b'{"objects": 5}', b'{"objects": {}}', b"null", b"[" * 100_000, b"\xff\xfe"]
)
def test_what_is_no_list_is_an_error_that_names_the_url(raw: bytes) -> None:
    with pytest.raises(SourceError, match=r"^http://x/browse: "):
        parse_listing(raw, "http://x/browse")


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text(max_size=5), lambda of: st.lists(of, max_size=3)))
def test_any_value_of_any_field_is_a_version_or_a_named_row(value: Any) -> None:
    for name in NEW:
        listing = parse_listing(body({**NEW, name: value}), "u")
        assert len(listing.versions) + len(listing.unusable) == 1


def test_metadata_are_bounded_and_without_what_http_adds() -> None:
    told = {"Content-Type": "x", "DATE": "y", "RunNumber": "1", "long": "a" * 5000, "list": [1]}
    told |= {f"key{n}": "v" for n in range(500)}
    kept = metadata_of(told)
    assert kept["RunNumber"] == "1"
    assert len(kept["long"]) == MAX_TEXT
    assert len(kept) == MAX_METADATA
    assert not {"Content-Type", "DATE", "list"} & kept.keys()


@pytest.mark.parametrize("etag", ['"abc"', "abc", 'W/"abc"', ' "abc" '])
def test_etags_lose_their_quotes(etag: str) -> None:
    assert bare(etag) == "abc"
