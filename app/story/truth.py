"""What is true of a shift: every incident of the script with its places and times, kept outside all watched folders."""

import json
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from accelerator.schlieren.causes import Cause
from app.scanner import boards
from app.story import script
from app.story.playback import Playback
from app.story.script import Injected
from core.alarms.inhibition import SOURCE
from core.store.rows import UNREADABLE
from dqm.its.layout import name
from dqm.its.simulate.faults import Fault
from dqm.its.source import QcdbSource

FILE = "demo/truth.json"
"""Below HOME: no source looks there, and no page reads it."""


def injected(seed: int, length_s: float = script.LENGTH_S) -> tuple[Injected, ...]:
    """Return what goes wrong in the first ``length_s`` of a seed's first shift, in the order in which it begins."""
    found = (*_lhc(), *_alice(), *_plasma(), *_boards(seed))
    return tuple(sorted((one for one in found if one.begins_s < length_s), key=lambda one: one.begins_s))


def write(path: Path, playback: Playback, seed: int) -> Path:
    """Write the truth of a shift, with the times of its own clock; the simulators begin when it is there."""
    told = [{**asdict(one), "begins_at": playback.at(one.begins_s).isoformat()} for one in injected(seed)]
    content: dict[str, Any] = {
        "seed": seed,
        "began_at": playback.began_at.isoformat(),
        "started_at": playback.started_at.isoformat(),
        "speed": playback.speed,
        "injected": told,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    part.write_text(json.dumps(content, indent=1), encoding="utf-8")
    return part.replace(path)


def _lhc() -> Iterator[Injected]:
    end = script.LENGTH_S
    for what, wrong in (("a primary collimator drifts", script.DRIFT), ("a secondary collimator jumps", script.JUMP)):
        yield Injected(what, "collimation", wrong.begins_s, end, elements=(wrong.setting.element,))


def _alice() -> Iterator[Injected]:
    yield _background("gas in front of side C", script.GAS.began_s, script.GAS.ended_s, "C")
    grown = script.background()
    followed = _background("background follows the drift", grown.begins_s, script.LENGTH_S, "A")
    yield replace(followed, from_s=script.DRIFT.begins_s)
    yield _place("a lane dies", script.DEAD_LANE)
    yield _place("a chip is noisy", script.NOISY_CHIP)
    yield _place("frames of a stave are lost", script.READOUT_LOSS)
    begins_s = script.OUTAGE_BEGINS_S
    yield Injected(
        "the QCDB server dies", "its", begins_s, begins_s, elements=(SOURCE + QcdbSource.name,), is_outage=True
    )


def _background(what: str, begins_s: float, ends_s: float, side: str) -> Injected:
    return Injected(what, "its", begins_s, ends_s, (f"inner barrel {side}",), kinds=("background",))


def _place(what: str, fault: Fault) -> Injected:
    places = tuple(name(cell).replace(" ", "_") for cell in fault.cells)
    return Injected(what, "its", fault.began_s, fault.ended_s, kinds=("place",), places=places)


def _plasma() -> Iterator[Injected]:
    yield script.plasma("the laser drops out", script.NO_LASER)
    yield script.plasma("the vapour density drifts", script.DENSITY)
    yield script.plasma("the camera hands out old pictures", script.STALE)
    yield script.plasma("the knife edge creeps", script.KNIFE)
    yield script.plasma("the camera is frozen", script.FROZEN, Cause.STALE)


def _boards(seed: int) -> Iterator[Injected]:
    for number, board in enumerate(boards(seed)):
        at_s = script.board_at_s(number)
        if board.is_broken:
            yield Injected("a file is cut short", "flex", at_s, at_s, elements=(UNREADABLE,))
        elif board.defects:
            what = f"a board fails: {board.story}"
            yield Injected(what, "flex", at_s, at_s, elements=(board.serial,))
