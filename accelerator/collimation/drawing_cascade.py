"""The cascade: every channel in a column of its own, stage by stage, with the nominal band behind it."""

from collections.abc import Mapping

from accelerator.collimation import drawing_canvas as on
from accelerator.collimation import drawing_marks as marks
from accelerator.collimation.diagnosis import Channel, Diagnosis
from accelerator.collimation.drawing_colours import BAND, COLD, EXPECTED, FEWER, MORE, OTHER, RULE, TCP, WARM, Bytes
from accelerator.collimation.drawing_layout import CASCADE, Scale, Section, Slot, has_band, kind_of, lowest, sections

_HEADING_Y = CASCADE.height - CASCADE.bottom + 6
_DOT, _STRONG, _CORRECTED = 9, 13, 11


def draw(diagnosis: Diagnosis) -> Bytes:
    """Return the picture of the cascade as palette places, (height, width)."""
    channels, hot = diagnosis.channels, marks.deviating(diagnosis)
    scale = scale_of(diagnosis)
    canvas = on.blank(CASCADE, scale)
    known = sections(channels, hot)
    for section in known:
        _heading(canvas, section)
        for slot in section.slots:
            _channel(canvas, channels[slot.index], slot, scale, hot=slot.index in hot)
    slots = {slot.index: slot for section in known for slot in section.slots}
    for index in marks.corrected(diagnosis):
        if index in slots:
            _corrected(canvas, channels[index], slots[index], scale)
    _names(canvas, diagnosis, slots, scale)
    return canvas


def scale_of(diagnosis: Diagnosis) -> Scale:
    """Return the scale of the cascade."""
    return Scale(lowest([one.observed for one in diagnosis.channels]), CASCADE)


def _heading(canvas: Bytes, section: Section) -> None:
    right = section.left + section.width
    on.box(canvas, section.left, CASCADE.floor_y, right, CASCADE.floor_y + 2, RULE)
    on.write(canvas, section.title, (section.left + right) // 2, _HEADING_Y, "mt")


def _channel(canvas: Bytes, one: Channel, slot: Slot, scale: Scale, *, hot: bool) -> None:
    top, bottom = scale.y(one.high), scale.y(one.low)
    if has_band(one) and top < CASCADE.floor_y:
        on.box(canvas, slot.left + 1, top - 1, slot.left + slot.width - 1, max(bottom, top + 2), BAND)
    if one.observed <= 0:
        return
    at = scale.y(one.observed)
    if hot:
        colour = MORE if one.pull > 0 else FEWER
        on.box(canvas, slot.middle - 1, at, slot.middle + 2, CASCADE.floor_y, colour)
        on.put(canvas, on.marker("dot", colour, _STRONG, edged=True), slot.middle, at, "mm")
        return
    colour = {"cold": COLD, "ds7": COLD, "warm": WARM}.get(kind_of(one), TCP)
    on.box(canvas, slot.middle, at, slot.middle + 1, CASCADE.floor_y, OTHER)
    on.put(canvas, on.marker("dot", colour, min(_DOT, slot.width - 3)), slot.middle, at, "mm")


def _corrected(canvas: Bytes, one: Channel, slot: Slot, scale: Scale) -> None:
    """A ring where the channel would be: dark on a bright edge, so that it is seen on every ground."""
    at = scale.y(one.corrected or 0.0)
    on.put(canvas, on.marker("ring", EXPECTED, _CORRECTED, edged=True), slot.middle, at, "mm")


def _names(canvas: Bytes, diagnosis: Diagnosis, slots: Mapping[int, Slot], scale: Scale) -> None:
    channels = diagnosis.channels
    standing = [n for n in {*marks.deviating(diagnosis), *marks.named(diagnosis)} if n in slots]
    plates = on.Plates(canvas, [(slots[n].middle, scale.y(channels[n].observed)) for n in standing], CASCADE.floor_y)
    for index in marks.named(diagnosis):
        if index in slots:
            plates.write(marks.name(channels[index]), slots[index].middle, scale.y(channels[index].observed))
