"""One cycle, read by its address in the QCDB."""

from pathlib import Path

import pytest

from core.errors import InputError
from core.settings import Settings
from dqm.its.source import read_url
from tests.dqm.its.scene import FEW, START, Scene
from tests.dqm.its.stored import body, store


def test_a_cycle_is_read_by_its_url(scene: Scene) -> None:
    store(scene.server.versions, 1, level=1)
    store(scene.server.versions, 2, level=2)
    arrivals = {arrival.detail["cycle"]: arrival for arrival in scene.arrivals()}
    watched = scene.source.read(arrivals[1])
    named = read_url(arrivals[1].origin, Settings(), scene.clock)
    assert (named.identity, named.sha256) == (watched.identity, watched.sha256)
    newest = read_url(scene.server.url, Settings(), scene.clock)
    assert newest.key == "560123/2"
    of_a_path = read_url(str(Path(arrivals[1].origin)), Settings(), scene.clock)
    assert of_a_path.sha256 == watched.sha256


def test_the_newest_cycle_by_url_is_the_one_with_most_objects(scene: Scene) -> None:
    store(scene.server.versions, 1)
    scene.clock.sleep(180)
    store(scene.server.versions, 2, only=FEW)
    seen = read_url(scene.server.url, Settings(), scene.clock)
    assert seen.key == "560123/1"
    assert seen.conditions["missing"] == ""  # what is newest of an object may be of the next cycle


def test_other_processings_name_tasks_otherwise(scene: Scene) -> None:
    store(scene.server.versions, 1, but=["angular"], provenance="qc_async")
    told, end_ms = {"RunNumber": "560123", "CycleNumber": "1"}, int(START.timestamp() * 1000)
    path = "qc_async/ITS/MO/ITSTracks/AngularDistribution"
    scene.server.versions.put(path, end_ms - 180_000, end_ms, body("angular"), told)
    seen = read_url(f"{scene.server.url}/qc_async", Settings(), scene.clock)
    assert seen.conditions["missing"] == ""


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("ftp://x/qc", "is not the URL of a QCDB"),
        ("http://", "is not the URL of a QCDB"),
        ("http://user:word@host/qc", "is not the URL of a QCDB"),
        ("{server}/qc_data", "no provenance called qc_data"),
        ("{server}/qc?RunNumber=5", "must name both"),
        ("{server}/qc?RunNumber=5&CycleNumber=x", "must name both"),
        ("{server}/qc?RunNumber=5&CycleNumber=5", "lists none of the"),
        ("{server}", "lists none of the"),
        ("http://127.0.0.1:1/qc", "no answer"),
        ("http://[/qc", "no answer"),
    ],
)
def test_urls_that_lead_to_nothing_say_why(scene: Scene, url: str, reason: str) -> None:
    asked = url.format(server=scene.server.url)
    with pytest.raises(InputError) as raised:
        read_url(asked, scene.settings())
    assert str(raised.value).startswith(f"{asked}: ")
    assert reason in raised.value.reason
