"""What the model that ships makes of maps it never saw: tracked (xcoll), published, read off real 2018 figures."""

import json
from pathlib import Path

import pytest

from accelerator.collimation.detector import CollimationDetector
from accelerator.collimation.diagnosis import Diagnosis
from accelerator.collimation.reading import read_file
from core.settings import Settings
from core.verdict import Quality

DATA = Path(__file__).resolve().parents[4] / "shared" / "data" / "collimation"
pytestmark = [
    pytest.mark.shared,
    pytest.mark.skipif(not DATA.is_dir(), reason=f"{DATA} is absent: maps of others are not part of the repository"),
]
VISIBLE_SIGMA = 0.3
LARGEST_ERROR = 0.4
"""Of a jaw position, in sigma, where a map does not tell whether a gap or an offset put it there."""


@pytest.fixture(scope="module")
def detector():
    return CollimationDetector.load(Settings())


def judged(detector, name):
    verdict = detector.judge(read_file(DATA / name, Settings()))
    found = Diagnosis.from_json(json.loads(verdict.evidence["diagnosis"].content)) if verdict.evidence else None
    return verdict, found


@pytest.mark.parametrize(
    "name",
    [
        "eos_B1H_nominal_s101",
        "eos_B1H_nominal_s102",
        "eos_B1V_nominal_s201",
        "eos_B1V_nominal_s202",
        "eos_B1H_jitter_s404",
        "eos_B1V_jitter_s604",
    ],
)
def test_no_nominal_or_tolerance_map_is_flagged(detector, name):
    verdict, _ = judged(detector, f"xcoll_dev/{name}.json")
    assert verdict.quality is Quality.GOOD, verdict.reason
    assert verdict.regions == ()


BROKEN = [
    ("eos_B1H_tcp_c6l7_6-0s_s306", "tcp.c6l7.b1", 6.0),
    ("eos_B1H_tcp_c6l7_5-6s_s313", "tcp.c6l7.b1", 5.6),
    ("eos_B1H_tcspm_b4l7_4-5s_s301", "tcspm.b4l7.b1", 4.5),
    ("eos_B1H_tctph_4l1_4l5_5-5s_s305", "tctph.4l1.b1 tctph.4l5.b1", 5.5),
    ("eos_B1V_tcp_d6l7_off0-25mm_s504", "tcp.d6l7.b1", None),
    ("eos_B1V_tcp_d6l7_8-0s_s502", "tcp.d6l7.b1", 8.0),
]


@pytest.mark.parametrize(("name", "elements", "value"), BROKEN)
def test_every_broken_map_is_flagged_and_the_collimator_named_first(detector, name, elements, value):
    verdict, _ = judged(detector, f"xcoll_dev/{name}.json")
    assert verdict.quality is Quality.BAD, verdict.reason
    assert verdict.regions[0].where["element"] in elements.split()


SATURATED = {
    "eos_B1H_tcspm_b4l7_4-5s_s301": "an offset of 0.58 mm (53 %) is named before the gap of 4.28 sigma (47 %): "
    "one jaw inside the primary leaves the same pattern",
    "eos_B1V_tcp_d6l7_8-0s_s502": "10.2 +- 1.5 sigma: beyond the secondaries (6.5) nothing says how far",
}
VISIBLE = [
    pytest.param(*one, marks=pytest.mark.xfail(reason=SATURATED[one[0]], strict=True) if one[0] in SATURATED else ())
    for one in BROKEN
    if one[2] is not None
]


@pytest.mark.parametrize(("name", "elements", "value"), VISIBLE)
def test_the_error_is_within_0_3_sigma(detector, name, elements, value):
    verdict, _ = judged(detector, f"xcoll_dev/{name}.json")
    where = verdict.regions[0].where
    assert where["quantity"] == "gap_sigma"
    assert where["value"] == pytest.approx(value, abs=VISIBLE_SIGMA)


@pytest.mark.xfail(
    reason="gap 3.65 (56 %) before offset 0.31 +- 0.07 mm (44 %): the same jaw at 3.5 sigma", strict=True
)
def test_the_offset_is_within_0_3_sigma(detector):
    verdict, _ = judged(detector, "xcoll_dev/eos_B1V_tcp_d6l7_off0-25mm_s504.json")
    where = verdict.regions[0].where
    assert where["quantity"] == "offset_mm"
    assert where["value"] == pytest.approx(0.25, abs=VISIBLE_SIGMA * 0.1867)


JAWS = [
    ("eos_B1H_tcp_c6l7_6-0s_s306", 6.0),
    ("eos_B1H_tcp_c6l7_5-6s_s313", 5.6),
    ("eos_B1H_tcspm_b4l7_4-5s_s301", 4.5),
    ("eos_B1H_tctph_4l1_4l5_5-5s_s305", 5.5),
    ("eos_B1V_tcp_d6l7_off0-25mm_s504", 5.0 - 0.25 / 0.1867),
]
"""Where the jaw nearest to the beam stands. A primary behind the secondaries is left out: losses say "beyond 6.5"."""


@pytest.mark.parametrize(("name", "jaw"), JAWS)
def test_the_jaw_is_within_0_3_sigma_whichever_setting_moved_it(detector, name, jaw):
    verdict, found = judged(detector, f"xcoll_dev/{name}.json")
    where = verdict.regions[0].where
    assert where["jaw_sigma"] == pytest.approx(jaw, abs=VISIBLE_SIGMA)
    assert 0.02 < where["jaw_sigma_error"] < LARGEST_ERROR
    assert found.hypotheses[0].jaw_sigma == pytest.approx(where["jaw_sigma"], abs=1e-3)


def test_a_primary_behind_the_secondaries_is_said_to_be_there(detector):
    verdict, _ = judged(detector, "xcoll_dev/eos_B1V_tcp_d6l7_8-0s_s502.json")
    assert verdict.regions[0].where["jaw_sigma"] > 6.5


def test_a_gap_and_an_offset_that_look_alike_are_said_to(detector):
    _, found = judged(detector, "xcoll_dev/eos_B1V_tcp_d6l7_off0-25mm_s504.json")
    assert "off-centre jaw" in found.blind[0]


@pytest.mark.parametrize("name", ["lossmap_B1H_50M_p", "lossmap_fluka_B1H_2M_p"])
def test_published_nominal_maps_of_two_codes_are_not_flagged(detector, name):
    verdict, _ = judged(detector, f"xcoll_published/{name}.json")
    assert verdict.quality is Quality.GOOD, verdict.reason


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("lossmap_B1DPpos_250k_p", "off-momentum"),
        ("lossmap_crystals_B1H_50M_p", "crystal"),
        ("lossmap_fluka_crystals_B1H_1k_Pb208", "ion"),
    ],
)
def test_other_classes_are_good_with_their_name(detector, name, expected):
    verdict, found = judged(detector, f"xcoll_published/{name}.json")
    assert verdict.quality is Quality.GOOD
    assert verdict.cause.name == expected
    assert found.map_class == expected


@pytest.mark.parametrize(
    ("name", "beam", "plane", "state"),
    [
        ("digitised_nb2_18", 1, "H", "flat_top"),
        ("digitised_nb3_01", 2, "V", "injection"),
        ("digitised_nb3_02", 2, "V", "injection"),
    ],
)
def test_real_maps_are_placed_and_not_flagged(detector, name, beam, plane, state):
    verdict, found = judged(detector, f"{name}.csv")
    assert verdict.quality in {Quality.GOOD, Quality.MEDIUM}, verdict.reason
    assert not verdict.regions
    assert (found.beam, found.plane, found.state) == (beam, plane, state)


def test_what_cannot_be_seen_is_said(detector):
    """Facts A2: with 10 000 protons TCLA at 16 sigma, the IR3 primary at 6 and TCSPM.B4 at 6.0 leave no trace."""
    _, found = judged(detector, "xcoll_dev/eos_B1H_nominal_s101.json")
    text = "\n".join(found.blind)
    for family in ("TCLA7", "TCP3", "TCSG7"):
        assert family in text
