"""Make the model that ships, from the simulator alone: ``python -m dqm.its.shipping [CACHE] [--jobs N]``.

``CACHE`` is a folder in which simulated shifts are kept, so that a second time takes minutes instead of an hour. With
several jobs the model is the same.
"""

import argparse
from pathlib import Path
from tempfile import TemporaryDirectory

from dqm.its.detector import SHIPPED, SHIPPED_MODELS

SEED = 0


def ship(cache: Path | None = None, out: Path = SHIPPED_MODELS, jobs: int = 1) -> Path:
    """Train the model ``simulated`` and write its package to ``out``."""
    from dqm.its.training import train  # processes that only simulate import this module, and need no torch

    with TemporaryDirectory() as folder:
        return train(SHIPPED, None, out, seed=SEED, cache=cache or folder, jobs=jobs)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cache", nargs="?", type=Path, help="folder for simulated shifts")
    parser.add_argument("--jobs", type=int, default=1, help="processes that simulate and look")
    parser.add_argument("--out", type=Path, default=SHIPPED_MODELS, help="folder for the package")
    asked = parser.parse_args()
    ship(asked.cache, asked.out, asked.jobs)
