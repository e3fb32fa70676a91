"""The held-out set: whole boards apart, defects where and as they are said to be, nothing else touched."""

import ast
from pathlib import Path

import numpy as np
import pytest

from benchmarks.flex import heldout
from benchmarks.flex.boards import Reference, Split, align_affine, build_reference, flex98_split, onto_image, read_rgb
from benchmarks.flex.defects import KINDS
from benchmarks.flex.heldout import Painter


@pytest.fixture(scope="module")
def reference(panels: Path) -> Reference:
    return build_reference(flex98_split(panels).learn)


@pytest.fixture(scope="module")
def drawn(panels: Path, reference: Reference) -> heldout.HeldOut:
    return heldout.build(flex98_split(panels), reference, seed=5, scale=0.1)


def test_no_board_is_both_learnt_and_tested(panels: Path):
    split = flex98_split(panels)
    assert [path.stem for path in split.test] == ["flex_000", "flex_001"]
    assert len(split.learn) == 7
    assert not set(split.learn) & set(split.test)
    dev = flex98_split(panels, dev=True)
    assert set(dev.learn) | set(dev.test) == set(split.learn)
    assert [path.stem for path in dev.test] == ["flex_005"]
    unseen = flex98_split(panels, unseen_places=True)
    assert [path.stem for path in unseen.test] == ["flex_002", "flex_005", "flex_008"]


def test_few_boards_are_spread_evenly():
    split = Split(tuple(Path(str(i)) for i in range(32)), ())
    assert [int(path.name) for path in split.few(8)] == [0, 4, 8, 12, 16, 20, 24, 28]
    assert len(split.few(50)) == 32


def test_zones_are_found_by_colour(reference: Reference):
    assert reference.part[100:400, 100:600].all()
    assert not reference.part[:30].any()
    assert reference.gold[155:180, 125:150].all()
    assert not reference.gold[:, 345:].any()
    assert reference.gold.sum() == pytest.approx(16 * 37**2, rel=0.1)


def test_alignment_undoes_a_shift(panels: Path, reference: Reference):
    matrix = align_affine(read_rgb(panels / "flex98" / "main" / "flex_003.jpg"), reference.golden)
    assert matrix[:, 2] == pytest.approx([-2, 1], abs=0.15)


def test_all_kinds_are_drawn_in_their_numbers(drawn: heldout.HeldOut):
    kinds = [defect.kind for copy in drawn.copies for defect in copy.defects]
    assert set(kinds) == set(KINDS)
    assert kinds.count("pad_scratch") == round(28 * 0.1)
    assert {len(copy.defects) for copy in drawn.copies} <= {1, 2, 3}


def test_the_full_set_is_large_enough():
    assert sum(heldout.COUNTS.values()) >= 100
    assert heldout.COUNTS["pad_scratch"] >= 25
    assert len(heldout.COUNTS) == 10


def test_only_the_patch_differs_and_it_can_be_seen(drawn: heldout.HeldOut):
    for copy in drawn.copies:
        board, picture = read_rgb(copy.board), copy.image()
        outside = np.ones(board.shape[:2], bool)
        for defect in copy.defects:
            rows, columns = (
                slice(defect.y, defect.y + len(defect.mask)),
                slice(defect.x, defect.x + defect.mask.shape[1]),
            )
            outside[rows, columns] = False
            assert np.abs(picture[rows, columns].astype(int) - board[rows, columns])[defect.mask].mean() > 1
            least = heldout.HAIRLINE_VISIBILITY if defect.kind == "pad_scratch" else heldout.VISIBILITY
            assert defect.visibility >= least
            assert defect.peak_levels > 5
            assert (defect.extent | ~defect.mask).all()
            assert drawn.parts[copy.board.name][rows, columns][defect.extent].mean() >= 0.98
        assert (picture[outside] == board[outside]).all()


def test_pad_defects_stay_on_gold(panels: Path, reference: Reference):
    board = read_rgb(flex98_split(panels).test[0])
    matrix = align_affine(board, reference.golden)
    part, gold = (onto_image(zone, matrix, board.shape) for zone in (reference.part, reference.gold))
    painter = Painter(board, part, gold)
    rng = np.random.default_rng(8)
    for kind in ("pad_scratch", "pad_stain") * 4:
        (defect,) = painter.draw(rng, [kind])
        assert gold[defect.y :, defect.x :][: defect.mask.shape[0], : defect.mask.shape[1]][defect.mask].mean() > 0.8


def test_pad_scratches_are_hairlines_of_the_stated_contrast(panels: Path, reference: Reference):
    board = read_rgb(flex98_split(panels).test[0])
    matrix = align_affine(board, reference.golden)
    painter = Painter(board, *(onto_image(zone, matrix, board.shape) for zone in (reference.part, reference.gold)))
    rng = np.random.default_rng(1)
    for _ in range(12):
        (defect,) = painter.draw(rng, ["pad_scratch"])
        row, column = np.nonzero(defect.mask)
        length = np.hypot(np.ptp(row) + 1, np.ptp(column) + 1)
        assert 9 <= length <= 60
        assert defect.mask.sum() / length < 6
        assert 0.05 < defect.peak_levels / 152 < 0.40


def test_drawing_is_repeatable(panels: Path, reference: Reference, drawn: heldout.HeldOut):
    again = heldout.build(flex98_split(panels), reference, seed=5, scale=0.1)
    for one, two in zip(drawn.copies, again.copies, strict=True):
        assert one.board == two.board
        for first, second in zip(one.defects, two.defects, strict=True):
            assert (first.kind, first.x, first.y) == (second.kind, second.x, second.y)
            assert (first.patch == second.patch).all()
    other = heldout.build(flex98_split(panels), reference, seed=6, scale=0.1)
    assert [d.x for c in other.copies for d in c.defects] != [d.x for c in drawn.copies for d in c.defects]


def test_kept_and_read_again(drawn: heldout.HeldOut, tmp_path: Path):
    heldout.save(drawn, tmp_path / "set.npz")
    again = heldout.load(tmp_path / "set.npz")
    assert again.boards == drawn.boards
    for one, two in zip(drawn.copies, again.copies, strict=True):
        assert (one.image() == two.image()).all()
    for name, part in drawn.parts.items():
        assert (part == again.parts[name]).all()


def test_zone_is_filled_grown_and_cut_at_the_border():
    ring = np.ones((21, 21), bool)
    ring[5:16, 5:16] = False
    patch = np.zeros((21, 21, 3), np.uint8)
    rows, columns, mask = heldout.Defect("watermark", 50, 40, patch, ring, ring, 9, 9).zone((200, 300))
    assert (rows, columns) == (slice(32, 69), slice(42, 79))
    assert mask[18, 18]
    assert mask[18, 0]
    assert not mask[0, 0]
    rows, columns, mask = heldout.Defect("watermark", 0, 190, patch[:10], ring[:10], ring[:10], 9, 9).zone((200, 300))
    assert (rows, columns) == (slice(182, 200), slice(0, 29))
    assert mask.shape == (18, 29)


def test_lightness_of_a_display():
    black, grey, white = heldout.lightness(np.array([0.0, 119.0, 255.0]))
    assert black == pytest.approx(4.5, abs=0.1)
    assert grey == pytest.approx(51, abs=1)
    assert white == pytest.approx(100)


def test_shares_no_code_with_the_training_generator():
    for path in Path(heldout.__file__).parent.glob("*.py"):
        if path.stem == "deeppcb":
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not any(name.startswith("inspection") for name in names), path


@pytest.mark.shared
def test_real_boards_split_32_and_16(shared_flex: Path):
    split = flex98_split(shared_flex)
    assert (len(split.learn), len(split.test)) == (32, 16)
    dev = flex98_split(shared_flex, dev=True)
    assert (len(dev.learn), len(dev.test)) == (24, 8)
    assert not set(dev.test) & set(split.test)
    places = [{int(path.stem[-3:]) % 7 for path in boards} for boards in (split.learn, split.test)]
    assert places[1] < places[0], "every tested place is learnt too"
    unseen = flex98_split(shared_flex, unseen_places=True)
    places = [{int(path.stem[-3:]) % 7 for path in boards} for boards in (unseen.learn, unseen.test)]
    assert (len(unseen.test), places[0] & places[1]) == (16, set())
