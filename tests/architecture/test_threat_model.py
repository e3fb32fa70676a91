"""Every claim of the threat model points to something that is there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/threat-model.md").read_text(encoding="utf-8")
ROWS = [line.split("|")[1:-1] for line in PAGE.splitlines() if line.startswith("| ")][1:]


@pytest.mark.parametrize("row", ROWS, ids=[row[0].strip()[:40] for row in ROWS])
def test_what_answers_a_threat_is_there(row: list[str]) -> None:
    threat, answer, shown, _left = (cell.strip() for cell in row)
    assert threat
    assert answer
    pointers = re.findall(r"`([^`]+)`", shown)
    assert pointers
    for pointer in pointers:
        path, _, name = pointer.partition("::")
        assert (ROOT / path).is_file(), pointer
        assert not name or re.search(rf"^def {name}\(", (ROOT / path).read_text(encoding="utf-8"), re.MULTILINE), (
            pointer
        )


def test_it_is_one_page() -> None:
    assert len(ROWS) > 12
    assert len(PAGE.split()) < 1200
