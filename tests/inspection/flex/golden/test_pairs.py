"""Reading and writing labelled pairs in DeepPCB's layout."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from core.errors import InputError
from inspection.flex.golden.pairs import Pair, find_pairs, read_labels, read_pair, write_pairs


def _pair(name: str, group: str) -> Pair:
    image = np.full((64, 48), 255, np.uint8)
    image[10:20] = 0
    boxes = np.array([[3, 4, 20, 22], [30, 30, 40, 50]], np.float32)
    return Pair(name, group, image, image[::-1].copy(), boxes, np.array([0, 5]))


def test_what_is_written_is_read(tmp_path: Path) -> None:
    """Names with spaces and umlauts included."""
    written = [_pair("a 1", "x"), _pair("ü2", "y")]
    write_pairs(tmp_path, written)
    files = find_pairs(tmp_path)
    assert [(f.name, f.group) for f in files] == [("a 1", "x"), ("ü2", "y")]
    for file, pair in zip(files, written, strict=True):
        read = read_pair(file)
        np.testing.assert_array_equal(read.template, pair.template)
        np.testing.assert_array_equal(read.test, pair.test)
        np.testing.assert_array_equal(read.boxes, pair.boxes)
        np.testing.assert_array_equal(read.labels, pair.labels)


def test_groups_choose_pairs(tmp_path: Path) -> None:
    """Whole groups, and an unknown one is an error that names it."""
    write_pairs(tmp_path, [_pair("1", "x"), _pair("2", "y"), _pair("3", "x")])
    assert [f.name for f in find_pairs(tmp_path, ["x"])] == ["1", "3"]
    with pytest.raises(InputError, match="zebra"):
        find_pairs(tmp_path, ["x", "zebra"])


@pytest.mark.parametrize("text", ["1 2 3", "1 2 30 40 7", "9 2 3 40 1", "1 2 x 4 5", "1 2 30 40 0"])
def test_impossible_labels_name_the_file(tmp_path: Path, text: str) -> None:
    """Too short, unknown class, negative size, no number."""
    path = tmp_path / "bad labels.txt"
    path.write_text(text)
    with pytest.raises(InputError, match=r"bad labels\.txt"):
        read_labels(path)


def test_labels_may_be_empty_or_separated_by_commas(tmp_path: Path) -> None:
    """A board without defects has an empty file."""
    path = tmp_path / "l.txt"
    path.write_text("\n")
    assert read_labels(path)[0].shape == (0, 4)
    path.write_text("1,2,30,40,3\n")
    assert read_labels(path)[1].tolist() == [2]


def test_damaged_folders(tmp_path: Path) -> None:
    """No index, an index of something else, a missing image, an image that is text, sizes that differ."""
    with pytest.raises(InputError, match=r"index\.csv"):
        find_pairs(tmp_path)
    (tmp_path / "index.csv").write_text("a,b\n1,2\n")
    with pytest.raises(InputError, match="columns id and group"):
        find_pairs(tmp_path)
    write_pairs(tmp_path, [_pair("1", "x")])
    files = find_pairs(tmp_path)[0]
    cv2.imwrite(str(files.test), np.zeros((8, 8), np.uint8))
    with pytest.raises(InputError, match="size"):
        read_pair(files)
    files.test.write_text("no image")
    with pytest.raises(InputError, match=r"1_test\.png"):
        read_pair(files)
    files.test.unlink()
    with pytest.raises(InputError, match="missing"):
        find_pairs(tmp_path)
