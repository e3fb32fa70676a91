"""FLEX visual inspection measured beside its peers: `python -m benchmarks.flex --help`."""
