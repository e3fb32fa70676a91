"""What other runs taught of the chips: how crossings spread over each, its known defects, and how high scores go."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from core.errors import CalibrationError, ModelError
from core.thresholds import TailThreshold
from dqm.its.pixels.chip import COLUMNS, DOUBLE_COLUMNS, ROWS, Floats

CELL = 16
"""Pixels along a side of the cells in which crossings are counted."""
CELLS = (ROWS // CELL, COLUMNS // CELL)
BLOCK = 4
"""Cells along a side of the blocks in which the profile is learnt."""
BLOCKS = (CELLS[0] // BLOCK, CELLS[1] // BLOCK)
_COLUMNS_PER_CELL = CELL // 2


@dataclass(frozen=True, slots=True)
class HotPixel:
    """A pixel that fires by itself: how often in how many runs of the reference."""

    column: int
    row: int
    visits: int
    runs: int

    @property
    def pixel(self) -> int:
        """Its number in the chip, row * 1024 + column."""
        return self.row * COLUMNS + self.column


@dataclass(frozen=True, slots=True, eq=False)
class Chip:
    """One chip of the reference.

    Parameters
    ----------
    share
        Of all crossings of all chips, those of this one.
    profile
        Shares of its crossings per block of 64 x 64 pixels, (8, 16), adding up to 1.
    hot
        Known hot pixels.
    stuck
        Known stuck double columns, with the number of runs that showed it.
    dead
        Double columns that never showed a crossing.
    """

    plane: int
    share: float
    profile: Floats
    hot: tuple[HotPixel, ...]
    stuck: Mapping[int, int]
    dead: tuple[int, ...]

    @property
    def alive(self) -> Floats:
        """Which double columns work, 1 or 0, shape (512,)."""
        alive = np.ones(DOUBLE_COLUMNS)
        alive[list(self.dead)] = 0
        return alive

    @property
    def cells(self) -> Floats:
        """Expected share of the crossings per cell of 16 x 16 pixels, (32, 64), adding up to 1."""
        per_cell = np.kron(self.profile, np.full((BLOCK, BLOCK), 1 / BLOCK**2))
        shares = per_cell * self.alive.reshape(CELLS[1], _COLUMNS_PER_CELL).mean(axis=1)
        return np.asarray(shares / shares.sum())

    @property
    def double_columns(self) -> Floats:
        """Expected share of the crossings per double column, (512,), adding up to 1."""
        shares = np.repeat(self.profile.sum(axis=0), DOUBLE_COLUMNS // BLOCKS[1]) * self.alive
        return np.asarray(shares / shares.sum())


@dataclass(frozen=True, slots=True)
class Spread:
    """By how much counts vary more than Poisson's: variance = mean + spread * mean squared (gamma-Poisson)."""

    pixel: float
    region: float
    rate: float


@dataclass(frozen=True, slots=True, eq=False)
class Reference:
    """All that is learnt from other runs.

    Parameters
    ----------
    runs, maps
        How many runs, and chip maps (runs times chips), it rests on.
    chips
        By plane.
    tails
        For each check, the highest score of each nominal chip map that took no part in learning.
    fault_shares
        For each cause, the share of chip maps that showed it.
    set_aside
        Chip maps that were not nominal by definition, in words.
    """

    runs: int
    maps: int
    chips: Mapping[int, Chip]
    spread: Spread
    tails: Mapping[str, TailThreshold]
    fault_shares: Mapping[str, float]
    set_aside: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON."""
        return {
            "kind": "pixel maps",
            "runs": self.runs,
            "maps": self.maps,
            "chips": [_chip_to_json(chip) for chip in self.chips.values()],
            "spread": {"pixel": self.spread.pixel, "region": self.spread.region, "rate": self.spread.rate},
            "tails": {check: tail.to_json() for check, tail in self.tails.items()},
            "fault_shares": dict(self.fault_shares),
            "set_aside": list(self.set_aside),
        }

    @classmethod
    def from_json(cls, content: Mapping[str, Any], origin: str) -> "Reference":
        """Read what `to_json` gave; ModelError, naming ``origin``, if it is something else."""
        try:
            chips = [_chip_from_json(chip) for chip in content["chips"]]
            return cls(
                runs=int(content["runs"]),
                maps=int(content["maps"]),
                chips={chip.plane: chip for chip in chips},
                spread=Spread(**{name: float(value) for name, value in content["spread"].items()}),
                tails={check: TailThreshold.from_json(tail) for check, tail in content["tails"].items()},
                fault_shares={cause: float(share) for cause, share in content["fault_shares"].items()},
                set_aside=tuple(content["set_aside"]),
            )
        except (KeyError, TypeError, ValueError, AttributeError, CalibrationError) as error:
            raise ModelError(f"{origin}: holds no reference of pixel maps ({error!r:.120})") from None


def _chip_to_json(chip: Chip) -> dict[str, Any]:
    return {
        "plane": chip.plane,
        "share": chip.share,
        "profile": chip.profile.tolist(),
        "hot": [[hot.column, hot.row, hot.visits, hot.runs] for hot in chip.hot],
        "stuck": [[column, runs] for column, runs in chip.stuck.items()],
        "dead": list(chip.dead),
    }


def _chip_from_json(content: Mapping[str, Any]) -> Chip:
    profile = np.array(content["profile"], dtype=np.float64)
    if profile.shape != BLOCKS or not (np.isfinite(profile).all() and (profile > 0).all()):
        raise ValueError(f"profile of shape {profile.shape}")
    return Chip(
        plane=int(content["plane"]),
        share=float(content["share"]),
        profile=profile / profile.sum(),
        hot=tuple(HotPixel(*(int(number) for number in hot)) for hot in content["hot"]),
        stuck={int(column): int(runs) for column, runs in content["stuck"]},
        dead=tuple(int(column) for column in content["dead"]),
    )
