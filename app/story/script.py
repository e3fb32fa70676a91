"""The script of the demo's shift: everything that goes wrong, when, and the alarm that it should become.

Times are seconds since the shift began. The same script plays in every shift; what else is random follows the seed. It
is told to nobody but the simulators, their logs, and the check at the end (`app.story.truth`).
"""

from collections.abc import Mapping
from dataclasses import dataclass

from accelerator.collimation.diagnosis import Quantity
from accelerator.collimation.simulate.faults import Setting
from accelerator.collimation.simulate.fill import Wrong
from accelerator.schlieren.causes import Cause as PlasmaCause
from accelerator.schlieren.simulate.anomalies import Anomaly
from accelerator.schlieren.simulate.shift import PERIOD_S, Episode
from app.story import fill
from dqm.its.causes import Cause
from dqm.its.simulate.cells import index
from dqm.its.simulate.faults import Fault

MINUTE = 60.0
LENGTH_S = 170 * MINUTE
"""So long something happens."""
SHIFT_S = 480 * MINUTE
"""Then the fill, the runs and the boards go on quietly, until the next shift plays the same script."""
RUN_BEGINS_S = 9 * MINUTE
"""ALICE starts its run when stable beams are declared."""
SILENT_AFTER_S = 80.0
"""The demo's setting: ALICE's cycles come every minute."""
OUTAGE_S = 140.0
"""By our clock, not the shift's: it is our watch that must notice, also when it still judges what came before. It asks
again after 30 s at the latest, so that this is over before a watch has failed for too long (180 s)."""
FAINTEST = 1e-4
"""Of a side's clusters: half of such backgrounds are found (benchmarks/its)."""


@dataclass(frozen=True, slots=True)
class Injected:
    """Something that goes wrong, and by what its alarm is known.

    Parameters
    ----------
    name
        What people call it.
    begins_s, ends_s
        Seconds of the shift; one that grows can be seen some time after it began.
    elements, kinds, places
        Its alarm is of one of these elements or has one of the places, and is of one of these kinds (none: of any).
    is_outage
        Nothing arrives meanwhile, so that its times are those of our clock.
    from_s
        It grows, and may be seen from then on by who looks very closely; None: from ``begins_s``.
    """

    name: str
    system: str
    begins_s: float
    ends_s: float
    elements: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    places: tuple[str, ...] = ()
    is_outage: bool = False
    from_s: float | None = None


# -- LHC

DRIFT = Wrong(Setting("tcp.c6l7.b1", Quantity.GAP, 1.45), 70 * MINUTE, 1.0)
"""A primary moves out, by a sigma per hour: faster than one would, so that a shift shows all of it; after the hour in
which the fill is learnt; until it stands just before the secondaries."""
JUMP = Wrong(Setting("tcspm.b4r7.b2", Quantity.GAP, -2.0), 140 * MINUTE)
WRONG = (DRIFT, JUMP)

# -- ALICE ITS

GAS = Fault(Cause.BEAM_BACKGROUND_C, 17 * MINUTE, 23 * MINUTE, 0.1)
DEAD_LANE = Fault(Cause.DEAD_LANE, 27 * MINUTE, 60 * MINUTE, 1.0, (index(4, 12, 7),))
NOISY_CHIP = Fault(Cause.NOISY_CHIP, 36 * MINUTE, 44 * MINUTE, 3.0, (index(1, 5, 3),))
READOUT_LOSS = Fault(Cause.READOUT_LOSS, 51 * MINUTE, 56 * MINUTE, 0.5, tuple(index(5, 20, lane) for lane in range(14)))
FAULTS = (GAS, DEAD_LANE, NOISY_CHIP, READOUT_LOSS)
OUTAGE_BEGINS_S = 66 * MINUTE

# -- AWAKE


def _shots(first: float, last: float) -> tuple[int, int]:
    return int(first * MINUTE / PERIOD_S), int(last * MINUTE / PERIOD_S)


def _growing(cause: PlasmaCause, step: float, first: int, after: int) -> tuple[Episode, ...]:
    """Return an anomaly that grows from shot to shot."""
    return tuple(
        Episode(Anomaly(cause, step * (number + 1 - first)), number, number + 1) for number in range(first, after)
    )


NO_LASER = (Episode(Anomaly(PlasmaCause.NO_IONISATION, 0.003), *_shots(12, 14)),)
DENSITY = _growing(PlasmaCause.DENSITY_DRIFT, 0.0016, *_shots(24, 39))
STALE = (Episode(Anomaly(PlasmaCause.STALE, -40.0), *_shots(47, 49)),)
KNIFE = _growing(PlasmaCause.MASK_DRIFT, 1.0, *_shots(62, 74))
FROZEN = (Episode(Anomaly(PlasmaCause.FROZEN, 0.0), *_shots(104, 106)),)
EPISODES = (*NO_LASER, *DENSITY, *STALE, *KNIFE, *FROZEN)

# -- the boards

BOARD_S = 8 * MINUTE
FIRST_BOARD_S = 4 * MINUTE
BOARDS: Mapping[int, tuple[str, ...]] = {
    2: ("burn", "mask_particle", "fibre"),
    8: ("component_missing", "pad_stain"),
    13: ("solder_spill", "crack", "mask_bubble"),
}
"""Number of a board that fails, and its defects: the first is one nobody overlooks. All others are good."""
CUT_SHORT = 5
"""The file of this board breaks off half-way."""


def board_at_s(number: int) -> float:
    """Return when a board is put under the scanner."""
    return FIRST_BOARD_S + number * BOARD_S


def board_count(length_s: float = LENGTH_S) -> int:
    """Return how many boards are looked at in so much of a shift."""
    return int((length_s - FIRST_BOARD_S) / BOARD_S) + 1


def background() -> fill.Grown:
    """Return ALICE's background that follows the drifting primary."""
    return fill.following(DRIFT, SHIFT_S, FAINTEST)


def plasma(what: str, episodes: tuple[Episode, ...], *kinds: PlasmaCause) -> Injected:
    """Return some shots with one thing wrong as an incident; causes that it may be taken for besides its own."""
    first, last = episodes[0], episodes[-1]
    causes = tuple(str(one) for one in (first.anomaly.cause, *kinds))
    return Injected(what, "schlieren", first.first * PERIOD_S, last.after * PERIOD_S, kinds=causes)
