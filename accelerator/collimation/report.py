"""The report of a qualification campaign: one HTML page that needs nothing else, to be read, printed and signed.

A machine state is qualified by betatron maps of both beams and planes and by off-momentum maps on both sides; which of
them are missing is stated. What is proposed is only what the maps show: a person signs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from html import escape
from pathlib import Path

from accelerator.collimation import report_maps
from accelerator.collimation.diagnosis import Answer, Diagnosis
from accelerator.collimation.display_words import CLASSES, PLANES, collimator, finding, joined, state
from core.verdict import Measurement, Quality

WANTED: tuple[tuple[int | None, str], ...] = ((1, "H"), (1, "V"), (2, "H"), (2, "V"), (None, "DP+"), (None, "DP-"))
"""Beam and plane of the maps that a state needs; an off-momentum map is of both beams."""
_SHEET = Path(__file__).with_name("report.css")
SIGNED_BY = ("Collimation", "Machine protection", "Engineer in charge")


@dataclass(frozen=True, slots=True)
class Entry:
    """One map of a campaign: what it is, what was said of it, and its pictures (PNG) by name."""

    name: str
    beam: int | None
    plane: str | None
    state: str | None
    fill: str
    observed_at: datetime
    origin: str
    sha256: str
    quality: Quality
    reason: str | None
    model: str
    diagnosis: Diagnosis | None
    measurements: Mapping[str, Measurement] = field(default_factory=dict)
    pictures: Mapping[str, bytes] = field(default_factory=dict, repr=False)


def html(entries: Sequence[Entry], made_at: datetime, title: str = "Loss-map qualification") -> str:
    """Return the report as one HTML page."""
    ordered = sorted(entries, key=_order)
    states = dict.fromkeys(entry.state for entry in ordered)
    body = [
        f"<h1>{escape(title)}</h1>",
        f"<p class='under'>{escape(_under(ordered, made_at))}</p>",
        *(_of_state(name, [entry for entry in ordered if entry.state == name]) for name in states),
        "<h2>Maps</h2>",
        *(report_maps.section(entry.name, number, entry) for number, entry in enumerate(ordered, 1)),
        _signatures(),
    ]
    head = f"<meta charset='utf-8'><title>{escape(title)}</title><style>{_SHEET.read_text(encoding='utf-8')}</style>"
    return f"<!DOCTYPE html><html lang='en'><head>{head}</head><body>{''.join(body)}</body></html>\n"


def missing(entries: Sequence[Entry]) -> list[str]:
    """Return the maps that a state needs and that are not there or could not be judged."""
    return [_called(*slot) for slot, own in _assigned(entries).items() if not own]


def proposal(entries: Sequence[Entry]) -> tuple[Quality, str]:
    """Return what the maps of one state show together, and how that is to be read as a quality."""
    bad = [entry for entry in entries if entry.quality is Quality.BAD]
    if bad:
        what = "; ".join(headline(entry) for entry in bad)
        return Quality.BAD, f"Not clean: {what}."
    open_points = [entry.name for entry in entries if entry.quality in {Quality.MEDIUM, Quality.NULL}]
    lacking = missing(entries)
    if not open_points and not lacking:
        return Quality.GOOD, "All maps are there, and each is as this state should give it."
    words = [f"not decided: {joined(open_points)}"] if open_points else []
    words += [f"missing: {joined(lacking)}"] if lacking else []
    return Quality.MEDIUM, f"Nothing broken was seen, but not all is known ({'; '.join(words)})."


def headline(entry: Entry) -> str:
    """Return what was said of a map in one line."""
    found = entry.diagnosis
    if entry.quality is Quality.NULL or found is None:
        return entry.reason or "no diagnosis"
    if found.answer is Answer.BROKEN and found.hypotheses:
        return finding(found.hypotheses[0])
    words = {
        Answer.NOMINAL: "hierarchy intact",
        Answer.OTHER_CLASS: f"{CLASSES.get(found.map_class, found.map_class).lower()}, recognised as such",
        Answer.CANNOT_TELL: f"cannot tell{f': {entry.reason}' if entry.reason else ''}",
    }
    return words.get(found.answer, "losses unlike any that are known")


def _of_state(name: str | None, entries: Sequence[Entry]) -> str:
    quality, said = proposal(entries)
    assigned = _assigned(entries)
    rows = "".join(_row(*slot, own) for slot, own in assigned.items())
    placed = {id(entry) for own in assigned.values() for entry in own}
    rows += "".join(_line(entry.name, entry) for entry in entries if id(entry) not in placed)
    return (
        f"<h2>{escape(state(name).capitalize() or 'Machine state not known')}</h2>"
        f"<p class='said {quality}'>{escape(said)}</p>"
        "<table><tr><th>Map</th><th>Verdict</th><th>What it shows</th><th>IR7 DS</th><th>Smallest margin</th></tr>"
        f"{rows}</table>"
    )


def _assigned(entries: Sequence[Entry]) -> dict[tuple[int | None, str], list[Entry]]:
    """The judged maps of each beam and plane that is wanted; an off-momentum map without sign takes a free place."""
    found = {(beam, plane): [entry for entry in entries if _is(entry, beam, plane)] for beam, plane in WANTED}
    unsigned = [entry for entry in entries if _is(entry, None, "DP")]
    for slot in (slot for slot in WANTED if slot[0] is None):
        if not found[slot] and unsigned:
            found[slot] = [unsigned.pop(0)]
    return found


def _row(beam: int | None, plane: str, own: Sequence[Entry]) -> str:
    if not own:
        return f"<tr class='lacking'><td>{escape(_called(beam, plane))}</td><td colspan='4'>missing</td></tr>"
    return "".join(_line(_called(beam, plane), entry) for entry in own)


def _line(name: str, entry: Entry) -> str:
    cells = (
        report_maps.badge(entry.quality),
        escape(headline(entry)),
        escape(report_maps.ds_share(entry.measurements)),
        escape(report_maps.smallest_margin(entry.diagnosis)),
    )
    return f"<tr><td>{escape(name)}</td>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"


def _signatures() -> str:
    rows = "".join(f"<tr><td>{who}</td><td></td><td></td><td></td></tr>" for who in SIGNED_BY)
    return (
        "<section class='signing'><h2>Decision</h2><p>The maps are judged by a model; the decision is a person's.</p>"
        "<table class='sign'><tr><th>For</th><th>Name</th><th>Accepted / refused</th><th>Date, signature</th></tr>"
        f"{rows}</table></section>"
    )


def _under(entries: Sequence[Entry], made_at: datetime) -> str:
    fills = joined(dict.fromkeys(entry.fill for entry in entries if entry.fill))
    times = [entry.observed_at for entry in entries]
    taken = f"maps from {min(times):%Y-%m-%d %H:%M} to {max(times):%Y-%m-%d %H:%M} UTC" if times else "no maps"
    models = joined(dict.fromkeys(entry.model for entry in entries if entry.model))
    parts = (
        f"fill {fills}" if fills else "",
        taken,
        f"made {made_at:%Y-%m-%d %H:%M} UTC",
        f"model {models}" if models else "",
    )
    return ", ".join(part for part in parts if part)


def _is(entry: Entry, beam: int | None, plane: str) -> bool:
    """Whether an entry is the judged map of a beam (None: of any) and plane."""
    if entry.quality is Quality.NULL or (beam is not None and entry.beam != beam):
        return False
    return (entry.plane or "") == plane


def _called(beam: int | None, plane: str) -> str:
    return f"B{beam} {PLANES[plane]}" if beam else PLANES[plane]


def _order(entry: Entry) -> tuple[str, int, str, datetime]:
    order = {"injection": "0", "flat_top": "1", "squeeze": "2", "collisions": "3"}
    return order.get(str(entry.state), "4"), entry.beam or 9, entry.plane or "~", entry.observed_at


def name_of(words: Sequence[str], origin: str) -> str:
    """Return the name of a map in words, its file where nothing is known of it."""
    return ", ".join(words) or collimator(origin.rsplit("/", 1)[-1])
