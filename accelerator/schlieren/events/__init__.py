"""AWAKE event files: one HDF5 file per SPS extraction, with one group per device."""
