"""Luminosity along a fill: levelled, then burnt off.

    rate(t) = start                          while it is levelled
    rate(t) = start / (1 + (t - t_l) / tau)  afterwards (burn-off of two beams of equal intensity)

Fitted to 65 fills of 2024 and 2025 (``python -m dqm.its.simulate.fitting luminosity FOLDER``; CMS's luminosity per
lumisection): length of stable beams 7.3 h (median; logarithm spread by 0.88), levelled for 4.5 h (0.78), tau 9.7 h (34
fills; 0.36), jitter while levelled 0.28 % in 23 s. ALICE levels pp by separating the beams, mostly to the end of the
fill (assumed: 4 fills of 5), and Pb-Pb only at first.
"""

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from core.errors import SettingsError
from dqm.its.simulate.beams import COLLISIONS, BeamType

JITTER = 0.0028
_LENGTH_H, _LENGTH_SPREAD = 7.3, 0.88
_LEVELLED_H, _LEVELLED_SPREAD = 4.5, 0.78
_TAU_H, _TAU_SPREAD = 9.7, 0.36
_START_SPREAD = 0.15


@dataclass(frozen=True, slots=True)
class Fill:
    """Interaction rate at the start, hours for which it is held, burn-off time, length of stable beams."""

    rate_hz: float = 5e5
    levelled_h: float = 1e6
    tau_h: float = 9.7
    length_h: float = 12.0

    def __post_init__(self) -> None:
        """Raise SettingsError for a fill that cannot be."""
        if not (0 <= self.rate_hz < np.inf and self.levelled_h >= 0 and self.tau_h > 0 and self.length_h > 0):
            raise SettingsError(f"no such fill: {self}")

    def rate(self, seconds: float) -> float:
        """Return the interaction rate in Hz ``seconds`` after stable beams began."""
        burning_h = max(0.0, seconds / 3600 - self.levelled_h)
        return self.rate_hz / (1 + burning_h / self.tau_h)

    def beam(self, seconds: float) -> float:
        """Return the intensity of a beam, 1 at the start.

        It falls as the square root of what the luminosity would be without levelling.
        """
        return float(1 / np.sqrt(1 + seconds / 3600 / (2 * self.tau_h)))


def draw_fill(rng: Generator, beam_type: BeamType, factor: float = 1.0) -> Fill:
    """Draw a fill; rates are log-normal about the usual one (spread 0.15) times ``factor``."""
    usual = COLLISIONS[beam_type]
    to_the_end = rng.random() < usual.levelled
    length = float(np.clip(rng.lognormal(np.log(_LENGTH_H), _LENGTH_SPREAD), 0.5, 30.0))
    levelled = float(rng.lognormal(np.log(_LEVELLED_H if beam_type is BeamType.PP else 0.5), _LEVELLED_SPREAD))
    return Fill(
        rate_hz=usual.rate_hz * factor * float(rng.lognormal(0.0, _START_SPREAD)),
        levelled_h=length if to_the_end else levelled,
        tau_h=float(rng.lognormal(np.log(_TAU_H if beam_type is BeamType.PP else 4.0), _TAU_SPREAD)),
        length_h=length,
    )
