"""What a picture follows from; without the optics, so that pages may know it."""

from dataclasses import dataclass

from accelerator.schlieren.channel import Channel, Vapour
from accelerator.schlieren.simulate.apparatus import Apparatus


@dataclass(frozen=True, slots=True)
class Scene:
    """All that a picture follows from, but for noise."""

    channel: Channel
    vapour: Vapour
    apparatus: Apparatus
