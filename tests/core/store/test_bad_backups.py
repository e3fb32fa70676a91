"""A backup that is not what was written is refused with the reason, and leaves nothing."""

import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from core.backup import dumps
from core.backup.checking import check
from core.backup.manifest import DATABASE, MANIFEST
from core.backup.restoring import restore
from core.errors import StoreError
from core.settings import Settings
from core.store.engine import Database
from tests.core.store.backed_up import CLOCK, DEED, clean, files, made, site

__all__ = ["clean", "made", "site"]


@pytest.mark.parametrize("share", [0.0, 0.01, 0.2, 0.5, 0.8, 0.95])
def test_one_that_was_cut_short_is_refused(made: Path, clean: tuple[Database, Settings], share: float) -> None:
    content = made.read_bytes()
    made.write_bytes(content[: int(share * len(content))])
    refused(made, clean, "cut short|damaged|manifest")


def test_one_whose_last_entry_is_missing_is_refused(made: Path, clean: tuple[Database, Settings]) -> None:
    rewrite(made, lambda name, content: None if name == MANIFEST else content)
    refused(made, clean, "no manifest at its end")


@pytest.mark.parametrize("name", [DATABASE, "home/its/memory.npz", "home/inbox/flex/a.jpg"])
def test_a_changed_byte_is_found_and_named(made: Path, clean: tuple[Database, Settings], name: str) -> None:
    rewrite(made, lambda own, content: content[:-1] + bytes([content[-1] ^ 1]) if own == name else content)
    refused(made, clean, f"{name} is not what was written")


def test_a_missing_and_an_added_file_are_named(made: Path, clean: tuple[Database, Settings]) -> None:
    whole = made.read_bytes()
    rewrite(made, lambda name, content: None if name == "home/its/memory.npz" else content)
    refused(made, clean, "home/its/memory.npz is missing")
    made.write_bytes(whole)
    rewrite(made, lambda _, content: content, first=[("home/its/evil.npz", b"x")])
    refused(made, clean, "home/its/evil.npz is not in its manifest")


@pytest.mark.parametrize("name", ["../evil", "/etc/evil", "home/../../evil", "elsewhere/evil", "home"])
def test_a_name_that_leads_out_of_the_home_is_refused(made: Path, clean: tuple[Database, Settings], name: str) -> None:
    rewrite(made, lambda _, content: content, first=[(name, b"x")])
    refused(made, clean, "does not belong into a backup")


def test_a_link_is_refused(made: Path, clean: tuple[Database, Settings]) -> None:
    link = tarfile.TarInfo("home/link")
    link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
    with tarfile.open(made, "a") as tar:
        tar.addfile(link)
    refused(made, clean, "does not belong into a backup")


@pytest.mark.parametrize(
    ("change", "why"),
    [({"format": 2}, "of a newer one"), ({"revision": "0999"}, "does not know"), ({"tables": 3}, "damaged")],
)
def test_one_of_a_newer_release_is_refused(
    made: Path, clean: tuple[Database, Settings], change: dict[str, object], why: str
) -> None:
    rewrite(made, lambda name, content: json.dumps(json.loads(content) | change).encode() if name == MANIFEST
            else content)  # fmt: skip
    refused(made, clean, why)


def test_what_is_no_backup_at_all_is_refused(tmp_path: Path, clean: tuple[Database, Settings]) -> None:
    for content in (b"", b"no backup", bytes(20_000)):
        path = tmp_path / "none.tar"
        path.write_bytes(content)
        refused(path, clean, "no backup|no manifest|cut short")
    with pytest.raises(StoreError, match=r"missing\.tar: No such file"):
        check(tmp_path / "missing.tar")


def test_one_of_the_other_database_is_refused(made: Path, clean: tuple[Database, Settings]) -> None:
    other = "postgresql" if dumps.kind_of(clean[0]) == "sqlite" else "sqlite"
    rewrite(made, lambda name, content: json.dumps(json.loads(content) | {"kind": other}).encode() if name == MANIFEST
            else content)  # fmt: skip
    refused(made, clean, f"holds a database of {other}")


def refused(path: Path, clean: tuple[Database, Settings], why: str) -> None:
    """Nothing of a refused backup is left anywhere."""
    with pytest.raises(StoreError, match=why) as caught:
        restore(path, clean[0], clean[1], CLOCK, DEED)  # type: ignore[arg-type]
    assert str(path) in str(caught.value)
    assert dumps.is_empty(clean[0])
    assert not files(clean[1].home)


def rewrite(
    path: Path, change: Callable[[str, bytes], bytes | None], first: list[tuple[str, bytes]] | None = None
) -> None:
    """Write a backup anew with its entries changed (None: left out)."""
    with tarfile.open(path) as tar:
        entries = [(one.name, tar.extractfile(one).read()) for one in tar]  # type: ignore[union-attr]
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as tar:
        for name, content in [*(first or []), *entries]:
            changed = change(name, content)
            if changed is not None:
                entry = tarfile.TarInfo(name)
                entry.size = len(changed)
                tar.addfile(entry, io.BytesIO(changed))
