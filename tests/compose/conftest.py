"""A site in a folder of its own, on a real engine; skips with the reason where no engine can run."""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NoReturn

import pytest

from app.supervision import free_port
from tests.compose import engine
from tests.compose.site import Site
from tests.e2e.conftest import browser, open_page, profiles

__all__ = ["browser", "open_page", "profiles"]

ROOT = Path(__file__).resolve().parents[2]
PARTS = (
    "compose.yaml", "Dockerfile", ".dockerignore", ".env.example", "deploy", "pyproject.toml", "constraints.txt",
    "README.md", "core", "dqm", "inspection", "accelerator", "flows", "app",
)  # fmt: skip
ASKED = "SHIFTWATCH_COMPOSE"
BEFORE = "SHIFTWATCH_COMPOSE_BEFORE"
"""A Unix time: CI has 90 minutes for everything, and what begins later than this would not end in them."""
OVERRIDE = "services: {migrate: {build: {network: host}}}\n"
"""How this machine builds: its containers reach no package index by themselves."""


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A copy of the checkout as somebody who installs it has it, beside an engine that has the base images."""
    if ASKED not in os.environ:
        pytest.skip(f"no compose test: not asked for; {ASKED}=required (`make compose`) or =1 (CI) runs it")
    late_s = time.time() - float(os.environ.get(BEFORE) or "inf")
    if late_s > 0:
        pytest.skip(f"no compose test: everything before it ended {late_s / 60:.0f} minutes too late for it")
    why = engine.missing()
    if why is not None:
        leave(why)
    folder = tmp_path_factory.mktemp("compose") / "shiftwatch"
    folder.mkdir()
    for part in PARTS:
        source = ROOT / part
        if source.is_dir():
            shutil.copytree(source, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, folder / part)
    (folder / "compose.override.yaml").write_text(OVERRIDE, encoding="utf-8")
    with ExitStack() as stack:
        try:
            environment = stack.enter_context(engine.engine(folder.parent / "dockerd.log"))
        except engine.NoEngineError as error:
            leave(f"no Docker engine runs here: {error}")
        # A variable wins over .env: the port of the README may be taken on this machine.
        ports = {"SHIFTWATCH_PORT": str(free_port(8501)), "SHIFTWATCH_METRICS_PORT": str(free_port(9464))}
        made = Site(folder, {**environment, **ports})
        try:
            with made.timed("base images"):
                engine.make_bases(environment, folder.parent)
        except (RuntimeError, subprocess.TimeoutExpired) as error:  # no package mirror, no room in memory
            leave(f"base images cannot be made here: {error}")
        stack.callback(made.finish)
        yield made


@pytest.fixture(scope="session")
def newer(site: Site) -> Site:
    """The site at the hands of Compose v2, where ``SHIFTWATCH_COMPOSE_V2`` names its program; else as it is."""
    plugin = Path(os.environ.get("SHIFTWATCH_COMPOSE_V2") or "absent")
    return site.typing(str(plugin)) if plugin.is_file() else site


def leave(why: str) -> NoReturn:
    """Skip, or fail where ``SHIFTWATCH_COMPOSE=required`` says that an engine has to run."""
    if os.environ.get(ASKED) == "required":
        pytest.fail(why)
    pytest.skip(f"no compose test: {why}")
