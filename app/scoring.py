"""``shiftwatch score``: judge files one by one, say each result as soon as it is there."""

import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import typer

from core.contracts import Detector, System
from core.errors import InputError, SettingsError, ShiftwatchError
from core.observation import Observation
from core.settings import Settings, load_settings
from core.verdict import Quality, Verdict, unreadable
from flows.systems import load_system

NOT_OBSERVATIONS = frozenset({".json", ".txt", ".md", ".csv", ".toml", ".yaml", ".yml", ".log", ".pdf", ".db", ".part"})
TRUTH_FILE = "truth.json"
"""What a simulation wrote beside its files."""
TABLE = "{:<8}  {:>5}  {:>8}  {:<34}  {}"
BUDGETS = {
    "flex": "false_spots_per_board",
    "its": "false_alarms_per_shift",
    "collimation": "false_alarms_per_map",
    "schlieren": "false_alarms_per_shift",
}
_URL = re.compile(r"(https?):/+")


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked for on the command line; ``paths`` may be URLs (which a path writes with one slash).

    ``home``: where a detector keeps what it remembers from one file to the next.
    """

    system: str
    paths: tuple[Path, ...]
    as_json: bool
    product: str | None = None
    reference: Path | None = None
    budget: float | None = None
    home: Path | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one file; ``error`` is None when it was judged."""

    path: Path
    observation: Observation | None
    verdict: Verdict
    error: str | None


def run(request: Request) -> int:
    """Judge what was asked for, print each result, return the exit status (2 unreadable, 1 bad, 0 all good)."""
    with TemporaryDirectory(prefix="shiftwatch-score-") as folder:
        return _run(replace(request, home=Path(folder)))


def _run(request: Request) -> int:
    if not request.as_json:
        typer.echo(TABLE.format("verdict", "spots", "p-value", "worst spot", "file"))
    worst, name = 0, load_system(request.system).name
    for result in _results(request):
        typer.echo(to_json(name, result) if request.as_json else to_row(result))
        worst = max(worst, status(result))
    return worst


def judged(request: Request) -> list[Result]:
    """Judge what was asked for and return it; what a detector remembers while it judges is forgotten after."""
    with TemporaryDirectory(prefix="shiftwatch-score-") as folder:
        return list(_results(replace(request, home=Path(folder))))


def _results(request: Request) -> Iterator[Result]:
    system = load_system(request.system)
    settings = tuned(load_settings(), request)
    detector = make_detector(system, settings, request)
    for path in expand(request.paths, request.system):
        yield judge(system, detector, path, settings)


def status(result: Result) -> int:
    """Return the exit status that this one result asks for."""
    if result.error is not None or result.verdict.quality is Quality.NULL:
        return 2
    return 1 if result.verdict.quality is Quality.BAD else 0


def tuned(settings: Settings, request: Request) -> Settings:
    """Return the settings with the product and the budget of the command line."""
    section = request.system if request.system in BUDGETS else "flex"
    if request.product is not None and section != "flex":
        raise SettingsError(f"--product: {section} has no products, only flex has")
    asked = {"product": request.product, BUDGETS[section]: request.budget}
    changed = {name: value for name, value in asked.items() if value is not None}
    if not changed:
        return settings
    before = getattr(settings, section)
    try:
        after = type(before).model_validate({**before.model_dump(), **changed})
    except ValueError as error:
        raise SettingsError(f"--budget or --product: {error}") from None
    return settings.model_copy(update={section: after})


def make_detector(system: System, settings: Settings, request: Request) -> Detector:
    """Return the detector: the product's model, or the one-template comparison when a reference is given."""
    if request.reference is None:
        return system.detector(apart(settings, request.home))
    if system.name != "flex":
        raise SettingsError(f"--reference: {system.name} has no reference pictures, only flex has")
    from inspection.flex.detector import FlexDetector

    return FlexDetector.for_reference(request.reference, settings, request.product)


def apart(settings: Settings, home: Path | None) -> Settings:
    """Return the settings with another home and the same models: judging by hand leaves a watch's memory alone."""
    if home is None:
        return settings
    return settings.model_copy(update={"home": home, "models": settings.site_models})


def expand(paths: tuple[Path, ...], system: str = "flex") -> Iterator[Path]:
    """Yield the files meant by ``paths``: files as they are, folders as what they hold, sorted by name."""
    for path in paths:
        if not path.is_dir():
            yield path
            continue
        inside = sorted(found for found in path.iterdir() if _looks_like_observation(found, system))
        yield from inside or [path]


def judge(system: System, detector: Detector, path: Path, settings: Settings) -> Result:
    """Read and judge one file; whatever is wrong with the file is told in the result, never raised."""
    try:
        observation = system.read_file(path if system.reads_urls and _is_url(path) else _existing(path), settings)
        verdict = detector.judge(observation)
    except InputError as error:
        return Result(path, None, unreadable(error.reason), str(error))
    except (ShiftwatchError, OSError) as error:
        return Result(path, None, unreadable(str(error)), f"{printable(path)}: {error}")
    return Result(path, observation, verdict, _why_null(path, verdict))


def to_json(system: str, result: Result) -> str:
    """Return the line of the scripting contract: always the same keys, also for an unreadable file."""
    nothing = {"system": system, "element": None, "key": None, "observed_at": None}
    unread: dict[str, Any] = {**nothing, "origin": printable(result.path), "sha256": None, "conditions": {}}
    seen = unread if result.observation is None else result.observation.to_json()
    line = {"observation": seen, "verdict": result.verdict.to_json(), "error": result.error}
    return json.dumps(_finite(line), allow_nan=False, default=str)


def to_row(result: Result) -> str:
    """Return the row of the readable table."""
    verdict = result.verdict
    if result.error is not None:
        return TABLE.format(verdict.quality, "-", "-", "could not be judged", result.error)
    worst = verdict.regions[0].cause if verdict.regions else verdict.cause
    named = f"{worst.name} ({worst.probability:.0%})" if worst else ("unknown" if verdict.regions else "-")
    p_value = "-" if verdict.p_value is None else f"{verdict.p_value:.2g}"
    return TABLE.format(verdict.quality, len(verdict.regions), p_value, named, printable(result.path))


def printable(path: Path) -> str:
    """Return a path or URL as the user wrote it."""
    return _URL.sub(r"\1://", str(path), count=1) if _is_url(path) else str(path)


def _is_url(path: Path) -> bool:
    return _URL.match(str(path)) is not None


def _existing(path: Path) -> Path:
    if path.is_dir():
        raise InputError(path, "a folder without any photo in it")
    if not path.exists():
        raise InputError(path, "no such file")
    if not path.is_file():
        raise InputError(path, "not an ordinary file")
    return path


def _looks_like_observation(path: Path, system: str) -> bool:
    if not path.is_file() or path.name.startswith("."):
        return False
    if system == "collimation":
        from accelerator.collimation.reading import SUFFIXES

        return path.suffix.lower() in SUFFIXES and not path.name.endswith((".meta.json", "monitors.csv", TRUTH_FILE))
    if system == "schlieren":
        from accelerator.schlieren.observing import SUFFIXES as SHOTS

        return path.suffix.lower() in SHOTS
    return path.suffix.lower() not in NOT_OBSERVATIONS


def _why_null(path: Path, verdict: Verdict) -> str | None:
    return f"{printable(path)}: {verdict.reason}" if verdict.quality is Quality.NULL else None


def _finite(value: Any) -> Any:
    """Return ``value`` without NaN or infinity, which JSON does not know."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {name: _finite(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(inner) for inner in value]
    return value
