"""What the dashboard knows of AWAKE's plasma: names of shots, sentences for verdicts, and what concerns alarms."""

import json
import re
from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise
from pathlib import PurePath
from statistics import median

from accelerator.schlieren.display_words import CAUSES as CAUSE_WORDS
from accelerator.schlieren.display_words import READINGS, cause_label, density_text, drift_line
from accelerator.schlieren.guidance import guidance as what_to_do
from accelerator.schlieren.result import UNKNOWN, ShotResult
from core.alarms.severity import Severity
from core.coincidence.followed import Followed
from core.errors import ShiftwatchError
from core.settings import Settings
from core.store.views import AlarmView, ObservationDetail, ObservationView
from core.verdict import Quality

SYSTEM = "schlieren"
TITLE = "AWAKE plasma"
PAGE = "plasma"
ASKS = "shot"
"""The name under which the page's address holds the id of an observation."""
CAUSES = CAUSE_WORDS
OPEN = "Open this shot on the plasma page"
FOLLOWED = (
    Followed(
        "core_radius_um",
        "Core radius",
        "µm",
        kinds=frozenset({"no_ionisation", "partial_ionisation", "density_drift", "detuning_drift"}),
    ),
)
"""What is compared with other systems."""
WHEN_SILENT = "If the run goes on, check that event files reach the watched folder."
UNREADABLE = "unreadable"
_LONG = 10
"""So many usual distances between shots without one are told."""
_LEAST_S = 120.0
_SENTENCE = re.compile(r"[^.]+\.(?=\s|$)")
_NOT_KNOWN = frozenset({Severity.INVALID, Severity.UNDEFINED})


def read(content: bytes) -> ShotResult | None:
    """Return a result out of its evidence, None if it is none."""
    try:
        return ShotResult.from_json(json.loads(content))
    except (ValueError, ShiftwatchError):
        return None


def headline(detail: ObservationDetail, result: ShotResult | None) -> str:
    """Return the verdict as a short sentence."""
    view = detail.view
    if view.quality is Quality.NULL:
        return "This shot could not be judged"
    if view.quality is Quality.GOOD:
        return "Good shot"
    if view.quality is Quality.MEDIUM and result is not None and result.drifts:
        return drift_line(result.drifts[0])
    if view.cause is not None:
        return cause_label(view.cause.name)
    if view.quality is Quality.MEDIUM:
        return "Worth a look" if detail.measurements else "Not measured"
    return cause_label(None)


def subtitle(view: ObservationView) -> Sequence[str]:
    """Return run, shot, vapour density, detuning and mask in words."""
    told, words = view.conditions, []
    if told.get("run") is not None:
        words.append(f"run {told['run']}")
    if told.get("event") is not None:
        words.append(f"shot {told['event']}")
    density, detuning = told.get("density_cm3"), told.get("detuning_ghz")
    if isinstance(density, int | float):
        words.append(density_text(density))
    if isinstance(detuning, int | float):
        words.append(f"{detuning:+.1f} GHz from D2".replace("-", "−"))
    if told.get("mask") is not None:
        words.append({"knife": "knife edge", "stop": "dark-ground stop"}.get(str(told["mask"]), str(told["mask"])))
    return words


def name(view: ObservationView) -> str:
    """Return the short name of a shot: ``run 1000, shot 7``."""
    run, event = view.conditions.get("run"), view.conditions.get("event")
    if view.element != UNREADABLE and event is not None:
        return f"run {run}, shot {event}" if run is not None else f"shot {event}"
    return PurePath(view.origin).name or view.element


def when(view: ObservationView) -> datetime:
    """Return the time that lists give a shot: its own."""
    return view.observed_at


def why(view: ObservationView) -> str:
    """Return why a shot could not be judged or is bad, without the path that the page shows already."""
    return (view.reason or "no reason was given").removeprefix(f"{view.origin}: ")


def alarm_name(alarm: AlarmView) -> str:
    """Return what people call the place an alarm is about: the camera without the tunnel it is in."""
    return alarm.element.rsplit(".", 1)[-1] if alarm.element.startswith("BOVWA.") else alarm.element


def alarm_words(alarm: AlarmView) -> str:
    """Return what is wrong, in plain words; alarms about the watch itself say it already."""
    if alarm.observation_id is None:
        return alarm.message
    if alarm.severity in _NOT_KNOWN:
        return "shots could not be judged"
    if alarm.kind == READINGS:
        return "readings are missing, nothing is measured"
    label = cause_label(alarm.cause)
    return label[:1].lower() + label[1:]


def guidance(alarm: AlarmView) -> str:
    """Return what to do about an alarm."""
    if alarm.observation_id is None:
        return "New shots are not being judged. Check that event files reach the watched folder, or call the expert."
    judged = alarm.severity not in _NOT_KNOWN and alarm.kind != READINGS
    return what_to_do(alarm.cause or UNKNOWN if judged else None)


def summons(alarm: AlarmView) -> str:
    """Return what is wrong, and what to do about it; across a room nobody reads more than two sentences."""
    text = guidance(alarm)
    if alarm.observation_id is None or alarm.severity in _NOT_KNOWN or alarm.kind == READINGS:
        return text
    return f"{cause_label(alarm.cause)}. {' '.join(_SENTENCE.findall(text)[:2]) or text}"


def next_step(settings: Settings) -> str:
    """Return what to do while there is nothing to see yet."""
    return f"Put AWAKE event files (HDF5) or pictures of the channel into `{settings.schlieren_inbox}`"


def silent_after_s(settings: Settings) -> float | None:
    """Return after how many seconds without a shot the source counts as silent."""
    return settings.schlieren.silent_after_s


def usual_period_s(times: Sequence[datetime]) -> float | None:
    """Return how far apart shots usually are, None if there are too few to tell; ``times`` are in order."""
    gaps = [(after - before).total_seconds() for before, after in pairwise(times)]
    return median(gaps) if len(gaps) >= 3 else None


def is_silent(times: Sequence[datetime], now: datetime) -> bool:
    """Whether no shot came for much longer than usual: a run that ended, or files that no longer come."""
    period_s = usual_period_s(times)
    return period_s is not None and (now - times[-1]).total_seconds() > max(_LONG * period_s, _LEAST_S)
