"""Loss maps and what a detector would say of them, made by hand: for tests of pictures, page and report.

Shares of a horizontal map of beam 1 are those of the map that the authors of xcoll published (Everest, 50 million
protons, 6.8 TeV; xsuite/xcoll, Apache-2.0); what each fault does to them follows the tracked faults of ../shared/facts.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from math import sqrt
from pathlib import Path

import numpy as np

from accelerator.collimation.diagnosis import (
    EVIDENCE,
    MEDIA_TYPE,
    Answer,
    Channel,
    Diagnosis,
    Hypothesis,
    Margin,
    Quantity,
    Trend,
)
from core.contracts import AlarmRule, Arrival, Incident, Settled
from core.observation import Observation
from core.store import Store
from core.verdict import Cause, Evidence, Measurement, Model, Quality, Region, Verdict, unreadable

SYSTEM = "collimation"
TABLE: tuple[tuple[str, str, float, float], ...] = (
    ("tcl.6r1.b1", "TCL6", 219, 9.28e-06),
    ("tcp.6l3.b1", "TCP3", 6488, 6.44e-05),
    ("tcsg.5l3.b1", "TCSG3", 6521, 1.52e-05),
    ("tcsg.4r3.b1", "TCSG3", 6708, 4.76e-06),
    ("tcsg.a5r3.b1", "TCSG3", 6719, 1.88e-06),
    ("tctph.4l5.b1", "TCT15", 13181, 7.28e-05),
    ("tctpv.4l5.b1", "TCT15", 13183, 9.77e-06),
    ("tcdqa.a4r6.b1", "TCDQ", 16805, 3.21e-05),
    ("tcsp.a4r6.b1", "TCSP", 16816, 6.53e-06),
    ("tcp.d6l7.b1", "TCP7", 19789, 7.47e-04),
    ("tcp.c6l7.b1", "TCP7", 19791, 8.35e-01),
    ("tcp.b6l7.b1", "TCP7", 19793, 3.62e-02),
    ("tcsg.a6l7.b1", "TCSG7", 19833, 2.07e-02),
    ("tcsg.b5l7.b1", "TCSG7", 19892, 4.04e-02),
    ("tcsg.a5l7.b1", "TCSG7", 19896, 1.89e-02),
    ("tcsg.d4l7.b1", "TCSG7", 19917, 6.03e-03),
    ("tcspm.b4l7.b1", "TCSG7", 19989, 7.52e-03),
    ("tcsg.a4l7.b1", "TCSG7", 19991, 4.64e-03),
    ("tcsg.a4r7.b1", "TCSG7", 19995, 4.41e-03),
    ("tcsg.b5r7.b1", "TCSG7", 20086, 7.01e-03),
    ("tcsg.d5r7.b1", "TCSG7", 20102, 6.83e-03),
    ("tcspm.e5r7.b1", "TCSG7", 20108, 3.56e-03),
    ("tcspm.6r7.b1", "TCSG7", 20143, 6.52e-03),
    ("tcla.a6r7.b1", "TCLA7", 20148, 2.03e-04),
    ("tcla.b6r7.b1", "TCLA7", 20179, 6.79e-05),
    ("tcla.c6r7.b1", "TCLA7", 20212, 1.88e-04),
    ("tcla.d6r7.b1", "TCLA7", 20214, 1.39e-04),
    ("tcla.a7r7.b1", "TCLA7", 20232, 8.07e-05),
    ("tctph.4l8.b1", "TCT8", 23197, 5.52e-05),
    ("tctpv.4l8.b1", "TCT8", 23199, 3.81e-06),
    ("tctph.4l1.b1", "TCT15", 26511, 2.04e-04),
    ("tctpv.4l1.b1", "TCT15", 26513, 8.87e-06),
    ("ir7 ds q8-9 b1", "DS", 20310, 2.2e-04),
    ("ir7 ds q10-11 b1", "DS", 20400, 1.9e-04),
    ("cold arc 78 b1", "cold", 21800, 4e-06),
    ("cold arc 81 b1", "cold", 24025, 3e-06),
    ("warm ir7 b1", "warm", 19850, 7e-06),
)
"""Channel, family, position and nominal share of the losses of a horizontal map of beam 1."""
DS_BINS = ((20275.0, 1.3e-05), (20300.0, 1.5e-04), (20325.0, 5.9e-05), (20375.0, 7.6e-05), (20400.0, 9.3e-05))
LOST = 1e7
FILL, STATE = 7495, "flat_top"
CANNOT_SEE = (
    "TCLAs of IR7 up to 16 σ leave no trace in losses of protons: look at the dispersion suppressor, or align them",
    "the momentum cleaning of IR3: it needs an off-momentum map",
)


@dataclass(frozen=True)
class Case:
    """A map: what is said of it, its quality, and the shares that were lost by channel."""

    quality: Quality
    diagnosis: Diagnosis
    reason: str | None = None
    told: tuple[Hypothesis, ...] = ()
    """What regions tell beyond the hypotheses of the diagnosis."""


def nominal() -> Case:
    """Return a horizontal map of beam 1 with everything as it should be."""
    return Case(Quality.GOOD, _diagnosis(Answer.NOMINAL, _channels({}), 0.97, margins=_margins()))


def tcp_retracted() -> Case:
    """Return the same with TCP.C6L7.B1 retracted by 0.6 sigma."""
    changed = {"tcp.c6l7.b1": 0.748, "tcp.b6l7.b1": 0.1018, "tcsg.a6l7.b1": 0.0262, "tcsg.b5l7.b1": 0.0447}
    changed |= {"tcla.c6r7.b1": 4.1e-4, "tcla.a6r7.b1": 3.6e-4, "tcla.d6r7.b1": 2.9e-4}
    found = (
        Hypothesis("tcp.c6l7.b1", Quantity.GAP, 5.6, 5.0, 0.1, 0.91, "TCP retracted"),
        Hypothesis("tcp.c6l7.b1", Quantity.OFFSET, 0.14, 0.0, 0.04, 0.06, "collimator off centre"),
        Hypothesis("tcsg.a6l7.b1", Quantity.GAP, 6.1, 6.5, 0.2, 0.02, "TCSG tightened"),
    )
    margins = _margins(TCSG7=(0.9, 0.1, "tcp.c6l7.b1"))
    return Case(Quality.BAD, _diagnosis(Answer.BROKEN, _channels(changed), 0.99, found, margins))


def tct_exposed() -> Case:
    """Return the same with the horizontal TCT of IR1 closed to 5.5 sigma."""
    changed = {"tctph.4l1.b1": 2.8e-2, "tctpv.4l1.b1": 4e-4}
    found = (
        Hypothesis("tctph.4l1.b1", Quantity.GAP, 5.5, 8.5, 0.3, 0.83, "TCT exposed"),
        Hypothesis("tctph.4l1.b1", Quantity.ORBIT, 1.9, 0.0, 0.3, 0.14, "orbit shift"),
    )
    margins = _margins(TCT15=(-1.0, 0.3, "tctph.4l1.b1"))
    return Case(Quality.BAD, _diagnosis(Answer.BROKEN, _channels(changed), 0.99, found, margins))


def unknown() -> Case:
    """Return a map that is unlike all that is known."""
    changed = {"cold arc 78 b1": 4e-3, "tcp.c6l7.b1": 0.79}
    return Case(Quality.BAD, _diagnosis(Answer.UNKNOWN, _channels(changed), 0.95, margins=_margins()))


def cannot_tell() -> Case:
    """Return a map with too few counts."""
    reason = "83 protons were lost: at least 2000 are needed to tell a retraction of 0.5 σ"
    found = _diagnosis(Answer.CANNOT_TELL, _channels({}), 0.5, margins=_margins(known=False))
    return Case(Quality.MEDIUM, found, reason)


def off_momentum() -> Case:
    """Return an off-momentum map."""
    changed = {"tcp.6l3.b1": 0.583, "tcsg.4r3.b1": 0.0311, "tcp.c6l7.b1": 0.194, "tcsg.5l3.b1": 0.015}
    channels = tuple(replace(one, low=0, high=0, pull=0) for one in _channels(changed))
    found = _diagnosis(Answer.OTHER_CLASS, channels, 0.99)
    return Case(Quality.GOOD, replace(found, map_class="off-momentum", plane="DP+"))


def drifting(until: datetime) -> Case:
    """Return a piece of a stream in which the TCP drifts outwards by 0.1 sigma per hour."""
    hours = np.linspace(-6, 0, 25)
    values = 1.5 - 0.1 * np.clip(hours + 4, 0, None) + np.random.default_rng(1).normal(0, 0.02, hours.size)
    trend = Trend(
        margin="TCP.C6L7.B1 to TCSG7",
        times=tuple((until + timedelta(hours=float(hour))).isoformat() for hour in hours),
        values_sigma=tuple(float(value) for value in values),
        errors_sigma=(0.05,) * hours.size,
        slope_sigma_per_h=-0.1,
        slope_error_sigma_per_h=0.012,
        gone_at=(until + timedelta(hours=11)).isoformat(),
        gone_earliest=(until + timedelta(hours=9.5)).isoformat(),
        gone_latest=(until + timedelta(hours=13)).isoformat(),
    )
    case = tcp_retracted()
    first = replace(case.diagnosis.hypotheses[0], value=5.4, sigma=0.04, cause="margin shrinking")
    found = replace(
        case.diagnosis,
        hypotheses=(),
        trends=(trend,),
        margins=_margins(TCSG7=(1.1, 0.05, "tcp.c6l7.b1")),
    )
    reason = "the margin of TCP.C6L7.B1 shrinks by 0.10 sigma per hour, gone in 11.0 h (9.5 to 13.0 h)"
    return Case(Quality.MEDIUM, found, reason, (first,))


def _diagnosis(
    answer: Answer,
    channels: tuple[Channel, ...],
    probability: float,
    hypotheses: tuple[Hypothesis, ...] = (),
    margins: tuple[Margin, ...] = (),
) -> Diagnosis:
    return Diagnosis(answer, "betatron", 1, "H", STATE, probability, hypotheses, margins, channels, (), CANNOT_SEE)


def _channels(changed: Mapping[str, float]) -> tuple[Channel, ...]:
    """Channels with 10 million protons lost; pulls in standard deviations of a nominal ensemble with tolerances."""
    return tuple(_channel(name, family, s_m, share, changed.get(name)) for name, family, s_m, share in TABLE)


def _channel(name: str, family: str, s_m: float, share: float, changed: float | None) -> Channel:
    spread = sqrt((0.12 * share) ** 2 + share / LOST) if share < 0.5 else 0.012
    jitter = float(np.random.default_rng(len(name) + int(s_m)).normal(0, 0.6))
    observed = max(0.0, share + jitter * spread) if changed is None else changed
    pull = (observed - share) / spread
    band = (max(share - 2 * spread, share * 0.7), min(1.0, share + 2 * spread))
    return Channel(name, family, 1, s_m, observed, share, *band, pull, corrected=share if changed else observed)


def _margins(known: bool = True, **changed: tuple[float, float, str]) -> tuple[Margin, ...]:
    meant = (("TCP7", "TCSG7", 1.5), ("TCSG7", "TCLA7", 3.5), ("TCSG7", "TCDQ", 0.8), ("TCDQ", "TCT15", 1.2))
    found = []
    for inner, outer, sigma in meant:
        value, error, element = changed.get(outer, (sigma - 0.03, 0.12 if outer != "TCLA7" else None, ""))
        found.append(Margin(1, "H", inner, outer, sigma, value, error if known else None, element))
    return tuple(found)


def observation(case: Case, at: datetime, key: str) -> Observation:
    """Return the map as the source would read it."""
    found = case.diagnosis
    single = [one for one in found.channels if "." in one.name]
    lost = np.array([one.observed * LOST for one in single])
    conditions = {
        "kind": "lossmap", "domain": "protons", "beam": 1, "plane": found.plane, "state": STATE, "fill": FILL,
        "energy_gev": 6800.0, "particle": "proton", "n_initial": int(LOST), "seconds": 12.0,
    }  # fmt: skip
    return Observation(
        SYSTEM,
        "B1H" if found.plane == "H" else f"B1{found.plane}",
        key,
        at,
        f"/maps/{key}.json",
        f"{abs(hash(key)):064x}"[:64],
        conditions,
        {
            "collimator": np.array([one.name for one in single]),
            "lost": lost,
            "bin_s_m": np.array([s_m for s_m, _ in DS_BINS]),
            "bin_lost": np.array([share * LOST for _, share in DS_BINS]),
        },
        {"collimator": ("collimator",), "lost": ("collimator",), "bin_s_m": ("bin",), "bin_lost": ("bin",)},
    )


def verdict(case: Case, seen: Observation, pictures: Mapping[str, Evidence]) -> Verdict:
    """Return the verdict as the detector would give it."""
    found = case.diagnosis
    content = json.dumps(found.to_json()).encode()
    other = found.map_class if found.answer is Answer.OTHER_CLASS else None
    first = found.hypotheses[0].cause if found.hypotheses else "unknown" if found.answer is Answer.UNKNOWN else other
    return Verdict(
        quality=case.quality,
        score=9.0 if case.quality is Quality.BAD else 0.4,
        threshold=4.0,
        p_value=1e-5 if case.quality is Quality.BAD else 0.4,
        cause=Cause(first, found.probability) if first else None,
        regions=tuple(_region(one, case.quality, seen) for one in (*found.hypotheses, *case.told)),
        measurements={
            "ir7 ds ratio": Measurement(4.1e-4, 6e-6, ""),
            "cleaning inefficiency max": Measurement(8.7e-6, 9e-7, "1/m"),
            "share TCP7": Measurement(0.872, 0.001, ""),
            "share TCSG7": Measurement(0.127, 0.001, ""),
            "hierarchy TCSG7/TCP7": Measurement(0.146, 0.001, ""),
            "margin TCP7-TCSG7 B1 H": Measurement(found.margins[0].value_sigma if found.margins else 1.5, 0.1, "sigma"),
        },
        model=Model(SYSTEM, "0123456789ab"),
        evidence={EVIDENCE: Evidence(content, MEDIA_TYPE), **pictures},
        reason=case.reason,
    )


def _region(one: Hypothesis, quality: Quality, seen: Observation) -> Region:
    where = {
        "element": one.element, "quantity": one.quantity.value, "value": one.value, "nominal": one.nominal,
        "sigma": one.sigma, "beam": 1, "quality": quality.value, "since": seen.observed_at.isoformat(),
    }  # fmt: skip
    return Region(where, 9.0, 1e-5, Cause(one.cause, one.probability))


def settle(cases: Sequence[Case], until: datetime, every: timedelta = timedelta(minutes=9)) -> list[Settled]:
    """Return the maps as the watch would settle them, the last one at ``until``."""
    from accelerator.collimation.drawing import draw

    found = []
    for number, case in enumerate(cases):
        seen = observation(case, until - every * (len(cases) - 1 - number), f"{FILL}-{number:03d}")
        judged = verdict(case, seen, draw(seen, case.diagnosis))
        found.append(_settled(seen, judged))
    return found


def not_judged(reason: str, at: datetime) -> Settled:
    """Return a file that could not be read."""
    seen = observation(nominal(), at, "cut")
    return _settled(replace(seen, element="unreadable"), unreadable(f"{seen.origin}: {reason}"))


def _settled(seen: Observation, judged: Verdict) -> Settled:
    incidents: tuple[Incident, ...] = ()
    if judged.quality is Quality.BAD:
        element = str(judged.regions[0].where["element"]) if judged.regions else seen.element
        name = judged.cause.name if judged.cause else "unknown"
        place, words = frozenset({element}), f"{name}: {element}"
        incidents = (Incident("setting", place, element, judged.quality, seen.observed_at, name, words),)
    return Settled(Arrival(seen.key, seen.origin), seen, judged, seen.observed_at + timedelta(seconds=2), incidents)


def fill(shelf: Store, settled: Sequence[Settled]) -> None:
    """Store maps as the watch does."""
    shelf.record(SYSTEM, "folder", list(settled), AlarmRule())
    shelf.heartbeat(SYSTEM, "watch", datetime.now(UTC), ok=True)


def home(folder: Path, settled: Sequence[Settled]) -> Path:
    """Fill the store of a home folder, for a dashboard in a browser."""
    with Store.open(f"sqlite:///{folder / 'shiftwatch.db'}", folder / "artefacts") as store:
        store.upgrade()
        if settled:
            store.record(SYSTEM, "folder", list(settled), AlarmRule())
            store.heartbeat(SYSTEM, "watch", datetime.now(UTC) + timedelta(minutes=5), ok=True)
    return folder
