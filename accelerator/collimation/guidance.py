"""What the collimation engineer-in-charge does about a diagnosis, in the words of LHC collimation.

The steps are those of the qualification: jaw positions against their limits (LVDTs and resolvers), alignment with the
BLMs or the buttons in the jaws, and a loss map after every change of settings.
"""

from collections.abc import Mapping
from types import MappingProxyType

_POSITIONS = "Compare the jaw positions (LVDT and resolver) of this collimator with its settings and functions. "
_HOLD = "Hold the intensity ramp. "
_REPEAT = "Once it is put right, repeat the loss map of this beam and plane before going on."
_EXPERT = "Call the collimation expert. "

_TEXTS: Mapping[str, str] = MappingProxyType(
    {
        "TCP retracted": f"{_POSITIONS}{_EXPERT}The margin to the secondaries is smaller than it should be. {_REPEAT}",
        "TCP tightened": f"{_POSITIONS}Watch the lifetime. {_REPEAT}",
        "TCSG inside TCP": f"{_HOLD}{_EXPERT}{_POSITIONS}A secondary acts as the primary: do not go on. {_REPEAT}",
        "TCSG tightened": f"{_POSITIONS}{_EXPERT}{_REPEAT}",
        "TCSG retracted": f"{_POSITIONS}{_EXPERT}Cleaning is worse: watch the losses in the IR7 DS. {_REPEAT}",
        "TCT exposed": f"{_HOLD}{_EXPERT}{_POSITIONS}Check the orbit and beta* at this experiment. {_REPEAT}",
        "TCT retracted": f"{_POSITIONS}The triplet has less protection: check before squeezing. {_REPEAT}",
        "collimator off centre": f"{_POSITIONS}Check the orbit at this collimator; re-align it. {_REPEAT}",
        "tilted jaw": f"Compare upstream and downstream jaw corners (LVDT); re-align with angle. {_REPEAT}",
        "orbit shift": f"Check the orbit in IR7 and its feedback. Re-align if it stays. {_REPEAT}",
        "margin shrinking": "Look at the trend of the margin and the jaw positions of the collimator named. "
        "Prepare to dump in time: plan an alignment check before the margin is gone. Call the collimation expert.",
        "off-momentum": "An off-momentum loss map: compare with the last one of this state.",
        "crystal": "A map with crystals: compare with the last one with crystals of this state.",
        "ion": "An ion map: compare with the last ion map of this state.",
        "asynchronous dump": "An asynchronous dump: call the dump and collimation experts, check TCDQ and TCTs.",
        "injection losses": "Injection losses: check transfer-line collimators and TDI; tell the injection team.",
        "no beam": "No losses above background: check beam intensity and that the monitors are read.",
    }
)
_UNKNOWN = (
    "The pattern is like none that is known. Compare with the last loss map of this state, look at the highest "
    "deviations for a fallen or wrongly read monitor, repeat the loss map, and call the collimation expert."
)
_TIGHT = f"{_POSITIONS}{_EXPERT}{_REPEAT}"
_NOT_JUDGED = "Read why it could not be judged; check that beam, plane and monitors of the file are what was measured."


def guidance(cause: str | None) -> str:
    """Return what to do about a cause; names it does not know included, None if nothing was judged."""
    if cause is None:
        return _NOT_JUDGED
    if cause.endswith(("tightened", "retracted")):
        return _TEXTS.get(cause, _TIGHT)
    return _TEXTS.get(cause, _UNKNOWN)
