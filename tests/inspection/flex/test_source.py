"""The watched folder: complete files once each, whose they are, when they were taken; hostile sidecars are named."""

import hashlib
import json
import os
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from core.clock import ManualClock
from core.contracts import Source
from core.errors import IncompleteInputError, InputError, SettingsError
from core.observation import Observation
from core.settings import Settings
from inspection.flex import source as source_module
from inspection.flex.source import FolderSource, read_file

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
KEK_NAME = "PCB_20UPGPQ2601028_PCB_POPULATION_PreProduction_VIes_Front_vi.jpg"


def settings(inbox: Path, **flex: Any) -> Settings:
    return Settings(flex={"inbox": inbox, "settle_s": 2.0, **flex})


def put(path: Path, at: datetime = NOON, grey: int = 90, exif: Image.Exif | None = None) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (64, 48), (grey, 20, 30)).save(path, **({"exif": exif} if exif is not None else {}))
    os.utime(path, (at.timestamp(), at.timestamp()))
    return path


def none_settled(tickets: Sequence[str]) -> set[str]:
    return set()


def names(source: FolderSource) -> list[str]:
    return [Path(arrival.origin).name for arrival in source.arrivals(none_settled)]


def later(seconds: float = 60) -> ManualClock:
    return ManualClock(NOON + timedelta(seconds=seconds))


def test_it_is_a_source(tmp_path: Path) -> None:
    source: Source = FolderSource(settings(tmp_path))
    assert source.name == "inbox"
    assert names(FolderSource(settings(tmp_path), later())) == []


def test_images_are_found_everywhere_below_oldest_first(tmp_path: Path) -> None:
    put(tmp_path / "b.png", NOON + timedelta(seconds=2))
    put(tmp_path / "day 1" / "ü" / "a.TIFF", NOON + timedelta(seconds=1))
    put(tmp_path / "c.jpg", NOON)
    put(tmp_path / "d.jpg", NOON)
    for name in (".hidden.png", "~lock.png", "x.png.part", "x.tmp", "notes.txt", ".trash/e.png", "x.json"):
        target = tmp_path / name
        target.parent.mkdir(exist_ok=True)
        target.write_bytes(b"{}")
    assert names(FolderSource(settings(tmp_path), later())) == ["c.jpg", "d.jpg", "a.TIFF", "b.png"]


def test_a_fresh_file_waits_until_it_has_settled(tmp_path: Path) -> None:
    clock = later(1.9)
    source = FolderSource(settings(tmp_path), clock)
    put(tmp_path / "a.png")
    assert names(source) == []
    clock.sleep(0.2)
    assert names(source) == ["a.png"]


def test_a_time_stamp_from_the_future_does_not_lock_a_file_out(tmp_path: Path) -> None:
    """A network drive whose clock runs ahead: the file counts once we saw it unchanged for long enough."""
    clock = later(0)
    source = FolderSource(settings(tmp_path), clock)
    path = put(tmp_path / "a.png", NOON + timedelta(days=30))
    assert names(source) == []
    clock.sleep(1.5)
    put(path, NOON + timedelta(days=30, seconds=1))
    assert names(source) == []
    clock.sleep(1.5)
    assert names(source) == []
    clock.sleep(1.0)
    assert names(source) == ["a.png"]


def test_a_ticket_names_one_state_of_one_file(tmp_path: Path) -> None:
    source = FolderSource(settings(tmp_path), later())
    path = put(tmp_path / "a.png")
    put(tmp_path / "b.png")

    def tickets() -> list[str]:
        return [arrival.ticket for arrival in source.arrivals(none_settled)]

    first = tickets()
    assert len(set(first)) == 2
    assert tickets() == first
    put(path, NOON + timedelta(seconds=1))
    assert len(set(first) | set(tickets())) == 3
    (tmp_path / "b.json").write_text("{}")
    os.utime(tmp_path / "b.json", (NOON.timestamp(), NOON.timestamp()))
    assert len(set(first) & set(tickets())) == 0, "a sidecar that came or was repaired offers its image anew"


def test_settled_files_are_not_offered_again(tmp_path: Path) -> None:
    for index in range(7):
        put(tmp_path / f"{index}.png")
    source = FolderSource(settings(tmp_path), later())
    known = {arrival.ticket for arrival in source.arrivals(none_settled) if arrival.origin[-5] in "135"}
    asked: list[Sequence[str]] = []

    def settled(tickets: Sequence[str]) -> set[str]:
        asked.append(tickets)
        return known & set(tickets)

    assert [arrival.origin[-5] for arrival in source.arrivals(settled)] == list("0246")
    assert [len(part) for part in asked] == [7]


def test_a_missing_inbox_is_an_error_unless_it_is_the_default_one(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="watched folder does not exist"):
        list(FolderSource(settings(tmp_path / "unplugged"), later()).arrivals(none_settled))
    own = Settings(home=tmp_path / "home")
    assert list(FolderSource(own, later()).arrivals(none_settled)) == []
    assert (tmp_path / "home" / "inbox" / "flex").is_dir()


def test_a_folder_that_cannot_be_listed_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    locked = tmp_path / "locked"
    locked.mkdir()
    os.utime(locked, (NOON.timestamp(), NOON.timestamp()))
    put(tmp_path / "z.png", NOON + timedelta(seconds=1))
    real = os.scandir

    def scandir(path: Any) -> Any:
        if Path(path) == locked:
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    source = FolderSource(settings(tmp_path), later())
    folder, image = source.arrivals(none_settled)
    assert Path(image.origin).name == "z.png"
    with pytest.raises(PermissionError):
        source.read(folder)
    monkeypatch.undo()
    with pytest.raises(IncompleteInputError):
        source.read(folder)


def test_names_that_are_no_utf8_are_read(tmp_path: Path) -> None:
    path = put(tmp_path / os.fsdecode(b"b\xfcrd.png"))
    source = FolderSource(settings(tmp_path), later())
    (arrival,) = source.arrivals(none_settled)
    assert arrival.origin.endswith(r"b\xfcrd.png")
    seen = source.read(arrival)
    assert seen.element == r"b\xfcrd"
    json.dumps(seen.to_json(), ensure_ascii=False).encode()
    assert seen.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def observe(path: Path, clock: ManualClock | None = None, **flex: Any) -> Observation:
    return read_file(path, settings(path.parent, **flex), clock or later())


def test_what_an_observation_says(tmp_path: Path) -> None:
    path = put(tmp_path / KEK_NAME)
    seen = observe(path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert seen.identity == ("flex", "20UPGPQ2601028", digest[:16])
    assert seen.sha256 == digest
    assert seen.origin == str(path)
    assert seen.observed_at == NOON
    assert dict(seen.conditions) == {
        "serial": "20UPGPQ2601028",
        "stage": "PCB_POPULATION",
        "side": "front",
        "component": "Quad_PCB",
        "manufacturer": "Yamashita_Material",
        "width": 64,
        "height": 48,
        "file": KEK_NAME,
        "time_from": "file",
    }
    assert seen.axes == {"image": ("row", "column", "channel")}
    image = seen.payload["image"]
    assert (image.shape, image.dtype) == ((48, 64, 3), np.uint8)


def test_a_board_without_serial_goes_by_its_file_name(tmp_path: Path) -> None:
    seen = observe(put(tmp_path / "scan 17 ü.png"))
    assert seen.element == "scan 17 ü"
    assert seen.conditions["serial"] is None


def test_the_same_bytes_have_the_same_key(tmp_path: Path) -> None:
    first, second = observe(put(tmp_path / "a.png")), observe(put(tmp_path / "b.png"))
    assert first.key == second.key
    assert observe(put(tmp_path / "c.png", grey=91)).key != first.key


def test_a_sidecar_wins_over_the_name(tmp_path: Path) -> None:
    path = put(tmp_path / KEK_NAME)
    path.with_suffix(".json").write_text(json.dumps({"serial": " FPC-7 ", "side": "Back", "operator": 3}))
    seen = observe(path)
    assert (seen.element, seen.conditions["side"], seen.conditions["stage"]) == ("FPC-7", "back", "PCB_POPULATION")
    assert seen.conditions["component"] is None


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"[]",
        b"null",
        b'"x"',
        b'{"serial": 5}',
        b'{"serial": ["a"]}',
        b'{"serial": ""}',
        b'{"serial": "a\\u0000b"}',
        b'{"serial": "\\ud800"}',
        b'{"side": "left"}',
        b'{"stage": "' + b"x" * 500 + b'"}',
        b"[" * 60000,
        b" " * 100000,
        b'{"serial": ' + b"9" * 5000 + b"}",
    ],
)
def test_a_hostile_sidecar_is_named(tmp_path: Path, content: bytes) -> None:
    path = put(tmp_path / "a.png")
    path.with_suffix(".json").write_bytes(content)
    with pytest.raises(InputError, match=r"a\.json: "):
        observe(path)


def test_a_folder_as_sidecar_is_named(tmp_path: Path) -> None:
    path = put(tmp_path / "a.png")
    path.with_suffix(".json").mkdir()
    with pytest.raises(InputError, match=r"a\.json: is not a plain file"):
        observe(path)


def test_a_wrong_name_pattern_is_a_setting_error(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="name_pattern"):
        observe(put(tmp_path / "a.png"), name_pattern="(")


def photo(path: Path, taken: str, offset: str | None = None) -> Path:
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0x9003] = taken
    if offset is not None:
        exif.get_ifd(0x8769)[0x9011] = offset
    return put(path, exif=exif)


def test_the_camera_says_when(tmp_path: Path) -> None:
    seen = observe(photo(tmp_path / "a.jpg", "2026:02:28 18:30:05", "+09:00"))
    assert seen.observed_at == datetime(2026, 2, 28, 9, 30, 5, tzinfo=UTC)
    assert seen.conditions["time_from"] == "exif"


@pytest.mark.parametrize(
    "taken", ["0000:00:00 00:00:00", "1970:01:01 00:00:00", "yesterday", "2026:13:01 00:00:00", ""]
)
def test_a_camera_that_says_nonsense_is_not_believed(tmp_path: Path, taken: str) -> None:
    seen = observe(photo(tmp_path / "a.jpg", taken, "+00:00"))
    assert (seen.observed_at, seen.conditions["time_from"]) == (NOON, "file")


def test_the_future_is_taken_as_now(tmp_path: Path) -> None:
    clock = later()
    for path in (
        photo(tmp_path / "a.jpg", "2031:01:01 00:00:00", "+00:00"),
        put(tmp_path / "b.jpg", NOON + timedelta(1)),
    ):
        seen = observe(path, clock)
        assert seen.observed_at == clock.now()
        assert "future" in str(seen.conditions["time_note"])


def test_permission_is_an_error_that_may_pass_in_the_watch_and_a_reason_for_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = put(tmp_path / "a.png")
    source = FolderSource(settings(tmp_path), later())
    (arrival,) = source.arrivals(none_settled)

    def deny(*_: object) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(source_module, "read_bytes", deny)
    with pytest.raises(PermissionError):
        source.read(arrival)
    with pytest.raises(InputError, match=r"a\.png: permission denied"):
        observe(path)
    path.unlink()
    monkeypatch.undo()
    with pytest.raises(InputError, match=r"a\.png: does not exist"):
        observe(path)
