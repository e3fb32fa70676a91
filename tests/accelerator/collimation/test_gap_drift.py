"""Which primary has drifted by how much, beside a mix of planes that wanders."""

import numpy as np
import pytest

from accelerator.collimation.detector import CollimationDetector
from accelerator.collimation.drifting import primaries
from accelerator.collimation.fill_patterns import learn
from accelerator.collimation.gap_drift import effects, read
from accelerator.collimation.halo_mix import USUAL, HaloMix
from accelerator.collimation.templates import Key
from accelerator.collimation.watching import of_halo
from core.settings import Settings


@pytest.fixture(scope="module")
def model():
    """Return the mix of the model that ships and a machine whose channels are off it by factors of their own."""
    tables = CollimationDetector.load(Settings()).knowledge.tables
    table = tables[Key("blm", 1, "mixed", "collisions")]
    planes = [tables[table.key._replace(plane=plane)] for plane in USUAL]
    mix = HaloMix(table, planes, primaries(table))
    rng = np.random.default_rng(1)
    factor = 0.3 * rng.normal(size=len(table.nominal))

    def signals(gaps, parts):
        return np.exp(factor + mix.of(np.array([*gaps, *parts])))

    courses = 0.25 * rng.normal(size=(60, 3))
    minutes = np.array([signals((0, 0, 0), parts) for parts in courses])
    level = minutes.mean(axis=0)
    return mix, signals, learn(minutes, 1e-3 * level, of_halo(table))


def test_halo_shared_in_another_way_is_no_retraction(model):
    mix, signals, patterns = model
    for parts in ((0.5, -0.5, 0.0), (-0.5, 0.5, 0.0), (0.0, 0.0, 0.8)):
        told = read(patterns, signals((0, 0, 0), parts), 10, effects(mix))
        assert told.change.max() < 0.05
        assert told.evidence.max() < 10


@pytest.mark.parametrize("primary", [0, 1])
def test_a_retraction_is_measured_whatever_the_mix(model, primary):
    mix, signals, patterns = model
    gaps = 0.8 * np.eye(3)[primary]
    for parts in ((0.2, -0.2, 0.1), (-0.2, 0.2, 0.0)):
        told = read(patterns, signals(gaps, parts), 10, effects(mix))
        assert told.evidence.argmax() == primary
        assert told.evidence.max() > 50
        assert told.change[primary] == pytest.approx(0.8, abs=0.25)
        assert told.error[primary] > 0.02


def test_nothing_is_measured_where_nothing_moved(model):
    mix, signals, patterns = model
    told = read(patterns, signals((0, 0, 0), (0, 0, 0)), 10, effects(mix))
    assert told.change == pytest.approx(0, abs=0.02)
    assert (told.error >= 0.02).all()


def test_effects_begin_small_and_are_of_each_primary(model):
    mix, _, _ = model
    found = effects(mix)
    assert found.shape[:3] == (3, 3, 18)
    assert np.abs(found[:, :, 0]).max() < np.abs(found[:, :, -1]).max()
