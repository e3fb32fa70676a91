"""Which open alarm an incident goes on as."""

from dataclasses import replace
from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from core.alarms.incidents import MANY, Ongoing, Plan, follow
from core.contracts import Incident
from core.verdict import Quality

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)


def incident(places: str, kind: str = "place", element: str = "", quality: Quality = Quality.BAD) -> Incident:
    return Incident(kind, frozenset(places.split()), element or places[:1], quality, NOON, None, "wrong")


def ongoing(number: int, places: str, kind: str = "place", element: str = "", *, active: bool = True) -> Ongoing:
    return Ongoing(number, kind, element or places[:1], frozenset(places.split()), active)


def plan(incidents: list[Incident], alarms: list[Ongoing], flood: int | None = None) -> Plan:
    return follow(incidents, alarms, lambda one: one.quality is Quality.BAD, flood)


def numbers(found: Plan) -> list[tuple[int | None, int]]:
    """Alarm and number of incidents of each spell."""
    return [(spell.number, len(spell.incidents)) for spell in found.spells]


def test_the_first_sight_of_an_incident_begins_an_alarm() -> None:
    (spell,) = plan([incident("a b")], []).spells
    assert (spell.number, spell.element, spell.places) == (None, "a", {"a", "b"})


def test_it_goes_on_where_it_shares_a_place_or_has_the_same_name() -> None:
    assert numbers(plan([incident("b c")], [ongoing(1, "a b")])) == [(1, 1)]
    assert numbers(plan([incident("x", element="barrel")], [ongoing(1, "a b", element="barrel")])) == [(1, 1)]
    assert numbers(plan([incident("c")], [ongoing(1, "a b")])) == [(None, 1)]


def test_a_small_place_within_a_large_one_is_another_incident_unless_it_began_with_it() -> None:
    layer = " ".join(f"c{number}" for number in range(40))
    assert numbers(plan([incident("c7", element="lane")], [ongoing(1, layer)])) == [(None, 1)]
    assert plan([incident("c7", element="lane")], [ongoing(1, layer)]).held == set()
    assert numbers(plan([incident("c7", element="lane")], [replace(ongoing(1, layer), since=NOON)])) == [(1, 1)]
    assert numbers(plan([incident(layer, element="x")], [ongoing(1, "c7")])) == [(None, 1)]
    assert numbers(plan([incident(layer, element="x")], [replace(ongoing(1, "c7"), since=NOON)])) == [(1, 1)]


def test_another_kind_is_never_the_same_wherever_it_is() -> None:
    assert numbers(plan([incident("a", "background")], [ongoing(1, "a", "place")])) == [(None, 1)]


def test_the_alarm_with_most_in_common_wins_and_an_active_one_before_one_that_is_over() -> None:
    assert numbers(plan([incident("a b c")], [ongoing(1, "a"), ongoing(2, "b c")])) == [(2, 1)]
    assert numbers(plan([incident("a b c")], [ongoing(1, "a"), ongoing(2, "b c", active=False)])) == [(1, 1)]


def test_regions_that_grew_together_hold_the_alarms_that_they_cover() -> None:
    found = plan(
        [incident("a b c")], [ongoing(1, "a"), ongoing(2, "b c"), ongoing(3, "d"), ongoing(4, "b", active=False)]
    )
    assert numbers(found) == [(2, 1)]
    assert found.held == {1}


def test_a_region_that_fell_apart_stays_one_alarm() -> None:
    found = plan([incident("a"), incident("c")], [ongoing(1, "a b c")])
    assert numbers(found) == [(1, 2)]


def test_two_incidents_of_one_name_are_one_alarm_even_when_both_are_new() -> None:
    assert numbers(plan([incident("a", element="x"), incident("b", element="x")], [])) == [(None, 2)]


def test_what_is_no_alarm_begins_none_but_keeps_one_from_recovering() -> None:
    faint = incident("a", quality=Quality.MEDIUM)
    assert plan([faint], []) == Plan((), frozenset())
    assert plan([faint], [ongoing(1, "a")]) == Plan((), frozenset({1}))
    assert plan([faint], [ongoing(1, "a", active=False)]) == Plan((), frozenset())


def test_places_are_kept_until_it_is_over_and_are_new_when_it_comes_again() -> None:
    (spell,) = plan([incident("b c")], [ongoing(1, "a b")]).spells
    assert spell.places == {"a", "b", "c"}
    (spell,) = plan([incident("b c")], [ongoing(1, "a b", active=False)]).spells
    assert spell.places == {"b", "c"}


def test_a_flood_of_new_incidents_is_one_alarm_and_what_was_open_goes_on_by_itself() -> None:
    news = [incident(place) for place in "bcde"]
    background = incident("x", "background")
    found = plan([incident("a"), background, *news], [ongoing(1, "a")], flood=3)
    assert [(spell.number, spell.element, len(spell.incidents)) for spell in found.spells] == [
        (1, "a", 1),
        (None, "x", 1),
        (None, MANY, 4),
    ]
    assert numbers(plan(news, [], flood=4)) == [(None, 1)] * 4


def test_while_a_flood_is_active_what_is_new_joins_it() -> None:
    flood, over = ongoing(1, "a b c d", element=MANY), ongoing(1, "a b c d", element=MANY, active=False)
    assert numbers(plan([incident("z")], [flood], flood=3)) == [(1, 1)]
    assert numbers(plan([incident("z")], [over], flood=3)) == [(None, 1)]
    assert numbers(plan([incident("a")], [over], flood=3)) == [(None, 1)]
    assert numbers(plan([incident(place) for place in "vwyz"], [over], flood=3)) == [(1, 4)]
    assert numbers(plan([incident("z", "background")], [flood], flood=3)) == [(None, 1)]


KINDS = st.sampled_from(["place", "background"])
PLACES = st.frozensets(st.sampled_from("abcdef"), max_size=4)
INCIDENTS = st.lists(
    st.builds(
        Incident,
        KINDS,
        PLACES,
        st.sampled_from("abxyz"),
        st.sampled_from([Quality.BAD, Quality.MEDIUM]),
        st.just(NOON),
        st.none(),
        st.just("wrong"),
    ),
    max_size=6,
)
ALARMS = st.lists(
    st.builds(Ongoing, st.integers(1, 99), KINDS, st.sampled_from(["a", "b", "x", MANY]), PLACES, st.booleans()),
    max_size=6,
    unique_by=(lambda one: one.number, lambda one: (one.kind, one.element)),
)


@settings(max_examples=300, derandomize=True, deadline=None)
@given(INCIDENTS, ALARMS, st.sampled_from([None, 1, 2]))
def test_every_bad_incident_is_in_one_alarm_and_no_two_alarms_have_one_name(
    incidents: list[Incident], alarms: list[Ongoing], flood: int | None
) -> None:
    found = plan(incidents, alarms, flood)
    told = [one for spell in found.spells for one in spell.incidents]
    bad = [one for one in incidents if one.quality is Quality.BAD]
    assert sorted(map(id, told)) == sorted(map(id, bad))
    known = {one.number for one in alarms}
    continued = [spell.number for spell in found.spells if spell.number is not None]
    assert len(set(continued)) == len(continued)
    assert {*continued, *found.held} <= known
    assert found.held.isdisjoint(continued)
    names = [(one.kind, one.element) for one in alarms if one.number not in continued]
    names += [(spell.kind, spell.element) for spell in found.spells]
    assert len(set(names)) == len(names)
    ranks = [incidents.index(spell.incidents[0]) for spell in found.spells]
    assert ranks == sorted(ranks)
    assert all(one.kind == spell.kind for spell in found.spells for one in spell.incidents)
