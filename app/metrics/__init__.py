"""Figures of the console for a site's own Prometheus: ``shiftwatch metrics``."""
