"""How often independent systems are called connected, how often a connection is found, and how long a search takes."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from app import across
from benchmarks.across.filling import Story, story
from benchmarks.across.machine import HOUR, Weeks
from core.coincidence.followed import Followed
from core.coincidence.history import STEP_S, History, Onset, Track
from core.coincidence.search import Found, search
from core.store import Store

SHIFT_S = 8 * 3600.0
BEGINS_S = 1_700_000_000 // STEP_S * STEP_S
PER_DAY = {
    ("its", "place"): 3.0,
    ("its", "background"): 0.4,
    ("collimation", "beam 1"): 0.3,
    ("collimation", "beam 2"): 0.3,
    ("schlieren", "no_ionisation"): 1.0,
    ("schlieren", "density_drift"): 0.3,
    ("flex", "an element"): 4.0,
}
"""Mean alarms of each stream. All come in bunches, those with beam twenty times as often in its first minutes."""
WITH_BEAM = frozenset({"its", "collimation"})
ROWS = tuple[dict[str, Any], ...]


def alarms(rng: np.random.Generator, machine: Weeks) -> Iterator[Onset]:
    """Yield independent streams of alarms."""
    number = 0
    for (system, kind), per_day in PER_DAY.items():
        rate = np.full(len(machine.modes), per_day / 24 / HOUR)
        if system in WITH_BEAM:
            since = machine.since_h
            rate = rate * np.where(since < 1 / 3, 20.0, np.where(machine.steady, 1.0, 0.3)) / 1.7
        for step in np.flatnonzero(rng.random(len(rate)) < rate):
            at = BEGINS_S + (step + rng.random()) * STEP_S
            for later in np.cumsum([0.0, *rng.exponential(600, int(rng.geometric(0.6)) - 1)]):
                number += 1
                yield Onset(float(at + later), system, kind, number)


def history(told: Story, onsets: list[Onset]) -> History:
    """Return what a store that holds this would give."""
    machine, watched = told.machine, np.ones(len(told.margin), bool)
    shots = np.convolve(told.shots, np.ones(13), mode="same") > 0
    numbers = (
        ("collimation", Followed("smallest margin", "Smallest margin", "", with_beam=True), told.margin),
        ("its", Followed("background added", "Background", "", with_beam=True), told.background),
        ("schlieren", Followed("core_radius_um", "Core radius", ""), np.where(told.shots, told.radius, np.nan)),
    )
    beams = (("intensity", machine.protons), ("interactions", machine.luminosity))
    ends_s = BEGINS_S + len(watched) * STEP_S
    return History(
        begins_s=BEGINS_S,
        watched={"collimation": watched, "its": watched, "schlieren": shots, "flex": shots},
        onsets=tuple(sorted((one for one in onsets if one.at_s < ends_s), key=lambda one: one.at_s)),
        tracks=tuple(Track(name, followed, values) for name, followed, values in numbers),
        beams=tuple(Track("machine", Followed(name, name, ""), values) for name, values in beams),
        modes=machine.modes,
        steady=machine.modes == "STABLE",
    )


def last_shift(past: History, ends_s: float | None = None) -> Found:
    """Return what is found in the shift that ends at an instant."""
    ends_s = past.ends_s if ends_s is None else ends_s
    return search(past, ends_s - SHIFT_S, ends_s)


def by_chance(shifts: int, seed: int = 1) -> ROWS:
    """Count what is called connected where nothing is, in so many shifts of independent systems."""
    found = np.zeros((shifts, 3), int)
    for number in range(shifts):
        rng = np.random.default_rng([seed, number])
        told = story(rng, connected=False)
        seen = last_shift(history(told, list(alarms(rng, told.machine)))).connected
        found[number] = sum(len(one.onsets) for one in seen), sum(len(one.courses) for one in seen), bool(seen)
    return tuple(
        {"evidence": name, "shifts": shifts, "with one": int((found[:, place] > 0).sum()), "promised at most": most}
        for place, (name, most) in enumerate(
            (("alarms", shifts / 40), ("numbers", shifts / 40), ("either", shifts / 20))
        )
    )


def looked_at_all_the_time(shifts: int, seed: int = 2) -> ROWS:
    """The same for a page that is looked at every half hour of a shift, each time at the last eight hours."""
    wrong = 0
    for number in range(shifts):
        rng = np.random.default_rng([seed, number])
        told = story(rng, connected=False)
        past = history(told, list(alarms(rng, told.machine)))
        ends = past.ends_s - np.arange(16) * 1800.0
        wrong += any(last_shift(past, float(at)).connected for at in ends)
    return ({"shifts": shifts, "with one at some time": wrong, "promised at most": 2 * shifts / 20},)


def power(draws: int, seed: int = 3) -> ROWS:
    """Count how often margin and background are found as both go, in the last three hours, by how far they go."""
    rows = []
    for lost, share in ((0.2, 0.0005), (0.3, 0.001), (0.5, 0.003), (0.7, 0.006)):
        for days in (7.0, 14.0):
            found = signs = 0
            for number in range(draws):
                rng = np.random.default_rng([seed, number])
                told = story(rng, days, lost=lost, share=share)
                seen = [one for each in last_shift(history(told, [])).connected for one in each.courses]
                found += bool(seen)
                signs += sum(one.tested is not None and one.tested.sign == -1 for one in seen[:1])
            rows.append(
                {
                    "margin lost, sigma": lost, "background, % of a side": 100 * share, "days of past": days,
                    "found": f"{found} of {draws}", "with the right sign": signs,
                }
            )  # fmt: skip
    return tuple(rows)


def power_of_alarms(draws: int, seed: int = 4) -> ROWS:
    """Count how often two rare alarms so far apart, three hours into stable beams, are found among all the others."""
    rows = []
    for minutes in (1, 3, 10, 20):
        found = 0
        for number in range(draws):
            rng = np.random.default_rng([seed, number])
            told = story(rng, connected=False)
            at = BEGINS_S + len(told.margin) * STEP_S - 3 * 3600
            pair = [Onset(at, "collimation", "beam 1", 10_001), Onset(at + 60 * minutes, "its", "background", 10_002)]
            seen = last_shift(history(told, [*alarms(rng, told.machine), *pair])).connected
            found += any({10_001, 10_002} == {p.first.alarm_id, p.second.alarm_id} for one in seen for p in one.onsets)
        rows.append({"apart, min": minutes, "found": f"{found} of {draws}"})
    return tuple(rows)


def seconds(url: str, home: Path, until: datetime | None = None) -> ROWS:
    """Measure reading and searching on a store: all of two weeks, then with the days that are over kept."""
    kept: dict[tuple[str, int, int], Any] = {}
    with Store.open(url, home / "artefacts") as store:
        read = across.reader(store)
        newest = [one.last_observed_at for one in store.overview(datetime.now(UTC)) if one.last_observed_at]
        ends = until or max(newest)

        def keeping(system: str, first: int, last: int) -> Any:
            if last - first != across.CHUNK:
                return read(system, first, last)
            if (system, first, last) not in kept:
                kept[system, first, last] = read(system, first, last)
            return kept[system, first, last]

        rows = []
        for what in ("first time", "days that are over kept", "once more"):
            began, worked = time.perf_counter(), time.process_time()
            seen = across.gather(store, ends, keeping)
            rows.append(_lasted(what, began, worked))
        began, worked = time.perf_counter(), time.process_time()
        last_shift(seen.history)
        return (*rows, _lasted("search alone", began, worked))


def _lasted(what: str, began: float, worked: float) -> dict[str, Any]:
    wall, cpu = time.perf_counter() - began, time.process_time() - worked
    return {"what": what, "seconds": round(wall, 2), "of them on a CPU": round(cpu, 2)}
