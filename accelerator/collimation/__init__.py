"""LHC collimation: early warning of a breaking hierarchy from beam loss patterns."""
