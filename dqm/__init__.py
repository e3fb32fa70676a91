"""Data-quality monitoring of running detectors."""
