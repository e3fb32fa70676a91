"""What the dashboard knows of ITS: plain words for causes, places and states, and what concerns alarms."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import log10
from pathlib import PurePath
from typing import Any

from core.alarms.severity import Severity
from core.clock import as_utc
from core.coincidence.followed import Followed
from core.observation import Condition
from core.settings import Settings
from core.store.views import AlarmView, ObservationDetail, ObservationView
from core.verdict import Quality
from dqm.its.display_words import CAUSES as CAUSE_WORDS
from dqm.its.display_words import UNKNOWN, cause_label, place_label, position, rarity
from dqm.its.drawing_layout import cells_of
from dqm.its.guidance import guidance as what_to_do

SYSTEM = "its"
TITLE = "ITS"
PAGE = "its"
ASKS = "cycle"
"""The name under which the page's address holds the id of an observation."""
OPEN = "Open this cycle on the ITS page"
WHEN_SILENT = "Check that a run is going on and that the QCDB can be reached."
BARREL = "ITS"
UNREADABLE = "unreadable"
CAUSES = CAUSE_WORDS
"""What a person may say that it was, in plain words."""
FOLLOWED = (
    Followed(
        "background added",
        "Beam background",
        "% of clusters",
        element=BARREL,
        factor=100.0,
        with_beam=True,
        kinds=frozenset({"background"}),
    ),
)
BEAM = (Followed("interactions per frame", "Interactions per frame", "", element=BARREL),)
"""What is compared with other systems, and what else holds meanwhile."""
_NOT_KNOWN = frozenset({Severity.INVALID, Severity.UNDEFINED})


@dataclass(frozen=True, slots=True)
class Incident:
    """A suspect region, ready to be shown. ``cells`` are flat numbers, none for the chip of a hit map."""

    index: int
    title: str
    place: str
    cause: str
    probability: float | None
    strangeness: str
    quality: Quality
    since: datetime | None
    cycles: int | None
    ratio: float | None
    cells: tuple[int, ...]
    names: tuple[str, ...]
    position: str
    known: bool

    @property
    def number(self) -> int:
        """The number drawn beside it."""
        return self.index + 1

    @property
    def identity(self) -> tuple[str, str]:
        """What stays the same from cycle to cycle."""
        return (self.cause, self.since.isoformat() if self.since else self.place)


def incidents(detail: ObservationDetail) -> tuple[Incident, ...]:
    """Return the suspect regions of an observation, worst first."""
    return tuple(_incident(index, region, detail) for index, region in enumerate(detail.regions))


def _incident(index: int, region: Mapping[str, Any], detail: ObservationDetail) -> Incident:
    cause = str(region.get("cause") or UNKNOWN)
    element = str(region.get("element") or "")
    said = str(region.get("quality") or "")
    cells = cells_of(region)
    return Incident(
        index=index,
        title=cause_label(cause),
        place=place_label(element),
        cause=cause,
        probability=region.get("probability"),
        strangeness=_strangeness(region, barrel=is_barrel(detail)),
        quality=Quality(said) if said in {*Quality} else detail.view.quality,
        since=_time(region.get("since")),
        cycles=_whole(region.get("cycles")),
        ratio=_number(region.get("ratio")),
        cells=cells,
        names=tuple(name.replace("lane_", "lane ") for name in str(region.get("cells") or element).split())
        if cells
        else (),
        position=position(cells),
        known=region.get("known") == "yes",
    )


def _strangeness(region: Mapping[str, Any], *, barrel: bool) -> str:
    """How strange a region is: the barrel's scores count shifts, those of hit maps have a chance per chip map."""
    score, p_value = _number(region.get("score")), _number(region.get("p_value"))
    if barrel:
        return "" if score is None else rarity(score)
    return rarity(-log10(p_value), "chip map") if p_value else ""


def headline(detail: ObservationDetail) -> str:
    """Return the verdict as a short sentence."""
    found = incidents(detail)
    if detail.view.quality is Quality.NULL and not found:
        return "This run could not be judged" if detail.view.element != BARREL else "This cycle could not be judged"
    if not found:
        return "Nothing unusual"
    return f"{_at(found[0].title, found[0].place)}{_rest(found)}"


def _rest(found: Sequence[Incident]) -> str:
    """How many others there are: alarms if there is one among them, else those that are worth a look."""
    alarms = sum(one.quality is Quality.BAD for one in found[1:])
    if alarms or len(found) == 1:
        return f", and {alarms} more" if alarms else ""
    return f", and {len(found) - 1} worth a look"


def is_barrel(detail: ObservationDetail) -> bool:
    """Whether it shows the whole barrel, not hit maps of single chips."""
    return detail.view.element == BARREL


def subtitle(conditions: Mapping[str, Condition]) -> Sequence[str]:
    """Return run, beams and fill as short texts; what is not known is left out."""
    run, beam, fill = (conditions.get(name) for name in ("run", "beam_type", "fill"))
    words = [f"run {run}" if run is not None else "", str(beam or ""), f"fill {fill}" if fill else ""]
    words.append(f"cycle {conditions['cycle']}" if conditions.get("cycle") is not None else "")
    return [word for word in words if word]


def name(view: ObservationView) -> str:
    """Return what people call an observation."""
    if view.element == UNREADABLE:
        return PurePath(view.origin).name or UNREADABLE
    run, cycle = view.conditions.get("run"), view.conditions.get("cycle")
    if cycle is not None:
        return f"run {run}, cycle {cycle}"
    return f"{view.element}, {view.key}"


def when(view: ObservationView) -> datetime:
    """Return the time that lists give an observation: that of its data (a backlog is judged all at once)."""
    return view.observed_at


def why(view: ObservationView) -> str:
    """Return why an observation could not be judged, without the path that the page shows already."""
    return (view.reason or "no reason was given").removeprefix(f"{view.origin}: ")


def alarm_name(alarm: AlarmView) -> str:
    """Return what people call the place an alarm is about."""
    if alarm.observation_id is None or not alarm.element:
        return alarm.element
    label = place_label(alarm.element)
    return label[0].upper() + label[1:]


def alarm_words(alarm: AlarmView) -> str:
    """Return what is wrong, in plain words; alarms about the watch itself say it already."""
    if alarm.observation_id is None:
        return alarm.message
    if alarm.severity in _NOT_KNOWN:
        return "a cycle could not be judged"
    if not alarm.kind:
        return "new defects"
    return cause_label(alarm.cause).lower().replace("side a", "side A").replace("side c", "side C")


def guidance(alarm: AlarmView) -> str:
    """Return what to do about an alarm."""
    if alarm.observation_id is None:
        return "New cycles are not being judged. Check that the QCDB can be reached, or call the expert."
    return what_to_do(None if alarm.severity in _NOT_KNOWN else alarm.cause or UNKNOWN)


def summons(alarm: AlarmView) -> str:
    """Return what is wrong where, and what to do about it."""
    if alarm.observation_id is None or alarm.severity in _NOT_KNOWN or not alarm.kind:
        return guidance(alarm)
    return f"{_at(cause_label(alarm.cause), place_label(alarm.element))}. {guidance(alarm)}"


def next_step(settings: Settings) -> str:
    """Return what to do while there is nothing to see yet."""
    if settings.its.qcdb_url is None:
        return "Connect a QCDB: set `qcdb_url` under `[its]` in `shiftwatch.toml`"
    return f"Waiting for the first cycle from `{settings.its.qcdb_url}`"


def silent_after_s(settings: Settings) -> float | None:
    """Return after how many seconds without a cycle the QCDB counts as silent."""
    return settings.its.silent_after_s


def _at(what: str, place: str) -> str:
    """A cause at a place; that of beam background is the cause's."""
    return what if what.startswith("Beam background") else f"{what}: {place}"


def _time(text: object) -> datetime | None:
    try:
        return as_utc(datetime.fromisoformat(str(text)))
    except ValueError:
        return None


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _whole(value: object) -> int | None:
    return int(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
