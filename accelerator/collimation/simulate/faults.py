"""Settings that are wrong, and named faults of the collimation system for demonstration and drill."""

from dataclasses import dataclass

from accelerator.collimation.diagnosis import Quantity


@dataclass(frozen=True, slots=True)
class Setting:
    """One settings error: ``change`` from nominal in the unit of ``quantity`` (sigma, mm, urad)."""

    element: str
    quantity: Quantity
    change: float
