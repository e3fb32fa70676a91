"""The report of a shift: what happened, and what the next one must know."""
