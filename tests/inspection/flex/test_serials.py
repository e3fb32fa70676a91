"""ATLAS serial numbers say what they name; everything else says nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspection.flex.serials import Serial, parse_serial


def test_the_serial_of_the_facts() -> None:
    assert parse_serial("20UPGPQ2601028") == Serial("20UPGPQ2601028", "Quad_PCB", "Yamashita_Material", "01028")


def test_a_module_has_no_board_maker() -> None:
    found = parse_serial("20UPIM12602035")
    assert found is not None
    assert (found.component, found.manufacturer) == ("L1_quad_module", None)


@pytest.mark.parametrize("text", ["", "FPC-0042", "20U", "20UXXXX0000000", "20UPGPQ26010281", "ü", "\x00"])
def test_others_are_none(text: str) -> None:
    assert parse_serial(text) is None


@given(st.text(max_size=20))
def test_no_text_raises(text: str) -> None:
    parse_serial(text)
