"""What was found, as Prometheus reads it: names, units and labels. No value stands for one that is not known."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime

from prometheus_client.metrics_core import GaugeMetricFamily, Metric

from app.metrics.snapshot import Around, Stored
from core.alarms.severity import Severity
from core.store.gauges import OpenAlarms
from core.store.views import Heartbeat

BAD = tuple(severity for severity in Severity if severity is not Severity.OK)
Sample = tuple[tuple[str, ...], float]
ASKING: Mapping[str, tuple[str, Callable[[OpenAlarms], int]]] = {
    "open": ("Open alarms that ask for somebody.", lambda one: one.asking),
    "unacknowledged": ("Those that nobody acknowledged.", lambda one: one.unacknowledged),
    "overdue": ("Those that nobody acknowledged in time.", lambda one: one.overdue),
}
APART: Mapping[str, Callable[[OpenAlarms], int]] = {
    "shelved": lambda one: one.shelved,
    "held_back": lambda one: one.held_back,
    "notice": lambda one: one.notices,
}
SIGNS: Mapping[str, tuple[str, Callable[[Heartbeat], float | None]]] = {
    "ok": ("Whether the last sign of life of a part was a good one.", lambda sign: float(sign.ok)),
    "sign_timestamp_seconds": ("When a part gave its last sign of life.", lambda sign: _at(sign.at)),
    "success_timestamp_seconds": ("When it last succeeded.", lambda sign: _at(sign.last_success_at)),
    "failure_timestamp_seconds": ("When it last failed.", lambda sign: _at(sign.last_failure_at)),
}


def of_store(found: Stored, now: datetime) -> Iterator[Metric]:
    """Yield what the store says."""
    yield from _data(found, now)
    yield from _alarms(found)
    yield from _signs(found)
    yield from _outbox(found)
    yield _gauge(
        "model_info",
        "Versions of models and their roles: in_charge gave the newest verdict.",
        ("system", "name", "version", "role"),
        [((one.system, one.name, one.version, one.role), 1.0) for one in found.models],
    )
    yield _gauge("database_size_bytes", "Disk that the database takes.", (), [((), found.database_bytes)])


def of_surroundings(found: Around) -> Iterator[Metric]:
    """Yield what is known without the store."""
    disks = found.disks.items()
    yield _by(
        "disk_free_bytes", "Room left on the disk of a folder.", "folder", {name: one.free_bytes for name, one in disks}
    )
    yield _by("disk_size_bytes", "Size of that disk.", "folder", {name: one.size_bytes for name, one in disks})
    yield _by("quarantined_files", "Unusable inputs kept with their reason.", "system", found.quarantined)
    if found.scheduler_up is not None:
        yield _gauge("prefect_up", "Whether Prefect's server answers.", (), [((), float(found.scheduler_up))])
    if found.flow_runs is not None:
        text = "Flow runs that ended within 24 hours, by how."
        yield _by("flow_runs_last_day", text, "state", found.flow_runs)


def _data(found: Stored, now: datetime) -> Iterator[Metric]:
    newest = found.newest
    ages = {system: (now - one.observed_at).total_seconds() for system, one in newest.items()}
    yield _by("data_age_seconds", "Age of the newest observation.", "system", ages)
    gaps = {system: one.usual_gap_s for system, one in newest.items() if one.usual_gap_s is not None}
    yield _by("data_usual_gap_seconds", "Time between observations, as a rule.", "system", gaps)
    lags = {system: one.lag_s for system, one in newest.items()}
    yield _by("watch_lag_seconds", "Time from observation to verdict, of the newest verdict.", "system", lags)
    given = {system: one.processed_at.timestamp() for system, one in newest.items()}
    yield _by("verdict_timestamp_seconds", "When the newest verdict was given.", "system", given)


def _alarms(found: Stored) -> Iterator[Metric]:
    labels = ("system", "severity")
    known = {(one.system, one.severity): one for one in found.alarms}
    every = [
        known.get((system, severity), OpenAlarms(system, severity, 0, 0, 0, 0, 0, 0))
        for system in sorted({*found.systems, *(one.system for one in found.alarms)})
        for severity in BAD
    ]
    for name, (text, number) in ASKING.items():
        yield _gauge(f"alarms_{name}", text, labels, [((one.system, one.severity.name), number(one)) for one in every])
    apart: dict[tuple[str, ...], float] = {}
    for one in every:
        for reason, number in APART.items():
            apart[one.system, reason] = apart.get((one.system, reason), 0.0) + number(one)
    yield _gauge("alarms_set_apart", "Open alarms that need nobody now, and why.", ("system", "reason"), apart.items())


def _signs(found: Stored) -> Iterator[Metric]:
    labels = ("system", "part")
    for name, (text, number) in SIGNS.items():
        values = [((sign.system, sign.flow), number(sign)) for sign in found.signs]
        yield _gauge(f"part_{name}", text, labels, [(at, value) for at, value in values if value is not None])


def _outbox(found: Stored) -> Iterator[Metric]:
    channels = found.outbox.items()
    for name, text, values in (
        ("waiting", "Notifications on their way.", {name: one.waiting for name, one in channels}),
        ("failing", "Those that failed at least once.", {name: one.failing for name, one in channels}),
        ("given_up", "Those that were never sent: needless, or too old.", {n: one.given_up for n, one in channels}),
    ):
        yield _by(f"notifications_{name}", text, "channel", values)
    sent = {name: _at(one.last_sent_at) for name, one in channels}
    times = {name: at for name, at in sent.items() if at is not None}
    yield _by("notification_sent_timestamp_seconds", "When a channel got its last message.", "channel", times)


def _at(instant: datetime | None) -> float | None:
    return None if instant is None else instant.timestamp()


def _by(name: str, text: str, label: str, values: Mapping[str, float]) -> Metric:
    return _gauge(name, text, (label,), [((one,), value) for one, value in values.items()])


def _gauge(name: str, text: str, labels: tuple[str, ...], samples: Iterable[Sample]) -> Metric:
    family = GaugeMetricFamily(f"shiftwatch_{name}", text, labels=labels)
    for values, number in samples:
        family.add_metric(values, number)
    return family
