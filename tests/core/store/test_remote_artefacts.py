"""Objects in a bucket: fsspec's memory, and an S3 server in a process of its own."""

import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from hashlib import sha256
from itertools import count
from pathlib import Path

import pytest

from core.contracts import AlarmRule
from core.errors import StoreError
from core.placing import Bucket
from core.settings import load_settings
from core.store import Store
from core.store.artefacts import EXTENSIONS
from core.store.remote_artefacts import RemoteArtefacts
from core.verdict import Evidence, Quality, Verdict
from tests.core.store.conftest import an_arrival

CONTENT = b"\xff\xd8 a picture"
DIGEST = sha256(CONTENT).hexdigest()
_numbers = count()


@pytest.fixture(scope="session")
def s3_server() -> Iterator[str]:
    """Run moto's S3 server."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            deadline = time.monotonic() + 60
            while not _answers(url):
                assert process.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.1)
            yield url
        finally:
            process.kill()


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/moto-api/", timeout=1):
            return True
    except OSError:
        return False


@pytest.fixture(params=["memory", "s3"])
def bucket(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Bucket:
    name = f"bucket{next(_numbers)}"
    if request.param == "memory":
        return Bucket(f"memory://{name}/artefacts")
    url = request.getfixturevalue("s3_server")
    with urllib.request.urlopen(urllib.request.Request(f"{url}/{name}", method="PUT"), timeout=10):
        pass
    store = {"url": f"s3://{name}/artefacts", "endpoint_url": url, "access_key": "a", "secret_key": "hush"}
    made = load_settings(artefact_store=store).artefacts
    assert isinstance(made, Bucket)
    return made


@pytest.fixture
def artefacts(bucket: Bucket) -> RemoteArtefacts:
    return RemoteArtefacts(bucket)


def test_put_and_get(artefacts: RemoteArtefacts) -> None:
    assert not artefacts.exists(DIGEST)
    assert artefacts.put(CONTENT, "image/jpeg") == artefacts.put(CONTENT, "image/jpeg") == DIGEST
    assert artefacts.get(DIGEST) == CONTENT
    assert artefacts.media_type(DIGEST) == "image/jpeg"
    assert [digest for part in artefacts.older_than(-60) for digest in part] == [DIGEST]
    assert list(map(len, artefacts.older_than(3600))) == [0]
    for _ in range(2):
        artefacts.remove(DIGEST)
    assert not artefacts.exists(DIGEST)


@pytest.mark.parametrize("media_type", [*EXTENSIONS, "application/x-unheard-of"])
def test_every_media_type_is_found_again(artefacts: RemoteArtefacts, media_type: str) -> None:
    assert artefacts.get(artefacts.put(b"content", media_type)) == b"content"


@pytest.mark.parametrize("digest", ["", "../../etc/passwd", "A" * 64, "a" * 63, "a" * 64 + "\n", "é" * 64])
def test_what_is_no_digest_reaches_no_object(artefacts: RemoteArtefacts, digest: str) -> None:
    for ask in (artefacts.get, artefacts.exists, artefacts.media_type, artefacts.remove):
        with pytest.raises(StoreError, match="no artefact digest"):
            ask(digest)


def test_an_unknown_digest(artefacts: RemoteArtefacts) -> None:
    with pytest.raises(StoreError, match=f"holds no artefact {DIGEST}"):
        artefacts.get(DIGEST)


def test_damage_is_noticed(artefacts: RemoteArtefacts) -> None:
    artefacts.put(CONTENT, "image/jpeg")
    fs, root = artefacts._files()
    fs.pipe_file(f"{root}/{DIGEST[:2]}/{DIGEST}.jpg", b"rotten")
    with pytest.raises(StoreError, match=r"\.jpg: the content is damaged"):
        artefacts.get(DIGEST)


def test_a_verdict_and_its_picture(bucket: Bucket, tmp_path: Path) -> None:
    """The row comes after the object: a bucket that refuses leaves no row, and the arrival is offered again."""
    verdict = Verdict(Quality.GOOD, 1.0, 2.0, evidence={"board": Evidence(CONTENT, "image/jpeg")})
    item = an_arrival(element="E", key="k", verdict=verdict)
    url = f"sqlite:///{tmp_path / 'store.db'}"
    with Store.open(url, Bucket(bucket.url + "x", {"client_kwargs": {"endpoint_url": "http://127.0.0.1:1"}})
                    if bucket.url.startswith("s3") else Bucket("ftp://none/x")) as store:  # fmt: skip
        store.upgrade()
        with pytest.raises(StoreError):
            store.record("flex", "source", [item], AlarmRule())
        assert store.find("flex", "E", "k") is None
    with Store.open(url, bucket) as store:
        store.record("flex", "source", [item], AlarmRule())
        number = store.find("flex", "E", "k")
        assert number is not None
        detail = store.observation(number)
        assert detail is not None
        assert store.artefacts.get(detail.evidence["board"]) == CONTENT


def test_no_key_is_shown(bucket: Bucket) -> None:
    assert "hush" not in repr(bucket)
    assert "hush" not in repr(load_settings(artefact_store={"url": bucket.url, "secret_key": "hush"}))
