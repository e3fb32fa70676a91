"""Families of LHC collimators, and what they are for."""

from enum import StrEnum


class Family(StrEnum):
    """A family as the LHC collimation database names it: type and insertion."""

    TCP7 = "TCP7"
    TCSG7 = "TCSG7"
    TCLA7 = "TCLA7"
    TCP3 = "TCP3"
    TCSG3 = "TCSG3"
    TCLA3 = "TCLA3"
    TCT15 = "TCT15"
    TCT2 = "TCT2"
    TCT8 = "TCT8"
    TCSP = "TCSP"
    TCDQ = "TCDQ"
    TCL4 = "TCL4"
    TCL5 = "TCL5"
    TCL6 = "TCL6"
    TDI = "TDI"
    TCLI = "TCLI"
    TCLD = "TCLD"
    CRY7 = "CRY7"


TITLES: dict[Family, str] = {
    Family.TCP7: "primary collimators of betatron cleaning (IR7)",
    Family.TCSG7: "secondary collimators of betatron cleaning (IR7)",
    Family.TCLA7: "shower absorbers of betatron cleaning (IR7)",
    Family.TCP3: "primary collimator of momentum cleaning (IR3)",
    Family.TCSG3: "secondary collimators of momentum cleaning (IR3)",
    Family.TCLA3: "shower absorbers of momentum cleaning (IR3)",
    Family.TCT15: "tertiary collimators at ATLAS and CMS",
    Family.TCT2: "tertiary collimators at ALICE",
    Family.TCT8: "tertiary collimators at LHCb",
    Family.TCSP: "secondary collimator of dump protection (IR6)",
    Family.TCDQ: "absorber of dump protection (IR6)",
    Family.TCL4: "debris collimators at cell 4",
    Family.TCL5: "debris collimators at cell 5",
    Family.TCL6: "debris collimators at cell 6",
    Family.TDI: "injection absorbers",
    Family.TCLI: "auxiliary injection absorbers",
    Family.TCLD: "dispersion-suppressor collimator at ALICE (ions)",
    Family.CRY7: "bent crystals of betatron cleaning (IR7)",
}
