"""Benchmarks of the ALICE ITS system."""
