"""Learned-board mode: what good boards look like at every place, and what departs from it."""
