"""The deployed site in trouble: what a real Docker engine's containers make of faults drawn at random."""
