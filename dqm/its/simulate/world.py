"""What stays the same during a run and is worked out once: detector, acceptance, filling scheme, halo."""

from dataclasses import dataclass, replace

from numpy.random import Generator

from dqm.its.simulate.acceptance import Acceptance, Vertex, accept, z_weights
from dqm.its.simulate.background import Source
from dqm.its.simulate.beams import COLLISIONS, Collisions
from dqm.its.simulate.cells import INNER, Floats, per_layer
from dqm.its.simulate.crossings import Filling, FrameSizes, draw_filling, frame_sizes
from dqm.its.simulate.hardware import Detector, draw_detector
from dqm.its.simulate.settings import RunSettings
from dqm.its.simulate.showers import halo_sources, on_side
from dqm.its.simulate.tracks import Directions, directions

ELECTRON_SIZE, ELECTRON_SQUARE = 3.5, 18.0
"""Pixels of a cluster of a soft electron, and the mean square (assumed)."""


@dataclass(frozen=True, slots=True, eq=False)
class World:
    """Everything about a run that no cycle changes.

    ``side_clusters``: clusters that a mean interaction leaves on side A (+1) and C (-1) of the inner barrel;
    ``electrons``: those of soft electrons per interaction and cell.
    """

    settings: RunSettings
    collisions: Collisions
    vertex: Vertex
    detector: Detector
    acceptance: Acceptance
    reached: Directions
    filling: Filling
    frame_sizes: FrameSizes
    halo: tuple[Source, ...]
    side_clusters: dict[int, float]
    electrons: Floats

    def rate(self, seconds: float) -> float:
        """Return the interaction rate in Hz at a time of the run."""
        settings = self.settings
        return settings.fill.rate(settings.began_in_fill_s + seconds) * settings.shift.luminosity_factor


def build(settings: RunSettings, rng: Generator) -> World:
    """Work out the world of a run; ``rng`` draws the filling scheme and the halo."""
    collisions, shift = COLLISIONS[settings.beam_type], settings.shift
    vertex = _vertex(settings, collisions)
    acceptance = accept(collisions, vertex)
    weights = z_weights(vertex, acceptance.z_cm)
    detector = draw_detector(
        settings.detector_seed,
        noise_factor=shift.noise_factor,
        inefficiency_factor=shift.inefficiency_factor,
    )
    electrons = _electrons(collisions)
    per_cell = (acceptance.clusters @ weights + electrons) * detector.seen
    sides = {side: float(on_side(side) @ per_cell[:INNER]) for side in (1, -1)}
    rate = settings.fill.rate_hz * shift.luminosity_factor
    halo = collisions.halo if settings.halo is None else settings.halo
    above_two = float((acceptance.above_two @ weights * detector.seen).sum())
    constant = float(electrons.sum()) * rate * collisions.frame_s
    return World(
        settings,
        collisions,
        vertex,
        detector,
        acceptance,
        directions(vertex),
        draw_filling(rng, collisions.frames_per_orbit),
        frame_sizes(collisions, above_two, constant),
        tuple(halo_sources(rng, halo, {s: n * rate for s, n in sides.items()}, shift)),
        sides,
        electrons,
    )


def _vertex(settings: RunSettings, collisions: Collisions) -> Vertex:
    usual = settings.vertex or Vertex(-0.02, 0.01, 0.3, collisions.vertex_sigma_cm)
    shift = settings.shift
    return replace(usual, z_cm=usual.z_cm + shift.vertex_z_cm, sigma_z_cm=usual.sigma_z_cm * shift.vertex_sigma_factor)


def _electrons(collisions: Collisions) -> Floats:
    """Clusters of soft electrons per interaction in every cell."""
    return per_layer((*collisions.electrons_per_interaction, 0.0, 0.0, 0.0, 0.0))
