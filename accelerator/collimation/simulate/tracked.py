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
SAME_PLANE_DEG = 20.0
PRIMARY = {"H": "tcp.c6l7.b1", "V": "tcp.d6l7.b1"}


def open_line(line_file: Path, database_file: Path) -> Any:
    """Return the line of beam 1 with its collimators installed and at their settings (a minute).

    Raises
    ------
    core.errors.SettingsError
        xcoll is not installed.
    """
    try:
        import xcoll
        import xtrack
    except ImportError as error:
        raise SettingsError(f"tracking needs the extra 'xcoll': pip install 'shiftwatch[xcoll]' ({error})") from None
    line = xtrack.Line.from_dict(json.loads(gzip.decompress(line_file.read_bytes())))
    database = xcoll.CollimatorDatabase.from_yaml(str(database_file), beam=1)
    database.install_everest_collimators(line=line)
    line.build_tracker()
    line.twiss_default["method"] = "4d"  # the line's cavities have no voltage
    line.xcoll.collimators.assign_optics(twiss=line.twiss())
    line.optimize_for_tracking()
    return line


def track(line: Any, settings: Sequence[Setting], plane: str, protons: int, out: Path) -> Path:
    """Track protons of a halo of beam 1 with settings errors, and write the loss map as xcoll does.

    The halo begins at the innermost collimator of its plane: the primary, or a secondary that stands inside it. The
    settings of the line are as before afterwards.

    Parameters
    ----------
    line
        From `open_line`.
    settings
        What is wrong; several may move one collimator.
    plane
        H or V.
    protons
        How many.
    out
        The file to write.

    Raises
    ------
    core.errors.InputError
        A settings error is of a kind that cannot be put into the line (orbit), or the plane has no pencil.
    """
    import xcoll

    if plane not in PRIMARY:
        raise InputError(plane, f"cannot be tracked: only {', '.join(PRIMARY)}")
    for one in settings:
        _put(line[one.element], one, 1.0)
    try:
        first = _innermost(line, settings, PRIMARY[plane])
        pencil = line[first].generate_pencil(protons, side=_side(settings, first))
        line.xcoll.scattering.enable()
        line.track(pencil, num_turns=TURNS)
        line.xcoll.scattering.disable()
    finally:
        for one in settings:
            _put(line[one.element], one, -1.0)
    out.parent.mkdir(parents=True, exist_ok=True)
    xcoll.LossMap(line, line_is_reversed=False, part=pencil).to_json(str(out))
    return out


def _innermost(line: Any, settings: Sequence[Setting], primary: str) -> str:
    """Return the collimator of the primary's orientation that halo touches first."""
    own = [one.element for one in settings if abs(line[one.element].angle - line[primary].angle) < SAME_PLANE_DEG]
    return min([primary, *own], key=lambda name: float(line[name].gap))


def _side(settings: Sequence[Setting], primary: str) -> str:
    """Return the jaw of the primary that halo touches: the nearer one if it is off centre, else both."""
    offset = sum(one.change for one in settings if one.element == primary and one.quantity == Quantity.OFFSET)
    return "+-" if offset == 0 else "-" if offset > 0 else "+"


def _put(collimator: Any, setting: Setting, sign: float) -> None:
    """Apply a settings error to an installed collimator, or take it back."""
    change = sign * setting.change
    if setting.quantity == Quantity.GAP:
        collimator.gap = collimator.gap + change
    elif setting.quantity == Quantity.OFFSET:
        left, right = collimator.jaw_L, collimator.jaw_R
        collimator.jaw_L, collimator.jaw_R = left + 1e-3 * change, right + 1e-3 * change
    elif setting.quantity == Quantity.TILT:
        collimator.tilt = collimator.tilt + 1e-6 * change
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
    track(open_line(asked.line, asked.database), settings, plane, asked.protons, asked.out)


if __name__ == "__main__":
    main()
