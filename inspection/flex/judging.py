"""From scores to a verdict with ranked regions, causes, measurements and pictures."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from core.verdict import Cause, Measurement, Quality, Region, Verdict
from inspection.flex.classifier.crops import cut
from inspection.flex.classifier.inference import classify
from inspection.flex.golden.detector import GoldenDetector
from inspection.flex.learned.fusion import JOINED_FROM
from inspection.flex.learned.parts import STRIDE
from inspection.flex.learned.product import Looked, Product, pad_zone
from inspection.flex.learned.spots import Spot, find_spots
from inspection.flex.pictures import Box, board_pictures, spot_pictures
from inspection.flex.registration import to_input

Image = NDArray[np.uint8]

MOST_REGIONS = 60
_HEAT_DECADES = 3.0


def judge_by_product(
    product: Product, image: Image, origin: str, false_spots_per_board: float, false_alarms_per_board: float
) -> Verdict:
    """Return the verdict on a photo of a taught product.

    ``MEDIUM``: there are spots above the level of ``false_spots_per_board``; ``BAD``: one is so high that at most a
    share ``false_alarms_per_board`` of good boards shows the like.

    Raises
    ------
    core.errors.RegistrationError
        The photo cannot be laid on the reference.
    core.errors.CalibrationError
        The product was taught from too few boards for such a budget.
    """
    looked = product.look(image, origin)
    threshold = product.threshold.threshold(false_spots_per_board)
    alarm = max(threshold, alarm_level(product, false_alarms_per_board))
    spots = find_spots(looked.fused, STRIDE, threshold, limit=MOST_REGIONS, ground=threshold, joined=JOINED_FROM)
    causes = name_spots(product, looked, spots)
    places = [(s.left, s.top, s.width, s.height) for s in spots]
    laid = looked.laid
    boxes = to_input(places, laid.registration, laid.flow, (image.shape[0], image.shape[1]))
    regions = tuple(
        Region(_where(box), spot.score, product.threshold.p_value(spot.score), cause)
        for box, spot, cause in zip(boxes, spots, causes, strict=True)
    )
    score = float(looked.fused[looked.inside].max()) if looked.inside.any() else None
    low, high = product.threshold.interval(threshold)
    expected = product.threshold.false_spots(threshold)
    return Verdict(
        quality=_quality(spots, alarm),
        score=score,
        threshold=threshold,
        p_value=None if score is None else product.threshold.p_value(score),
        cause=causes[0] if causes else None,
        regions=regions,
        measurements={
            "false_spots_expected": Measurement(expected, (high - low) / 3.29, "spots/board"),
            "alarm_level": Measurement(alarm, None, "decades"),
            "registration_residual": Measurement(laid.registration.residual_px, None, "px"),
        },
        model=product.package.model,
        evidence={
            **board_pictures(image, boxes, heat_on_input(looked, threshold, (image.shape[0], image.shape[1]))),
            **spot_pictures(image, product.golden, laid.registration, laid.flow, places),
        },
    )


def alarm_level(product: Product, false_alarms_per_board: float) -> float:
    """Return the score that alarms for a whole board.

    Raises
    ------
    core.errors.CalibrationError
        Hundreds of times rarer than the good boards can show.
    """
    fewest = 1.0 / (50.0 * product.threshold.observations)
    return product.threshold.observation_threshold(max(false_alarms_per_board, min(fewest, 0.5)))


def judge_by_golden(detector: GoldenDetector, reference: Image, image: Image, origin: str) -> Verdict:
    """Return the verdict on a photo by one golden image: any spot above the threshold makes the board BAD.

    Raises
    ------
    core.errors.RegistrationError
        The photo cannot be laid on the reference.
    """
    judged = detector.judge(image, origin)
    regions = tuple(
        Region(_where((s.x, s.y, s.width, s.height)), s.score, s.p_value, Cause(s.cause, s.probability))
        for s in judged.spots
    )
    boxes = [(s.x, s.y, s.width, s.height) for s in judged.spots]
    first = regions[0] if regions else None
    return Verdict(
        quality=Quality.BAD if regions else Quality.GOOD,
        score=first.score if first else 0.0,
        threshold=judged.threshold,
        p_value=first.p_value if first else 1.0,
        cause=first.cause if first else None,
        regions=regions,
        measurements={
            "false_spots_expected": Measurement(judged.false_spots_expected, None, "spots/board"),
            "registration_residual": Measurement(judged.residual_px, None, "px"),
        },
        model=detector.model,
        evidence={
            **board_pictures(image, boxes, None),
            **spot_pictures(image, reference, judged.registration, judged.flow, judged.places),
        },
    )


def name_spots(product: Product, looked: Looked, spots: Sequence[Spot]) -> list[Cause]:
    """Return the proposed cause of each spot, ``unknown`` where the classifier is not sure."""
    if not spots:
        return []
    pads = pad_zone(product.zones)
    crops = [cut(looked.board, product.golden, pads, (s.left, s.top, s.width, s.height)) for s in spots]
    return classify(product.classifier, crops, product.classes)


def heat_on_input(looked: Looked, threshold: float, shape: tuple[int, int]) -> NDArray[np.float32]:
    """Return the fused score as heat 0..1 on the grid of the photo at a quarter of its resolution.

    Half heat is the threshold; each decade of rarity beyond it adds a sixth, and a decade below it there is none left.
    """
    beyond = looked.fused - threshold
    heat = np.clip(0.5 * (1 + np.where(beyond > 0, beyond / _HEAT_DECADES, beyond)), 0, 1).astype(np.float32)
    heat[~looked.inside] = 0
    step = 4.0
    size = (max(1, round(shape[1] / step)), max(1, round(shape[0] / step)))
    to_reference = looked.laid.registration.homography @ np.diag([step, step, 1.0])
    to_heat = np.diag([1 / STRIDE, 1 / STRIDE, 1.0]) @ to_reference
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpPerspective(heat, to_heat, size, flags=flags), np.float32)


def _quality(spots: Sequence[Spot], alarm: float) -> Quality:
    if not spots:
        return Quality.GOOD
    return Quality.BAD if spots[0].score >= alarm else Quality.MEDIUM


def _where(box: Box) -> dict[str, float | int | str]:
    x, y, width, height = box
    return {"x": x, "y": y, "width": width, "height": height}
