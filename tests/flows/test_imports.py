"""A watch starts in a second or two because it imports little; a process that loaded torch would take ten."""

import json
import subprocess
import sys

import pytest

from flows.systems import SYSTEMS
from tests.flows.conftest import ROOT

HEAVY = ("torch", "lightning", "torchvision", "streamlit", "matplotlib")


def imported(statement: str) -> set[str]:
    """Return the top-level packages that a fresh process has imported after a statement."""
    script = f"import sys, json\n{statement}\nprint(json.dumps(sorted({{m.partition('.')[0] for m in sys.modules}})))"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize("name", SYSTEMS)
def test_a_running_watch_imports_nothing_heavy(name: str) -> None:
    packages = imported(f"import flows.watching; flows.watching.load_system({name!r})")
    assert packages.isdisjoint({*HEAVY, "prefect"}), packages & {*HEAVY, "prefect"}


def test_the_flows_import_nothing_heavy_but_prefect() -> None:
    packages = imported("import flows.deploying")
    assert "prefect" in packages
    assert packages.isdisjoint(HEAVY)


def test_serve_reads_its_options_before_it_imports_prefect() -> None:
    assert "prefect" not in imported("import flows.serve, flows.calling, flows.systems")
