"""What the dashboard may not import, and names that would hide other modules."""

import ast
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HEAVY = ("torch", "lightning", "onnxruntime", "prefect", "cv2", "scipy", "inspection.flex.detector", "core.inference")


def test_the_dashboard_imports_nothing_that_trains_judges_or_schedules() -> None:
    code = (
        "import sys, pkgutil, importlib, app.dashboard\n"
        "for module in pkgutil.walk_packages(app.dashboard.__path__, 'app.dashboard.'):\n"
        "    if not module.name.endswith('.main'): importlib.import_module(module.name)\n"
        "from app.displays import _names, FIELDS\n"
        "names = list(_names(FIELDS)); assert 'inspection.flex.display' in names, names\n"
        "for name in [*names, 'inspection.flex.export']: importlib.import_module(name)\n"
        f"heavy = [name for name in {HEAVY!r} if name in sys.modules]\n"
        "assert not heavy, heavy"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_no_folder_is_called_pages_beside_the_frame() -> None:
    """Streamlit runs the files of ``pages`` by themselves when a deep link is the first thing a fresh server sees."""
    assert not (ROOT / "app" / "dashboard" / "pages").exists()


def test_no_module_that_is_run_as_a_script_hides_another() -> None:
    """Streamlit and Prefect put the folder of the script in front of everything that can be imported."""
    taken = set(sys.stdlib_module_names) | {"app", "core", "dqm", "inspection", "accelerator", "flows"}
    for folder in (ROOT / "app", ROOT / "app" / "dashboard", ROOT / "flows"):
        names = {path.stem for path in folder.iterdir() if path.suffix == ".py" or path.is_dir()}
        assert not names & taken, (folder, names & taken)


WRITES = {"act", "add_feedback", "decide", "set_alias", "write_guidance", "note_deed"}
OF_NO_PERSON = {"teaching.py"}
"""The first model of a product becomes its champion by itself."""


def test_people_write_through_the_desk_alone() -> None:
    """Roles are asked for in ``core.desk``: no page or command calls the store's own methods that write for people."""
    found = []
    for path in sorted((ROOT / "app").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in WRITES:
                receiver = ast.unparse(node.func.value)
                if "desk" not in receiver and path.name not in OF_NO_PERSON:
                    found.append(f"{path.relative_to(ROOT)}:{node.lineno}: {receiver}.{node.func.attr}")
    assert not found, found


def test_what_refreshes_itself_says_when_the_database_is_away() -> None:
    """A fragment that raises draws an error and no reason: all that refresh themselves go through ``live``."""
    pages = sorted((ROOT / "app" / "dashboard").rglob("*.py"))
    found = [path.name for path in pages if "fragment(run_every" in path.read_text(encoding="utf-8")]
    assert found == ["live.py"]
