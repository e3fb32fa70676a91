"""``shiftwatch train collimation`` and ``calibrate collimation``: from a Monte Carlo library, or a site's own maps.

Without a folder the networks are taught anew from the libraries of the package, with one from those in it (``python -m
accelerator.collimation.simulate.library`` makes them). A folder of nominal loss maps of a site takes the model error
away where there are such maps: what they show on average becomes nominal.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from accelerator.collimation.detector import SHIPPED, SHIPPED_MODELS, find_beam
from accelerator.collimation.features import compare
from accelerator.collimation.knowledge import POSTERIOR_FILE, REBUILDING_FILE, Knowledge
from accelerator.collimation.laying import lay
from accelerator.collimation.lossmap import Pattern, pattern
from accelerator.collimation.making import make_model, save
from accelerator.collimation.mapclass import MapClass, classify
from accelerator.collimation.reading import read_file
from accelerator.collimation.templates import Key, Table
from accelerator.collimation.training import Effort
from core.errors import InputError, ShiftwatchError
from core.inference import ModelPackage, load_package
from core.settings import Settings

Report = Callable[[str], None]
Floats = NDArray[np.float64]
LIBRARY = Path(__file__).parent / "data" / "library"
PRIOR_SIGMA = 1.0
"""How far a site may be from the model: the width of what is learnt (logarithm)."""


def train(
    product: str,
    folder: Path | str | None,
    out: Path | str,
    *,
    seed: int = 1,
    report: Report = print,
    effort: Effort | None = None,
) -> Path:
    """Teach a model called ``product`` and write its package to ``out / product``.

    Parameters
    ----------
    folder
        Libraries of the Monte Carlo, or None: those of the package.

    Raises
    ------
    core.errors.InputError
        The folder holds no library.
    """
    target = Path(out) / product
    made, digest = tables_of(LIBRARY if folder is None else Path(folder))
    return make_model(target, made, seed=seed, training_data=digest, effort=effort, report=report)


def tables_of(folder: Path) -> tuple[dict[Key, Table], str]:
    """Return the tables of the libraries in a folder, and the digest of their files."""
    from accelerator.collimation.library_tables import channel_response, read_libraries, tables

    paths = sorted(folder.glob("*.npz"))
    if not paths:
        raise InputError(folder, "holds no library: python -m accelerator.collimation.simulate.library makes them")
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in paths)).hexdigest()
    return tables(read_libraries(folder), channel_response()), digest


def calibrate(
    product: str,
    folder: Path | str,
    out: Path | str,
    *,
    seed: int = 1,
    report: Report = print,
    effort: Effort | None = None,
) -> Path:
    """Let the nominal loss maps of a site be what is nominal; keep the networks, renew the thresholds.

    A model that is not in ``out`` yet starts as the one that ships.

    Raises
    ------
    core.errors.InputError
        No map of the folder can be used.
    """
    target = Path(out) / product
    base = load_package(target if (target / "card.json").is_file() else SHIPPED_MODELS / SHIPPED)
    shipped = load_package(SHIPPED_MODELS / SHIPPED) if (SHIPPED_MODELS / SHIPPED).is_dir() else base
    knowledge = replace(Knowledge.of(base), tables=Knowledge.of(shipped).tables, site=frozenset())
    maps = read_nominal(Path(folder), report)
    tables, learnt = learn(knowledge, maps, report)
    own = {**knowledge.tables, **tables}
    digest = hashlib.sha256("".join(sorted(str(one.context.get("sha256")) for one in maps)).encode()).hexdigest()
    return save(
        target,
        own,
        knowledge.layout,
        knowledge.hypotheses,
        networks_of(base),
        seed,
        digest,
        effort or Effort(),
        report,
        site=learnt,
    )


def networks_of(package: ModelPackage) -> Mapping[str, bytes]:
    """Return the networks of a package."""
    return {name: (package.path / name).read_bytes() for name in (POSTERIOR_FILE, REBUILDING_FILE)}


def read_nominal(folder: Path, report: Report = print) -> list[Pattern]:
    """Return the betatron maps of a folder (subfolders too); what cannot be used is reported.

    Raises
    ------
    core.errors.InputError
        If there is none.
    """
    found = []
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        try:
            observation = read_file(path, Settings())
            if observation.conditions.get("kind") == "stream":
                continue
            one = pattern(observation, find_beam(observation))
        except ShiftwatchError as error:
            report(f"left out: {error}")
            continue
        kind = classify(one)
        if kind.of is MapClass.BETATRON:
            found.append(replace(one, context={**one.context, "sha256": observation.sha256}))
        else:
            report(f"left out: {path}: {kind.why}")
    if not found:
        raise InputError(folder, "holds no betatron loss map that can be read")
    return found


def learn(
    knowledge: Knowledge, maps: Sequence[Pattern], report: Report = print
) -> tuple[dict[Key, Table], frozenset[str]]:
    """Return the tables with what nominal maps show in the mean, and their keys."""
    ratios: dict[Key, list[Floats]] = {}
    weights: dict[Key, list[Floats]] = {}
    for one in maps:
        laid = lay(one, knowledge)
        compared = compare(laid.readings, laid.table.nominal[None])
        ratios.setdefault(laid.table.key, []).append(compared.ratio[0])
        weights.setdefault(laid.table.key, []).append(np.where(compared.there[0], 1 / compared.counting[0], 0.0))
    tables = {}
    for key, found in ratios.items():
        table, weight = knowledge.tables[key], np.array(weights[key])
        mean = (np.array(found) * weight).sum(axis=0) / (weight.sum(axis=0) + PRIOR_SIGMA**-2)
        tables[key] = replace(table, nominal=table.nominal + mean)
        report(f"{key}: learnt from {len(found)} maps")
    return tables, frozenset(map(str, tables))
