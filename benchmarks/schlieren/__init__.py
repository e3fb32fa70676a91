"""AWAKE Schlieren: our detector beside least squares and the floor, on held-out shots and a second simulation."""
