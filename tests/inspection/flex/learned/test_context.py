"""Learned context: leaving one out is exact, tiles say what the whole picture says, any size works."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from core.inference import Session
from inspection.flex.learned import context
from inspection.flex.learned.context import ContextSums, find_features, fit_projection

LITE0 = Path(context.__file__).with_name("lite0_early.onnx")


@pytest.fixture(scope="module")
def session():
    return Session(LITE0.read_bytes(), LITE0.name)


@pytest.fixture(scope="module")
def picture():
    rng = np.random.default_rng(3)
    smooth = sum(
        cv2.resize(rng.normal(0, 30, (n, n + 4, 3)), (300, 264), interpolation=cv2.INTER_CUBIC) for n in (6, 24, 80)
    )
    return np.clip(110 + smooth, 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def samples():
    """Raw features (boards, h, w, 64) around a mean that differs from place to place."""
    rng = np.random.default_rng(4)
    mean, mixing = rng.normal(0, 2, (20, 30, 64)), rng.normal(0, 1, (64, 64)) * np.linspace(2, 0.05, 64)
    return (mean + rng.normal(0, 1, (9, 20, 30, 64)) @ mixing.T * 0.3).astype(np.float32)


@pytest.fixture(scope="module")
def sums(samples):
    mean = samples.mean(axis=0)
    residuals = (samples - mean).reshape(-1, 64)
    projection = fit_projection(residuals, mean.reshape(-1, 64).mean(axis=0))
    whitened = projection.apply(samples)
    return ContextSums(projection, whitened.sum(axis=0), np.square(whitened).sum(axis=0), len(samples))


def test_leaving_one_out_equals_summing_up_the_others(samples, sums):
    others = sums.projection.apply(np.delete(samples, 2, axis=0))
    again = ContextSums(sums.projection, others.sum(axis=0), np.square(others).sum(axis=0), 8).context()
    found = sums.without(sums.projection.apply(samples[2]))
    assert found.mean == pytest.approx(again.mean, abs=1e-4)
    assert found.variance == pytest.approx(again.variance, rel=2e-3)
    assert np.abs(found.mean - sums.context().mean).max() > 0.05


def test_the_projection_whitens_the_residuals(samples, sums):
    residuals = sums.projection.apply(samples) - sums.projection.apply(samples.mean(axis=0))
    flat = residuals.reshape(-1, residuals.shape[-1])
    assert sums.projection.matrix.shape == (64, 16)
    assert np.cov(flat, rowvar=False) == pytest.approx(np.eye(16), abs=0.02)


def test_surprise_is_about_one_where_normal_and_high_where_not(samples, sums):
    whitened = sums.projection.apply(samples)
    unseen = [sums.without(whitened[i]).surprise(samples[i]) for i in range(9)]
    assert 0.7 < np.mean(unseen) < 1.3
    strange = samples[0].copy()
    strange[5, 7] += 6 * samples.std(axis=0).mean(axis=(0, 1))
    surprise = sums.without(whitened[0]).surprise(strange)
    assert np.unravel_index(surprise.argmax(), surprise.shape) == (5, 7)
    assert np.array_equal(np.delete(surprise.ravel(), 5 * 30 + 7), np.delete(unseen[0].ravel(), 5 * 30 + 7))


def test_a_window_is_part_of_the_whole(samples, sums):
    window = (slice(4, 15), slice(6, 25))
    whitened = sums.projection.apply(samples[1])
    part = sums.part(window).without(whitened[window]).surprise(samples[1][window])
    whole = sums.without(whitened).part(window).surprise(samples[1][window])
    assert part[1:-1, 1:-1] == pytest.approx(whole[1:-1, 1:-1], rel=1e-5)  # 3 x 3 neighbours at the edge differ


def test_tiles_say_what_the_whole_picture_says(session, picture, monkeypatch):
    monkeypatch.setattr(context, "_TILE", 4096)
    whole = find_features(picture, session)
    monkeypatch.setattr(context, "_TILE", 128)
    tiled = find_features(picture, session)
    assert whole.shape == tiled.shape == (66, 75, 64)
    change = np.abs(tiled - whole).max(axis=2) / whole.std()
    seam = np.zeros(change.shape, np.bool_)
    for edge in (32, 64):
        seam[edge - 5 : edge + 5] = seam[:, edge - 5 : edge + 5] = True
    assert change[~seam].max() < 1e-3
    assert change[seam].mean() < 0.01
    assert change.max() < 0.25


def test_margins_are_needed(session, picture, monkeypatch):
    monkeypatch.setattr(context, "_TILE", 128)
    tiled = find_features(picture, session)
    monkeypatch.setattr(context, "_MARGIN", 0)
    assert np.abs(find_features(picture, session) - tiled).max() > 1.0 * tiled.std()


@pytest.mark.parametrize("shape", [(37, 51), (40, 48), (8, 9), (61, 130)])
def test_any_size_works(session, picture, shape):
    small = np.ascontiguousarray(picture[: shape[0], : shape[1]])
    found = find_features(small, session)
    assert found.shape == (-(-shape[0] // 4), -(-shape[1] // 4), 64)
    assert np.isfinite(found).all()
    padded = np.pad(small, ((0, -shape[0] % 8), (0, -shape[1] % 8), (0, 0)), mode="edge")
    assert np.array_equal(find_features(padded, session)[: found.shape[0], : found.shape[1]], found)
