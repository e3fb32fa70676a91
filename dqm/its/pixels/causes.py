"""What can be wrong on a chip's hit map; where the barrel maps have the same cause, it has the same name."""

from enum import StrEnum

from dqm.its.causes import Cause


class PixelCause(StrEnum):
    """Cause of a suspect place on a hit map."""

    HOT_PIXEL = Cause.HOT_PIXEL.value
    STUCK_DOUBLE_COLUMN = Cause.STUCK_DOUBLE_COLUMN.value
    NOISY_REGION = "noisy region"
    DEAD_REGION = "dead region"
    LONG_CLUSTER = "long cluster"
    NOISY_CHIP = Cause.NOISY_CHIP.value
    DEAD_CHIP = Cause.DEAD_CHIP.value
    READOUT_LOSS = Cause.READOUT_LOSS.value
    UNKNOWN = "unknown"
