"""What happened in several systems at once, and how often chance alone would show it: pure functions on arrays."""
