"""Makes a model package: networks taught on tables, thresholds calibrated, everything recorded in the card."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import JsonValue

from accelerator.collimation.calibrating import calibrate, false_alarms
from accelerator.collimation.calibration import SCALES
from accelerator.collimation.features import Layout
from accelerator.collimation.hypotheses import Hypotheses
from accelerator.collimation.knowledge import POSTERIOR_FILE, REBUILDING_FILE, TEMPLATES_FILE, Knowledge
from accelerator.collimation.templates import Key, Table, from_arrays, to_arrays
from accelerator.collimation.training import Effort, prepare, train_posterior, train_rebuilding
from core.inference import Session, write_package

Report = Callable[[str], None]
BUDGET = 0.001


def make_model(
    target: Path,
    tables: Mapping[Key, Table],
    *,
    seed: int,
    training_data: str,
    effort: Effort | None = None,
    report: Report = print,
) -> Path:
    """Teach networks on these tables, calibrate, and write the package.

    The tables are used as they are kept (half precision), so that training and running see the same.
    """
    own = effort or Effort()
    tables = from_arrays(to_arrays(list(tables.values())))
    layout, hypotheses = prepare(tables)
    report(f"{len(tables)} tables, {len(layout.channels)} channels, {len(hypotheses.names)} settings that can be wrong")
    posterior = train_posterior(tables, layout, hypotheses, own, seed)
    report("taught the network that infers settings errors")
    rebuilding = train_rebuilding(tables, layout, own, seed)
    report("taught the autoencoder")
    networks = {POSTERIOR_FILE: posterior, REBUILDING_FILE: rebuilding}
    return save(target, tables, layout, hypotheses, networks, seed, training_data, own, report)


def save(
    target: Path,
    tables: Mapping[Key, Table],
    layout: Layout,
    hypotheses: Hypotheses,
    networks: Mapping[str, bytes],
    seed: int,
    training_data: str,
    effort: Effort,
    report: Report = print,
    site: frozenset[str] = frozenset(),
) -> Path:
    """Calibrate networks on tables and write the package."""
    knowledge = Knowledge(
        tables,
        layout,
        hypotheses,
        Session(networks[POSTERIOR_FILE], POSTERIOR_FILE),
        Session(networks[REBUILDING_FILE], REBUILDING_FILE),
        site=site,
    )
    rng = np.random.default_rng(seed + 1000)
    calibration = calibrate(knowledge, effort.nominal_draws, effort.fault_draws, rng, report)
    knowledge = replace(knowledge, calibration=calibration)
    report("calibrated")
    arrays: dict[str, NDArray[np.generic]] = {
        **to_arrays(list(tables.values())),
        "layout": np.array(layout.channels),
        "units": hypotheses.units,
    }
    package = write_package(
        target,
        name=target.name,
        system="collimation",
        created_at=datetime.now(UTC),
        seed=seed,
        training_data=training_data,
        networks=dict(networks),
        arrays={TEMPLATES_FILE: arrays},
        metrics=_metrics(knowledge, rng),
        calibration=calibration.to_json(),
        details={"hypotheses": [list(name) for name in hypotheses.names], "site": list[JsonValue](sorted(site))},
        replace=True,
    )
    return package.path


def _metrics(knowledge: Knowledge, rng: np.random.Generator) -> dict[str, JsonValue]:
    keys = list(knowledge.tables)
    found: dict[str, JsonValue] = {}
    for scale in SCALES:
        rate = false_alarms(knowledge, keys, scale, scale, BUDGET, max(6, 300 // len(keys)), rng)
        found[f"false alarms at model error {scale:g} (budget {BUDGET:g})"] = rate
    return found
