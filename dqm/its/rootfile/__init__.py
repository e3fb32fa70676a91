"""ROOT files read without trusting them: no code from the file, no unbounded memory, no threads."""
