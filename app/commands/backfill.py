"""``shiftwatch backfill``: a span of the past, judged by the model in charge."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time
from zoneinfo import ZoneInfo

from app.commands.opening import opened_store
from core.clock import SystemClock
from core.errors import SettingsError
from core.settings import load_settings
from core.shifts import Span


@dataclass(frozen=True, slots=True)
class Wish:
    """What was typed."""

    system: str
    begins: str
    ends: str
    workers: int = 1
    dask: str | None = None
    archive: str | None = None


def run(wish: Wish, report: Callable[[str], None]) -> int:
    """Do it; return the exit status: 1 if something could not be used."""
    from flows.catching_up import backfill, words
    from flows.fanning import locally, on_dask
    from flows.past import Errand

    settings = load_settings()
    zone = ZoneInfo(settings.shifts.zone)
    span = Span(instant(wish.begins, "--from", zone), instant(wish.ends, "--to", zone))
    fan = locally(wish.workers) if wish.dask is None else on_dask(wish.dask)
    with opened_store() as store:
        errand = Errand(wish.system, span, archive=wish.archive)
        tally = backfill(errand, settings, store, SystemClock(), fan, report)
    for reason in tally.reasons:
        report(f"unusable: {reason}")
    report(f"done: {words(tally)}, {tally.cpu_s:.1f} s of processor")
    return 1 if tally.unusable else 0


def instant(text: str, option: str, zone: ZoneInfo) -> datetime:
    """Return a moment; without a time zone it is the site's, a date alone is its midnight.

    Raises
    ------
    SettingsError
        If it is none.
    """
    try:
        at = datetime.fromisoformat(text)
        if len(text) == 10:
            at = datetime.combine(date.fromisoformat(text), time())
    except ValueError:
        raise SettingsError(f"{option} {text}: is no time like 2026-11-27 or 2026-11-27T14:00+01:00") from None
    return at if at.tzinfo is not None else at.replace(tzinfo=zone)
