"""Patterns of a fill: what ordinary losses are a sum of is learnt, what leads out of it is seen."""

import numpy as np
import pytest

from accelerator.collimation.fill_patterns import MOST_PATTERNS, learn

CHANNELS, PATTERNS = 14, 4


def fill(rng, minutes, noise=1e-4):
    own = rng.dirichlet(np.ones(CHANNELS), size=PATTERNS) + 0.01
    parts = np.exp(0.3 * rng.normal(size=(minutes, PATTERNS)))
    return own, parts @ own * (1 + noise * rng.normal(size=(minutes, CHANNELS)))


@pytest.fixture
def learnt():
    own, signals = fill(np.random.default_rng(3), 60)
    return own, learn(signals, np.full(CHANNELS, 1e-4), np.ones(CHANNELS, bool))


def test_as_many_directions_as_there_are_patterns_less_one(learnt):
    assert len(learnt[1].directions) == PATTERNS - 1


def test_any_mix_is_ordinary_also_one_never_seen(learnt):
    own, patterns = learnt
    mix = np.array([8.0, 0.2, 1.0, 3.0]) @ own
    told = patterns.mean * np.exp(patterns.ordinary(mix))
    assert told == pytest.approx(mix / mix.sum(), rel=0.02)


def test_a_channel_that_changes_alone_is_not(learnt):
    own, patterns = learnt
    mix = own.sum(axis=0)
    broken = mix * np.where(np.arange(CHANNELS) == 5, 1.5, 1.0)
    left = patterns.away(broken) - np.expm1(patterns.ordinary(broken))
    assert np.abs(left).max() > 0.15
    assert np.abs(patterns.away(mix) - np.expm1(patterns.ordinary(mix))).max() < 0.02


def test_a_change_of_logarithms_is_one_of_shares(learnt):
    _, patterns = learnt
    logs = np.log(np.where(np.arange(CHANNELS) == 2, 2.0, 1.0))
    changed = patterns.mean * np.exp(logs)
    assert patterns.changed(logs) == pytest.approx(changed / changed.sum() / patterns.mean - 1)


def test_faint_dead_and_too_few_channels_do_not_count():
    _, signals = fill(np.random.default_rng(4), 60)
    there = np.ones(CHANNELS, bool)
    there[0] = False
    noise = np.full(CHANNELS, 1e-4)
    noise[1] = 10.0
    found = learn(signals, noise, there)
    assert not {0, 1} & set(found.kept.tolist())
    there[MOST_PATTERNS:] = False
    assert learn(signals, noise, there) is None
    assert learn(np.zeros((60, CHANNELS)), noise, np.ones(CHANNELS, bool)) is None
