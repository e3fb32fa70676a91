import os
from datetime import UTC, datetime, timedelta

import pytest

from accelerator.collimation import parquet
from accelerator.collimation.source import FolderSource
from core.clock import ManualClock
from core.errors import IncompleteInputError, InputError
from core.settings import CollimationSettings, Settings
from tests.accelerator.collimation.made_files import T0, lossmap_json, stream, vector_block, write_json

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)


@pytest.fixture
def clock():
    return ManualClock(NOW)


@pytest.fixture
def source(tmp_path, clock):
    return FolderSource(Settings(home=tmp_path), clock)


def put(tmp_path, name, write, age_s=10.0):
    path = tmp_path / "inbox" / "collimation" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    write(path)
    at = (NOW - timedelta(seconds=age_s)).timestamp()
    os.utime(path, (at, at))
    return path


def piece(tmp_path, name, begins, age_s=10.0, seconds=5):
    return put(tmp_path, name, lambda path: parquet.write(path, stream(seconds, count=3, begins=begins)), age_s)


def arrivals(source, settled=frozenset()):
    return list(source.arrivals(lambda tickets: settled & set(tickets)))


def names(found):
    return [one.origin.rsplit("/", 1)[1] for one in found]


def test_complete_files_come_once_oldest_first(tmp_path, source):
    put(tmp_path, "b.json", lambda path: write_json(path, lossmap_json()), age_s=5)
    put(tmp_path, "a.json", lambda path: write_json(path, lossmap_json()), age_s=9)
    for name in ("c.meta.json", "monitors.csv", "x.monitors.csv", ".hidden.json", "d.json.part", "notes.txt"):
        put(tmp_path, name, lambda path: path.write_text("{}"))
    put(tmp_path, "new.json", lambda path: write_json(path, lossmap_json()), age_s=0.1)
    piece(tmp_path, "day/p.parquet", T0, age_s=20)
    found = arrivals(source)
    assert names(found) == ["p.parquet", "a.json", "b.json"]
    assert arrivals(source, {one.ticket for one in found}) == []
    assert source.read(found[1]).element == "B1H"


def test_a_changed_file_or_sidecar_comes_again(tmp_path, source):
    put(tmp_path, "a.json", lambda path: write_json(path, lossmap_json()))
    first = {one.ticket for one in arrivals(source)}
    put(tmp_path, "a.meta.json", lambda path: write_json(path, {"beam": 1, "plane": "V"}), age_s=3)
    (again,) = arrivals(source, first)
    assert source.read(again).element == "B1V"


def test_pieces_say_where_they_stand(tmp_path, source):
    for name, begins in (("1", T0), ("2", T0 + 5), ("3", T0 + 8), ("4", T0 + 30), ("5", T0 + 20)):
        piece(tmp_path, f"{name}.parquet", begins)
    told = [source.read(one).conditions for one in arrivals(source)]
    keys = ("late_s", "overlaps_s", "after_gap_s")
    assert [{key: one[key] for key in keys if key in one} for one in told] == [
        {},
        {},
        {"overlaps_s": 1.0},
        {"after_gap_s": 18.0},
        {"late_s": 10.0},
    ]


def test_the_same_piece_twice_is_the_same_observation(tmp_path, source):
    piece(tmp_path, "1.parquet", T0)
    piece(tmp_path, "copy.parquet", T0)
    first, second = (source.read(one) for one in arrivals(source))
    assert first.identity == second.identity
    assert second.conditions["late_s"] == 0.0


def test_an_export_that_grows_is_left_alone(tmp_path, source, clock):
    text = vector_block(stream(seconds=5, count=3)).rstrip("\n")
    put(tmp_path, "monitors.csv", lambda path: path.write_text("\n".join(stream(count=3).monitors)))
    path = put(tmp_path, "a.csv", lambda path: path.write_text(text))
    (one,) = arrivals(source)
    with pytest.raises(IncompleteInputError, match="still being written"):
        source.read(one)
    clock.sleep(100)
    assert "cut off" in str(source.read(one).conditions["notes"]), "nobody goes on writing"
    path.write_text(text + "\n")
    assert source.read(one).conditions["seconds"] == 5


def test_a_file_from_the_future_settles_all_the_same(tmp_path, source, clock):
    put(tmp_path, "a.json", lambda path: write_json(path, lossmap_json()), age_s=-3600)
    assert arrivals(source) == []
    clock.sleep(1)
    assert names(arrivals(source)) == ["a.json"]


def test_a_folder_that_is_asked_for_must_be_there(tmp_path, clock):
    gone = Settings(collimation=CollimationSettings(inbox=tmp_path / "gone"))
    with pytest.raises(InputError, match="does not exist"):
        arrivals(FolderSource(gone, clock))
    assert arrivals(FolderSource(Settings(home=tmp_path), clock)) == []
    assert (tmp_path / "inbox" / "collimation").is_dir(), "the default one is made"


def test_what_vanished_is_tried_again(tmp_path, source):
    path = piece(tmp_path, "1.parquet", T0)
    (one,) = arrivals(source)
    path.unlink()
    with pytest.raises(OSError, match="No such file"):
        source.read(one)
