"""One map in a report: its verdict, the quantities of the field, the hierarchy, the pictures, where it came from."""

from base64 import b64encode
from collections.abc import Mapping, Sequence
from datetime import datetime
from html import escape
from typing import Protocol

from accelerator.collimation.diagnosis import Diagnosis
from accelerator.collimation.display_margins import label, margin_text, several, summary
from accelerator.collimation.display_quantities import told, value_of
from accelerator.collimation.display_words import family_line, finding, how_sure, settings_of
from core.verdict import Measurement, Quality

WORDS: Mapping[Quality, str] = {
    Quality.GOOD: "good",
    Quality.MEDIUM: "to look at",
    Quality.BAD: "bad",
    Quality.NULL: "not judged",
}
_PICTURES = (("ring", "Losses around the ring"), ("cascade", "Losses stage by stage; grey: usual in this state (95 %)"))


class Shown(Protocol):
    """What a section needs of an entry (`report.Entry`)."""

    @property
    def quality(self) -> Quality: ...
    @property
    def reason(self) -> str | None: ...
    @property
    def diagnosis(self) -> Diagnosis | None: ...
    @property
    def measurements(self) -> Mapping[str, Measurement]: ...
    @property
    def pictures(self) -> Mapping[str, bytes]: ...
    @property
    def origin(self) -> str: ...
    @property
    def sha256(self) -> str: ...
    @property
    def observed_at(self) -> datetime: ...


def section(name: str, number: int, entry: Shown) -> str:
    """Return the part of the report on one map."""
    found = entry.diagnosis
    head = f"<h3>{number}. {escape(name)}, {entry.observed_at:%Y-%m-%d %H:%M} UTC {badge(entry.quality)}</h3>"
    said = f"<p>{escape(entry.reason)}</p>" if entry.reason else ""
    pictures = "".join(_picture(entry.pictures[key], alt) for key, alt in _PICTURES if key in entry.pictures)
    tables = f"<div class='cols'>{_quantities(entry.measurements)}{'' if found is None else _margins(found)}</div>"
    findings = "" if found is None else _hypotheses(found) + _blind(found)
    source = f"<p class='small'>{escape(entry.origin)}, sha256 {escape(entry.sha256)}</p>"
    return f"<section class='map'>{head}{said}{findings}{pictures}{tables}{source}</section>"


def badge(quality: Quality) -> str:
    """Return a quality as a coloured word, without colour where it is good."""
    return f"<span class='badge {quality}'>{WORDS[quality]}</span>"


def ds_share(measurements: Mapping[str, Measurement]) -> str:
    """Return the IR7 dispersion suppressor's figure, nothing where there is none."""
    one = measurements.get("ir7 ds ratio")
    return "" if one is None else value_of(one)


def smallest_margin(found: Diagnosis | None) -> str:
    """Return the margin that has lost most, in figures."""
    known = [] if found is None else [one for one in found.margins if one.sigma is not None]
    if not known:
        return ""
    worst = min(known, key=lambda one: one.value_sigma - one.nominal_sigma)
    return f"{label(worst, full=False)}: {margin_text(worst)}"


def _hypotheses(found: Diagnosis) -> str:
    if not found.hypotheses:
        return ""
    rows = [(finding(one), settings_of(one), how_sure(one.probability)) for one in found.hypotheses[:3]]
    return _table(("What may be wrong", "Setting", "How sure"), rows)


def _quantities(measurements: Mapping[str, Measurement]) -> str:
    return _table(("Cleaning", ""), told(measurements)) if measurements else "<div></div>"


def _margins(found: Diagnosis) -> str:
    if not found.margins:
        return ""
    full = several(found.margins)
    rows = [(label(one, full=full), margin_text(one)) for one in found.margins]
    return f"<div>{_table(('Hierarchy', ''), rows)}<p class='small'>{escape(summary(found))}</p></div>"


def _blind(found: Diagnosis) -> str:
    if not found.blind:
        return ""
    lines = "".join(f"<li>{escape(family_line(line))}</li>" for line in found.blind)
    return f"<div class='small'>What these losses cannot show:<ul>{lines}</ul></div>"


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    top = "".join(f"<th>{escape(head)}</th>" for head in heads)
    body = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows)
    return f"<table><tr>{top}</tr>{body}</table>"


def _picture(content: bytes, alt: str) -> str:
    source = f"data:image/png;base64,{b64encode(content).decode()}"
    caption = f"<figcaption class='small'>{escape(alt)}</figcaption>"
    return f"<figure>{caption}<img alt='{escape(alt)}' src='{source}'></figure>"
