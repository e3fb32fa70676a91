"""LHC collimation: our detector beside its peers, on held-out maps and streams."""
