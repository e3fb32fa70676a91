"""Words for people: findings, margins, quantities and names, with as many digits as they are worth."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accelerator.collimation import display, display_quantities, display_words
from accelerator.collimation.diagnosis import Answer, Diagnosis, Hypothesis, Margin, Quantity, Trend
from accelerator.collimation.display_margins import (
    Standing,
    margin_text,
    outlook,
    slope_text,
    standing,
    summary,
    trend_of,
    trend_title,
    unseen,
)
from core.settings import Settings
from core.store.views import ObservationView
from core.verdict import Measurement, Quality
from tests.app import collimation_maps as maps


def hypothesis(quantity: Quantity, value: float, nominal: float, sigma: float) -> Hypothesis:
    return Hypothesis("tcp.c6l7.b1", quantity, value, nominal, sigma, 0.9, "TCP retracted")


@pytest.mark.parametrize(
    ("one", "said", "setting"),
    [
        (
            hypothesis(Quantity.GAP, 5.6, 5.0, 0.1),
            "TCP.C6L7.B1 retracted by 0.6 ± 0.1 σ",
            "5.6 ± 0.1 σ instead of 5.0 σ",
        ),
        (
            hypothesis(Quantity.GAP, 4.5, 6.5, 0.23),
            "TCP.C6L7.B1 too far in by 2.0 ± 0.2 σ",
            "4.5 ± 0.2 σ instead of 6.5 σ",
        ),
        (
            hypothesis(Quantity.OFFSET, -0.25, 0.0, 0.03),
            "TCP.C6L7.B1 off centre by 0.25 ± 0.03 mm",
            "−0.25 ± 0.03 mm instead of 0.00 mm",
        ),
        (
            hypothesis(Quantity.TILT, 210.0, 0.0, 40.0),
            "TCP.C6L7.B1 tilted by 210 ± 40 µrad",
            "210 ± 40 µrad instead of 0 µrad",
        ),
        (
            hypothesis(Quantity.ORBIT, 0.3, 0.0, 0.012),
            "TCP.C6L7.B1 orbit off by 0.30 ± 0.01 mm",
            "0.30 ± 0.01 mm instead of 0.00 mm",
        ),
    ],
    ids=lambda one: getattr(one, "quantity", ""),
)
def test_a_finding_is_a_sentence(one: Hypothesis, said: str, setting: str) -> None:
    assert display_words.finding(one) == said
    assert display_words.settings_of(one) == setting


@given(st.floats(allow_nan=True, allow_infinity=True), st.floats(allow_nan=True, allow_infinity=True))
def test_any_figures_have_words(value: float, sigma: float) -> None:
    one = hypothesis(Quantity.GAP, value, 5.0, sigma)
    margin = Margin(1, "H", "TCP7", "TCSG7", 1.5, value, sigma)
    found = Diagnosis(Answer.BROKEN, "betatron", 1, "H", "flat_top", 0.5, (one,), (margin,))
    assert display_words.finding(one)
    assert display_words.settings_of(one)
    assert margin_text(margin)
    assert summary(found)
    assert display_quantities.told({"share TCP7": Measurement(value, sigma, "")})


@pytest.mark.parametrize(
    ("value", "sigma", "wanted"),
    [
        (1.45, 0.1, Standing.KEPT),
        (1.35, 0.02, Standing.KEPT),
        (1.2, 0.05, Standing.LESS),
        (1.0, 0.3, Standing.KEPT),
        (0.2, 0.3, Standing.GONE),
        (-1.0, 0.2, Standing.GONE),
        (0.0, None, Standing.UNSEEN),
    ],
)
def test_a_margin_is_less_only_beyond_tolerance_and_uncertainty(
    value: float, sigma: float | None, wanted: Standing
) -> None:
    assert standing(Margin(1, "H", "TCP7", "TCSG7", 1.5, value, sigma)) is wanted


def test_the_summary_names_the_worst_margin_first() -> None:
    nominal = maps.nominal().diagnosis
    assert summary(nominal) == "Intact: TCP → TCSG has 1.5 ± 0.1 of 1.5 σ."
    assert unseen(nominal.margins) == "Not seen here: TCSG → TCLA."
    assert "has 0.9 ± 0.1 of 1.5 σ left" in summary(maps.tcp_retracted().diagnosis)
    assert summary(maps.tct_exposed().diagnosis) == "Broken: TCT is inside TCDQ by 1.0 ± 0.3 σ."
    assert summary(maps.cannot_tell().diagnosis) == ""
    assert summary(replace(maps.cannot_tell().diagnosis, answer=Answer.UNKNOWN)).startswith("These losses say nothing")
    assert summary(replace(nominal, margins=())) == ""
    close = replace(nominal, margins=(replace(nominal.margins[0], value_sigma=-0.04, sigma=1.4),))
    assert summary(close) == "Broken or about to: TCP → TCSG has 0.0 ± 1.4 of 1.5 σ left."
    both = replace(nominal, margins=(*nominal.margins, replace(nominal.margins[0], beam=2, plane="V", value_sigma=0.8)))
    assert summary(both) == "The order holds, but TCP → TCSG, B2 vertical has 0.8 ± 0.1 of 1.5 σ left."


def test_the_trend_that_ends_first_is_shown() -> None:
    at = datetime(2026, 5, 1, 20, 0, tzinfo=UTC)
    ending = maps.drifting(at).diagnosis.trends[0]
    steady = Trend("margin TCSG7-TCDQ B2 V", (), (), (), 0.001, 0.01)
    found = replace(maps.nominal().diagnosis, trends=(steady, ending))
    assert trend_of(found) is ending
    assert trend_title(steady) == "Margin TCSG → TCDQ, B2 vertical"
    assert slope_text(steady) == "no trend"
    assert outlook(steady) is None
    reached = outlook(ending)
    assert reached is not None
    assert reached.earliest is not None
    assert reached.earliest < reached.at
    assert trend_of(maps.nominal().diagnosis) is None


@pytest.mark.parametrize(
    ("one", "said"),
    [
        (Measurement(8.7e-6, 9e-7, "1/m"), "(8.7 ± 0.9)e-6 /m"),
        (Measurement(0.1271, 0.0012, ""), "0.127 ± 0.001"),
        (Measurement(0.83, None, ""), "0.83"),
        (Measurement(4.1e-4, None, ""), "4.1e-4"),
        (Measurement(0.0, 1.8e-5, ""), "below 2e-5"),
        (Measurement(0.0, None, ""), "0"),
        (Measurement(float("nan"), None, ""), "not known"),
        (Measurement(12.0, 2.0, ""), "12 ± 2"),
    ],
)
def test_quantities_have_the_digits_they_are_worth(one: Measurement, said: str) -> None:
    assert display_quantities.value_of(one) == said


def test_quantities_are_called_what_the_field_calls_them() -> None:
    names = ("cleaning inefficiency max", "share TCSG7", "hierarchy TCSG7/TCP7", "margin TCP7-TCSG7 B1 H", "pulls_max")
    told = dict(display_quantities.told({name: Measurement(0.1, 0.01, "") for name in names}))
    assert list(told) == ["Cleaning inefficiency, highest", "Losses TCSG / TCP", "Share of TCSG", "Pulls max"]


def view(element: str = "B1H", **conditions: str | int | None) -> ObservationView:
    at = datetime(2026, 5, 1, 20, 18, tzinfo=UTC)
    return ObservationView(
        1, "collimation", element, "k", at, at, "/maps/a.json", "0" * 64, conditions, Quality.GOOD, None, None, None,
        None, None, None, 0, None, None, None,
    )  # fmt: skip


def test_maps_have_names_in_words() -> None:
    known = {"beam": 1, "plane": "H", "state": "flat_top", "fill": 7495}
    assert display.name(view(**known)) == "B1H, flat top"
    assert display.full_name(view(**known)) == "B1 horizontal, flat top"
    assert display.subtitle(view(**known), None) == ["B1 horizontal", "flat top", "fill 7495"]
    assert display.name(view("LHC", kind="stream", state="collisions")) == "stream, collisions"
    stream = display.subtitle(view("LHC", kind="stream", beam=None), maps.tcp_retracted().diagnosis)
    assert stream == ["B1 horizontal", "flat top", "1 Hz stream"]
    assert display.name(view("unreadable")) == display.full_name(view("unreadable")) == "a.json"
    assert display.name(view("B2")) == "B2"


def test_what_to_do_first_names_the_folder(tmp_path: object) -> None:
    assert "inbox/collimation" in display.next_step(Settings())
    assert display.silent_after_s(Settings()) is None


@pytest.mark.parametrize("content", [b"", b"{", b"null", b"[1]", b'{"answer": "?"}', b"\xff"])
def test_a_damaged_diagnosis_is_none(content: bytes) -> None:
    assert display.read(content) is None
