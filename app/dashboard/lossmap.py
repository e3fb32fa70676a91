"""Pictures of a loss map with what is laid over them: of every collimator its figures, when the pointer rests on it."""

from base64 import b64encode
from collections.abc import Iterator
from html import escape

from accelerator.collimation.diagnosis import Channel, Diagnosis
from accelerator.collimation.display_words import collimator, share
from accelerator.collimation.drawing import ring_window, zoom_window
from accelerator.collimation.drawing_layout import CASCADE, LEFT, WIDTH, has_band, is_collimator, sections
from accelerator.collimation.drawing_marks import deviating

_NEAR = 5
"""Half the width of the box over a collimator's line, in pixels of the picture."""


def html(picture: bytes, alt: str, name: str, found: Diagnosis | None) -> str:
    """Return a picture (PNG) and its overlay, placed in percent of it, so that it fits at every size."""
    source = f"data:image/png;base64,{b64encode(picture).decode()}"
    over = "" if found is None else "".join(_boxes(name, found))
    return f'<div class="lossmap {name}"><img src="{source}" alt="{escape(alt)}">{over}</div>'


def _boxes(name: str, found: Diagnosis) -> Iterator[str]:
    if name == "cascade":
        for section in sections(found.channels, deviating(found)):
            for slot in section.slots:
                yield _box(found.channels[slot.index], slot.left, slot.width, 100 * CASCADE.floor_y / CASCADE.height)
        return
    window = ring_window() if name == "ring" else zoom_window(name)
    for one in found.channels:
        at = window.x(one.s_m) if is_collimator(one) and (one.observed > 0 or one.high > 0) else None
        if at is not None:
            yield _box(one, LEFT + at - _NEAR, 2 * _NEAR, 88)


def _box(one: Channel, left: int, width: int, tall: float) -> str:
    box = f"left:{100 * left / WIDTH:.2f}%;width:{100 * width / WIDTH:.2f}%;height:{tall:.0f}%"
    return f'<i style="{box}" title="{escape(told(one))}"></i>'


def told(one: Channel) -> str:
    """Return what one channel shows, in words."""
    lines = [collimator(one.name), f"{share(one.observed)} of all losses"]
    if has_band(one):
        lines.append(f"expected {share(one.expected)} ({share(one.low)} to {share(one.high)}), {one.pull:+.1f} sigma")
    if one.corrected and abs(one.corrected - one.observed) > 0.1 * one.observed:
        lines.append(f"with the first finding put right: {share(one.corrected)}")
    return "\n".join(lines)
