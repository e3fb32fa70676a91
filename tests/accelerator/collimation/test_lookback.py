import numpy as np
import pytest

from accelerator.collimation import parquet
from accelerator.collimation.blowup import excitations, excited, lossmap
from accelerator.collimation.lookback import Lookback
from accelerator.collimation.observing import stream_observation
from accelerator.collimation.source import FolderSource
from accelerator.collimation.stream import Stream, tidied
from core.settings import CollimationSettings, Settings
from tests.accelerator.collimation.made_files import blown_up, stream


def part(made, begin, end):
    columns = {name: column[begin:end] for name, column in made.context.items()}
    return Stream(made.time_unix_s[begin:end], made.monitors, made.signal_gy_per_s[begin:end], columns)


def seen(made):
    tidy, told = tidied(made, "x")
    return stream_observation(tidy, told, "x", "a" * 64)


@pytest.mark.parametrize("length", [1, 7, 10, 41, 43, 80])
@pytest.mark.parametrize("flags", [True, False])
def test_an_excitation_is_found_once_however_the_stream_is_cut(length, flags):
    made = blown_up(2, "V", flags=flags, beam_mode="FLATTOP")
    whole = lossmap(seen(made), excitations(seen(made))[0])
    lookback = Lookback()
    found = [cut for at in range(0, 80, length) for cut in lookback.taken(seen(part(made, at, min(at + length, 80))))]
    assert [one.element for one in found] == ["B2V"]
    assert found[0].observed_at == whole.observed_at
    assert found[0].conditions["background_seconds"] == whole.conditions["background_seconds"]
    assert np.allclose(found[0].payload["signal_gy_per_s"], whole.payload["signal_gy_per_s"])


def test_late_and_repeated_pieces_give_nothing_again():
    made, lookback = blown_up(1, "H"), Lookback()
    pieces = [seen(part(made, at, at + 20)) for at in range(0, 80, 20)]
    found = [len(list(lookback.taken(pieces[at]))) for at in (0, 1, 2, 2, 1, 3)]
    assert sum(found) == 1


def test_another_list_of_monitors_begins_anew():
    lookback = Lookback()
    assert list(lookback.taken(seen(stream(seconds=40, count=50)))) == []
    assert len(list(lookback.taken(seen(blown_up(1, "H"))))) == 1


def test_context_is_that_of_the_excitation():
    made = blown_up(1, "H")
    mode = np.array(["FLATTOP"] * 50 + ["STABLE"] * 30)
    observation = seen(
        Stream(made.time_unix_s, made.monitors, made.signal_gy_per_s, {**made.context, "beam_mode": mode})
    )
    assert observation.conditions["state"] == "collisions"
    cut = lossmap(observation, excitations(observation)[0])
    assert (cut.conditions["beam_mode"], cut.conditions["state"]) == ("FLATTOP", "flat_top")
    assert not {"beam_mode_changes", "blowup_b1h_s"} & cut.conditions.keys()
    assert np.flatnonzero(excited(observation)).tolist() == list(range(40, 48))


def test_the_watched_folder_offers_the_map_after_its_pieces(tmp_path):
    made = blown_up(1, "V", beam_mode="FLATTOP")
    for at in range(0, 80, 20):
        parquet.write(tmp_path / f"{at:02}.parquet", part(made, at, at + 20))
    source = FolderSource(Settings(collimation=CollimationSettings(inbox=tmp_path, settle_s=0)))
    done: set[str] = set()

    def settled(tickets):
        return done & set(tickets)

    kinds = []
    for _ in range(3):
        for arrival in source.arrivals(settled):
            observation = source.read(arrival)
            kinds.append((observation.conditions["kind"], observation.element))
            done.add(arrival.ticket)
    assert kinds == [("stream", "LHC")] * 4 + [("lossmap", "B1V")]
