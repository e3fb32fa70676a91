"""A cause is named when the network is sure and the cells are not what it takes for nominal; places have no blanks."""

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from dqm.its.causes import Cause
from dqm.its.features import CAUSES, CLASSES
from dqm.its.incidents import Check, Incident, Kind, Sighting, follow
from dqm.its.layout import cell_of
from dqm.its.naming import UNKNOWN, name_cause, where

T0 = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)


def seen(kind: Kind = Kind.PLACE, **chances: float) -> Incident:
    """An incident in two lanes; ``chances`` of the classes by the names of `Cause`, all others are tiny."""
    evidence = np.full(CLASSES, 1e-6)
    for name, chance in chances.items():
        evidence[0 if name == "nominal" else 1 + CAUSES.index(Cause[name])] = chance
    cells = np.array([cell_of("L4_12/lane 7"), cell_of("L4_12/lane 8")])
    return follow((), [Sighting(kind, cells, int(cells[0]), {Check.PLACE: 9.0}, np.log(evidence), 0.123456)], T0).open[
        0
    ]


def test_a_sure_cause_is_named() -> None:
    assert name_cause(seen(DEAD_LANE=0.9, DEAD_CHIP=0.1)) == ("dead lane", pytest.approx(0.9, abs=0.01))


@pytest.mark.parametrize(
    "chances",
    [{"nominal": 0.9, "DEAD_LANE": 0.1}, {"DEAD_LANE": 0.4, "DEAD_CHIP": 0.3, "READOUT_LOSS": 0.3}],
)
def test_what_looks_nominal_or_like_anything_is_unknown(chances: dict[str, float]) -> None:
    named = name_cause(seen(**chances))
    assert named.name == UNKNOWN
    assert named.probability >= 0.5


def test_what_only_the_autoencoder_saw_is_unknown() -> None:
    assert name_cause(seen(Kind.UNKNOWN, DEAD_LANE=0.99)).name == UNKNOWN


def test_evidence_adds_up_over_cycles() -> None:
    incident = seen(DEAD_CHIP=0.55, DEAD_LANE=0.45)
    assert incident.now is not None
    better = replace(incident.now, evidence=seen(DEAD_CHIP=0.1, DEAD_LANE=0.9).evidence)
    (incident,) = follow((incident,), [better], T0).open
    assert name_cause(incident).name == "dead lane"


def test_where_has_the_words_of_the_contract() -> None:
    incident = seen(DEAD_LANE=1.0)
    assert where(incident, name_cause(incident)) == {
        "element": "L4_12/lane 7",
        "cells": "L4_12/lane_7 L4_12/lane_8",
        "kind": "place",
        "since": T0.isoformat(),
        "cycles": 1,
        "ratio": 0.1235,
    }
    background = seen(Kind.BACKGROUND, BEAM_BACKGROUND_C=1.0)
    assert where(background, name_cause(background))["element"] == "inner barrel C"
