"""What the shifter does, in the words of the checks of the QC: "create a log entry", "notify expert", "call expert".

Mattermost (MM) is where the experts read during a shift. The checks say "Do not call, create a log entry" for what the
detector gets over by itself and "call expert" for what costs data until somebody acts; the same line is drawn here.
"""

from collections.abc import Mapping
from types import MappingProxyType

from dqm.its.causes import Cause

_BACKGROUND = (
    "Tell the shift leader, who asks the LHC for the beam conditions. Create a log entry with the side and the time it "
    "began. Notify the expert on MM; do not call while data taking goes on."
)
_WATCH = "Do not call, create a log entry with the place and the time it began."
_CHECK_FEE = "Look at the lane status of this stave on the FEE page of the QC. "

_TEXTS: Mapping[str, str] = MappingProxyType(
    {
        Cause.BEAM_BACKGROUND_A: _BACKGROUND,
        Cause.BEAM_BACKGROUND_C: _BACKGROUND,
        Cause.NOISY_CHIP: "Create a log entry and notify the expert on MM: the chip may have to be masked.",
        Cause.HOT_PIXEL: f"{_WATCH} The pixel is masked at the next noise calibration.",
        Cause.STUCK_DOUBLE_COLUMN: f"{_WATCH} The double column is masked at the next noise calibration.",
        Cause.DEAD_CHIP: f"{_CHECK_FEE}Create a log entry and notify the expert on MM.",
        Cause.DEAD_LANE: f"{_CHECK_FEE}Create a log entry and notify the expert on MM.",
        Cause.DEAD_STAVE: f"{_CHECK_FEE}Call the expert and create a log entry.",
        Cause.READOUT_LOSS: f"{_CHECK_FEE}Call the expert if it goes on for more than two cycles; create a log entry.",
        Cause.BLINDED_CHIPS: f"{_WATCH} If it comes together with beam background, do what is said there.",
    }
)
_UNKNOWN = "Compare with the plots of the QC. Create a log entry and notify the expert on MM."
_NOT_JUDGED = "Read why it could not be judged. Ignore it if the run has just started or is a technical run."


def guidance(cause: str | None) -> str:
    """Return what to do about a cause; ``unknown`` and names it does not know included, None if nothing was judged."""
    return _NOT_JUDGED if cause is None else _TEXTS.get(cause, _UNKNOWN)
