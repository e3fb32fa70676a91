"""A second simulation of Schlieren pictures, by other formulas, another optics library and other profiles.

It shares no code with `accelerator.schlieren.simulate` (a test says so); it is for measuring, never for training.
"""
