"""Every method on the same maps: peers learn from references of the machine, then all see each map once."""

import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from accelerator.collimation.lossmap import Pattern, pattern
from benchmarks.collimation import ours
from benchmarks.collimation.figures import Row, Seen, figures
from benchmarks.collimation.maps import observation, references
from benchmarks.collimation.peers import PEERS, Peer, Told
from benchmarks.collimation.scenes import ENSEMBLES, NOMINAL, PLANES, Case, Plan, cases
from core.observation import Observation

OURS, SITE = "ours", "ours, calibrated"
Learnt = Mapping[tuple[int, str], Mapping[str, Peer]]


def ensembles(plan: Plan, only: str, say: Callable[[str], None]) -> dict[str, dict[str, Row]]:
    """Return the figures of every method on every ensemble."""
    return {name: ensemble(plan, name, say) for name in ENSEMBLES if only in name}


def ensemble(plan: Plan, name: str, say: Callable[[str], None]) -> dict[str, Row]:
    """Return the figures of every method on one ensemble."""
    keys = [(beam, plane) for beam in (1, 2) for plane in PLANES]
    known = {key: [pattern(one) for one in references(name, *key, plan.references)] for key in keys}
    say(f"{name}: references made")
    learnt: Learnt = {key: {peer: learn(maps) for peer, learn in PEERS.items()} for key, maps in known.items()}
    say(f"{name}: peers have learnt")
    seen: dict[str, list[Seen]] = {}
    with tempfile.TemporaryDirectory(prefix="shiftwatch-bench-") as home, ours.without_pictures():
        site = [one for maps in known.values() for one in maps[: ours.SITE_MAPS]]
        own = {OURS: ours.load(Path(home)), SITE: ours.calibrated(site, Path(home))}
        for number, case in enumerate(cases(plan, name)):
            made = observation(case)
            for method, detector in own.items():
                said = ours.judge(detector, made)
                seen.setdefault(method, []).append(Seen(case, said.score, said.element, said.ms, said))
            for method, peer in learnt[case.beam, case.plane].items():
                seen.setdefault(method, []).append(_by_peer(case, peer, made))
            if number % 100 == 99:
                say(f"{name}: {number + 1} maps")
    return {method: figures(found) for method, found in seen.items()} | {"raw": raw(seen)}


def _by_peer(case: Case, peer: Peer, made: Observation) -> Seen:
    began = time.process_time()
    told: Told = peer.judge(_pattern(made))
    return Seen(case, told.score, told.element, 1e3 * (time.process_time() - began))


def _pattern(made: Observation) -> Pattern:
    return pattern(made)


def raw(seen: Mapping[str, Sequence[Seen]]) -> Row:
    """Return a line for each map with what ours says of it, for whoever looks for the reason."""
    return {method: [_line(one) for one in seen[method]] for method in (OURS, SITE) if method in seen}


def _line(one: Seen) -> str:
    case, said = one.case, one.answer
    true = ", ".join(f"{s.element} {s.quantity.value} {s.change:+.3f}" for s in case.settings) or case.code or NOMINAL
    found = f"{said.quality} {said.element} {said.quantity} {said.value} +- {said.sigma}" if said else "-"
    return f"{case.group}; {case.seed} B{case.beam}{case.plane}; {true}; {one.score:.3f}; {found}"


def say(line: str) -> None:
    """Tell how far it is."""
    print(f"... {line}", file=sys.stderr, flush=True)
