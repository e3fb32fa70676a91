"""What came of a drill, in words: for the page, the report and the command line."""

from collections.abc import Iterator

from app.displays import causes, title
from core.store.drills import DrillView

JUDGED = {
    "right": "it is so",
    "false_alarm": "false alarm",
    "known": "known",
    "wrong_cause": "something else",
}
HEADS = (
    "System",
    "What was put in",
    "Alarm after",
    "Acknowledged after",
    "Cause by the detector",
    "Cause by the shift",
)


def row(one: DrillView) -> tuple[str, ...]:
    """Return the cells of a drill under `HEADS`."""
    result = one.result
    where = f", {one.place}" if one.place else ""
    first = (title(one.asked.system), f"{one.asked.title}{where}")
    if result is None or result.found is None:
        return (*first, f"not put in: {one.ending}", "", "", "")
    if not result.found:
        return (*first, "not found", "", "", "")
    seen = f"{_long(result.to_acknowledge_s)} by {result.acknowledged_by}" if result.acknowledged_by else "nobody did"
    return (*first, _long(result.to_alarm_s), seen, _detector(one), _person(one))


def lines(one: DrillView) -> Iterator[str]:
    """Yield what came of a drill, line by line."""
    yield f"drill {one.id} by {one.author}, {one.asked_at:%Y-%m-%d %H:%M} UTC ({one.ending or 'goes on'})"
    for head, cell in zip(HEADS, row(one), strict=True):
        if cell:
            yield f"    {head}: {cell}"
    if one.result is not None and one.result.alarms:
        yield f"    Alarms: {', '.join(str(number) for number in one.result.alarms)}"


def _detector(one: DrillView) -> str:
    result = one.result
    if result is None or result.detector_cause is None:
        return "not named"
    named = causes(one.asked.system).get(result.detector_cause, result.detector_cause)
    return f"right: {named}" if result.detector_right else f"wrong: {named}"


def _person(one: DrillView) -> str:
    result = one.result
    if result is None or result.person_said is None:
        return "nothing said"
    said = JUDGED.get(result.person_said, result.person_said)
    return f"right: {said}" if result.person_right else f"wrong: {said}"


def _long(seconds: float | None) -> str:
    if seconds is None:
        return ""
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
