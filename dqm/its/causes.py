"""What can be wrong, in the words of the shift: names of causes as everywhere (verdicts, truth, alarms, pages)."""

from enum import StrEnum


class Cause(StrEnum):
    """Cause of an anomaly of the maps; ``A`` and ``C`` name the side that background comes from (A: positive z)."""

    BEAM_BACKGROUND_A = "beam background A"
    BEAM_BACKGROUND_C = "beam background C"
    NOISY_CHIP = "noisy chip"
    HOT_PIXEL = "hot pixel"
    STUCK_DOUBLE_COLUMN = "stuck double column"
    DEAD_CHIP = "dead chip"
    DEAD_LANE = "dead lane"
    DEAD_STAVE = "dead stave"
    READOUT_LOSS = "readout loss"
    BLINDED_CHIPS = "blinded chips"
