"""The fill that LHC and ALICE share, and how ALICE's background follows the losses at the collimators before it.

Beam 1 goes from IR7 through IR8 and IR1 to IR2, where ALICE is, and comes in from its side A. Halo that IR7 lets
through hits the tertiary collimators of IR1 (those of IR2 stand far outside), and what is scattered there reaches
ALICE. So the background of side A goes with the protons lost at these tertiaries, which the emulator of the cascade
gives for the drift of the primary as it is at each moment: as long as the secondaries keep their distance nothing
happens, and once the primary is behind them the losses rise several times. That is the lag; nobody put it in.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache

import numpy as np

from accelerator.collimation.channels import channels
from accelerator.collimation.simulate.course import LUMINOSITY_LIFETIME_H, PLANES, USUAL
from accelerator.collimation.simulate.emulator import Emulator
from accelerator.collimation.simulate.faults import Setting
from accelerator.collimation.simulate.fill import TOP_GEV, BlowUp, FillPlan, Phase, Wrong
from accelerator.collimation.states import State
from dqm.its.causes import Cause
from dqm.its.simulate.beams import COLLISIONS, BeamType
from dqm.its.simulate.faults import Fault
from dqm.its.simulate.luminosity import Fill

CAMPAIGN_S = 480
"""At flat top, with the loss maps, before collisions."""
FIRST_FILL = 10_101
MACHINE = 2018
LEVELLED_H = 1.0
"""ALICE holds its rate for so long by separating the beams, then it falls with the luminosity of the fill."""
UPSTREAM = ("tctph.4l1.b1", "tctpv.4l1.b1", "tctph.4l2.b1", "tctpv.4l2.b1")
"""The tertiary collimators that beam 1 passes last before ALICE."""
SCATTERED = 0.5
"""Part of the usual background of side A that comes from them, the rest from the gas along the way (assumed)."""
STEP_S = 60.0
FAINT = 1e-5
MAPS = ((60, 1, "H"), (150, 1, "V"), (240, 2, "H"), (330, 2, "V"))
"""Second of the fill, beam and plane of each excitation."""
BLOWUP_S = 12


@dataclass(frozen=True, slots=True)
class Grown:
    """Background that the losses make: its faults, by seconds of the shift, and when it is worth telling."""

    faults: tuple[Fault, ...]
    begins_s: float


def plan(began_at: datetime, number: int, length_s: float, wrong: tuple[Wrong, ...]) -> FillPlan:
    """Return the plan of the fill of a shift: flat top with its loss maps, then collisions to the end."""
    stable_s = length_s - CAMPAIGN_S
    return FillPlan(
        fill=FIRST_FILL + number,
        begins_at=began_at,
        phases=(
            Phase("FLATTOP", CAMPAIGN_S, State.FLAT_TOP, TOP_GEV, TOP_GEV, 11.0),
            Phase("STABLE", stable_s, State.COLLISIONS, TOP_GEV, TOP_GEV, 0.3, collides=True),
        ),
        wrong=wrong,
        blowups=tuple(BlowUp(at_s, beam, plane, BLOWUP_S) for at_s, beam, plane in MAPS),
        machine_seed=MACHINE,
    )


def luminosity(length_s: float) -> Fill:
    """Return how ALICE's rate goes in it."""
    return Fill(levelled_h=LEVELLED_H, tau_h=LUMINOSITY_LIFETIME_H, length_h=length_s / 3600)


def stable_at(fill: FillPlan) -> datetime:
    """Return when its stable beams were declared."""
    return fill.begins_at + timedelta(seconds=CAMPAIGN_S)


def following(wrong: Wrong, length_s: float, telling: float) -> Grown:
    """Return the background of ALICE's side A that follows a collimator of beam 1.

    Parameters
    ----------
    wrong
        What drifts.
    telling
        Share of the side's clusters from which on the background counts as begun (what is fainter nobody sees).
    """
    faults = tuple(_faults(wrong, length_s))
    begun = [one.began_s for one in faults if one.intensity >= telling]
    return Grown(faults, min(begun, default=length_s))


def _faults(wrong: Wrong, length_s: float) -> Iterator[Fault]:
    usual = COLLISIONS[BeamType.PP].halo * SCATTERED
    for begins_s in np.arange(wrong.begins_s, length_s, STEP_S):
        setting = wrong.at(begins_s + STEP_S / 2)
        more = 0.0 if setting is None else usual * (losses(setting) / losses(None) - 1)
        if more > FAINT:
            yield Fault(Cause.BEAM_BACKGROUND_A, float(begins_s), float(begins_s + STEP_S), more)


@lru_cache(maxsize=512)
def losses(setting: Setting | None) -> float:
    """Return which part of the protons that beam 1 loses is lost at the tertiaries before ALICE."""
    emulator, names = Emulator.load(), [one.name for one in channels(1)]
    chosen = [names.index(name) for name in UPSTREAM]
    total = 0.0
    for plane, part in zip(PLANES, USUAL, strict=True):
        curves = emulator.tables(1, plane, State.COLLISIONS).curves
        usable = [setting] if setting is not None and (setting.element, setting.quantity) in curves else []
        lost = np.exp(emulator.logs(usable, 1, plane, State.COLLISIONS, tolerances=MACHINE + 1))
        total += part * float(lost[chosen].sum() / lost.sum())
    return total
