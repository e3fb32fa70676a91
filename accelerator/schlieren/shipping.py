"""Make the models that ship, from the simulation alone: ``python -m accelerator.schlieren.shipping CACHE [residual]``.

Networks and examined shots are kept in ``CACHE``, so that a run that was cut off goes on where it was. From nothing it
takes about an hour of one core.
"""

import sys
from pathlib import Path

from accelerator.schlieren.detector import SHIPPED, SHIPPED_MODELS

SEED = 0
RESIDUAL = "residual"


def ship(cache: Path, product: str = SHIPPED, out: Path = SHIPPED_MODELS) -> Path:
    """Teach a model that ships (`SHIPPED`, or `RESIDUAL`, the other architecture) and write its package to ``out``."""
    from accelerator.schlieren.teaching import Effort, train  # torch: only what teaches needs it

    effort = Effort.residual() if product == RESIDUAL else Effort()
    return train(product, None, out, seed=SEED, effort=effort, cache=cache)


if __name__ == "__main__":
    ship(Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else SHIPPED)
