"""Storing the objects of a cycle in a QCDB, as the QC tasks do (the fake QCDB and test databases)."""

from dqm.its.cycle import Cycle
from dqm.its.histogram import encode
from dqm.its.objects import OBJECTS
from dqm.its.qcdb.client import QcdbClient
from dqm.its.qcdb.cycles import CYCLE, RUN


def publish(client: QcdbClient, cycle: Cycle, provenance: str = "qc") -> None:
    """Store all objects of a cycle, valid while its data were taken.

    Raises
    ------
    core.errors.SourceError
        If the QCDB does not take one.
    """
    since, until = (int(at.timestamp() * 1000) for at in (cycle.began_at, cycle.ended_at))
    for payload, histogram in cycle.histograms.items():
        found = OBJECTS[payload]
        metadata = {
            **cycle.metadata,
            RUN: str(cycle.run),
            CYCLE: str(cycle.number),
            "BeamType": cycle.beam_type,
            "qc_detector_name": "ITS",
            "qc_task_name": found.task,
            "ObjectType": f"TH{histogram.values.ndim}D",
            "adjustableEOV": "1",
        }
        client.put(found.path(provenance), since, max(until, since + 1), encode(histogram), metadata)
