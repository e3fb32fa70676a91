"""What the simulation gives, beside what is known: ``python -m dqm.its.simulate.measures``."""

import time
from dataclasses import replace

import numpy as np

from dqm.its.simulate.acceptance import Vertex, accept, z_weights
from dqm.its.simulate.beams import COLLISIONS, BeamType
from dqm.its.simulate.cells import block
from dqm.its.simulate.counts import collision_clusters, count, draw_activity
from dqm.its.simulate.luminosity import Fill
from dqm.its.simulate.particles import collide
from dqm.its.simulate.run import SimulatedCycle, simulate_run
from dqm.its.simulate.settings import RunSettings

LIMITS = {BeamType.PP: (5, 3, 3, 0.3, 0.3, 0.2, 0.2), BeamType.PBPB: (65, 35, 25, 1, 1, 1, 1)}
"""Clusters per readout frame and chip above which the QC warns (``itsCluster.json``)."""
PHYSICAL = (1.7e-3,) * 3 + (4.3e-5,) * 4
"""Hits per pixel and event that the QC takes for physical (``itsFhr.json``)."""


def main() -> None:
    """Print speed, occupancies, dispersion of frames, and the fast way against the slow one."""
    for beams in BeamType:
        settings = RunSettings(beam_type=beams, fill=Fill(rate_hz=COLLISIONS[beams].rate_hz), duration_s=1260.0)
        began = time.perf_counter()
        cycles = list(simulate_run(settings, 1))
        each = (time.perf_counter() - began) / len(cycles)
        rate_khz = settings.fill.rate_hz / 1e3
        print(f"{beams}, {rate_khz:g} kHz: {each * 1e3:.0f} ms a cycle of {settings.cycle_s:g} s, run's start included")
        _print_layers(beams, cycles)
        _print_spread(replace(settings, recoveries_per_hour=0.0))
        _print_dispersion(beams)
    _print_slow(1000)


def _print_layers(beams: BeamType, cycles: list[SimulatedCycle]) -> None:
    payload = cycles[len(cycles) // 2].payload
    for layer in range(7):
        clusters, size, hits = (
            payload[f"{name}_L{layer}"] for name in ("cluster_occupation", "cluster_size", "hit_occupancy")
        )
        print(
            f"  layer {layer}: {clusters.mean():.4g} clusters/frame/chip (largest {clusters.max():.4g}, limit "
            f"{LIMITS[beams][layer]}), size {size[size > 0].mean():.2f} px (largest {size.max():.2f}), "
            f"{hits.mean():.2g} hits/pixel/frame ({hits.mean() / PHYSICAL[layer]:.2g} of the QC's)"
        )


def _print_spread(settings: RunSettings) -> None:
    """How much a cell's occupation, relative to its layer's mean, varies from cycle to cycle."""
    names = [f"cluster_occupation_L{layer}" for layer in range(7)]
    maps = [[cycle.payload[name] for name in names] for cycle in list(simulate_run(settings, 1))[1:-1]]
    found = []
    for layer in range(7):
        relative = np.array([cycle[layer] / cycle[layer].mean() for cycle in maps])
        mean = relative.mean(axis=0)
        found.append(float(np.median(relative.std(axis=0)[mean > 0] / mean[mean > 0])))
    print("  spread of cells from cycle to cycle:", ", ".join(f"{100 * value:.2f} %" for value in found))


def _print_dispersion(beams: BeamType) -> None:
    """Variance over mean of the clusters of layer 0 in single readout frames (1: independent clusters)."""
    collisions, rng = COLLISIONS[beams], np.random.default_rng(1)
    vertex = Vertex(sigma_z_cm=collisions.vertex_sigma_cm)
    acceptance = accept(collisions, vertex)
    weights = z_weights(vertex, acceptance.z_cm)
    interactions = collisions.rate_hz * collisions.frame_s
    frames = []
    for _ in range(1500):
        activity = draw_activity(rng, interactions, weights, collisions.dispersion)
        frames.append(count(rng, collision_clusters(acceptance, activity), companions=True).clusters[block(0)])
    table = np.array(frames)
    one = (table.var(axis=0) / table.mean(axis=0)).mean()
    print(
        f"  layer 0 in a frame of {interactions:.2f} interactions: variance over mean {one:.2f} of a chip, "
        f"{table.sum(axis=1).var() / table.sum(axis=1).mean():.1f} of the layer"
    )


def _print_slow(interactions: int) -> None:
    collisions, vertex = COLLISIONS[BeamType.PP], Vertex(0.1, -0.05, 0.5, 5.2)
    began = time.perf_counter()
    slow = collide(np.random.default_rng(1), collisions, vertex, interactions)
    each = (time.perf_counter() - began) / interactions
    acceptance = accept(collisions, vertex)
    weights = z_weights(vertex, acceptance.z_cm)
    expected, pixels = (table @ weights * slow.activity.sum() for table in (acceptance.clusters, acceptance.pixels))
    print(f"particle by particle, {interactions} interactions of pp ({each * 1e3:.1f} ms each): clusters and size")
    for layer in range(7):
        part = block(layer)
        here = (slow.cell >= part.start) & (slow.cell < part.stop)
        ratio, error = here.sum() / expected[part].sum(), 1 / np.sqrt(expected[part].sum())
        size = pixels[part].sum() / expected[part].sum()
        print(
            f"  layer {layer}: {ratio:.4f} +- {error:.4f} of the fast way's clusters, "
            f"{slow.pixels[here].mean():.3f} px (fast way {size:.3f})"
        )


if __name__ == "__main__":
    main()
