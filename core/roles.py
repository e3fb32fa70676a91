"""Roles, and who has which."""

from enum import IntEnum
from fnmatch import fnmatchcase

from core.settings import AccessSettings


class Role(IntEnum):
    """Who may what: an expert may all that a shifter may, a shifter all that a viewer may."""

    VIEWER = 0
    SHIFTER = 1
    EXPERT = 2

    @property
    def word(self) -> str:
        """The role in small letters, as settings and the trail have it."""
        return self.name.lower()


def role_of(identity: str, access: AccessSettings, *, signed_in: bool) -> Role:
    """Return the role of somebody who is known to be ``identity``: signed in, or logged in at this machine."""
    if _listed(identity, access.experts):
        return Role.EXPERT
    if _listed(identity, access.shifters):
        return Role.SHIFTER
    named = bool(access.experts or access.shifters)
    return Role[(access.others if signed_in or named else access.local).upper()]


def local_role(access: AccessSettings, *, loopback: bool) -> Role:
    """Return the role of somebody who only told a name: at this machine, or (not ``loopback``) anywhere."""
    return Role[access.local.upper()] if loopback or access.open_network else Role.VIEWER


def _listed(identity: str, names: tuple[str, ...]) -> bool:
    return bool(identity) and any(fnmatchcase(identity.lower(), name.lower()) for name in names)
