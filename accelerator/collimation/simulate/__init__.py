"""Loss patterns made from physics: the cascade as Monte Carlo, a fast emulator of it, monitors, and whole fills."""
