"""A simulated cycle as the console would get it: as a `Cycle`, with the metadata that the QC gives its objects."""

from datetime import datetime, timedelta

from dqm.its.cycle import Cycle, assemble
from dqm.its.objects import OBJECTS
from dqm.its.simulate.hardware import draw_detector
from dqm.its.simulate.run import SimulatedCycle
from dqm.its.simulate.settings import RunSettings

_QC_VERSION = "1.180.0-simulated"


def to_cycle(settings: RunSettings, simulated: SimulatedCycle) -> Cycle:
    """Return the cycle with its histograms; nothing of the truth goes with it.

    Raises
    ------
    core.errors.InputError
        If the arrays are none that the QC would publish.
    """
    histograms = {name: OBJECTS[name].histogram(values) for name, values in simulated.payload.items()}
    return assemble(
        histograms,
        metadata(settings, simulated.number),
        _at(settings, simulated.began_s),
        _at(settings, simulated.ended_s),
        f"simulated run {settings.run}",
        run_began_at=settings.began_at,
        masked=masked(settings),
    )


def metadata(settings: RunSettings, number: int) -> dict[str, str]:
    """Return the metadata of all objects of a cycle (see ``ObjectMetadataKeys.h`` of the QC)."""
    return {
        "RunNumber": str(settings.run),
        "RunType": "PHYSICS",
        "PeriodName": settings.period,
        "PassName": "",
        "BeamType": settings.beam_type.value,
        "FillNumber": str(settings.fill_number),
        "CycleNumber": str(number),
        "qc_detector_name": "ITS",
        "qc_version": _QC_VERSION,
    }


def masked(settings: RunSettings) -> tuple[str, ...]:
    """Return the names of cells of this run's detector that are off altogether."""
    return draw_detector(settings.detector_seed).masked


def _at(settings: RunSettings, seconds: float) -> datetime:
    return settings.began_at + timedelta(seconds=seconds)
