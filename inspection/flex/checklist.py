"""The ITk visual-inspection check-list and how the official analysis grades it, as data.

Categories: ``module-qc-nonelec-gui`` 0.0.8, ``config_PCB_*.json``. Grading: ``module-qc-analysis-tools`` 2.10.5,
``cli/VISUAL_INSPECTION.py``: the first key found as a substring of the lower-case defect id names the grade; an id in
which none is found is lost, the grade stays 1 and the board passes. :func:`graded_ids` closes that trap.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from inspection.flex.serials import parse_serial


class Colour(StrEnum):
    """How bad: yellow is grade 2 (passes), red is grade 3 (fails)."""

    YELLOW = "Yellow"
    RED = "Red"


class Category(StrEnum):
    """The categories of the check-lists of PCB_RECEPTION, PCB_POPULATION and the default one."""

    SCRATCHES_PAD = "Scratches_Wirebonding_pad"
    SCRATCHES_MASK = "Scratches_Solder_mask"
    SCRATCHES = "Scratches_PCB"
    CONTAMINATION_PAD = "Contamination_Wirebonding_pad"
    CONTAMINATION_MASK = "Contamination_Solder_mask"
    CONTAMINATION = "Contamination_PCB"
    OTHER_CONTAMINATION = "Other_contamination"
    IRREGULARITIES_MASK = "Irregularities_Solder_mask"
    DUSTS = "Dusts"
    WATERMARKS = "Watermarks"
    COPPER_PATTERN = "Copper_pattern"
    SOLDER_OVERFLOW = "Solder_overflow_PCB"
    SOLDER_OVERFLOW_PAD = "Solder_overflow_Wirebonding_pad"
    SOLDER_IRREGULARITIES = "Solder_irregularities"
    MISALIGNMENT = "Components_misalignment"
    CLOSE_PROXIMITY = "Components_close_proximity"
    OPEN_TOMBSTONING = "Open_tombstoning"
    DATA_CONNECTOR = "Data_connector_issue"
    POWER_CONNECTOR = "Power_connector_issue"
    DATA_CONNECTOR_CRITICAL = "Data_connector_critical_issue"
    POWER_CONNECTOR_CRITICAL = "Power_connector_critical_issue"
    MISSING_COMPONENT = "Missing_component"
    CRITICAL_DAMAGE_PAD = "Critical_damage_Wirebonding_pad"
    CRITICAL_DAMAGE_MASK = "Critical_damage_Solder_mask"
    OTHER = "Other_PCB"


ONLY_RED = frozenset(
    {
        Category.MISSING_COMPONENT,
        Category.CRITICAL_DAMAGE_PAD,
        Category.CRITICAL_DAMAGE_MASK,
        Category.DATA_CONNECTOR_CRITICAL,
        Category.POWER_CONNECTOR_CRITICAL,
    }
)

GRADES_PCB: Mapping[str, str] = MappingProxyType(
    {
        "contamination_wirebonding": "WIREBOND_PADS_CONTAMINATION_GRADE",
        "dusts": "PARTICULATE_CONTAMINATION_GRADE",
        "none": "WATERMARKS_GRADE",
        "scratches": "SCRATCHES_GRADE",
        "copper_pattern": "TRACES_GRADE",
        "irregularities": "SOLDERMASK_IRREGULARITIES_GRADE",
        "power_connector": "HV_LV_CONNECTOR_ASSEMBLY_GRADE",
        "data_connector": "DATA_CONNECTOR_ASSEMBLY_GRADE",
        "solder_overflow": "SOLDER_SPILLS_GRADE",
        "misalignment": "COMPONENT_MISALIGNMENT_GRADE",
        "close_proximity": "SHORTS_OR_CLOSE_PROXIMITY_GRADE",
        "open_tombstoning": "OPENS_TOMBSTONING_GRADE",
    }
)
GRADES_MODULE: Mapping[str, str] = MappingProxyType(
    {
        "glue": "GLUE_DISTRIBUTION_PASSED_QC",
        "wire": "WIREBONDING_PASSED_QC",
        "_sensor": "SENSOR_CONDITION_PASSED_QC",
        "_fe": "FE_CHIP_CONDITION_PASSED_QC",
        "_pcb": "SMD_COMPONENTS_PASSED_QC",
        "parylene": "PARYLENE_COATING_PASSED_QC",
    }
)

NEAREST: Mapping[str, str] = MappingProxyType(
    {
        Category.CONTAMINATION_MASK: Category.DUSTS,
        Category.CONTAMINATION: Category.DUSTS,
        Category.OTHER_CONTAMINATION: Category.DUSTS,
        Category.WATERMARKS: "Watermarks_none",
        Category.MISSING_COMPONENT: Category.OPEN_TOMBSTONING,
        Category.CRITICAL_DAMAGE_PAD: Category.SCRATCHES_PAD,
        Category.CRITICAL_DAMAGE_MASK: Category.IRREGULARITIES_MASK,
        Category.OTHER: Category.IRREGULARITIES_MASK,
    }
)
"""The graded id that says most nearly the same, for categories which the analysis does not know."""

_LAST_RESORT_PCB, _LAST_RESORT_MODULE = Category.IRREGULARITIES_MASK, Category.OTHER
_DRAWING = {"open", "short", "mousebite", "spur", "copper", "pinhole", "pin_hole"}


def category_of(cause: str | None) -> str:
    """Return the category of a proposed or chosen class; what the check-list does not know is ``Other_PCB``."""
    if cause is None:
        return Category.OTHER
    if cause.lower() in _DRAWING:
        return Category.COPPER_PATTERN
    return Category(cause) if cause in set(Category) else Category.OTHER


def grades_of(serial: str | None) -> Mapping[str, str]:
    """Return the grade keys that the analysis uses for a component; what is no ATLAS module is taken as a PCB."""
    known = parse_serial(serial) if serial else None
    is_module = known is not None and "PCB" not in known.component and known.component.endswith("module")
    return GRADES_MODULE if is_module else GRADES_PCB


def grade_key(defect: str, grades: Mapping[str, str]) -> str | None:
    """Return the grade that the analysis gives a defect id to, or None where it loses it."""
    return next((grade for key, grade in grades.items() if key in defect.lower()), None)


def graded_ids(colour: Colour, category: str, grades: Mapping[str, str]) -> tuple[str, ...]:
    """Return the ids to record for a defect: its own, and a second one if the analysis would lose the first."""
    own = f"{colour}.{category}"
    if grade_key(own, grades) is not None:
        return (own,)
    nearest = f"{colour}.{NEAREST.get(category, _LAST_RESORT_PCB)}"
    if grade_key(nearest, grades) is None:
        nearest = f"{colour}.{_LAST_RESORT_PCB if grades is GRADES_PCB else _LAST_RESORT_MODULE}"
    return (own, nearest)
