"""How far the shower of a lost proton is seen: the kernel between a loss and a beam-loss monitor.

Shapes are fitted by eye to one measured map (B2V, 450 GeV, 2018: TCP.D 0.51, TCP.C 1.0, TCP.B 0.61 at 2 m from each
other with the losses at TCP.D; 0.17 at the first dipole behind; facts/collimation.md, A1); the mean decay of 10 to 50 m
is what FLUKA studies of IR7 show. Single monitors differ by a factor that is drawn once for the machine.
"""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from accelerator.collimation.families import Family

Floats: TypeAlias = NDArray[np.float64]

RISE_M = 1.2
NEAR_M, FAR_M = 2.5, 18.0
FAR_PART = 0.15
UPSTREAM_PART, UPSTREAM_M = 0.002, 1.5
REACH_M = 300.0
CROSSTALK = 0.12
"""Of a chamber beside the pipe of the other beam."""
MONITOR_SPREAD = {"coll": 0.12}
OTHER_MONITOR_SPREAD = 0.3
"""Standard deviation of the logarithm of a monitor's own factor (position, material in between)."""
KIND = {"coll": 1.0, "warm": 0.6, "cold": 0.3, "xrp": 0.5, "other": 0.0}
"""By what the monitor stands beside; magnets shield."""
YIELD = {
    Family.TCP7: 1.0,
    Family.TCSG7: 2.2,
    Family.TCLA7: 1.0,
    Family.TCP3: 8.0,
    Family.TCSG3: 8.0,
    Family.TCLA3: 4.0,
    Family.TCSP: 12.0,
    Family.TCDQ: 12.0,
    Family.TCT15: 6.0,
    Family.TCT2: 6.0,
    Family.TCT8: 6.0,
}
"""Signal of a loss in a collimator relative to one in a primary of IR7. The large ones stand for losses that are
measured there and not tracked: IR3 1.1e-3, IR6 2.3e-3, TCT 1.1e-4 of the highest monitor (B1H 6.5 TeV, 2018)."""
APERTURE_YIELD = 1.5


def kernel(behind_m: Floats) -> Floats:
    """Return the signal of a loss over the way behind it (negative: in front), 1 at its maximum.

    Parameters
    ----------
    behind_m : (...)
        From the middle of the jaw along the beam to the monitor, in metres.
    """
    way = np.maximum(behind_m + 0.3, 0.0)
    rise = (1 - np.exp(-way / RISE_M)) ** 3
    fall = (1 - FAR_PART) * np.exp(-way / NEAR_M) + FAR_PART * np.exp(-way / FAR_M)
    front = UPSTREAM_PART * np.exp(-np.abs(behind_m) / UPSTREAM_M)
    found: Floats = np.where(behind_m > -0.3, rise * fall / _PEAK + front, front) * (np.abs(behind_m) < REACH_M)
    return found


_WAY = np.linspace(0.05, 20, 2000)
_PEAK = float(
    np.max(
        (1 - np.exp(-_WAY / RISE_M)) ** 3 * ((1 - FAR_PART) * np.exp(-_WAY / NEAR_M) + FAR_PART * np.exp(-_WAY / FAR_M))
    )
)
