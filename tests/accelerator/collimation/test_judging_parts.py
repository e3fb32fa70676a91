"""Parts that judge without a network: likelihood, margins, what is blind, classes of maps, model error."""

import numpy as np
import pytest

from accelerator.collimation import blind, hypotheses, likelihood, model_error
from accelerator.collimation.channels import names
from accelerator.collimation.diagnosis import Hypothesis, Quantity
from accelerator.collimation.ensemble import draw, observe
from accelerator.collimation.features import Readings
from accelerator.collimation.jaws import degenerate, jaw
from accelerator.collimation.lossmap import Domain, Pattern
from accelerator.collimation.mapclass import MapClass, classify
from accelerator.collimation.margins import margins
from accelerator.collimation.posterior import Posterior, from_likelihood
from accelerator.collimation.templates import Fault
from tests.accelerator.collimation.made_up import made_up_tables


@pytest.fixture(scope="module")
def table():
    return next(iter(made_up_tables(planes=("H",)).values()))


def seen(table, element=None, change=0.0, protons=5.0, scale=0.1):
    shares = table.nominal[None].copy()
    if element:
        shares = shares + table.delta(table.find(element, Quantity.GAP), np.array([change]))
    shares = np.exp(shares)
    there = np.ones(shares.shape, bool)
    rng = np.random.default_rng(0)
    return observe(table, shares / shares.sum(), there, np.array([scale]), rng, level=protons)


def test_the_likelihood_finds_the_setting_and_its_size(table):
    found = from_likelihood(seen(table, "tcp.c6l7.b1", 1.2), table, 0)
    first = table.faults[found.ranked()[0]]
    assert first.element == "tcp.c6l7.b1"
    number = table.find("tcp.c6l7.b1", Quantity.GAP)
    assert found.change[number] == pytest.approx(1.2, abs=0.15)
    assert found.nominal < 0.01
    assert found.score > 3


def test_nominal_is_nominal(table):
    found = from_likelihood(seen(table), table, 0)
    assert found.nominal > 0.8


def test_the_codes_of_the_field_are_inside_the_model_error():
    """FLUKA over Everest: TCP.C 0.73, TCSG7 2, TCSG.A6 7.5, TCLA7 3.5, cold 0.13 (Geant4): none is beyond 3 widths."""
    channels = ("tcp.c6l7.b1", "tcsg.b5l7.b1", "tcsg.a6l7.b1", "tcla.a6r7.b1", "cold arc 78 b1")
    families = ("TCP7", "TCSG7", "TCSG7", "TCLA7", "cold")
    family, own = model_error.widths(channels, families)
    ratios = np.log([0.73, 2.06, 7.5, 3.5, 0.13])
    assert (np.abs(ratios) < 3 * np.sqrt(family**2 + own**2)).all()


def test_scales_of_model_error_follow_what_made_the_map():
    assert model_error.scale_of("everest") < model_error.scale_of("fluka") == model_error.UNKNOWN


def test_few_protons_are_blinder_than_many(table):
    few, many = (blind.sight(table, seen(table, protons=level)) for level in (2.6, 6.0))
    number = table.find("tcp.c6l7.b1", Quantity.GAP)
    assert many.outward[number] < few.outward[number]
    lines = blind.words(table, few)
    assert any(line.startswith("TCLA7: all 5 open to 16 sigma would leave no trace") for line in lines)


def test_a_retracted_primary_takes_from_its_margin(table):
    sight = blind.sight(table, seen(table, protons=6.0))
    faults = np.zeros(len(table.faults))
    number = table.find("tcp.c6l7.b1", Quantity.GAP)
    faults[number] = 0.99
    sure = Posterior(0.01, faults, np.full(len(faults), 0.6), np.full(len(faults), 0.1))
    first = next(one for one in margins(table, sure, sight) if (one.inner, one.outer) == ("TCP7", "TCSG7"))
    assert first.nominal_sigma == pytest.approx(1.5)
    assert first.value_sigma == pytest.approx(0.9, abs=0.02)
    assert first.element == "tcp.c6l7.b1"
    assert 0.05 < first.sigma < 0.3


def test_causes_are_the_words_of_the_field():
    tcp, tcsg = (Fault(name, Quantity.GAP, gap) for name, gap in (("tcp.c6l7.b1", 5.0), ("tcspm.b4l7.b1", 6.5)))
    tct = Fault("tctph.4l1.b1", Quantity.GAP, 8.5)
    assert hypotheses.cause(tcp, 5.6) == "TCP retracted"
    assert hypotheses.cause(tcp, 4.5) == "TCP tightened"
    assert hypotheses.cause(tcsg, 4.5) == "TCSG inside TCP"
    assert hypotheses.cause(tcsg, 6.0) == "TCSG tightened"
    assert hypotheses.cause(tct, 5.5) == "TCT exposed"
    assert hypotheses.cause(Fault("tcp.c6l7.b1", Quantity.OFFSET, 0.0), 0.2) == "collimator off centre"


def test_row_of_readings(table):
    drawn = draw(table, 5, np.random.default_rng(1))
    assert isinstance(drawn.readings.row(3), Readings)
    assert np.array_equal(drawn.readings.row(3).values[0], drawn.readings.values[3])
    assert len(likelihood.nominal_misfit(drawn.readings, table)) == 5


def losses(domain=Domain.PROTONS, sigma=1.0, **shares):
    channels = names(1)
    values = np.zeros(len(channels))
    for name, value in shares.items():
        values[channels.index(name.replace("_", ".") + ".b1")] = value
    spread = np.full(len(values), sigma)
    return Pattern(
        domain, channels, values, spread, np.zeros(len(values), bool), 1, None, None, float(values.sum()), {}
    )


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        (losses(tcp_c6l7=900, tcsg_b5l7=100), MapClass.BETATRON),
        (losses(tcp_6l3=600, tcp_c6l7=200), MapClass.OFF_MOMENTUM),
        (losses(tcspm_b4l7=900, tcpch_a4l7=20), MapClass.CRYSTAL),
        (losses(tcdqa_a4r6=500, tcp_c6l7=400), MapClass.DUMP),
        (losses(tdisa_a4l2=500, tcp_c6l7=400), MapClass.INJECTION),
        (losses(), MapClass.EMPTY),
        (losses(domain=Domain.BLM, tcp_c6l7=2.0), MapClass.NO_BEAM),
    ],
)
def test_classes_of_maps(pattern, expected):
    found = classify(pattern)
    assert found.of is expected
    assert found.why


def test_ions_are_told_by_the_particle():
    one = losses(tcp_c6l7=900)
    ions = Pattern(
        one.domain, one.channels, one.values, one.sigma, one.missing, 1, None, None, one.total, {"particle": "Pb"}
    )
    assert classify(ions).of is MapClass.ION


def test_a_jaw_stands_at_its_gap_or_nearer_by_its_offset():
    gap = Fault("tcp.d6l7.b1", Quantity.GAP, 5.0)
    offset = Fault("tcp.d6l7.b1", Quantity.OFFSET, 0.0)
    assert jaw(gap, "collisions", 3.7, 0.1) == (3.7, 0.1)
    at, error = jaw(offset, "collisions", 0.25, 0.05)
    assert at == pytest.approx(5.0 - 0.25 / 0.1867, abs=0.01)
    assert error == pytest.approx(0.05 / 0.1867, abs=0.01)
    assert jaw(Fault("tcp.d6l7.b1", Quantity.TILT, 0.0), "collisions", 100.0, 10.0) is None


def test_a_gap_and_an_offset_of_one_collimator_are_said_to_look_alike():
    closed = Hypothesis("tcp.d6l7.b1", Quantity.GAP, 3.7, 5.0, 0.1, 0.6, "TCP tightened", 3.7, 0.1)
    moved = Hypothesis("tcp.d6l7.b1", Quantity.OFFSET, 0.25, 0.0, 0.05, 0.4, "collimator off centre", 3.66, 0.3)
    other = Hypothesis("tcp.c6l7.b1", Quantity.OFFSET, 0.25, 0.0, 0.05, 0.4, "collimator off centre", 4.0, 0.3)
    assert "a jaw at 3.7 sigma" in degenerate((closed, moved))
    assert degenerate((closed, other)) is None


def test_what_hides_a_primary_is_losses_or_what_is_known(table):
    poor, unknown = seen(table, protons=2.5, scale=0.1), seen(table, protons=6.0, scale=1.0)
    few = blind.limits(table, poor, blind.sight(table, poor))
    assert all("few losses" in line or "not known" in line for line in few)
    told = blind.limits(table, unknown, blind.sight(table, unknown))
    assert all("not known of this machine" in line for line in told)
