import json
from datetime import UTC, datetime

import numpy as np
import pytest

from accelerator.collimation.blowup import excitations, lossmap
from accelerator.collimation.geometry import collimators
from accelerator.collimation.lossmap import pattern
from accelerator.collimation.lossmap_json import decode
from accelerator.collimation.observing import stream_observation
from accelerator.collimation.placing import place
from accelerator.collimation.stream import Stream, tidied
from core.errors import InputError
from tests.accelerator.collimation.made_files import T0, blown_up, chambers, lossmap_json, stream


def seen(made):
    tidy, told = tidied(made, "x")
    return stream_observation(tidy, told, "x", "a" * 64)


@pytest.mark.parametrize("beam", [1, 2])
@pytest.mark.parametrize("plane", ["H", "V"])
@pytest.mark.parametrize("flags", [True, False])
def test_beam_and_plane_of_an_excitation(beam, plane, flags):
    observation = seen(blown_up(beam, plane, flags=flags, beam_mode="FLATTOP", energy_gev=6500.0))
    (found,) = excitations(observation)
    assert (found.beam, found.plane, found.by_flag) == (beam, plane, flags)
    assert found.begin == 40
    assert 46 <= found.end <= 49
    cut = lossmap(observation, found)
    assert cut.element == f"B{beam}{plane}"
    assert cut.observed_at.timestamp() == T0 + 40
    assert cut.key == f"{'a' * 16}-{T0 + 40:.0f}"
    told = cut.conditions
    assert (told["kind"], told["state"], told["seconds"], told["background_seconds"]) == ("lossmap", "flat_top", 6, 30)
    assert abs(float(told["centre_of_mass"])) > 0.99
    assert "notes" not in told


def test_background_is_taken_off():
    observation = seen(blown_up(1, "H"))
    cut = lossmap(observation, excitations(observation)[0])
    chamber = next(one.blm for one in collimators(1) if one.name == "tcp.b6l7.b1")
    at = cut.payload["monitor"].tolist().index(chamber)
    assert cut.payload["background_gy_per_s"][at] == pytest.approx(2.5e-7, rel=0.03)
    assert cut.payload["noise_gy_per_s"][at] == pytest.approx(1e-8, rel=0.5)
    assert pattern(cut).of("tcp.b6l7.b1") == pytest.approx(1e-3, rel=1e-3)
    quiet = pattern(cut).values[np.array(["cold" in name for name in pattern(cut).channels])]
    assert np.abs(quiet).max() < 1e-8


def test_a_beam_that_was_not_excited_is_noted():
    made = blown_up(2, "V")
    context = {**made.context, "blowup_b2v": made.context["blowup_b1h"], "blowup_b1h": made.context["blowup_b2v"]}
    observation = seen(Stream(made.time_unix_s, made.monitors, made.signal_gy_per_s, context))
    cut = lossmap(observation, excitations(observation)[0])
    assert cut.element == "B1H", "what the damper did"
    assert "excited beam 1, but beam 2 loses" in str(cut.conditions["notes"])
    assert "look like V" in str(cut.conditions["notes"])


def test_quiet_seconds_have_no_excitation():
    assert excitations(seen(stream(seconds=200))) == ()
    assert excitations(seen(blown_up(1, "H", peak=1e-9, flags=False))) == ()


def test_several_excitations():
    one, other = blown_up(1, "H", 40, 44, flags=False), blown_up(2, "V", 60, 65, flags=False)
    both = Stream(one.time_unix_s, one.monitors, np.maximum(one.signal_gy_per_s, other.signal_gy_per_s), {})
    observation = seen(both)
    found = excitations(observation)
    assert [(each.begin, each.beam, each.plane) for each in found] == [(40, 1, "H"), (60, 2, "V")]
    assert lossmap(observation, found[1]).conditions["background_seconds"] == 26, "without the first one"


def test_no_background_no_map():
    observation = seen(blown_up(1, "H", begin=1, end=5))
    with pytest.raises(InputError, match="background"):
        lossmap(observation, excitations(observation)[0])


def test_a_dead_monitor_stays_dead():
    made = blown_up(1, "H")
    signal = made.signal_gy_per_s.copy()
    signal[:, 30] = np.nan
    observation = seen(Stream(made.time_unix_s, made.monitors, signal, made.context))
    cut = lossmap(observation, excitations(observation)[0])
    assert np.isnan(cut.payload["signal_gy_per_s"][30])
    assert np.isfinite(pattern(cut).values).all()


def test_only_streams_have_excitations():
    content = json.dumps(lossmap_json()).encode()
    with pytest.raises(InputError, match="no stream"):
        excitations(decode(content, "x", "0" * 64, datetime.now(UTC), {}))


def test_losses_of_both_beams_are_of_none():
    names = chambers(8)
    assert place(names, np.full(8, 1e-4)).beam is None
    assert place(names, np.zeros(8)).plane is None
    assert place(names, np.full(8, np.nan)).beam is None


def test_losses_in_ir3_are_off_momentum():
    names = chambers(8)
    signal = np.array([1.0 if "6L3" in name else 0.01 for name in names])
    found = place(names, signal)
    assert (found.beam, found.plane) == (1, "DP")
