"""Make the model that ships: ``python -m accelerator.collimation.shipping LIBRARY`` (a folder of libraries).

The library comes from ``python -m accelerator.collimation.simulate.library``; its seeds belong to its settings.
"""

import sys
from pathlib import Path

from accelerator.collimation.detector import SHIPPED, SHIPPED_MODELS
from accelerator.collimation.teaching import train

SEED = 0


def ship(library: Path, out: Path = SHIPPED_MODELS) -> Path:
    """Teach the model ``simulated`` and write its package to ``out``."""
    return train(SHIPPED, library, out, seed=SEED)


if __name__ == "__main__":
    ship(Path(sys.argv[1]))
