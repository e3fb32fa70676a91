"""What is published as a cycle is read back as the same cycle."""

import numpy as np

from core.clock import ManualClock
from core.settings import Settings
from dqm.its.objects import OBJECTS
from dqm.its.qcdb.client import QcdbClient
from dqm.its.qcdb.publishing import publish
from dqm.its.qcdb.server import FakeQcdb
from dqm.its.source import read_url
from tests.dqm.its.cycles import NOON, a_cycle


def test_a_published_cycle_is_read_back() -> None:
    cycle = a_cycle(without=("angular",), masked=())
    clock = ManualClock(NOON)
    with FakeQcdb(clock=clock) as server, QcdbClient(server.url) as client:
        publish(client, cycle)
        (version,) = client.browse(OBJECTS["lane_fault"].path()).versions
        seen = read_url(f"{server.url}/qc?RunNumber=559123&CycleNumber=7", Settings(), clock)
    assert version.metadata["qc_task_name"] == "ITSFEE"
    assert seen.key == cycle.key
    assert (seen.conditions["missing"], seen.conditions["beam_type"], seen.conditions["fill"]) == (
        "angular",
        "pp",
        9876,
    )
    assert (seen.observed_at, seen.conditions["cycle_s"]) == (cycle.ended_at, 180.0)
    for payload, histogram in cycle.histograms.items():
        np.testing.assert_array_equal(seen.payload[payload], histogram.values)
