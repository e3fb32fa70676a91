"""Simulated shots as event files, written where a watched folder finds them; the truth never goes with them."""

from pathlib import Path

import numpy as np

from accelerator.schlieren.events.writing import EventToWrite, write_event
from accelerator.schlieren.simulate.plan import Measured
from accelerator.schlieren.simulate.shift import Event
from core.settings import SchlierenSettings

_MJ_PER_J = 1000.0


def publish(event: Event, folder: Path, settings: SchlierenSettings) -> Path:
    """Write one event; return where."""
    shot = event.shot
    stamp_ns = int(np.int64(event.at.timestamp()) * 1_000_000_000) + event.at.microsecond * 1000
    return write_event(
        folder,
        EventToWrite(
            run=event.run,
            event=event.number,
            stamp_ns=stamp_ns,
            pixels=shot.frame,
            values=readings(shot.measured),
            delays_s={"camera": shot.measured.camera_delay_s},
        ),
        settings,
    )


def readings(measured: Measured) -> dict[str, float]:
    """Return what the instruments say, by the names of the settings."""
    return {
        "density_up": measured.density_up_cm3,
        "density_down": measured.density_down_cm3,
        "density_set": measured.density_set_cm3,
        "detuning": measured.detuning_ghz,
        "detuning_set": measured.detuning_set_ghz,
        "laser_energy": measured.laser_energy_mj / _MJ_PER_J,
    }
