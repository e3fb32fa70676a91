"""A model package: a folder of networks (``*.onnx``), arrays (``*.npz``) and ``card.json`` that vouches for each."""

import hashlib
import os
import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Lock

from core.errors import ModelError
from core.inference.arrays import ArrayFile
from core.inference.card import CARD_FILE, FILE_NAME, Card, read_card
from core.inference.session import Session
from core.verdict import Model


class ModelPackage:
    """A verified package. Networks and arrays are opened when asked for; sessions are kept."""

    def __init__(self, path: Path, card: Card) -> None:
        self.path = path
        self.card = card
        self._sessions: dict[tuple[str, int], Session] = {}
        self._lock = Lock()

    def __repr__(self) -> str:
        return f"ModelPackage({str(self.path)!r}, {self.card.name} {self.card.version})"

    @property
    def model(self) -> Model:
        """Name and version, as a verdict carries them."""
        return Model(self.card.name, self.card.version)

    def session(
        self,
        name: str = "model.onnx",
        *,
        threads: int = 1,
        inputs: Sequence[str] | None = None,
        outputs: Sequence[str] | None = None,
    ) -> Session:
        """Return the session of one network, loaded at first use.

        ``inputs`` and ``outputs``, when given, are the names that the caller relies on.

        Raises
        ------
        ModelError
            If there is no such network, it changed since the package was verified, or its names differ.
        """
        with self._lock:
            session = self._sessions.get((name, threads))
            if session is None:
                session = Session(self._verified(name), str(self.path / name), threads=threads)
                self._sessions[name, threads] = session
        session.require(inputs, outputs)
        return session

    def array(self, name: str) -> ArrayFile:
        """Return the arrays of one ``npz`` by name; each is read when asked for.

        Raises
        ------
        ModelError
            If there is no such file.
        """
        self._known(name)
        return ArrayFile(self.path / name)

    def _known(self, name: str) -> str:
        if name not in self.card.files:
            raise ModelError(f"{self.path}: no file {name!r}; there are {', '.join(sorted(self.card.files)) or 'none'}")
        return self.card.files[name]

    def _verified(self, name: str) -> bytes:
        digest = self._known(name)
        try:
            content = (self.path / name).read_bytes()
        except OSError as error:
            raise ModelError(f"{self.path / name}: cannot be read ({error.strerror})") from None
        if hashlib.sha256(content).hexdigest() != digest:
            raise ModelError(f"{self.path / name}: changed since the package was loaded; load it again")
        return content


def load_package(path: Path | str) -> ModelPackage:
    """Open a model package after checking the digest of every file in it.

    Raises
    ------
    ModelError
        If the folder or a file is missing, damaged or not listed in the card; the text names it.
    """
    folder = Path(path)
    if not folder.is_dir():
        raise ModelError(f"{folder}: no such model package")
    card = read_card(folder)
    try:
        present = {entry.name for entry in os.scandir(folder)}
    except OSError as error:
        raise ModelError(f"{folder}: cannot be read ({error.strerror})") from None
    for name in sorted(present - {CARD_FILE} - card.files.keys()):
        raise ModelError(f"{folder / name}: not listed in {CARD_FILE}: the package was changed after it was made")
    for name in sorted(card.files):
        if not re.fullmatch(FILE_NAME, name):
            raise ModelError(f"{folder / CARD_FILE}: lists {name!r}, not a name that a model package may hold")
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda listed: _check_file(folder / listed[0], listed[1]), sorted(card.files.items())))
    return ModelPackage(folder, card)


def digest_file(path: Path) -> str:
    """Return the SHA-256 of a file (hexadecimal), read in pieces."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _check_file(path: Path, digest: str) -> None:
    if path.is_symlink() or not path.is_file():
        raise ModelError(f"{path}: missing from the model package, or not a plain file")
    try:
        found = digest_file(path)
    except OSError as error:
        raise ModelError(f"{path}: cannot be read ({error.strerror})") from None
    if found != digest:
        raise ModelError(f"{path}: damaged (SHA-256 {found[:12]}…, the card says {digest[:12]}…)")


def find_package(name: str, folders: Sequence[Path], what: str) -> Path:
    """Return the package called ``name`` in the first folder that holds one; ``what`` is said if none does.

    Raises
    ------
    ModelError
        There is none; the text lists those there are.
    """
    for folder in folders:
        if (folder / name / CARD_FILE).is_file():
            return folder / name
    known = sorted({path.parent.name for folder in folders for path in folder.glob(f"*/{CARD_FILE}")})
    raise ModelError(f"no {what} called {name!r}; there is: {', '.join(known) or 'none'}")
