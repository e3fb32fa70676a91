"""Make the model that ships, from the simulator alone: ``python -m dqm.its.shipping [CACHE]``.

``CACHE`` is a folder in which simulated shifts are kept, so that a second time takes minutes instead of an hour.
"""

import sys
from pathlib import Path

from dqm.its.detector import SHIPPED, SHIPPED_MODELS
from dqm.its.training import train

SEED = 0


def ship(cache: Path | None = None, out: Path = SHIPPED_MODELS) -> Path:
    """Train the model ``simulated`` and write its package to ``out``."""
    return train(SHIPPED, None, out, seed=SEED, cache=cache)


if __name__ == "__main__":
    ship(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
