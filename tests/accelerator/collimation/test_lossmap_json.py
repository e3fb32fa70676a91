import json
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as checks
from hypothesis import strategies as st

from accelerator.collimation.geometry import collimators
from accelerator.collimation.lossmap import pattern
from accelerator.collimation.lossmap_json import decode, read_sidecar
from core.errors import InputError
from tests.accelerator.collimation.made_files import LOST, lossmap_json, turned_round, write_json

NOW = datetime(2026, 11, 27, tzinfo=UTC)


def read(content, told=None):
    raw = content if isinstance(content, bytes) else json.dumps(content).encode()
    return decode(raw, "map.json", "0" * 64, NOW, told or {})


def test_a_map_as_xcoll_writes_it():
    seen = read(lossmap_json())
    assert seen.element == "B1H"
    assert seen.observed_at == datetime(2026, 11, 22, 3, 54, 32, tzinfo=UTC)
    told = seen.conditions
    assert (told["domain"], told["particle"], told["state"], told["state_from"]) == (
        "protons",
        "proton",
        "collisions",
        "energy",
    )
    assert told["energy_gev"] == pytest.approx(6800)
    assert "notes" not in told
    found = pattern(seen)
    assert found.of("tcp.c6l7.b1") == 8310
    assert found.of("ir7 ds q8-9 b1") == 2
    assert found.of("ir7 ds q10-11 b1") == 1
    assert found.total == sum(LOST.values()) + 3
    assert found.sigma[found.values == 0].tolist() == [1.0] * int((found.values == 0).sum())
    assert all(array.dtype.kind in "fU" for array in seen.payload.values())


def test_only_names_and_counts_are_needed():
    seen = read({"collimator": {"name": ["TCP.C6L7.B1"], "n": [5]}})
    assert seen.element == "B1H"
    assert seen.conditions["state"] is None
    assert seen.observed_at == NOW
    assert "no losses on the aperture" in str(seen.conditions["notes"])


def test_losses_without_interpolation_are_read():
    aperture = {"name": ["mb"], "s": [20300.0], "n": [4], "e": [1.0], "length": [0], "type": ["LimitEllipse"]}
    assert pattern(read(lossmap_json(aperture=aperture))).of("ir7 ds q8-9 b1") == 4


def test_a_reversed_map_is_turned_round():
    b2 = {"tcp.c6r7.b2": 8000, "tcp.b6r7.b2": 300, "tcsg.a6r7.b2": 1000}
    straight = lossmap_json(b2, bins=[(19690.0, 3.0)])
    for content in (straight, turned_round(straight)):
        seen = read(content)
        assert seen.element == "B2H"
        assert "notes" not in seen.conditions
        assert seen.payload["bin_s_m"] == pytest.approx([19690.0])
        assert pattern(seen).of("ir7 ds q8-9 b2") == 3
    wrong = read(turned_round(straight) | {"reversed": False})
    assert "stand the other way round" in str(wrong.conditions["notes"])
    assert wrong.conditions["reversed"] is True
    assert wrong.payload["bin_s_m"] == pytest.approx([19690.0])


@pytest.mark.parametrize(
    ("lost", "plane"),
    [
        ({"tcp.d6l7.b1": 8, "tcp.c6l7.b1": 1}, "V"),
        ({"tcp.b6l7.b1": 8, "tcp.c6l7.b1": 1}, "S"),
        ({"tcspm.b4l7.b1": 9, "tcp.b6l7.b1": 1}, "H"),
        ({"tcsg.d4l7.b1": 45, "tcp.b6l7.b1": 34, "tcsg.a6l7.b1": 20}, "V"),
        ({"tcp.6l3.b1": 57, "tcp.c6l7.b1": 20}, "DP"),
        ({"tcpch.a4l7.b1": 1, "tcsg.a4l7.b1": 9}, "H"),
        ({"tctph.4l1.b1": 9}, None),
    ],
)
def test_plane_is_that_of_the_jaw_that_stops_most(lost, plane):
    seen = read(lossmap_json(lost))
    assert seen.conditions["plane"] == plane
    assert seen.element == f"B1{plane or ''}"


def test_ions_are_told():
    seen = read(lossmap_json(beam_type=1000822080, momentum=557.6e12))
    assert seen.conditions["particle"] == "Pb"
    assert seen.conditions["energy_gev"] == pytest.approx(6800)


def test_what_is_odd_is_stated():
    lost = LOST | {"tcp.c6r7.b2": 20.0, "tcp.new.b1": 5.0}
    content = lossmap_json(lost)
    content["collimator"]["n"] = [str(n) for n in content["collimator"]["n"]]
    told = read(content, {"beam": 2, "plane": "V"}).conditions
    notes = str(told["notes"])
    assert told["beam"] == 1
    assert "told to be of beam 2" in notes
    assert "plane V, but its losses look like H" in notes
    assert "% of the losses are on collimators of beam 2" in notes
    assert "numbers written as text" in notes
    assert (told["unknown_collimators"], told["unknown_collimators_some"]) == (1, "tcp.new.b1")


def _changed(part, name, value):
    content = lossmap_json()
    content[part] = {**content[part], name: value}
    return content


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (json.dumps(lossmap_json()).encode()[:-200], "is cut off"),
        (b'{"collimator": {"name": ["tcp', "is cut off"),
        (b"{,}", "is no JSON"),
        (b"[]", "is no JSON object"),
        (b"{" + b'"a":[' * 100_000, "no JSON|cut off"),
        (b'{"a": "\xff"}', "is no text"),
        ({}, "no losses by collimator"),
        ({"collimator": []}, "no losses by collimator"),
        ({"collimator": {"name": [1], "n": [1]}}, "without a name"),
        ({"collimator": {"name": ["tcp.c6l7.b1"]}}, "does not count"),
        ({"collimator": {"name": ["nothing"], "n": [1]}}, "names no collimator of the LHC"),
        ({"collimator": {"name": ["tcp.c6l7.b1"] * 2, "n": [1, 2]}}, "twice"),
        (lossmap_json(dict.fromkeys(LOST, 0.0), bins=()), "empty map"),
        (_changed("collimator", "n", [1.0]), "1 entries for 4"),
        (_changed("collimator", "n", "many"), "is no list"),
        (_changed("collimator", "n", [float("nan"), 1, 1, 1]), "not finite"),
        (_changed("collimator", "n", [-1, 1, 1, 1]), "fewer than no losses"),
        (_changed("collimator", "n", [1e300, 1, 1, 1]), "more losses than"),
        (_changed("collimator", "n", [True, 1, 1, 1]), "else than numbers"),
        (_changed("collimator", "n", ["x", 1, 1, 1]), "else than numbers"),
        (_changed("collimator", "n", [10**400, 1, 1, 1]), "else than numbers"),
        (_changed("collimator", "s", [1.0, 2.0, 3.0, 4.0]), "from where they stand"),
        (_changed("aperture", "s_bins", [1.0]), "entries for 1"),
        (_changed("aperture", "n_bins", [float("inf"), 1]), "not finite"),
        (lossmap_json(aperture=[1]), "no object"),
        (lossmap_json(machine_length=97756.0), "not the LHC"),
        (lossmap_json(machine_length="long"), "not the LHC"),
    ],
)
def test_what_cannot_be_used_says_why(content, reason):
    with pytest.raises(InputError, match=reason) as caught:
        read(content)
    assert caught.value.origin.startswith("map.json")


def test_a_number_beyond_all_numbers_is_refused():
    raw = json.dumps(lossmap_json()).replace("8310.0", "1e400").encode()
    with pytest.raises(InputError, match="not finite"):
        read(raw)


def test_a_sidecar_tells_beam_plane_and_settings_only(tmp_path):
    path = write_json(tmp_path / "a.json", lossmap_json())
    assert read_sidecar(path) == {}
    beside = tmp_path / "a.meta.json"
    write_json(
        beside, {"beam": 1, "plane": "H", "tag": "eos", "cls": "tcp_retracted", "changes": [["x"]], "label": "y"}
    )
    assert read_sidecar(path) == {"beam": 1, "plane": "H", "state": "collisions"}
    write_json(beside, {"beam": 7, "plane": "Q", "tag": 3})
    assert read_sidecar(path) == {}
    beside.write_text("{")
    with pytest.raises(InputError, match=r"a\.meta\.json"):
        read_sidecar(path)


@checks(deadline=None)
@given(
    st.dictionaries(
        st.sampled_from([one.name for one in collimators(1, active=True)]), st.integers(0, 10**9), min_size=1
    ),
    st.lists(st.tuples(st.floats(0, 26658), st.integers(0, 10**6)), max_size=20),
)
def test_no_loss_is_lost(lost, bins):
    if not sum(lost.values()) + sum(n for _, n in bins):
        return
    seen = read(lossmap_json(lost, bins=bins))
    found = pattern(seen, beam=1)
    assert found.total == pytest.approx(sum(lost.values()) + sum(n for _, n in bins))
    assert found.values.sum() == pytest.approx(found.total)
    assert np.isfinite(found.shares).all()
