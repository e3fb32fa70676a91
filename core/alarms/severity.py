"""EPICS severities, in their order."""

from enum import IntEnum


class Severity(IntEnum):
    """How bad, in the words and order of EPICS/Phoebus; ``UNDEFINED`` means that nothing is known at all."""

    OK = 0
    MINOR = 1
    MAJOR = 2
    INVALID = 3
    UNDEFINED = 4
