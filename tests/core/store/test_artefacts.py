"""Content-addressed files: whole or not at all."""

import errno
import os
import signal
import subprocess
import sys
import time
from hashlib import sha256
from pathlib import Path

import pytest

from core.errors import StoreError
from core.store.artefacts import EXTENSIONS, Artefacts

CONTENT = b"\xff\xd8 a picture"
DIGEST = sha256(CONTENT).hexdigest()


@pytest.fixture
def artefacts(tmp_path: Path) -> Artefacts:
    return Artefacts(tmp_path / "artefacts")


def files(artefacts: Artefacts) -> list[Path]:
    return [path for path in artefacts.folder.rglob("*") if path.is_file()]


def test_put_and_get(artefacts: Artefacts) -> None:
    assert artefacts.put(CONTENT, "image/jpeg") == DIGEST
    assert artefacts.path(DIGEST) == artefacts.folder / DIGEST[:2] / f"{DIGEST}.jpg"
    assert artefacts.get(DIGEST) == CONTENT
    assert artefacts.exists(DIGEST)
    assert artefacts.media_type(DIGEST) == "image/jpeg"


@pytest.mark.parametrize("media_type", [*EXTENSIONS, "application/x-unheard-of"])
def test_every_media_type_is_found_again(artefacts: Artefacts, media_type: str) -> None:
    digest = artefacts.put(b"content", media_type)
    assert artefacts.get(digest) == b"content"


def test_the_same_content_is_one_file(artefacts: Artefacts) -> None:
    for _ in range(3):
        artefacts.put(CONTENT, "image/jpeg")
    artefacts.put(CONTENT, "image/png")
    assert len(files(artefacts)) == 1


def test_nothing_is_made_before_the_first_put(artefacts: Artefacts) -> None:
    assert not artefacts.exists(DIGEST)
    assert artefacts.sweep() == 0
    assert not artefacts.folder.exists()


@pytest.mark.parametrize("digest", ["", "../../etc/passwd", "A" * 64, "a" * 63, "a" * 64 + "\n", "é" * 64])
def test_what_is_no_digest_reaches_no_file(artefacts: Artefacts, digest: str) -> None:
    for ask in (artefacts.get, artefacts.path, artefacts.exists):
        with pytest.raises(StoreError, match="no artefact digest"):
            ask(digest)


def test_an_unknown_digest(artefacts: Artefacts) -> None:
    with pytest.raises(StoreError, match=f"holds no artefact {DIGEST}"):
        artefacts.get(DIGEST)


def test_damage_is_noticed(artefacts: Artefacts) -> None:
    artefacts.put(CONTENT, "image/jpeg")
    artefacts.path(DIGEST).write_bytes(b"rotten")
    with pytest.raises(StoreError, match=r"\.jpg: the content is damaged"):
        artefacts.get(DIGEST)


@pytest.mark.parametrize("step", ["fsync", "replace", "write"])
def test_a_full_disk_leaves_nothing(artefacts: Artefacts, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    if step == "write":
        monkeypatch.setattr("core.store.artefacts._write", _half_written)
    else:
        monkeypatch.setattr(os if step == "fsync" else Path, step, full)
    with pytest.raises(StoreError, match=rf"{DIGEST}\.jpg: cannot be written: No space left on device"):
        artefacts.put(CONTENT, "image/jpeg")
    assert files(artefacts) == []
    monkeypatch.undo()
    assert artefacts.put(CONTENT, "image/jpeg") == DIGEST


def _half_written(path: Path, content: bytes) -> None:
    path.write_bytes(content[:3])
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


LIMITED = """
import resource, sys
from pathlib import Path
from core.errors import StoreError
from core.store.artefacts import Artefacts
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    Artefacts(Path(sys.argv[1])).put(b"x" * 100_000, "image/png")
except StoreError as error:
    print(error)
"""


def test_a_write_that_the_system_cuts_off_leaves_nothing(artefacts: Artefacts) -> None:
    command = [sys.executable, "-W", "error", "-c", LIMITED, artefacts.folder]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.endswith(".png: cannot be written: File too large\n")
    assert files(artefacts) == []


def test_a_file_in_place_of_the_folder(artefacts: Artefacts) -> None:
    artefacts.folder.write_text("no folder")
    with pytest.raises(StoreError, match=rf"{artefacts.folder}.*cannot be written: (Not a directory|File exists)"):
        artefacts.put(CONTENT, "image/jpeg")


def test_an_unwritable_folder(artefacts: Artefacts, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(StoreError, match=rf"{artefacts.folder}.*Permission denied"):
        artefacts.put(CONTENT, "image/jpeg")


WRITER = """
import os, sys
from pathlib import Path
from core.store.artefacts import Artefacts
artefacts, i = Artefacts(Path(sys.argv[1])), 0
while True:
    artefacts.put((os.getpid() * 1_000_000 + i).to_bytes(8, "big") * 40_000, "application/octet-stream")
    if i == 0:
        print("ready", flush=True)
    i += 1
"""


def test_a_killed_writer_leaves_only_whole_files(artefacts: Artefacts) -> None:
    for round_ in range(6):
        writer = subprocess.Popen([sys.executable, "-c", WRITER, artefacts.folder], stdout=subprocess.PIPE)
        assert writer.stdout is not None
        with writer.stdout:
            assert writer.stdout.readline() == b"ready\n"
            time.sleep(0.02 + 0.013 * round_)
            writer.send_signal(signal.SIGKILL)
            writer.wait()
    named = [path for path in files(artefacts) if path.suffix == ".bin"]
    assert named
    for path in named:
        assert sha256(path.read_bytes()).hexdigest() == path.stem
    left = [path for path in files(artefacts) if path.suffix == ".part"]
    assert artefacts.sweep(older_than_s=3600) == 0
    assert artefacts.sweep(older_than_s=-1) == len(left)
    assert len(files(artefacts)) == len(named)
