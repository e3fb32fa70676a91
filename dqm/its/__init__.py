"""ALICE ITS2: occupancy maps of the inner tracker as its quality control publishes them."""
