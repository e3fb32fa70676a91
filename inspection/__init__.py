"""Visual inspection of parts under construction."""
