"""Hit maps of single ALPIDE chips, 1024 columns x 512 rows: hot pixels, stuck columns, regions, long clusters."""
