"""What stands out in a loss pattern: which channels deviate, and by which name the picture calls them."""

from accelerator.collimation.diagnosis import Answer, Channel, Diagnosis
from accelerator.collimation.display_words import collimator

DEVIATES = 4.0
"""A channel beyond so many standard deviations of the nominal ensemble is drawn in colour."""
_TROUBLE = frozenset({Answer.BROKEN, Answer.UNKNOWN})
_MOST_NAMES = 3
_CLOSE = 1.25
"""A correction that changes a channel by less than this factor is not drawn."""


def is_trouble(diagnosis: Diagnosis) -> bool:
    """Whether colour is due: what is nominal, of another class, or cannot be told has none."""
    return diagnosis.answer in _TROUBLE


def suspect(diagnosis: Diagnosis) -> int | None:
    """Return the place of the channel that the first hypothesis speaks of, None if there is none."""
    if not is_trouble(diagnosis) or not diagnosis.hypotheses:
        return None
    wanted = diagnosis.hypotheses[0].element.lower()
    return next((n for n, one in enumerate(diagnosis.channels) if one.name.lower() == wanted), None)


def deviating(diagnosis: Diagnosis) -> list[int]:
    """Return the places of the channels that deviate, the strongest first; none where nothing is wrong."""
    if not is_trouble(diagnosis):
        return []
    beyond = [n for n, one in enumerate(diagnosis.channels) if abs(one.pull) >= DEVIATES]
    return sorted(beyond, key=lambda n: -abs(diagnosis.channels[n].pull))


def named(diagnosis: Diagnosis) -> list[int]:
    """Return the places of the channels that the picture names: the suspect, then the strongest of the others."""
    first = suspect(diagnosis)
    strongest = [n for n in deviating(diagnosis) if n != first]
    return ([] if first is None else [first]) + strongest[: _MOST_NAMES - (first is not None)]


def name(channel: Channel) -> str:
    """Return the name of a channel as the picture writes it, short: without the beam."""
    words = collimator(channel.name)
    return words.removesuffix(".B1").removesuffix(".B2").removesuffix(" b1").removesuffix(" b2")


def corrected(diagnosis: Diagnosis) -> list[int]:
    """Return the places of the channels that stand out and that the correction would change so that it can be seen."""
    first = suspect(diagnosis)
    standing = {*deviating(diagnosis), *([] if first is None else [first])}
    changed = ((n, diagnosis.channels[n]) for n in sorted(standing))
    return [n for n, one in changed if one.corrected and _differs(one.observed, one.corrected)]


def _differs(observed: float, expected: float) -> bool:
    return observed <= 0 or not 1 / _CLOSE <= expected / observed <= _CLOSE
