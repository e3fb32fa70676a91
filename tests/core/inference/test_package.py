"""A model package is complete and unchanged, or it is refused by name."""

import json
import os
import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from core.errors import ModelError
from core.inference import ModelPackage, load_package, write_package
from core.verdict import Model
from tests.core.inference.conftest import AT

Make = Callable[..., ModelPackage]


def test_what_was_written_is_read(make: Make) -> None:
    package = load_package(make().path)
    assert package.card.calibration == {"threshold": 1.25}
    assert package.card.created_at == AT
    assert set(package.card.files) == {"model.onnx", "golden.npz"}
    assert package.card.version == package.card.digest[:12]
    assert package.model == Model("tiny", package.card.version)
    expected = np.random.default_rng(0).normal(size=(40, 50))
    np.testing.assert_array_equal(package.array("golden.npz")["x"], expected)
    assert list(package.array("golden.npz")["labels"]) == ["a", "b"]


def test_the_version_depends_on_the_content_and_not_on_the_date(make: Make, tmp_path: Path) -> None:
    version = make().card.version
    assert make(tmp_path / "later", created_at=AT + timedelta(days=1)).card.version == version
    assert make(tmp_path / "b", calibration={"threshold": 1.26}).card.version != version
    assert make(tmp_path / "c", arrays={"golden.npz": {"x": np.zeros(3)}}).card.version != version


@pytest.mark.parametrize("name", ["model.onnx", "golden.npz"])
@pytest.mark.parametrize("damage", ["one bit", "truncated", "empty", "missing", "a link", "a folder"])
def test_a_damaged_file_is_named(make: Make, name: str, damage: str) -> None:
    path = make().path / name
    content = bytearray(path.read_bytes())
    path.unlink()
    if damage == "one bit":
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
    elif damage == "truncated":
        path.write_bytes(content[:-1])
    elif damage == "empty":
        path.touch()
    elif damage == "a link":
        path.symlink_to("/dev/zero")
    elif damage == "a folder":
        path.mkdir()
    with pytest.raises(ModelError, match=name):
        load_package(path.parent)


@pytest.mark.parametrize("extra", ["other.npz", "weights.pkl", ".hidden", "folder"])
def test_an_extra_file_is_named(make: Make, extra: str) -> None:
    path = make().path / extra
    path.mkdir() if extra == "folder" else path.write_bytes(b"x")
    with pytest.raises(ModelError, match=extra):
        load_package(path.parent)


@pytest.mark.parametrize(
    "change",
    [
        {"calibration": {"threshold": 99.0}},
        {"seed": 8},
        {"surprise": 1},
        {"format": 2},
        {"version": "0" * 12},
        {"files": {"../../etc/passwd": "0" * 64}},
        {"created_at": "yesterday"},
        {"created_at": "2026-01-02T03:04:05"},
    ],
)
def test_a_changed_card_is_refused(make: Make, change: dict[str, object]) -> None:
    path = make().path / "card.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(ModelError, match=r"card\.json"):
        load_package(path.parent)


@pytest.mark.parametrize("text", [b"", b"{", b"\xff\xfe", b"[]", b"null", b'{"name": "x"}'])
def test_a_card_that_is_none_is_refused(make: Make, text: bytes) -> None:
    path = make().path / "card.json"
    path.write_bytes(text)
    with pytest.raises(ModelError, match=r"card\.json"):
        load_package(path.parent)


def test_no_package_there(tmp_path: Path, make: Make) -> None:
    with pytest.raises(ModelError, match="nothing"):
        load_package(tmp_path / "nothing")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ModelError, match=r"card\.json: missing"):
        load_package(tmp_path / "empty")
    (tmp_path / "file").write_text("x")
    with pytest.raises(ModelError, match="file"):
        load_package(tmp_path / "file")


def test_a_card_may_only_list_plain_names_even_when_its_version_fits(make: Make) -> None:
    package = make()
    card = package.card.sealed({"../secret.npz": "0" * 64})
    shutil.rmtree(package.path)
    package.path.mkdir()
    (package.path / "card.json").write_text(card.to_text())
    with pytest.raises(ModelError, match="not a name"):
        load_package(package.path)


def test_writing_is_all_or_nothing(make: Make, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="Python objects"):
        make(arrays={"good.npz": {"x": np.zeros(2)}, "zbad.npz": {"x": np.array([{}], dtype=object)}})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"networks": {"model.pt": b""}},
        {"networks": {"../model.onnx": b""}},
        {"arrays": {"x.npy": {}}},
        {"metrics": {"auroc": float("nan")}},
        {"metrics": {"auroc": np.float64(1.0) + 1j}},
        {"calibration": {"threshold": float("inf")}},
        {"details": {"path": Path()}},
        {"name": ""},
        {"created_at": AT.replace(tzinfo=None)},
    ],
)
def test_what_cannot_be_part_of_a_package(make: Make, tmp_path: Path, changes: dict[str, object]) -> None:
    with pytest.raises(ModelError):
        make(**changes)
    assert list(tmp_path.iterdir()) == []


def test_an_existing_package_is_replaced_only_when_asked(make: Make, tmp_path: Path) -> None:
    old = make()
    with pytest.raises(ModelError, match="exists"):
        make(seed=8)
    assert load_package(old.path).card.version == old.card.version
    new = make(seed=8, replace=True)
    assert load_package(old.path).card.version == new.card.version != old.card.version
    assert [p.name for p in tmp_path.iterdir()] == ["package"]


def test_an_unwritable_folder_is_named(make: Make, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(ModelError, match=r"file/package.*cannot be written"):
        make(tmp_path / "file" / "package")


def test_a_full_disk_leaves_the_old_package(make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = make()

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ModelError, match="No space left"):
        make(seed=8, replace=True)
    assert load_package(old.path).card.version == old.card.version
    assert [p.name for p in tmp_path.iterdir()] == ["package"]


def test_unknown_names_are_errors(make: Make) -> None:
    package = make()
    with pytest.raises(ModelError, match=r"other\.onnx.*model\.onnx"):
        package.session("other.onnx")
    with pytest.raises(ModelError, match="nope"):
        package.array("nope.npz")
    with pytest.raises(ModelError, match=r"'y'.*labels, x"):
        package.array("golden.npz")["y"]


def test_a_network_that_changed_after_loading_is_not_run(make: Make) -> None:
    package = load_package(make().path)
    (package.path / "model.onnx").write_bytes(b"something else")
    with pytest.raises(ModelError, match="changed"):
        package.session()


@pytest.mark.parametrize("order", ["C", "F"])
def test_large_uncompressed_arrays_are_mapped(make: Make, order: str) -> None:
    big = np.arange(600_000, dtype=np.float32).reshape(600, 1000)
    big = np.asarray(big, order=order)  # type: ignore[call-overload]
    package = make(arrays={"memory.npz": {"small": np.zeros(3), "big": big}}, compress=False)
    found = package.array("memory.npz")["big"]
    assert isinstance(found, np.memmap)
    assert not found.flags.writeable
    np.testing.assert_array_equal(found, big)
    assert not isinstance(package.array("memory.npz")["small"], np.memmap)


def test_an_array_that_needs_a_pickle_is_never_loaded(tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    np.savez(path, x=np.array([{"a": 1}], dtype=object), y=np.full((400, 400), None, dtype=object))
    from core.inference.arrays import ArrayFile

    for name in ("x", "y"):
        with pytest.raises(ModelError, match=r"x\.npz"):
            ArrayFile(path)[name]


def test_a_package_needs_no_network(tmp_path: Path) -> None:
    package = write_package(
        tmp_path / "a b ü",
        name="empty",
        system="flex",
        created_at=AT,
        seed=0,
        training_data="",
        details={"k": [1, None]},
    )
    assert load_package(package.path).card.details == {"k": [1, None]}
