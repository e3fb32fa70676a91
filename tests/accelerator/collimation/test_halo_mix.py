"""Gaps of the primaries beside a mix of planes that wanders, and what of one beam the other beam explains."""

from dataclasses import replace

import numpy as np
import pytest

from accelerator.collimation.detector import CollimationDetector
from accelerator.collimation.diagnosis import Answer, Diagnosis
from accelerator.collimation.features import Readings
from accelerator.collimation.fill_memory import BeamState
from accelerator.collimation.halo_mix import HaloMix
from accelerator.collimation.templates import Key
from accelerator.collimation.watching import Watched, mix_of, watched_settings, without_crosstalk
from core.settings import Settings
from core.verdict import Quality, Region


@pytest.fixture(scope="module")
def mix():
    knowledge = CollimationDetector.load(Settings()).knowledge
    found = mix_of(knowledge, knowledge.tables[Key("blm", 1, "mixed", "collisions")])
    assert isinstance(found, HaloMix)
    return found


def found(mix, gaps, parts):
    table = mix.table
    moved = table.nominal + mix.of(np.array([*gaps, *parts])) - mix.of(np.zeros(6))
    there = np.ones((1, len(moved)), bool)
    seen = Readings(np.exp(moved)[None], np.full((1, len(moved)), 1e-9), there, np.array([0.06]), counts=False)
    told = mix.gaps(seen, table.nominal)
    return {table.faults[number].element[:5]: one for number, one in zip(watched_settings(table), told, strict=True)}


def test_halo_shared_in_another_way_is_no_retraction(mix):
    for parts in ((0.25, -0.25, 0.0), (-0.25, 0.25, 0.0), (0.0, 0.0, 0.4)):
        told = found(mix, (0.0, 0.0, 0.0), parts)
        assert all(abs(value) < 0.12 for value, _ in told.values()), told


@pytest.mark.parametrize(("gaps", "element"), [((0.8, 0.0, 0.0), "tcp.d"), ((0.0, 0.8, 0.0), "tcp.c")])
def test_a_retraction_is_measured_whatever_the_mix(mix, gaps, element):
    told = found(mix, gaps, (0.2, -0.2, 0.1))
    assert told[element][0] == pytest.approx(0.8, abs=0.15)
    assert all(abs(value) < 0.2 for name, (value, _) in told.items() if name != element)


def watched(beam, element, moved):
    region = Region({"element": element, "quantity": "gap_sigma", "beam": beam, "quality": "BAD"}, score=9.0)
    told = Diagnosis(Answer.BROKEN, "betatron", beam, "mixed", "collisions", 1.0)
    return Watched(beam, BeamState("1", "collisions"), Quality.BAD, 1e-9, (region,), told, None, moved)


def test_a_larger_change_beside_it_on_the_other_beam_explains_a_small_one():
    first, second = watched(1, "tcsg.a4l7.b1", 1.0), watched(2, "tcspm.b4r7.b2", 8.0)
    left, kept = without_crosstalk([first, second])
    assert (left.quality, left.regions, kept) == (Quality.GOOD, (), second)
    both = [first, replace(second, moved=1.5)]
    assert without_crosstalk(both) == both
    away = [first, watched(2, "tctph.4l1.b1", 8.0)]
    assert without_crosstalk(away) == away
