"""Settings that are wrong, and named faults of the collimation system for demonstration and drill."""

from dataclasses import dataclass
from types import MappingProxyType

from accelerator.collimation.diagnosis import Quantity
from accelerator.collimation.simulate.optics import mirrored


@dataclass(frozen=True, slots=True)
class Setting:
    """One settings error: ``change`` from nominal in the unit of ``quantity`` (sigma, mm, urad)."""

    element: str
    quantity: Quantity
    change: float


@dataclass(frozen=True, slots=True)
class Fault:
    """A named fault of beam 1.

    ``cause`` is the class that a diagnosis should give; ``plane`` the halo that shows it best; ``visible`` says whether
    10,000 protons show it (facts/collimation.md, A2).
    """

    name: str
    title: str
    cause: str
    plane: str
    settings: tuple[Setting, ...]
    visible: bool = True

    def of_beam(self, beam: int) -> tuple[Setting, ...]:
        """Return the settings errors on the same collimators of a beam."""
        if beam == 1:
            return self.settings
        return tuple(Setting(mirrored(one.element), one.quantity, one.change) for one in self.settings)


def _fault(name: str, title: str, cause: str, plane: str, *settings: Setting, visible: bool = True) -> Fault:
    return Fault(name, title, cause, plane, settings, visible)


_EVERY = (
    _fault(
        "tcp-retracted",
        "the horizontal primary has moved out by 1 sigma",
        "TCP retracted",
        "H",
        Setting("tcp.c6l7.b1", Quantity.GAP, 1.0),
    ),
    _fault(
        "tcp-retracted-small",
        "the horizontal primary has moved out by 0.6 sigma",
        "TCP retracted",
        "H",
        Setting("tcp.c6l7.b1", Quantity.GAP, 0.6),
    ),
    _fault(
        "tcp-wide-open",
        "the vertical primary stands behind the secondaries",
        "TCP retracted",
        "V",
        Setting("tcp.d6l7.b1", Quantity.GAP, 3.0),
    ),
    _fault(
        "tcp-tight",
        "the horizontal primary is 0.8 sigma too far in",
        "TCP tightened",
        "H",
        Setting("tcp.c6l7.b1", Quantity.GAP, -0.8),
    ),
    _fault(
        "tcsg-inside",
        "a secondary cuts into the beam before the primary",
        "TCSG inside TCP",
        "H",
        Setting("tcspm.b4l7.b1", Quantity.GAP, -2.0),
    ),
    _fault(
        "tct-exposed",
        "the horizontal tertiaries of ATLAS and CMS stand inside the secondaries",
        "TCT exposed",
        "H",
        Setting("tctph.4l1.b1", Quantity.GAP, -3.0),
        Setting("tctph.4l5.b1", Quantity.GAP, -3.0),
    ),
    _fault(
        "tcp-off-centre",
        "the vertical primary is centred wrongly by 0.25 mm",
        "collimator off centre",
        "V",
        Setting("tcp.d6l7.b1", Quantity.OFFSET, 0.25),
    ),
    _fault(
        "tcsg-off-centre",
        "the vertical secondary is centred wrongly by 0.4 mm",
        "collimator off centre",
        "V",
        Setting("tcsg.d4l7.b1", Quantity.OFFSET, 0.4),
    ),
    _fault(
        "tcp-tilted",
        "the jaws of the horizontal primary are tilted by 200 urad",
        "tilted jaw",
        "H",
        Setting("tcp.c6l7.b1", Quantity.TILT, 200.0),
    ),
    _fault(
        "orbit-shift",
        "the orbit at the primaries is off by 0.3 mm",
        "orbit shift",
        "H",
        Setting("tcp.c6l7.b1", Quantity.ORBIT, 0.3),
    ),
    _fault(
        "tcsg-half-sigma",
        "a secondary has lost 0.5 sigma of margin",
        "TCSG tightened",
        "H",
        Setting("tcspm.b4l7.b1", Quantity.GAP, -0.5),
        visible=False,
    ),
    _fault(
        "tcla-open",
        "a shower absorber stands at 16 sigma",
        "TCLA open",
        "H",
        Setting("tcla.a7r7.b1", Quantity.GAP, 6.0),
        visible=False,
    ),
)
FAULTS = MappingProxyType({one.name: one for one in _EVERY})
"""Named faults; two of them leave no trace that a loss map could show, and must be answered with "cannot tell"."""
