"""FLEX visual inspection as one of the monitored systems."""

from pathlib import Path

from core.contracts import AlarmRule, Detector, System
from core.settings import Settings
from inspection.flex.source import FolderSource, read_file


def _detector(settings: Settings) -> Detector:
    from inspection.flex.detector import FlexDetector  # networks and OpenCV: only what judges needs them

    return FlexDetector.load(settings)


def guidance(cause: str | None) -> str:
    """Return what to do about an alarm on a board."""
    if cause is None:
        return "Open the board, read why it could not be judged, and take the photo again."
    return "Set the board aside, open it at the inspection station and decide on every marked place."


def find_model(settings: Settings) -> Path:
    """Return the package of the model that judges (ModelError if there is none)."""
    from inspection.flex.detector import find_product as find

    return find(settings)


FLEX = System(
    name="flex",
    title="FLEX boards",
    source=FolderSource,
    detector=_detector,
    read_file=read_file,
    rule=AlarmRule(),
    guidance=guidance,
    silent_after_s=lambda settings: settings.flex.silent_after_s,
    find_model=find_model,
    no_drills=(
        "a board is judged with the board in the hand: a fault would stand under the serial number of a good one, or "
        "under one that does not exist, on its way into the production record"
    ),
)
