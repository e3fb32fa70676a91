"""The named causes why a shot is not as it should be."""

from enum import StrEnum


class Cause(StrEnum):
    """What can be wrong with a shot; `accelerator.schlieren.simulate.anomalies` says what each does."""

    NO_IONISATION = "no_ionisation"
    PARTIAL_IONISATION = "partial_ionisation"
    CHANNEL_SHIFTED = "channel_shifted"
    CHANNEL_TILTED = "channel_tilted"
    PROBE_WEAK = "probe_weak"
    PROBE_OFF_CENTRE = "probe_off_centre"
    MASK_DRIFT = "mask_drift"
    DEFOCUS = "defocus"
    VIBRATION = "vibration"
    SATURATION = "saturation"
    DARK = "dark"
    FROZEN = "frozen"
    STALE = "stale"
    DUST = "dust"
    DENSITY_DRIFT = "density_drift"
    DETUNING_DRIFT = "detuning_drift"
    WRONG_GAIN = "wrong_gain"
    WRONG_BINNING = "wrong_binning"
