"""What the QC tasks count in a cycle: time frames are sampled, clusters, hits, tracks and flags are drawn."""

import numpy as np
from numpy.random import Generator

from dqm.its.simulate import publish
from dqm.its.simulate.acceptance import z_weights
from dqm.its.simulate.background import Source
from dqm.its.simulate.beams import ORBITS_PER_TF
from dqm.its.simulate.cells import INNER, Floats
from dqm.its.simulate.counts import Kind, Tally, collision_clusters, count, draw_activity, one_size
from dqm.its.simulate.crossings import crossings
from dqm.its.simulate.moment import Moment
from dqm.its.simulate.showers import Showers, showers
from dqm.its.simulate.streams import Streams
from dqm.its.simulate.tracks import expected_tracks, track_plots
from dqm.its.simulate.world import ELECTRON_SIZE, ELECTRON_SQUARE, World

_NOISE_SIZE, _NOISE_SQUARE = 1.05, 1.15


def observe(world: World, now: Moment, streams: Streams) -> dict[str, Floats]:
    """Draw all arrays of one cycle, by the names of `dqm.its.objects`."""
    frames = _frames(world, now, streams.beams, world.settings.sampled)
    hit_frames = _frames(world, now, streams.beams, world.settings.hits_sampled)
    activity = _activity(world, now, streams.clusters, frames)
    halo = _showers(world, now, streams.halo, now.halo, frames)
    more = _showers(world, now, streams.faults, now.background, frames)
    sizes = np.concatenate((halo.sizes, more.sizes))
    ratio = hit_frames / max(frames, 1)
    lost = 1 - np.minimum((halo.lost + more.lost) / max(frames, 1), 1.0)
    registered = now.registered.copy()
    registered[:INNER] *= lost
    showered = Kind(
        halo.clusters.clusters + more.clusters.clusters,
        halo.clusters.pixels + more.clusters.pixels,
        halo.clusters.squares + more.clusters.squares,
    )
    seen = _count(world, now, streams.clusters, activity, frames, registered, showered)
    hit_activity = _activity(world, now, streams.hits, hit_frames)
    hits = _count(world, now, streams.hits, hit_activity, hit_frames, registered, showered.scaled(ratio))
    interactions = now.rate_hz * frames * world.collisions.frame_s
    tracks = expected_tracks(world.collisions, world.reached, world.detector.seen * registered)
    per_frame = interactions / max(frames, 1)
    flags = streams.readout.binomial(now.orbits, np.minimum(now.flagged, 1.0)).astype(np.float64)
    return {
        **publish.maps(seen, frames, hits, hit_frames),
        **publish.anomaly_plots(halo.plots + more.plots),
        "bc_clusters": crossings(streams.crossings, world.frame_sizes, world.filling, frames, per_frame, sizes),
        "lane_fault": publish.lane_faults(flags),
        **track_plots(streams.tracks, tracks, now.vertex, interactions, float(activity.sum())),
    }


def _frames(world: World, now: Moment, rng: Generator, share: float) -> int:
    """Readout frames that a task sees: whole time frames, each taken with this chance."""
    return int(rng.binomial(now.orbits // ORBITS_PER_TF, share)) * world.collisions.frames_per_tf


def _activity(world: World, now: Moment, rng: Generator, frames: int) -> Floats:
    interactions = now.rate_hz * frames * world.collisions.frame_s
    weights = z_weights(now.vertex, world.acceptance.z_cm)
    return draw_activity(rng, interactions, weights, world.collisions.dispersion)


def _showers(
    world: World, now: Moment, rng: Generator, sources: tuple[tuple[Source, float], ...], frames: int
) -> Showers:
    seconds = frames * world.collisions.frame_s
    weights = z_weights(now.vertex, world.acceptance.z_cm)
    pixels = world.acceptance.pixels[:INNER] @ weights * now.rate_hz * world.collisions.frame_s
    alive = world.detector.seen * now.registered
    timed = [(source, share * seconds) for source, share in sources]
    return showers(rng, timed, alive, pixels * alive[:INNER])


def _count(
    world: World,
    now: Moment,
    rng: Generator,
    activity: Floats,
    frames: int,
    registered: Floats,
    showered: Kind,
) -> Tally:
    """Count clusters of all origins: collisions, soft electrons, background, noise, faults."""
    alive = world.detector.seen * registered
    interactions = now.rate_hz * frames * world.collisions.frame_s
    electrons = one_size(world.electrons * interactions * alive, ELECTRON_SIZE, ELECTRON_SQUARE)
    noise = one_size(now.noise * frames * registered, _NOISE_SIZE, _NOISE_SQUARE)
    added = Kind(now.effects.clusters, now.effects.pixels, now.effects.squares).scaled(float(frames))
    collisions = collision_clusters(world.acceptance, activity).scaled(alive).larger(now.larger)
    return (
        count(rng, collisions, companions=True)
        + count(rng, electrons)
        + count(rng, showered.scaled(alive))
        + count(rng, noise)
        + count(rng, added)
    )
