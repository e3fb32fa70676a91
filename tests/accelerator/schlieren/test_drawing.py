"""Pictures of a shot: what they show, at which scale, for which sizes, and that odd pictures draw too."""

import io
import json
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
from PIL import Image

from accelerator.schlieren.channel import Channel
from accelerator.schlieren.drawing import SIDE, draw, fit_picture, on_field
from accelerator.schlieren.fit_model import model_adu
from accelerator.schlieren.fit_parameters import Knowledge, nominal_apparatus, nominal_sigma, parametrise
from accelerator.schlieren.result import PICTURES, RESIDUAL_SIGMA, BestFit, ShotResult, withheld
from accelerator.schlieren.simulate.apparatus import Mask
from accelerator.schlieren.simulate.plan import draw_plan
from accelerator.schlieren.simulate.shot import Shot, take
from core.observation import Observation
from core.verdict import Evidence


def shot(seed: int = 1) -> Shot:
    rng = np.random.default_rng(seed)
    return take(draw_plan(rng, Mask.KNIFE), None, rng)


def seen(image: "np.typing.NDArray[np.generic]", pixel_um: float = 31.25) -> Observation:
    return Observation(
        "schlieren", "CAM", "k", datetime(2026, 6, 1, tzinfo=UTC), "k.h5", "0" * 64,
        {"pixel_um": pixel_um}, {"image": image},
    )  # fmt: skip


def result(best: BestFit | None) -> ShotResult:
    return ShotResult("2026-06-01T00:00:00+00:00", withheld("a test"), best_fit=best)


def pixels(evidence: Evidence) -> "np.typing.NDArray[np.uint8]":
    return np.asarray(Image.open(io.BytesIO(evidence.content)))


def test_the_fit_is_drawn_again_from_what_the_result_keeps() -> None:
    """At the grid of the fit it is the model itself, ripple included, also after a way through JSON."""
    known = Knowledge(
        shot().truth.scene.vapour, replace(nominal_apparatus(Mask.KNIFE), bin_columns=16), sigma=nominal_sigma()
    )
    form = parametrise(known)
    vector = form.vector(Channel(peak_ionisation=0.8, tilt_mrad=1.0))
    vector[-form.ripples :] = np.linspace(-0.02, 0.02, form.ripples)
    best = BestFit.of(form.scene(vector), vector[-form.ripples :].tolist())
    kept = ShotResult.from_json(json.loads(json.dumps(result(best).to_json()))).best_fit
    assert kept == best
    drawn = fit_picture(best)
    assert drawn.shape == (SIDE, SIDE)
    cells = drawn.reshape(SIDE, 16, SIDE // 16).mean(2)
    assert cells == pytest.approx(model_adu(form, vector), abs=3.0)


def test_of_a_right_fit_only_noise_is_left_and_of_a_wrong_one_more() -> None:
    one = shot()
    right, moved = (
        one.truth.scene,
        replace(one.truth.scene.channel, position_um=one.truth.scene.channel.position_um + 200),
    )
    shares = []
    for scene in (right, replace(right, channel=moved)):
        found = draw(seen(one.frame), result(BestFit.of(scene)))
        assert set(found) == {*PICTURES, "thumbnail"}
        image = Image.open(io.BytesIO(found["residual"].content))
        assert image.mode == "P"
        places = np.asarray(image).astype(int)
        away = np.abs(places - places.max() // 2) * RESIDUAL_SIGMA / (places.max() // 2) if places.max() else places
        shares.append(float((away > 3).mean()))
    assert shares[0] < 0.06  # the truth knows nothing of the uneven light of this shot
    assert shares[1] > 2 * shares[0]


def test_picture_and_fit_have_one_grey_scale() -> None:
    one = shot()
    found = draw(seen(one.frame), result(BestFit.of(one.truth.scene)))
    camera, fit = (pixels(found[name]).astype(float) for name in ("image", "fit"))
    assert camera.shape == fit.shape == (SIDE, SIDE)
    bright = fit > 120
    assert camera[bright].mean() == pytest.approx(fit[bright].mean(), rel=0.05)


@pytest.mark.parametrize("times", [2, 4])
def test_a_camera_of_finer_pixels_shows_the_same_field(times: int) -> None:
    frame = shot().frame
    fine = np.repeat(np.repeat(frame, times, 0), times, 1)
    assert on_field(fine, 31.25 / times) == pytest.approx(frame.astype(np.float32), rel=1e-4)


def test_what_the_camera_does_not_reach_is_unknown() -> None:
    small = on_field(np.full((128, 64), 500), 31.25)
    assert np.isfinite(small).sum() == 128 * 64
    assert np.nanmax(small) == np.nanmin(small) == 500


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((256, 256), np.uint16),
        np.full((256, 256), 65535, np.uint16),
        np.full((1, 1), 7, np.uint16),
        np.random.default_rng(1).integers(0, 4096, (1024, 1280)).astype(np.uint16),
        np.full((3, 4000), 90, np.uint16),
    ],
)
def test_odd_pictures_are_drawn_too(image: "np.typing.NDArray[np.uint16]") -> None:
    found = draw(seen(image), None)
    assert pixels(found["image"]).shape == (SIDE, SIDE)
    assert pixels(found["thumbnail"]).shape == (144, 192)


@pytest.mark.parametrize("image", [np.zeros((0, 5), np.uint16), np.zeros(7, np.uint16), np.zeros((2, 2, 3), np.uint16)])
def test_what_is_no_picture_draws_nothing(image: "np.typing.NDArray[np.uint16]") -> None:
    assert draw(seen(image), None) == {}
