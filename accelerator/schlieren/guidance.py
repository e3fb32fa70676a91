"""What the AWAKE run shifter does about a cause, in the words of the plasma source: laser, vapour, probe, camera.

None of it touches a beam; every shot that is spoilt meanwhile is marked, so that the analysis can leave it out.
"""

from collections.abc import Mapping
from types import MappingProxyType

from accelerator.schlieren.causes import Cause
from accelerator.schlieren.result import UNKNOWN

_LASER = "Call the laser expert."
_PROBE = "Call the expert of the Schlieren bench."

_TEXTS: Mapping[str, str] = MappingProxyType(
    {
        Cause.NO_IONISATION: "Look at the energy meters and shutters of the ionising laser: is it on, does it "
        f"reach the vapour source? Tell the run coordinator that there is no plasma. {_LASER}",
        Cause.PARTIAL_IONISATION: "Look at the energy of the ionising laser and at its profile on the virtual line. "
        f"Do not use these shots for a full column of plasma. {_LASER}",
        Cause.CHANNEL_SHIFTED: "Compare the laser's pointing on the virtual line with its reference. Check its "
        f"alignment with the proton beam before the next data. {_LASER}",
        Cause.CHANNEL_TILTED: "Compare the laser's pointing at both ends with its reference: the channel crosses the "
        f"proton beam at an angle. {_LASER}",
        Cause.PROBE_WEAK: f"Look at the power of the probe laser, its fibre and the filter wheel. {_PROBE}",
        Cause.PROBE_OFF_CENTRE: f"Re-centre the probe on the viewport. {_PROBE}",
        Cause.MASK_DRIFT: f"Bring knife edge or stop back to the focus of the probe. {_PROBE}",
        Cause.DEFOCUS: f"Check the camera's stage and the lenses: the channel is out of focus. {_PROBE}",
        Cause.VIBRATION: "Look for what shakes the bench (pumps, people, doors), and at the exposure of the camera.",
        Cause.SATURATION: "Lower the gain or the exposure of the camera, or dim the probe: pixels are full.",
        Cause.DARK: "Is the shutter of the probe open, its laser on, the camera's exposure set? The picture is dark.",
        Cause.FROZEN: "Restart the camera's server: it hands out an old picture.",
        Cause.STALE: "Check the trigger of the camera and its clock, then restart its server: its time stamp is not "
        "that of the extraction, so the picture may belong to another shot.",
        Cause.DUST: f"Look at the windows and lenses; clean them in the next access. {_PROBE}",
        Cause.DENSITY_DRIFT: "Look at the temperatures of the flasks and of the vapour source, and at the valves. "
        "Tell the run coordinator: the plasma density follows the vapour density.",
        Cause.DETUNING_DRIFT: "Look at the wavelength meter of the probe laser and lock it again (mode hop). The peak "
        "ionisation of these shots is only as good as the detuning that was measured.",
        Cause.WRONG_GAIN: "Set the gain of the camera back to that of the run.",
        Cause.WRONG_BINNING: "Set the camera back to its usual binning and region of interest.",
    }
)
_UNKNOWN = (
    "The picture is like none that is known. Compare it with the last good shot, look at the camera, the probe and the "
    f"ionising laser, and call the plasma expert. {_PROBE}"
)
_NOT_JUDGED = "Read why it could not be judged; check the camera's name and the addresses of the instruments."


def guidance(cause: str | None) -> str:
    """Return what to do about a cause; names it does not know included, None if nothing was judged."""
    if cause is None:
        return _NOT_JUDGED
    return _TEXTS.get(cause, _UNKNOWN)


def knows(cause: str) -> bool:
    """Whether there is a text of its own for a cause."""
    return cause in _TEXTS or cause == UNKNOWN
