"""Networks compared: what each tells by itself, and what the fit makes of it, on the same held-out shots.

Networks come from the packages in `accelerator.schlieren.models`; an architecture that has none is taught here.
"""

import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from accelerator.schlieren.channel import PARAMETERS
from accelerator.schlieren.detector import SHIPPED_MODELS
from accelerator.schlieren.examining import start_file
from accelerator.schlieren.knowing import known_of
from accelerator.schlieren.measuring import measure
from accelerator.schlieren.shot_facts import look
from accelerator.schlieren.simulate.apparatus import Mask
from accelerator.schlieren.start_network import tell
from benchmarks.schlieren.figures import Row, Seen, figures
from benchmarks.schlieren.methods import Answer, least_squares
from benchmarks.schlieren.scenes import Case, Plan, cases, floor_of, settings_for
from core.inference import Session, load_package

CLASSICAL = "least squares (no network)"
_SHOTS_PER_FIT = 5


def measured(plan: Plan, only: str, kept: Path | None, say: Callable[[str], None]) -> list[dict[str, Any]]:
    """Return a row for each architecture and what is made of it.

    Parameters
    ----------
    only
        Only masks with this in their name.
    kept
        Folder of networks that were taught here before (``residual-stop.onnx``), and where new ones are put.
    """
    masks = [mask for mask in Mask if only in mask.value]
    networks = {kind: {mask: _session(plan, kind, mask, kept, say) for mask in masks} for kind in ("plain", "residual")}
    seen: dict[str, list[Seen]] = {}
    with tempfile.TemporaryDirectory(prefix="shiftwatch-bench-") as folder:
        for mask in masks:
            for number, case in enumerate(cases(plan, f"wider, {mask}", Path(folder))):
                if number >= plan.fitted * _SHOTS_PER_FIT:
                    break
                least = floor_of(case)
                for kind, sessions in networks.items():
                    for what, answer in _answers(case, sessions[mask]).items():
                        seen.setdefault(f"{kind}, {what}", []).append(Seen(case, least, answer))
                if number < plan.fitted:
                    seen.setdefault(CLASSICAL, []).append(Seen(case, least, least_squares(case)))
            say(f"architectures: {mask} done")
    return [_row(name, figures(found)) for name, found in seen.items()]


def _session(plan: Plan, kind: str, mask: Mask, kept: Path | None, say: Callable[[str], None]) -> Session:
    """A network of a package, or one that is taught here."""
    for folder in sorted(SHIPPED_MODELS.glob("*")) if SHIPPED_MODELS.is_dir() else ():
        package = load_package(folder)
        effort = package.card.details.get("effort")
        if isinstance(effort, Mapping) and effort.get("kind") == kind:
            return package.session(start_file(mask))
    file = None if kept is None else kept / f"{kind}-{mask}.onnx"
    if file is not None and file.is_file():
        return Session(file.read_bytes(), f"{kind}, {mask}")
    from accelerator.schlieren.network import Kind
    from accelerator.schlieren.network_training import Lesson, export, train_network

    say(f"teaching {kind}, {mask}: {plan.steps} steps")
    network = train_network(Lesson(mask=mask, kind=Kind(kind), steps=plan.steps))
    content = export(network, mask)
    if file is not None:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    return Session(content, f"{kind}, {mask}")


def _answers(case: Case, session: Session) -> dict[str, Answer]:
    mask, settings = case.true.apparatus.mask, settings_for(case.true.apparatus.mask).schlieren
    usual = known_of(case.observation, settings)
    cells = look(case.observation.payload["image"], settings.pixel_um, settings.bits).cells
    began = time.process_time()
    channel, errors = tell(session, mask, cells).channel(usual)
    alone = time.process_time() - began
    found = measure(cells, usual, session)
    both = time.process_time() - began - alone
    values, fitted = (dict(zip(PARAMETERS, one.values(), strict=True)) for one in (channel, found.fit.channel))
    return {
        "alone": Answer(True, values, errors, 1e3 * alone),
        "then fitted": Answer(found.fit.away < 1, fitted, found.sigma, 1e3 * both),
    }


def _row(name: str, found: Row) -> dict[str, Any]:
    row: dict[str, Any] = {"method": name, "shots": found["shots"], "refused": found["refused"]}
    for short, parameter in zip(("position", "r0", "P", "t0", "tilt"), PARAMETERS, strict=True):
        row[f"{short}, rms over floor"] = found["parameters"][parameter]["rms"]
    inside = [found["parameters"][name_]["within_68"] for name_ in PARAMETERS]
    told = [f"{100 * one:.0f}" for one in inside if one is not None]
    return row | {"within 1 sigma, %": ", ".join(told), "> 5 sigma": found["badly_wrong_shots"], "CPU ms": found["ms"]}
