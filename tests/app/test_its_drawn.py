"""What the ITS page draws itself: the frame and figures over the barrel, and the small charts."""

import re
from base64 import b64decode
from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.dashboard import barrel, charts
from app.dashboard.charts import Chart, Point
from dqm.its.drawing_layout import boxes
from dqm.its.layout import CELLS, cell_of

START = datetime(2026, 5, 1, 6, 0, tzinfo=UTC)


@given(st.sets(st.integers(0, CELLS - 1), min_size=1, max_size=60))
@settings(max_examples=60, deadline=None)
def test_the_outline_is_closed_and_encloses_exactly_the_cells(cells: set[int]) -> None:
    """Going down any column of pixels, every edge crossed leaves or enters the region: parity tells inside."""
    canvas = np.zeros((600, 1020), int)
    for edge in barrel.outline(cells):
        if edge.top == edge.bottom:
            canvas[edge.top, edge.left : edge.right] += 1
    inside = np.cumsum(canvas, axis=0) % 2 == 1
    expected = np.zeros_like(inside)
    for left, top, width, tall in boxes()[sorted(cells)].tolist():
        expected[top : top + tall, left : left + width] = True
    np.testing.assert_array_equal(inside, expected)


def test_neighbouring_edges_are_one_line() -> None:
    stave = range(cell_of("L0_00/0"), cell_of("L0_00/8") + 1)
    assert len(barrel.outline(stave)) == 4
    assert barrel.outline(()) == barrel.frame(()) == []


def test_a_small_region_gets_a_frame_around_it() -> None:
    cell = cell_of("L4_12/lane 7")
    left, top, width, tall = boxes()[cell].tolist()
    for edge in barrel.frame((cell,)):
        assert edge.left < left or edge.right > left + width
        assert edge.top < top or edge.bottom > top + tall


def figures(**changed: float) -> barrel.Figures:
    """Return the figures of a healthy cycle; ``changed`` at L4_12/lane 7."""
    usual = {"valid": 1, "occupation": 0, "observed": 0.5, "expected": 0.5, "ratio": 1, "size": 0, "hits": 0, "long": 0}
    found = {name: np.full(CELLS, value, np.float32) for name, value in {**usual, "fault": 0}.items()}
    for name, value in changed.items():
        found[name][cell_of("L4_12/lane 7")] = value
    return found


def test_a_stave_tells_its_worst_lane_and_what_else_is_strange() -> None:
    told = barrel.told(figures(occupation=-9.3, observed=0.1, ratio=0.2, hits=4.0, fault=0.25), 4, 12)
    assert told.splitlines() == [
        "L4_12/lane 7",
        "0.1 clusters per frame and chip, expected 0.5",
        "0.20 times what is expected (-9.3 sigma)",
        "hits +4.0 sigma",
        "readout says FAULT in 25 % of the time",
    ]


def test_a_masked_lane_is_never_the_worst_and_a_masked_stave_says_so() -> None:
    assert "lane 7" not in barrel.told(figures(occupation=-9.3, valid=0), 4, 12)
    nothing = {name: np.zeros(CELLS, np.float32) for name in figures()}
    assert barrel.told(nothing, 0, 3) == "L0_03: no data or masked"


def points(*values: float | None) -> list[Point]:
    return [Point(START + timedelta(minutes=n), value, hot=(value or 0) > 5) for n, value in enumerate(values)]


def layers(html: str) -> list[ET.Element]:
    """Return the mask and the coloured picture of a chart; both must be well-formed SVG."""
    return [ET.fromstring(b64decode(text)) for text in re.findall(r"base64,([A-Za-z0-9+/=]+)", html)[1:]]


def test_a_chart_has_its_limit_its_gaps_and_its_hot_points() -> None:
    chart = Chart("Score <&>", points(1, 2, None, 9, 10), line=5.0, line_name="alarm", shown=START)
    ink, colour = layers(charts.html(chart, UTC))
    texts = [text.text for text in ink.iter("{http://www.w3.org/2000/svg}text")]
    assert texts[0] == "Score <&>"
    assert {"alarm", "06:00", "06:04"} <= set(texts)
    line = next(p for p in ink.iter("{http://www.w3.org/2000/svg}path") if p.get("stroke-width") == "1.5")
    assert line.get("d", "").count("M") == 2
    assert len(list(colour.iter("{http://www.w3.org/2000/svg}circle"))) == 2
    assert sum(p.get("stroke-width") == "2" for p in colour.iter("{http://www.w3.org/2000/svg}path")) == 1
    assert 'aria-label="Score &lt;&amp;&gt;: 1 at first, 10 at last"' in charts.html(chart, UTC)


def test_a_chart_of_one_cycle_says_that_it_is_too_early() -> None:
    ink, _ = layers(charts.html(Chart("Rate", points(1, None)), UTC))
    assert "too few cycles yet" in [text.text for text in ink.iter("{http://www.w3.org/2000/svg}text")]


@pytest.mark.parametrize("values", [(3.0, 3.0), (0.0, 0.0), (-1e9, 1e9), (1e-12, 2e-12)])
def test_charts_of_odd_values_are_drawn(values: tuple[float, float]) -> None:
    for part in layers(charts.html(Chart("x", points(*values), span=(START, START)), UTC)):
        for element in part.iter():
            assert "nan" not in (element.get("d") or "") + (element.get("y") or "")


@given(st.floats(-1e4, 1e4), st.floats(1e-2, 1e6))
def test_ticks_are_round_few_and_inside(low: float, length: float) -> None:
    found = charts.ticks(low, low + length)
    assert 2 <= len(found) <= 5
    assert all(low - 1e-6 * length <= tick <= low + length * (1 + 1e-6) for tick in found)
