"""What the dashboard knows of LHC collimation: names of maps, sentences for diagnoses, and what concerns alarms."""

import json
import re
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from pathlib import PurePath
from typing import Any

from accelerator.collimation.diagnosis import CASCADES, SHRINKING, Answer, Diagnosis, Hypothesis, Quantity
from accelerator.collimation.display_words import (
    CLASSES,
    UNKNOWN,
    cause_label,
    collimator,
    finding,
    map_words,
    value_of,
)
from accelerator.collimation.display_words import state as state_words
from accelerator.collimation.guidance import guidance as what_to_do
from core.alarms.severity import Severity
from core.coincidence.followed import Followed, Modes, Part
from core.errors import ShiftwatchError
from core.settings import Settings
from core.store.views import AlarmView, ObservationDetail, ObservationView
from core.verdict import Quality

SYSTEM = "collimation"
TITLE = "LHC collimation"
PAGE = "collimation"
ASKS = "map"
"""The name under which the page's address holds the id of an observation."""
OPEN = "Open this map on the collimation page"
WHEN_SILENT = "Check that the loss monitors are logged and that their files reach the watched folder."
UNREADABLE = "unreadable"
CAUSES: Mapping[str, str] = {
    name: cause_label(name)
    for name in (
        "TCP retracted",
        "TCP tightened",
        "TCSG inside TCP",
        "TCSG tightened",
        "TCSG retracted",
        "TCT exposed",
        "TCT retracted",
        "collimator off centre",
        "tilted jaw",
        "orbit shift",
        UNKNOWN,
    )
}
"""What a person may say that it was, in plain words."""
FOLLOWED = (
    Followed(
        "smallest margin",
        "Smallest margin TCP to TCSG",
        "σ",
        element="LHC",
        with_beam=True,
        kinds=frozenset({"beam 1", "beam 2"}),
        falling_is_bad=True,
    ),
)
BEAM = (
    Followed("intensity_b1", "Protons in beam 1", "10¹⁴", Part.CONDITIONS, "LHC", 1e-14),
    Followed("intensity_b2", "Protons in beam 2", "10¹⁴", Part.CONDITIONS, "LHC", 1e-14),
    Followed("energy_gev", "Energy", "TeV", Part.CONDITIONS, "LHC", 1e-3),
)
MODES = Modes("beam_mode", frozenset({"STABLE"}), "LHC")
"""What is compared with other systems, what else holds meanwhile, and where the mode of the machine is told."""
_SENTENCE = re.compile(r"[^.]+\.(?=\s|$)")
_NOT_KNOWN = frozenset({Severity.INVALID, Severity.UNDEFINED})


def read(content: bytes) -> Diagnosis | None:
    """Return a diagnosis out of its evidence, None if it is none."""
    try:
        return Diagnosis.from_json(json.loads(content))
    except (ValueError, ShiftwatchError):
        return None


def findings(detail: ObservationDetail, found: Diagnosis) -> tuple[Hypothesis, ...]:
    """Return what may be wrong, the most probable first: the diagnosis's hypotheses, else those that regions tell.

    A margin that shrinks is told by its region: no single pattern shows it.
    """
    told = (_finding(region) for region in detail.regions)
    return found.hypotheses or tuple(one for one in told if one is not None)


def _finding(region: Mapping[str, Any]) -> Hypothesis | None:
    try:
        value, nominal, sigma = (float(region[name]) for name in ("value", "nominal", "sigma"))
        quantity, element = Quantity(str(region["quantity"])), str(region["element"])
    except (KeyError, TypeError, ValueError):
        return None
    cause = str(region.get("cause") or UNKNOWN)
    return Hypothesis(element, quantity, value, nominal, sigma, float(region.get("probability") or 0.0), cause)


def headline(detail: ObservationDetail, found: Diagnosis | None) -> str:
    """Return the verdict as a short sentence."""
    if detail.view.quality is Quality.NULL:
        return "This could not be judged"
    if found is None:
        return cause_label(detail.view.cause.name) if detail.view.cause else _plainly(detail.view.quality)
    first = next(iter(findings(detail, found)), None)
    if first is not None and found.answer is Answer.BROKEN:
        return drifting(first) if first.cause == SHRINKING else finding(first)
    return _said(found, detail.view.quality)


def drifting(one: Hypothesis) -> str:
    """Return a margin that shrinks as a sentence."""
    lost = value_of(abs(one.value - one.nominal), one.sigma)
    return f"{collimator(one.element)} drifts: {lost} σ of its margin are lost"


def _said(found: Diagnosis, quality: Quality) -> str:
    if found.answer is Answer.OTHER_CLASS:
        return f"{class_label(found.map_class)}: no betatron cleaning is judged"
    if found.answer is Answer.CANNOT_TELL:
        return "Cannot tell from these losses"
    if found.answer is Answer.NOMINAL:
        return "Hierarchy intact" if quality is Quality.GOOD else _plainly(quality)
    return "Losses unlike any that are known"


def _plainly(quality: Quality) -> str:
    return {Quality.GOOD: "Nothing unusual", Quality.MEDIUM: "Worth a look"}.get(quality, "Cause not known")


def class_label(map_class: str) -> str:
    """Return a class of maps in plain words."""
    return CLASSES.get(map_class, f"{map_class[:1].upper()}{map_class[1:]}")


def subtitle(view: ObservationView, found: Diagnosis | None) -> Sequence[str]:
    """Return beam, plane, state and fill in words; of a piece of a stream also that it is one.

    What the observation does not say of itself is what the detector found.
    """
    known = {} if found is None else {"beam": found.beam, "plane": found.plane, "state": found.state}
    told = {name: value for name, value in view.conditions.items() if value is not None}
    words = map_words({**known, **told})
    return [*words, "1 Hz stream"] if is_stream(view) else words


def is_stream(view: ObservationView) -> bool:
    """Whether it is a piece of the stream of monitors, not a map of its own."""
    return view.conditions.get("kind") == "stream"


def name(view: ObservationView) -> str:
    """Return the short name of an observation: ``B1H, flat top``."""
    if view.element == UNREADABLE:
        return PurePath(view.origin).name or UNREADABLE
    what = "stream" if is_stream(view) else view.element
    return ", ".join(word for word in (what, state_words(view.conditions.get("state"))) if word)


def full_name(view: ObservationView) -> str:
    """Return the same in words: ``B1 horizontal, flat top``."""
    if view.element == UNREADABLE:
        return name(view)
    words = map_words({**view.conditions, "fill": None})
    return ", ".join(["stream", *words] if is_stream(view) else words) or view.element


def when(view: ObservationView) -> datetime:
    """Return the time that lists give an observation: that of its data."""
    return view.observed_at


def why(view: ObservationView) -> str:
    """Return why an observation could not be judged or told, without the path that the page shows already."""
    return (view.reason or "no reason was given").removeprefix(f"{view.origin}: ")


def alarm_name(alarm: AlarmView) -> str:
    """Return what people call the place an alarm is about."""
    return collimator(alarm.element)


def alarm_words(alarm: AlarmView) -> str:
    """Return what is wrong, in plain words; alarms about the watch itself say it already."""
    if alarm.observation_id is None:
        return alarm.message
    if alarm.severity in _NOT_KNOWN:
        return "losses could not be judged"
    label = cause_label(alarm.cause)
    return label if label[:2].isupper() else label[:1].lower() + label[1:]


def alarm_picture(alarm: AlarmView, names: Collection[str]) -> str | None:
    """Return which of an observation's pictures shows what an alarm is about: a stream holds both beams."""
    own = {f"beam {beam}": name for beam, name in CASCADES.items() if name in names}
    return own.get(alarm.kind) if own else next((name for name in ("cascade", "thumbnail") if name in names), None)


def guidance(alarm: AlarmView) -> str:
    """Return what to do about an alarm."""
    if alarm.observation_id is None:
        return "New losses are not being judged. Check that their files reach the watched folder, or call the expert."
    return what_to_do(None if alarm.severity in _NOT_KNOWN else alarm.cause or UNKNOWN)


def summons(alarm: AlarmView) -> str:
    """Return what is wrong where, and what to do about it."""
    if alarm.observation_id is None or alarm.severity in _NOT_KNOWN:
        return guidance(alarm)
    return f"{cause_label(alarm.cause)}: {alarm_name(alarm)}. {_beginning(guidance(alarm))}"


def _beginning(text: str) -> str:
    """The first two sentences: across a room nobody reads more."""
    return " ".join(_SENTENCE.findall(text)[:2]) or text


def next_step(settings: Settings) -> str:
    """Return what to do while there is nothing to see yet."""
    return f"Put loss maps or streams of loss monitors into `{settings.collimation_inbox}`"


def silent_after_s(settings: Settings) -> float | None:
    """Return after how many seconds without losses the source counts as silent."""
    return settings.collimation.silent_after_s
