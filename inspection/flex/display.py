"""What the dashboard knows of FLEX boards: plain words, spots with their pictures, classes, the record."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePath
from typing import Any

from core.alarms.severity import Severity
from core.observation import Condition
from core.settings import Settings
from core.store.views import AlarmView, Judgement, ObservationDetail, ObservationView, RegionDecision
from core.verdict import Quality

SYSTEM = "flex"
TITLE = "FLEX boards"
PAGE = "inspection"
ASKS = "board"
"""The name under which the page's address holds the id of an observation."""
OPEN = "Open the board at the inspection station"
WHEN_SILENT = "Check the scanner."
UNKNOWN = "unknown"
UNREADABLE = "unreadable"
_NOT_KNOWN = frozenset({Severity.INVALID, Severity.UNDEFINED})

ITK_CLASSES: Mapping[str, str] = {
    "Scratches_Wirebonding_pad": "Scratch on a bond pad",
    "Contamination_Wirebonding_pad": "Dirt on a bond pad",
    "Scratches_Solder_mask": "Scratch in the solder mask",
    "Contamination_Solder_mask": "Dirt on the solder mask",
    "Irregularities_Solder_mask": "Uneven solder mask",
    "Dusts": "Dust or fibre",
    "Copper_pattern": "Damaged track",
    "Solder_overflow_PCB": "Solder spilled",
    "Missing_component": "Part missing",
    "Components_misalignment": "Part out of place",
    "Solder_overflow_Wirebonding_pad": "Solder on a bond pad",
    "Critical_damage_Wirebonding_pad": "Bond pad destroyed",
    "Critical_damage_Solder_mask": "Burn or crack",
    "Watermarks": "Watermark",
    "Scratches_PCB": "Scratch somewhere else",
    "Contamination_PCB": "Dirt somewhere else",
    "Solder_irregularities": "Uneven solder joint",
    "Components_close_proximity": "Parts too close",
    "Open_tombstoning": "Part standing up or not soldered",
    "Data_connector_issue": "Data connector, small fault",
    "Data_connector_critical_issue": "Data connector, broken",
    "Power_connector_issue": "Power connector, small fault",
    "Power_connector_critical_issue": "Power connector, broken",
    "Other_PCB": "Something else",
}
"""The ids of the ITk check-list; the first nine have a digit key."""

DRAWING_CLASSES: Mapping[str, str] = {
    "open": "Track broken",
    "short": "Tracks joined",
    "mousebite": "Bite out of a track",
    "spur": "Spur on a track",
    "copper": "Copper too much",
    "pinhole": "Pinhole in copper",
}
CAUSES = ITK_CLASSES
"""What a person may say that a whole alarm was about."""
OTHER_WORDS: Mapping[str, str] = {UNKNOWN: "Not a class it knows", "pin_hole": "Pinhole in copper"}


@dataclass(frozen=True, slots=True)
class Spot:
    """A suspect place, ready to be shown; coordinates are pixels of the upright input image."""

    index: int
    x: int
    y: int
    width: int
    height: int
    score: float | None
    p_value: float | None
    cause: str | None
    probability: float | None
    picture: str | None
    golden: str | None

    @property
    def number(self) -> int:
        """The number drawn beside it on the board."""
        return self.index + 1


def spots(detail: ObservationDetail) -> tuple[Spot, ...]:
    """Return the suspect places of a board, worst first, with the digests of their pictures."""
    return tuple(_spot(index, region, detail.evidence) for index, region in enumerate(detail.regions))


def _spot(index: int, region: Mapping[str, Any], evidence: Mapping[str, str]) -> Spot:
    place = {name: int(region.get(name) or 0) for name in ("x", "y", "width", "height")}
    return Spot(
        index=index,
        **place,
        score=region.get("score"),
        p_value=region.get("p_value"),
        cause=region.get("cause"),
        probability=region.get("probability"),
        picture=evidence.get(f"spot_{index + 1}"),
        golden=evidence.get(f"golden_{index + 1}"),
    )


def class_label(name: str | None) -> str:
    """Return a defect class in plain words."""
    if name is None:
        return OTHER_WORDS[UNKNOWN]
    known = {**ITK_CLASSES, **DRAWING_CLASSES, **OTHER_WORDS}
    return known.get(name, name.replace("_", " ").strip().capitalize() or OTHER_WORDS[UNKNOWN])


def classes(detail: ObservationDetail) -> tuple[str, ...]:
    """Return the classes a person may choose from; the first nine have a digit key."""
    proposed = {spot.cause for spot in spots(detail)}
    return tuple(DRAWING_CLASSES if proposed & set(DRAWING_CLASSES) else ITK_CLASSES)


def how_sure(probability: float | None) -> str:
    """Return how sure the proposal is, for people; no network is sure to 100 %."""
    if probability is None:
        return ""
    return "> 99 % sure" if probability > 0.99 else f"{round(100 * probability)} % sure"


def subtitle(conditions: Mapping[str, Condition]) -> str:
    """Return stage, side and maker of a board as one line; empty if nothing is known."""
    words = [_words(conditions.get(name)) for name in ("component", "manufacturer", "stage", "side")]
    return " · ".join(word for word in words if word)


def image_size(conditions: Mapping[str, Condition]) -> tuple[int, int] | None:
    """Return width and height of the input image in pixels, None if they are not known."""
    width, height = conditions.get("width"), conditions.get("height")
    if isinstance(width, int) and isinstance(height, int) and width > 0 and height > 0:
        return width, height
    return None


def expected_false_spots(detail: ObservationDetail) -> str:
    """Return what the threshold stands for, in one sentence; empty if the model does not say."""
    measured = detail.measurements.get("false_spots_expected")
    if measured is None:
        return ""
    value = f"{measured.value:.2g}"
    places = "place is" if value == "1" else "places are"
    return f"With this setting, about {value} {places} marked by mistake on a good board."


def headline(detail: ObservationDetail) -> str:
    """Return the verdict as a sentence for the operator."""
    count = len(detail.regions)
    if detail.view.quality is Quality.NULL:
        return "This photo could not be judged"
    if not count:
        return "Nothing suspicious found"
    return "Look at this place" if count == 1 else f"Look at these {count} places"


def why(view: ObservationView) -> str:
    """Return why a photo could not be judged, without the path that the page shows already."""
    return (view.reason or "no reason was given").removeprefix(f"{view.origin}: ")


def advice(reason: str | None) -> str:
    """Return what the operator can do about a photo that could not be judged."""
    text = (reason or "").lower()
    for words, what in _ADVICE:
        if any(word in text for word in words):
            return what
    return "Take the photo again. If it happens twice, show the message above to the expert."


_ADVICE: Sequence[tuple[tuple[str, ...], str]] = (
    (("truncated", "cut short", "incomplete", "zero bytes", "empty"), "The file is not whole. Copy or scan it again."),
    (
        ("registration", "lay", "reference", "match", "align", "half"),
        "Check that the right product is chosen and that the whole board lies flat, then take the photo again.",
    ),
    (("megapixel", "too large", "too big", "bomb"), "The picture is too large. Scan with a lower resolution."),
    (("not an image", "cannot identify", "format", "decode"), "This is not a photo. Save it as JPEG, PNG or TIFF."),
    (("model", "package"), "The program that judges is not ready for this product. Call the expert."),
)


def name(view: ObservationView) -> str:
    """Return what people call a board: its serial number, or the name of its file if there is none to read."""
    if view.element == UNREADABLE:
        return PurePath(view.origin).name or UNREADABLE
    return str(view.conditions.get("serial") or view.element)


def when(view: ObservationView) -> datetime:
    """Return the time that lists give a photo: when it was judged (the clock of a scanner can be wrong)."""
    return view.processed_at


def alarm_name(alarm: AlarmView) -> str:
    """Return what people call the thing an alarm is about."""
    if alarm.element == UNREADABLE:
        return PurePath(alarm.message.split(": ", 1)[0]).name or UNREADABLE
    return alarm.element


def alarm_words(alarm: AlarmView) -> str:
    """Return what is wrong, in plain words; alarms about the watch itself say it already."""
    if alarm.observation_id is None:
        return alarm.message
    if alarm.severity in _NOT_KNOWN:
        return "the photo could not be judged"
    return "the board looks bad"


def guidance(alarm: AlarmView) -> str:
    """Return what to do about an alarm on a board."""
    if alarm.observation_id is None:
        return "New boards are not being judged. Check the scanner and its folder, or call the expert."
    if alarm.severity in _NOT_KNOWN:
        return "Open the board, read why it could not be judged, and take the photo again."
    return f"Set board {alarm.element} aside, open it at the inspection station and decide on every marked place."


def summons(alarm: AlarmView) -> str:
    """Return what is wrong where, and what to do about it; the guidance names the board."""
    return guidance(alarm)


def next_step(settings: Settings) -> str:
    """Return what to do while there is nothing to see yet."""
    return f"Drop a photo of a board (JPEG, PNG or TIFF) into `{settings.flex_inbox.absolute()}`"


def silent_after_s(settings: Settings) -> float | None:
    """Return after how many seconds without a board the scanner counts as silent."""
    return settings.flex.silent_after_s


def record(
    detail: ObservationDetail, decisions: Sequence[RegionDecision], author: str, at: datetime, settings: Settings
) -> dict[str, Any]:
    """Return the ITk VISUAL_INSPECTION record of a decision."""
    from inspection.flex import export

    return export.record(detail, decisions, author, at, settings)


def record_name(detail: ObservationDetail) -> str:
    """Return the file name of the record."""
    serial = str(detail.view.conditions.get("serial") or detail.view.element)
    safe = "".join(letter if letter.isalnum() or letter in "-_" else "_" for letter in serial)
    return f"VISUAL_INSPECTION_{safe}_{detail.view.key[:8]}.json"


def outcome(made: Mapping[str, Any], decisions: Sequence[RegionDecision]) -> str:
    """Return a decision and its record as one sentence."""
    count = sum(decision.judgement is not Judgement.FALSE_ALARM for decision in decisions)
    found = f"{count or 'no'} {'minor ' if count and made['passed'] else ''}defect{'' if count == 1 else 's'}"
    return f"{'passed' if made['passed'] else 'failed'}: {found}"


def record_file(made: Mapping[str, Any]) -> str:
    """Return a record as the file that is posted to the local database."""
    from inspection.flex import export

    return json.dumps(export.envelope(dict(made)), indent=2, ensure_ascii=False)


def _words(value: Condition) -> str:
    return "" if value in (None, "") else str(value).replace("_", " ")
