"""From facts to the report: the words and the order in which the next shift reads them."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from app import drilling
from app.across_words import MEANING
from app.displays import displays, title
from app.handover import connected
from app.handover.blocks import Block, Blocks, Heading, Items, Picture, Table, Text
from app.handover.drawing import draw
from app.handover.facts import AlarmFacts, Facts, SystemFacts
from core.alarms.events import ChangeKind
from core.alarms.severity import Severity
from core.alarms.targets import Standing
from core.shifts import Span
from core.store.views import AlarmView, AliasView, Disposition, Judgement
from core.verdict import Quality

MUCH_UNJUDGED = 0.1
MOST_LINES = 60
SEVERITY = {
    Severity.OK: "well", Severity.MINOR: "minor", Severity.MAJOR: "major",
    Severity.INVALID: "cannot judge", Severity.UNDEFINED: "unknown",
}  # fmt: skip
JUDGEMENT = {
    Judgement.RIGHT: "right", Judgement.FALSE_ALARM: "false alarm",
    Judgement.KNOWN: "known", Judgement.WRONG_CAUSE: "another cause",
}  # fmt: skip
DECIDED = {Disposition.PASSED: "passed", Disposition.FAILED: "failed", Disposition.SET_ASIDE: "set aside"}


@dataclass(frozen=True, slots=True)
class Signed:
    """Who makes the report, and what the person adds in own words."""

    author: str = ""
    remark: str = ""


def compose(facts: Facts, zone: str, signed: Signed | None = None) -> Blocks:
    """Return the report; times are those of the site."""
    return tuple(_Writer(facts, ZoneInfo(zone), signed or Signed()).blocks())


@dataclass(frozen=True, slots=True)
class _Writer:
    facts: Facts
    zone: ZoneInfo
    signed: Signed

    def blocks(self) -> Iterator[Block]:
        facts = self.facts
        yield Heading(f"Shift report, {self.span(facts.whole)}", 1)
        yield Text(self._signature())
        if self.signed.remark.strip():
            yield Text(self.signed.remark)
        yield Text(headline(facts), strong=True)
        yield Heading(f"Open for the next shift, as of {self.at(facts.made_at)}")
        yield Items(list(self.open_points()) or ["Nothing."])
        yield Heading("Alarms")
        yield from self._alarms()
        yield from self._connected()
        yield from self._drills()
        yield Heading("Data quality")
        yield self._qualities()
        yield Picture("shift", draw(facts, self.zone), f"Quality and alarms of every system, {self.span(facts.span)}")
        yield from self._gaps()
        yield from self._said()
        yield Heading("Load of alarms")
        yield self._figures()

    def _signature(self) -> str:
        by = f" by {self.signed.author}" if self.signed.author.strip() else ""
        unfinished = " The shift goes on: this is what happened so far." if self.facts.goes_on else ""
        return f"Made{by} on {self.at(self.facts.made_at)}, times of {self.zone.key}.{unfinished}"

    def open_points(self) -> Iterator[str]:
        """Say what the next shift must know of."""
        for one in self.facts.alarms:
            view = one.view
            if view.needs_person(self.facts.made_at):
                seen = f"{view.acknowledged_by} has it" if view.acknowledged_by else "nobody has acknowledged it"
                over = ", its cause is over" if view.recovered_at else ""
                since = f"since {self.at(view.began_at)}"
                yield f"{_subject(view)}: {_words(view)}; {since}, {seen}{over} (alarm {view.id})"
            elif view.is_open and view.inhibited_by is not None:
                yield f"{_subject(view)}: {_words(view)}; held back: {view.inhibited_by} (alarm {view.id})"
            elif view.is_shelved(self.facts.made_at):
                until = f" until {self.at(view.shelved_until)}" if view.shelved_until else ""
                who = f"set aside by {view.shelved_by}{until}"
                yield f"{_subject(view)}, {who}: {view.shelved_reason} (alarm {view.id})"
        for system in self.facts.systems:
            if system.gaps and system.gaps[-1].ends == self.facts.span.ends:
                yield f"{title(system.system)}: nothing came since {self.at(system.gaps[-1].begins)}"
            if system.share(Quality.NULL) > MUCH_UNJUDGED:
                yield f"{title(system.system)}: {system.share(Quality.NULL):.0%} of the data could not be judged"
        for name, count in self.facts.waiting.items():
            if count:
                yield f"{title(name)}: {count} not good and not decided on yet"

    def _alarms(self) -> Iterator[Block]:
        if not self.facts.alarms:
            yield Text("No alarm was open in this shift.")
            return
        rows = [self._alarm(one) for one in self.facts.alarms[-MOST_LINES:]]
        left = len(self.facts.alarms) - len(rows)
        if left:
            yield Text(f"The newest {MOST_LINES} of {len(self.facts.alarms)} alarms.")
        heads = ("Nr.", "What", "Severity", "From", "Until", "Acknowledged", "How it ended, what was said")
        yield Table(heads, rows, (7, 25, 9, 9, 9, 14, 27), numbers=(0,))

    def _alarm(self, one: AlarmFacts) -> tuple[str, ...]:
        view = one.view
        return (
            str(view.id),
            f"{_subject(view)}: {_words(view)}",
            "notice" if view.is_notice else SEVERITY[view.severity],
            self.at(view.raised_at),
            self.at(view.recovered_at) if view.recovered_at else "still on",
            self._seen(view),
            "; ".join(self._ending(one)),
        )

    def _seen(self, view: AlarmView) -> str:
        if view.acknowledged_at is None:
            return "by nobody"
        return f"{view.acknowledged_by}, after {length(view.acknowledged_at - view.raised_at)}"

    def _ending(self, one: AlarmFacts) -> Iterator[str]:
        for change in one.changes:
            if change.kind is ChangeKind.RECOVERED and change.author:
                yield f"{change.author} said that it was over"
            if change.kind is ChangeKind.SHELVED:
                yield f"set aside by {change.author}"
            if change.author and change.note.strip():
                yield f"{change.author}: {change.note}"
        for answer in one.answers:
            cause = f" ({answer.cause})" if answer.cause and answer.judgement is Judgement.WRONG_CAUSE else ""
            comment = f": {answer.comment}" if answer.comment.strip() else ""
            yield f"{answer.author} said {JUDGEMENT[answer.judgement]}{cause}{comment}"

    def _connected(self) -> Iterator[Block]:
        if self.facts.across is not None:
            yield Heading("Across systems")
            yield Items(list(connected.lines(self.facts.across, self.at)))
            yield Text(MEANING)

    def _drills(self) -> Iterator[Block]:
        """What was only put in to see who finds it: it is in no other part of the report."""
        if self.facts.drills:
            yield Heading("Drills")
            rows = [(self.at(one.asked_at), *drilling.row(one)) for one in self.facts.drills]
            yield Table(("At", *drilling.HEADS), rows, (8, 13, 25, 10, 14, 15, 15))

    def _qualities(self) -> Table:
        rows = [_quality(system) for system in self.facts.systems]
        heads = ("System", "Judged", "Good", "Look", "Bad", "Not judged", "Gaps", "Decided")
        return Table(heads, rows, (18, 9, 9, 9, 9, 11, 17, 18), numbers=(1, 2, 3, 4, 5))

    def _gaps(self) -> Iterator[Block]:
        lines = [
            f"{title(system.system)}: {self.span(gap)} ({length(gap.length)})"
            for system in self.facts.systems
            for gap in system.gaps
        ]
        if lines:
            yield Heading("Gaps", 3)
            yield Items(lines[:MOST_LINES])

    def _said(self) -> Iterator[Block]:
        loose = [one for one in self.facts.answers if one.alarm_id is None]
        if loose:
            yield Heading("Answers on what was shown")
            rows = [
                (
                    self.at(one.at),
                    f"{title(one.system)}, {one.element}",
                    JUDGEMENT[one.judgement],
                    one.cause or "",
                    f"{one.author}{f': {one.comment}' if one.comment.strip() else ''}",
                )
                for one in loose[-MOST_LINES:]
            ]
            yield Table(("At", "Where", "Answer", "Cause", "Who"), rows, (12, 28, 15, 20, 25))
        if self.facts.model_changes:
            yield Heading("Models")
            yield Items([self._model_change(one) for one in self.facts.model_changes])

    def _model_change(self, one: AliasView) -> str:
        now = f"{one.name} {one.version or 'none'} is the {one.alias.value}"
        return f"{self.at(one.at)}: {title(one.system)}, {now} ({one.author}: {one.reason or 'no reason given'})"

    def _figures(self) -> Table:
        rows = [
            (one.name, one.value, one.target, one.source, "" if one.standing is Standing.SILENT else one.standing.value)
            for one in self.facts.figures
        ]
        return Table(("Figure", "Here", "Target", "Source", ""), rows, (34, 20, 22, 14, 10), numbers=(1,))

    def at(self, instant: datetime) -> str:
        """Return an instant at the site, with the day where it is another than that of the shift."""
        local, day = instant.astimezone(self.zone), self.facts.whole.begins.astimezone(self.zone)
        return local.strftime("%H:%M" if local.date() == day.date() else "%d %b %H:%M")

    def span(self, span: Span) -> str:
        """Return a span at the site."""
        begins, ends = (one.astimezone(self.zone) for one in (span.begins, span.ends))
        last = ends.strftime("%H:%M" if ends.date() == begins.date() else "%d %b %H:%M")
        return f"{begins.strftime('%d %b %Y %H:%M' if span == self.facts.whole else '%H:%M')} to {last}"


def headline(facts: Facts) -> str:
    """Return the shift in a line."""
    still = sum(one.view.is_open for one in facts.alarms)
    new = sum(facts.span.holds(one.view.raised_at) for one in facts.alarms)
    before = len(facts.alarms) - new
    parts = [f"{new or 'No'} new alarm{'' if new == 1 else 's'}{f', {before} from before' if before else ''}"]
    if facts.alarms:
        parts[0] += f", {still or 'none'} still open"
    for system in facts.systems:
        bad = system.counts[Quality.BAD]
        if not system.judged:
            parts.append(f"{title(system.system)}: no data")
        elif bad or system.gaps:
            lost = (
                f", {length(sum((gap.length for gap in system.gaps), timedelta()))} without data" if system.gaps else ""
            )
            parts.append(f"{title(system.system)}: {bad} bad of {len(system.judged)}{lost}")
    return ". ".join(parts) + "."


def length(span: timedelta) -> str:
    """Return a length of time in one or two units."""
    minutes = round(span.total_seconds() / 60)
    if minutes < 1:
        return f"{span.total_seconds():.0f} s"
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60:02d} min"


def _quality(system: SystemFacts) -> tuple[str, ...]:
    shares = [f"{system.share(one):.1%}" if system.judged else "" for one in Quality]
    lost = sum((gap.length for gap in system.gaps), timedelta())
    told = f"{len(system.gaps)}, {length(lost)} in all" if system.gaps else "none" if system.longest else "not known"
    decided = ", ".join(f"{count} {DECIDED[one]}" for one, count in system.decided.items())
    return (title(system.system), str(len(system.judged)), *shares, told, decided)


def _subject(view: AlarmView) -> str:
    module = displays().get(view.system)
    return f"{title(view.system)}, {module.alarm_name(view) if module else view.element}"


def _words(view: AlarmView) -> str:
    module = displays().get(view.system)
    return str(module.alarm_words(view) if module else view.message)
