"""What one run shows before anything is judged: its clusters, bursts, and which hits are the echo of the frame before.

A signal above threshold for longer than a frame is read out twice: the same pixels again in the next event. Of two
consecutive events such a hit counts once. In six real chips without hot pixels, 3141 of 3255 repeated hits are such.
"""

from dataclasses import dataclass, replace

import numpy as np

from dqm.its.pixels.chip import COLUMNS, PIXELS, Bools, Ints
from dqm.its.pixels.clusters import Clusters, find_clusters, group_fragments
from dqm.its.pixels.hits import Hits
from dqm.its.pixels.reference import Reference


@dataclass(frozen=True, slots=True, eq=False)
class Survey:
    """The hits of one run with, per hit: its place, whether it is no echo, alone in its cluster, and still of use.

    ``particle`` says for each cluster which particle left it.
    ``kept`` is false where a defect already explains the hit: a burst, a hot pixel.
    """

    hits: Hits
    clusters: Clusters
    particle: Ints
    place: Ints
    fresh: Bools
    alone: Bools
    kept: Bools

    def without(self, explained: Bools) -> "Survey":
        """Return the survey with these hits set aside."""
        return replace(self, kept=self.kept & ~explained)

    @property
    def crossings(self) -> Bools:
        """Which clusters count as one particle each: its largest one, whole, no echo, nothing in it set aside."""
        clusters = self.clusters
        unusable = np.bincount(clusters.of_hit, weights=~(self.kept & self.fresh), minlength=clusters.plane.size) > 0
        order = np.lexsort((-clusters.pixels, unusable, self.particle))
        first = np.diff(self.particle[order], prepend=-1) > 0
        largest = np.zeros(clusters.plane.size, dtype=bool)
        largest[order[first]] = True
        return np.asarray(largest & ~unusable)

    @property
    def pixel(self) -> Ints:
        """Number of the pixel of each hit in its chip, row * 1024 + column."""
        return np.asarray(self.place % PIXELS)


def survey(hits: Hits) -> Survey:
    """Return the survey of a run, with every hit of use."""
    clusters = find_clusters(hits)
    place = hits.plane * PIXELS + hits.row * COLUMNS + hits.column
    alone = clusters.pixels[clusters.of_hit] == 1
    kept = np.ones(place.size, dtype=bool)
    return Survey(hits, clusters, group_fragments(clusters), place, _fresh(place, hits.event), alone, kept)


def set_known_aside(found: Survey, reference: Reference) -> Survey:
    """Return the survey without the hits that the hot pixels of the reference show alone."""
    known = np.array(sorted(chip.plane * PIXELS + hot.pixel for chip in reference.chips.values() for hot in chip.hot))
    return found.without(found.alone & np.isin(found.place, known))


def _fresh(place: Ints, event: Ints) -> Bools:
    """Return which hits are not the second of two in consecutive events."""
    order = np.lexsort((event, place))
    pixel, when = place[order], event[order]
    starts = np.ones(pixel.size, dtype=bool)
    starts[1:] = (pixel[1:] != pixel[:-1]) | (when[1:] != when[:-1] + 1)
    index = np.arange(pixel.size)
    since_start = index - np.maximum.accumulate(np.where(starts, index, 0))
    fresh = np.empty(pixel.size, dtype=bool)
    fresh[order] = since_start % 2 == 0
    return fresh
