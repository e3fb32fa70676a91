"""The files of ../shared: maps tracked with xcoll, published ones, and measured ones read off figures."""

import time
from pathlib import Path

import pytest

from accelerator.collimation import quantities
from accelerator.collimation.channels import of_kind
from accelerator.collimation.lossmap import pattern
from accelerator.collimation.lossmap_json import decode
from accelerator.collimation.reading import read_file
from core.settings import Settings

FOLDER = Path(__file__).resolve().parents[4] / "shared" / "data" / "collimation"
pytestmark = [
    pytest.mark.shared,
    pytest.mark.skipif(not FOLDER.is_dir(), reason=f"{FOLDER} is absent: its maps are no part of the repository"),
]
SETTINGS = Settings()
DEVELOPMENT = sorted(path for path in (FOLDER / "xcoll_dev").glob("*.json") if not path.name.endswith(".meta.json"))
PUBLISHED = FOLDER / "xcoll_published"


@pytest.mark.parametrize("path", DEVELOPMENT, ids=lambda path: path.stem)
def test_tracked_maps_are_placed_with_and_without_sidecar(path):
    seen = read_file(path, SETTINGS)
    beam_and_plane = path.name.split("_")[1]
    assert seen.element == beam_and_plane
    assert (seen.conditions["state"], seen.conditions["n_initial"]) == ("collisions", 10000)
    assert "notes" not in seen.conditions, "what the losses show is what the sidecar says"
    content = path.read_bytes()
    alone = decode(content, path.name, "0" * 64, seen.observed_at, {})
    assert alone.element == beam_and_plane
    said = {str(value) for value in seen.conditions.values()}
    assert not any("retracted" in one or "offset" in one or "inside" in one for one in said)


def test_published_map_has_the_figures_of_the_facts():
    seen = read_file(PUBLISHED / "lossmap_B1H_50M_p.json", SETTINGS)
    found = pattern(seen)
    assert (seen.element, seen.conditions["state_from"]) == ("B1H", "energy")
    assert quantities.ds_inefficiency_max(seen).value == pytest.approx(8.7e-6, abs=0.1e-6)
    assert quantities.ds_ratio(seen).value == pytest.approx(4.1e-4, abs=0.05e-4)
    shares = {name: one.value for name, one in quantities.family_shares(found).items()}
    assert found.shares[found.channels.index("tcp.c6l7.b1")] == pytest.approx(0.835, abs=5e-4)
    assert found.shares[found.channels.index("tcp.b6l7.b1")] == pytest.approx(0.036, abs=1e-3)
    assert shares["TCSG7"] == pytest.approx(0.127, abs=5e-4)
    assert shares["TCLA7"] == pytest.approx(6.8e-4, abs=0.05e-4)
    assert shares["TCP3"] + shares["TCSG3"] + shares["TCLA3"] == pytest.approx(8.7e-5, abs=0.05e-5)
    assert shares["TCSP"] + shares["TCDQ"] == pytest.approx(4e-5, abs=0.05e-5)
    assert shares["TCT15"] + shares["TCT2"] + shares["TCT8"] == pytest.approx(3.5e-4, abs=0.05e-4)
    assert shares["cold"] == pytest.approx(4.2e-4, abs=0.05e-4)
    assert found.values.sum() == pytest.approx(found.total)


@pytest.mark.parametrize(
    ("name", "element", "particle"),
    [
        ("lossmap_B1DPpos_250k_p.json", "B1DP", "proton"),
        ("lossmap_crystals_B1H_50M_p.json", "B1H", "proton"),
        ("lossmap_fluka_B1H_2M_p.json", "B1H", "proton"),
        ("lossmap_fluka_crystals_B1H_1k_Pb208.json", "B1H", "Pb"),
    ],
)
def test_other_published_maps(name, element, particle):
    seen = read_file(PUBLISHED / name, SETTINGS)
    assert (seen.element, seen.conditions["particle"]) == (element, particle)
    assert seen.conditions["energy_gev"] == pytest.approx(6800)
    assert "unknown_collimators" not in seen.conditions
    assert pattern(seen).values.sum() == pytest.approx(pattern(seen).total)


@pytest.mark.parametrize(
    ("name", "element", "state", "energy", "injection"),
    [
        ("digitised_nb2_18.csv", "B1H", "flat_top", 6500, False),
        ("digitised_nb3_01.csv", "B2V", "injection", 450, None),
        ("digitised_nb3_02.csv", "B2V", "injection", 450, True),
    ],
)
def test_measured_maps_are_placed(name, element, state, energy, injection):
    seen = read_file(FOLDER / name, SETTINGS)
    told = seen.conditions
    assert (seen.element, told["state"], told["energy_gev"]) == (element, state, energy)
    assert told["looks_like_injection"] is injection
    assert "notes" not in told
    assert told["points_unassigned"] <= 0.05 * told["points"]


@pytest.mark.parametrize("name", ["digitised_nb2_18.csv", "digitised_nb3_01.csv", "digitised_nb3_02.csv"])
def test_without_a_title_the_losses_still_tell_the_beam(tmp_path, name):
    lines = (FOLDER / name).read_text().splitlines()
    path = tmp_path / name
    path.write_text("\n".join(["# no title", *lines[1:], ""]))
    seen = read_file(path, SETTINGS)
    assert seen.element == ("B1" if name == "digitised_nb2_18.csv" else "B2")
    assert seen.conditions["state"] == ("injection" if name == "digitised_nb3_02.csv" else None)


def test_the_cascade_of_the_measured_vertical_map():
    found = pattern(read_file(FOLDER / "digitised_nb3_02.csv", SETTINGS))
    expected = {"tcp.c6r7.b2": 1.0, "tcsg.a5r7.b2": 0.136, "tcla.a6l7.b2": 4.2e-3, "tcla.b6l7.b2": 4e-4}
    assert {name: found.of(name) for name in expected} == pytest.approx(expected, rel=0.05)


def test_the_ratio_of_the_measured_horizontal_map():
    seen = read_file(FOLDER / "digitised_nb2_18.csv", SETTINGS)
    assert 1.0e-4 <= quantities.ds_ratio(seen).value <= 1.4e-4


def test_a_figure_of_the_ring_tells_no_collimators_apart():
    found = pattern(read_file(FOLDER / "digitised_nb2_18.csv", SETTINGS))
    of_collimators = of_kind(found.beam, "collimator")
    assert found.missing[of_collimators].all()
    assert not found.values[of_collimators].any()
    assert found.of("ir7 ds q8-9 b1") == pytest.approx(1.4e-4, rel=0.05)
    assert not pattern(read_file(FOLDER / "digitised_nb3_02.csv", SETTINGS)).missing[of_kind(2, "collimator")].all()


def test_a_map_is_read_in_milliseconds():
    path = PUBLISHED / "lossmap_B1H_50M_p.json"
    read_file(path, SETTINGS)
    began = time.process_time()
    for _ in range(10):
        pattern(read_file(path, SETTINGS))
    assert (time.process_time() - began) / 10 < 0.02
