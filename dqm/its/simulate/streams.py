"""Streams of random numbers, one for each part of a run, so that no part disturbs another."""

from dataclasses import dataclass, fields

from numpy.random import Generator, SeedSequence, default_rng


@dataclass(frozen=True, slots=True)
class Streams:
    """What each draws is its name; ``halo`` and ``faults``: background that is always there, and that is not."""

    world: Generator
    drifts: Generator
    beams: Generator
    clusters: Generator
    hits: Generator
    noise: Generator
    halo: Generator
    faults: Generator
    hardware: Generator
    tracks: Generator
    crossings: Generator
    readout: Generator

    @classmethod
    def of(cls, seed: SeedSequence) -> "Streams":
        """Return the streams of a seed."""
        return cls(*(default_rng(part) for part in seed.spawn(len(fields(cls)))))
