"""The fast way agrees with particles followed one by one: means, sizes, and how cells go together."""

import numpy as np
import pytest

from dqm.its.simulate.acceptance import Vertex, accept, z_weights
from dqm.its.simulate.beams import COLLISIONS, BeamType
from dqm.its.simulate.cells import block
from dqm.its.simulate.counts import collision_clusters, count, draw_activity
from dqm.its.simulate.particles import collide

PP = COLLISIONS[BeamType.PP]
VERTEX = Vertex(0.1, -0.05, 0.5, 5.2)
INTERACTIONS = 800


@pytest.fixture(scope="module")
def slow():
    return collide(np.random.default_rng(1), PP, VERTEX, INTERACTIONS)


@pytest.fixture(scope="module")
def acceptance():
    return accept(PP, VERTEX)


@pytest.mark.parametrize("layer", range(7))
def test_clusters_and_sizes_of_layers_are_those_of_particles(slow, acceptance, layer):
    weights = z_weights(VERTEX, acceptance.z_cm)
    part = block(layer)
    expected = (acceptance.clusters @ weights)[part].sum() * slow.activity.sum()
    here = (slow.cell >= part.start) & (slow.cell < part.stop)
    # Companions, and vertices that vary from interaction to interaction, widen the Poisson spread of the sum.
    assert here.sum() == pytest.approx(expected, abs=6 * np.sqrt(expected))
    size = (acceptance.pixels @ weights)[part].sum() / (acceptance.clusters @ weights)[part].sum()
    assert slow.pixels[here].mean() == pytest.approx(size, rel=0.03)
    above = (acceptance.above_two @ weights)[part].sum() / (acceptance.clusters @ weights)[part].sum()
    assert (slow.pixels[here] > 2).mean() == pytest.approx(above, abs=0.02)


@pytest.mark.parametrize("layer", [0, 1, 2, 4])
def test_staves_share_clusters_as_particles_do(slow, acceptance, layer):
    """Vertex off the axis: staves near it get more. The pulls over staves are normal."""
    weights, part = z_weights(VERTEX, acceptance.z_cm), block(layer)
    cells = 9 if layer < 3 else 16
    expected = (acceptance.clusters @ weights)[part].reshape(-1, cells).sum(axis=1)
    found = slow.per_cell()[part].reshape(-1, cells).sum(axis=1)
    scaled = expected * found.sum() / expected.sum()
    chi2 = ((found - scaled) ** 2 / scaled).mean()
    assert 0.3 < chi2 < 2.5
    if layer == 0:
        assert np.corrcoef(expected, found)[0, 1] > 0.5


def halves(clusters):
    """Clusters of layer 0 by interaction on side A and C, from slow interactions."""
    inside = clusters.cell < 108
    chip, at = clusters.cell[inside] % 9, clusters.interaction[inside]
    return np.stack([np.bincount(at[side], minlength=INTERACTIONS) for side in (chip < 4, chip > 4)])


def test_cells_go_together_as_those_of_interactions(slow, acceptance):
    """Frames of 2.5 interactions: variances of both halves of layer 0 and their covariance, far above Poisson's."""
    rng = np.random.default_rng(7)
    per_interaction = halves(slow)
    number = rng.poisson(2.5, 4000)
    members = np.split(rng.integers(0, INTERACTIONS, number.sum()), np.cumsum(number)[:-1])
    frames = np.array([per_interaction[:, chosen].sum(axis=1) for chosen in members])
    weights = z_weights(VERTEX, acceptance.z_cm)
    fast = []
    for _ in range(2000):
        activity = draw_activity(rng, 2.5, weights, PP.dispersion)
        cells = count(rng, collision_clusters(acceptance, activity), companions=True).clusters[:108].reshape(12, 9)
        fast.append((cells[:, :4].sum(), cells[:, 5:].sum()))
    expected, found = np.cov(frames.T), np.cov(np.array(fast).T)
    assert frames.mean(axis=0) == pytest.approx(np.mean(fast, axis=0), rel=0.12)
    assert expected[0, 0] / frames[:, 0].mean() > 5
    assert found == pytest.approx(expected, rel=0.25)


def test_companions_widen_the_counts_by_what_pairs_do(acceptance):
    rng = np.random.default_rng(3)
    kind = collision_clusters(acceptance, z_weights(VERTEX, acceptance.z_cm) * 300)
    drawn = np.array([count(rng, kind, companions=True).clusters for _ in range(200)])
    part = block(6)
    ratio = drawn[:, part].var(axis=0, ddof=1).mean() / drawn[:, part].mean()
    assert ratio == pytest.approx((1 + 3 * 0.28) / 1.28, rel=0.03)
    assert drawn.mean() == pytest.approx(kind.clusters.mean(), rel=0.01)
