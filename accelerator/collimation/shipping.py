"""Make the model that ships: ``python -m accelerator.collimation.shipping [LIBRARY]``.

LIBRARY is a folder that ``python -m accelerator.collimation.simulate.library`` wrote (seeds belong to its settings);
without it the libraries of the package are taken.
"""

import sys
from pathlib import Path

from accelerator.collimation.detector import SHIPPED, SHIPPED_MODELS
from accelerator.collimation.teaching import train

SEED = 0


def ship(library: Path | None = None, out: Path = SHIPPED_MODELS) -> Path:
    """Teach the model ``simulated`` and write its package to ``out``."""
    return train(SHIPPED, library, out, seed=SEED)


if __name__ == "__main__":
    ship(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
