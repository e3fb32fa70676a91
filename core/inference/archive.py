"""Every version of a model package that was ever registered, kept whole: so that one can go back to it."""

import shutil
from pathlib import Path

from core.errors import ModelError
from core.inference.package import ModelPackage, load_package
from core.inference.writing import beside


def keep(package: ModelPackage, archive: Path) -> Path:
    """Copy a package into the archive, once, and return where it is there.

    Raises
    ------
    ModelError
        It cannot be written, or what is there is damaged.
    """
    target = place(archive, package.card.system, package.card.name, package.card.version)
    if target.is_dir():
        load_package(target)
        return target
    with beside(target) as folder:
        for name in (*package.card.files, "card.json"):
            shutil.copyfile(package.path / name, folder / name)
        load_package(folder)
        if not target.is_dir():
            folder.rename(target)
    return target


def place(archive: Path, system: str, name: str, version: str) -> Path:
    """Return where a version is kept.

    Raises
    ------
    ModelError
        A name is no plain name of a folder.
    """
    for part in (system, name, version):
        if part != Path(part).name or part.startswith("."):
            raise ModelError(f"{part!r} is no name of a model or version that can be kept")
    return archive / system / name / version
