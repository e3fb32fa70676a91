import json
from datetime import UTC, datetime

import numpy as np
import pytest

from accelerator.collimation import quantities
from accelerator.collimation.blowup import excitations, lossmap
from accelerator.collimation.lossmap import pattern
from accelerator.collimation.lossmap_json import decode
from accelerator.collimation.observing import stream_observation
from accelerator.collimation.stream import tidied
from core.errors import InputError
from tests.accelerator.collimation.made_files import blown_up, lossmap_json


def protons(*args, **changes):
    content = json.dumps(lossmap_json(*args, **changes)).encode()
    return decode(content, "x", "0" * 64, datetime(2026, 11, 27, tzinfo=UTC), {})


def test_cleaning_inefficiency_is_losses_per_metre():
    seen = protons({"tcp.c6l7.b1": 9990.0}, bins=[(20300.05, 2.0), (20300.95, 3.0), (20301.05, 4.0), (19800.0, 1.0)])
    found = quantities.cleaning_inefficiency(seen)
    assert found.s_m.tolist() == [20300.0, 20301.0], "warm losses are not counted"
    assert found.eta_per_m == pytest.approx([5e-4, 4e-4])
    assert found.sigma_per_m == pytest.approx([5**0.5 * 1e-4, 2e-4])
    assert quantities.ds_inefficiency_max(seen).value == pytest.approx(5e-4)
    everything = quantities.cleaning_inefficiency(seen, cold_only=False, bin_m=10.0)
    assert everything.eta_per_m == pytest.approx([1e-5, 9e-5])
    ds = quantities.ds_ratio(seen)
    assert (ds.value, ds.sigma) == (pytest.approx(9e-4), pytest.approx(3e-4, rel=1e-3))


def test_nothing_counted_is_a_limit():
    seen = protons({"tcp.c6l7.b1": 10000.0}, bins=[])
    assert quantities.ds_ratio(seen) == quantities.Measured(0.0, pytest.approx(1.841e-4))
    assert quantities.ds_inefficiency_max(seen) == quantities.Measured(0.0, pytest.approx(1.841e-4))
    shares = quantities.family_shares(pattern(seen))
    assert shares["TCLA7"] == quantities.Measured(0.0, pytest.approx(1.841e-4))


def test_shares_and_ratios_of_families():
    seen = pattern(protons({"tcp.c6l7.b1": 800.0, "tcsg.a6l7.b1": 150.0, "tcspm.b4l7.b1": 50.0}, bins=[]))
    shares = quantities.family_shares(seen)
    assert shares["TCP7"].value == pytest.approx(0.8)
    assert shares["TCP7"].sigma == pytest.approx((0.8 * 0.2 / 1000) ** 0.5)
    assert shares["TCSG7"].value == pytest.approx(0.2)
    ratio = quantities.hierarchy_ratios(seen)["TCSG7/TCP7"]
    assert ratio.value == pytest.approx(0.25)
    assert ratio.sigma == pytest.approx(0.25 * (1 / 200 + 1 / 800) ** 0.5)
    assert sum(one.value for one in shares.values()) == pytest.approx(1)


def test_counting_errors_are_those_of_many_maps():
    rng = np.random.default_rng(3)
    values, sigmas = [], []
    for _ in range(200):
        primary, secondary = rng.multinomial(1000, [0.8, 0.2])
        seen = pattern(protons({"tcp.c6l7.b1": float(primary), "tcsg.a6l7.b1": float(secondary)}, bins=[]))
        one = quantities.family_shares(seen)["TCSG7"]
        values.append(one.value)
        sigmas.append(one.sigma)
    assert np.std(values) == pytest.approx(np.mean(sigmas), rel=0.15)


def test_monitors_have_a_ratio_of_signals():
    tidy, told = tidied(blown_up(1, "H", count=None), "x")
    stream = stream_observation(tidy, told, "x", "a" * 64)
    seen = lossmap(stream, excitations(stream)[0])
    found = quantities.measurements(seen, pattern(seen))
    assert "cleaning inefficiency max" not in found
    assert found["ir7 ds ratio"].value < 1e-4
    assert 0 < found["ir7 ds ratio"].sigma < 1e-4
    assert found["share TCP7"].value > 0.9
    with pytest.raises(InputError, match="counts no protons"):
        quantities.cleaning_inefficiency(seen)
    with pytest.raises(InputError, match="tells of no beam"):
        quantities.ds_ratio(stream)
    assert "ir7 ds ratio" not in quantities.measurements(stream, pattern(stream, 1))


def test_a_pattern_of_no_beam_is_refused():
    tidy, told = tidied(blown_up(1, "H"), "x")
    with pytest.raises(InputError, match="no beam"):
        pattern(stream_observation(tidy, told, "x", "a" * 64))
