"""Settings errors tracked for real with xcoll: for those who want truth at 7 ms a proton.

Needs the extra ``xcoll`` (xsuite, xcoll) and files that do not come with it: the line of beam 1
(``line_eos_b1.json.gz``) and the collimator database (``lhc_run3.yaml``).
``python -m accelerator.collimation.simulate.tracked LINE DATABASE OUT --fault tcp-retracted --protons 10000``
"""

import argparse
import gzip
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from accelerator.collimation.diagnosis import Quantity
from accelerator.collimation.simulate.faults import FAULTS, Setting
from core.errors import InputError, SettingsError

TURNS = 200
PRIMARY = {"H": "tcp.c6l7.b1", "V": "tcp.d6l7.b1"}


def track(
    line_file: Path, database_file: Path, settings: Sequence[Setting], plane: str, protons: int, out: Path
) -> Path:
    """Track protons of a halo of beam 1 with settings errors, and write the loss map as xcoll does.

    The halo begins at the primary of its plane, so a primary that stands behind another collimator is not for this.

    Raises
    ------
    core.errors.SettingsError
        xcoll is not installed.
    core.errors.InputError
        A settings error is of a kind that cannot be put into the line (orbit), or the plane has no pencil.
    """
    try:
        import xcoll
        import xtrack
    except ImportError as error:
        raise SettingsError(f"tracking needs the extra 'xcoll': pip install 'shiftwatch[xcoll]' ({error})") from None
    if plane not in PRIMARY:
        raise InputError(plane, f"cannot be tracked: only {', '.join(PRIMARY)}")
    line = xtrack.Line.from_dict(json.loads(gzip.decompress(line_file.read_bytes())))
    database = xcoll.CollimatorDatabase.from_yaml(str(database_file), beam=1)
    database.install_everest_collimators(line=line)
    line.build_tracker()
    line.twiss_default["method"] = "4d"  # the line's cavities have no voltage
    twiss = line.twiss()
    line.xcoll.collimators.assign_optics(twiss=twiss)
    for one in settings:
        _put(line[one.element], one)
    line.optimize_for_tracking()
    pencil = line[PRIMARY[plane]].generate_pencil(protons, side=_side(settings, PRIMARY[plane]))
    line.xcoll.scattering.enable()
    line.track(pencil, num_turns=TURNS)
    line.xcoll.scattering.disable()
    losses = xcoll.LossMap(line, line_is_reversed=False, part=pencil)
    out.mkdir(parents=True, exist_ok=True)
    path = out / f"tracked_B1{plane}.json"
    losses.to_json(str(path))
    return path


def _side(settings: Sequence[Setting], primary: str) -> str:
    """Return the jaw of the primary that halo touches: the nearer one if it is off centre, else both."""
    offset = sum(one.change for one in settings if one.element == primary and one.quantity == Quantity.OFFSET)
    return "+-" if offset == 0 else "-" if offset > 0 else "+"


def _put(collimator: Any, setting: Setting) -> None:
    """Apply a settings error to an installed collimator."""
    if setting.quantity == Quantity.GAP:
        collimator.gap = collimator.gap + setting.change
    elif setting.quantity == Quantity.OFFSET:
        collimator.jaw_L = collimator.jaw_L + 1e-3 * setting.change
        collimator.jaw_R = collimator.jaw_R + 1e-3 * setting.change
    elif setting.quantity == Quantity.TILT:
        collimator.tilt = collimator.tilt + 1e-6 * setting.change
    else:
        raise InputError(setting.element, f"{setting.quantity} errors are not tracked")


def main(arguments: Sequence[str] | None = None) -> None:
    """Track a named fault."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("line", type=Path)
    parser.add_argument("database", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--fault", choices=sorted(FAULTS), default=None)
    parser.add_argument("--plane", choices=sorted(PRIMARY), default="H")
    parser.add_argument("--protons", type=int, default=10_000)
    asked = parser.parse_args(arguments)
    fault = FAULTS.get(asked.fault or "")
    settings, plane = (fault.settings, fault.plane) if fault else ((), asked.plane)
    track(asked.line, asked.database, settings, plane, asked.protons, asked.out)


if __name__ == "__main__":
    main()
