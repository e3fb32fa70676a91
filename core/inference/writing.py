"""Writing a model package: complete or not at all."""

import os
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from tempfile import mkdtemp

from pydantic import JsonValue

from core.errors import ModelError
from core.inference.arrays import Array, write_arrays
from core.inference.card import CARD_FILE, FILE_NAME, new_card
from core.inference.package import ModelPackage, digest_file, load_package


def write_package(
    path: Path | str,
    *,
    name: str,
    system: str,
    created_at: datetime,
    seed: int,
    training_data: str,
    networks: Mapping[str, bytes | Path] | None = None,
    arrays: Mapping[str, Mapping[str, Array]] | None = None,
    metrics: Mapping[str, JsonValue] | None = None,
    calibration: Mapping[str, JsonValue] | None = None,
    details: Mapping[str, JsonValue] | None = None,
    compress: bool = True,
    replace: bool = False,
) -> ModelPackage:
    """Write a model package: into a folder beside ``path`` first, then renamed.

    Parameters
    ----------
    networks
        ONNX models by file name (``model.onnx``), as bytes or as a file to copy; weights inside, no external data.
    arrays
        Arrays by file name (``golden.npz``), then by array name.
    compress
        Small files (default), or arrays stored as they are, so that large ones can be memory-mapped.
    replace
        Put it in the place of a package that is there (which is removed after the new one is complete).

    Raises
    ------
    ModelError
        If ``path`` exists and ``replace`` is not set, a name or value cannot be part of a package, or writing fails.
    """
    target = Path(path)
    card = new_card(
        name=name,
        system=system,
        created_at=created_at,
        seed=seed,
        training_data=training_data,
        metrics=dict(metrics or {}),
        calibration=dict(calibration or {}),
        details=dict(details or {}),
    )
    if os.path.lexists(target) and not replace:
        raise ModelError(f"{target}: exists already")
    with beside(target) as folder:
        for file_name, network in (networks or {}).items():
            _write_network(folder / _checked(file_name, ".onnx"), network)
        for file_name, content in (arrays or {}).items():
            write_arrays(folder / _checked(file_name, ".npz"), content, compress=compress)
        sealed = card.sealed({file.name: digest_file(file) for file in sorted(folder.iterdir())})
        (folder / CARD_FILE).write_text(sealed.to_text(), encoding="utf-8")
        _flush(folder)
        _move(folder, target)
    return load_package(target)


def _write_network(path: Path, network: bytes | Path) -> None:
    if isinstance(network, Path):
        shutil.copyfile(network, path)
    else:
        path.write_bytes(network)


def _checked(name: str, suffix: str) -> str:
    if not re.fullmatch(FILE_NAME, name) or not name.endswith(suffix):
        raise ModelError(f"{name!r}: not a name for a {suffix} file of a model package")
    return name


@contextmanager
def beside(target: Path) -> Iterator[Path]:
    """Give a temporary folder on the same file system as ``target``; it never outlives the block."""
    folder: Path | None = None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        folder = Path(mkdtemp(prefix=f".{target.name}.", dir=target.parent))
        folder.chmod(0o755)
        yield folder
    except OSError as error:
        raise ModelError(f"{target}: the model package cannot be written ({error.strerror or error})") from None
    finally:
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)


def _flush(folder: Path) -> None:
    for path in (*folder.iterdir(), folder):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _move(folder: Path, target: Path) -> None:
    if not os.path.lexists(target):
        folder.rename(target)
        return
    old = Path(mkdtemp(prefix=f".{target.name}.old.", dir=target.parent))
    target.rename(old / target.name)
    try:
        folder.rename(target)
    except OSError:
        (old / target.name).rename(target)
        old.rmdir()
        raise
    shutil.rmtree(old, ignore_errors=True)
