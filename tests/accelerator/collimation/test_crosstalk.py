"""What of one beam the other beam explains."""

from dataclasses import replace

from accelerator.collimation.diagnosis import Answer, Diagnosis
from accelerator.collimation.fill_memory import BeamState
from accelerator.collimation.watching import Watched, without_crosstalk
from core.verdict import Quality, Region


def watched(beam, element, moved):
    region = Region({"element": element, "quantity": "gap_sigma", "beam": beam, "quality": "BAD"}, score=9.0)
    told = Diagnosis(Answer.BROKEN, "betatron", beam, "mixed", "collisions", 1.0)
    calm = Watched(beam, BeamState("1", "collisions"), Quality.GOOD, 0.5, (), replace(told, answer=Answer.NOMINAL))
    return Watched(beam, BeamState("1", "collisions"), Quality.BAD, 1e-9, (region,), told, None, moved, calm)


def test_a_larger_change_beside_it_on_the_other_beam_explains_a_small_one():
    first, second = watched(1, "tcsg.a4l7.b1", 1.0), watched(2, "tcspm.b4r7.b2", 8.0)
    left, kept = without_crosstalk([first, second])
    assert (left.quality, left.regions, kept) == (Quality.GOOD, (), second)
    assert "other beam" in left.diagnosis.facts
    both = [first, replace(second, moved=1.5)]
    assert without_crosstalk(both) == both
    away = [first, watched(2, "tctph.4l1.b1", 8.0)]
    assert without_crosstalk(away) == away


def test_less_will_do_while_the_same_collimator_explains_it():
    first, second = watched(1, "tcsg.a4l7.b1", 1.0), watched(2, "tcspm.b4r7.b2", 8.0)
    left, _ = without_crosstalk([first, second])
    assert left.state.explained_by == "tcspm.b4r7.b2"
    next_one, less = replace(first, state=left.state), replace(second, moved=2.0)
    again, _ = without_crosstalk([next_one, less])
    assert (again.regions, again.state.explained_by) == ((), "tcspm.b4r7.b2")
    another = watched(2, "tcsg.d4r7.b2", 2.0)
    told, _ = without_crosstalk([next_one, another])
    assert (told.regions, told.state.explained_by) == (first.regions, "")
    alone, _ = without_crosstalk([next_one, replace(second, moved=1.2)])
    assert (alone.regions, alone.state.explained_by) == (first.regions, "")


def test_what_the_other_beam_explains_does_not_hide_a_margin_that_shrinks():
    first, second = watched(1, "tcsg.a4l7.b1", 1.0), watched(2, "tcspm.b4r7.b2", 8.0)
    region = Region({"element": "tcp.c6l7.b1", "quantity": "gap_sigma", "beam": 1, "quality": "MEDIUM"}, score=30.0)
    drifting = replace(first.calm, quality=Quality.MEDIUM, regions=(region,))
    left, _ = without_crosstalk([replace(first, calm=drifting), second])
    assert (left.quality, left.regions) == (Quality.MEDIUM, (region,))
