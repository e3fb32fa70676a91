"""The demo's eventful shift: one clock, one fill, one script of incidents, and the check of what came of each."""
