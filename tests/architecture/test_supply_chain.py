"""What is shipped is listed, what is known to be vulnerable is found, and no password is in what is shipped."""

import json
import os
import re
import subprocess
import sys
import threading
import tomllib
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import SecretStr

from core.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
PINNED = dict(line.lower().split("==") for line in (ROOT / "constraints.txt").read_text().split())
NO_SECRET = {"automountServiceAccountToken", "secretName", "secrets"}
"""Fields of Kubernetes and Compose that hold none: yes or no, the name of an object, which are used."""
SECRET = re.compile(r"PASSWORD|SECRET|TOKEN|AUTH_STRING|API_KEY", re.IGNORECASE)


def plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_the_list_of_what_is_shipped_is_whole_and_as_pinned(tmp_path: Path) -> None:
    script, out = ROOT / "deploy/sbom.py", tmp_path / "sbom.cdx.json"
    subprocess.run([sys.executable, str(script), str(out)], check=True, capture_output=True)
    told = json.loads(out.read_text())
    assert (told["bomFormat"], told["specVersion"]) == ("CycloneDX", "1.6")
    assert told["metadata"]["component"]["name"] == "shiftwatch"
    listed = {plain(one["name"]): one["version"] for one in told["components"]}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    asked = {plain(re.split(r"[^\w.-]", line)[0]) for line in project["dependencies"]}
    assert asked <= listed.keys()
    assert {"psycopg-binary", "starlette", "protobuf"} <= listed.keys()  # what the extras and dependencies bring
    assert {"distributed", "prefect-docker"} <= listed.keys()  # optional groups that the image holds
    assert not {"torch", "pytest", "playwright", "pip-audit"} & listed.keys()
    versions = {plain(name): version for name, version in PINNED.items()}
    assert {name: versions.get(name) for name in listed} == listed
    assert all(one["purl"].startswith("pkg:pypi/") for one in told["components"])
    licensed = [one for one in told["components"] if one.get("licenses")]
    assert len(licensed) > 0.9 * len(listed)
    known = {one["bom-ref"] for one in told["components"]} | {told["metadata"]["component"]["bom-ref"]}
    assert all(set(one["dependsOn"]) <= known for one in told["dependencies"])


@pytest.fixture
def osv() -> Iterator[tuple[str, dict[str, Any]]]:
    """A stand-in for OSV: what it says of each package, by name."""
    says: dict[str, Any] = {}

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            found = says.get(plain(asked.get("package", {}).get("name", "")), {})
            body = json.dumps(found).encode()
            self.send_response(200 if asked else 400)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/v1/query", says
    server.shutdown()
    thread.join()
    server.server_close()


def audit(*words: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, str(ROOT / "deploy/audit.py"), *words]
    return subprocess.run(command, env={**os.environ, **variables}, capture_output=True, text=True, check=False)


def test_an_audit_finds_what_osv_knows_of_a_pinned_package(osv: tuple[str, dict[str, Any]], tmp_path: Path) -> None:
    (url, says), some = osv, tmp_path / "constraints.txt"
    some.write_text("".join(f"{name}=={PINNED[name]}\n" for name in ("jinja2", "markupsafe", "torch")))
    clean = audit(str(some), SHIFTWATCH_OSV_URL=url)
    assert (clean.returncode, "No known vulnerabilities" in clean.stderr) == (0, True), clean.stderr
    version = PINNED["jinja2"]
    affected = [{"package": {"name": "jinja2", "ecosystem": "PyPI"}, "versions": [version]}]
    says["jinja2"] = {"vulns": [{"id": "GHSA-test", "summary": "an escape", "aliases": [], "affected": affected}]}
    found = audit(str(some), SHIFTWATCH_OSV_URL=url)
    assert found.returncode == 1
    assert re.search(rf"jinja2\s+{re.escape(version)}\s+GHSA-test", found.stdout)


def test_an_audit_that_cannot_ask_says_so() -> None:
    skipped = audit(SHIFTWATCH_OSV_URL="http://127.0.0.1:9/v1/query")
    assert (skipped.returncode, "audit SKIPPED" in skipped.stderr) == (0, True)
    failed = audit(SHIFTWATCH_OSV_URL="http://127.0.0.1:9/v1/query", SHIFTWATCH_AUDIT="required")
    assert failed.returncode == 1


def test_no_part_of_the_deployment_comes_with_a_password() -> None:
    told = yaml.safe_load((ROOT / "compose.yaml").read_text())
    for name, service in told["services"].items():
        for variable in service.get("environment", {}):
            assert not SECRET.search(variable) or variable.endswith("_FILE"), (name, variable)
        assert not re.search(r"://[^\s/:@]+:[^\s/@]+@", json.dumps(service)), name
    assert all(secret["file"].startswith("./secrets/") for secret in told["secrets"].values())
    assert not (ROOT / "secrets").exists() or _ignored("secrets")
    for path in [ROOT / ".env.example", ROOT / "Dockerfile", *(ROOT / "deploy").rglob("*.*")]:
        given = re.findall(
            r"(?im)^\s*[\"']?(\w*(?:password|secret|token|auth_string)\w*)[\"']?\s*[=:]\s*[\"']?(\w+)", _text(path)
        )
        assert not [one for one in given if one[1] != "null" and one[0] not in NO_SECRET], path


def test_no_setting_has_a_secret_by_default() -> None:
    made = Settings()
    assert made.notify.channels == {}
    secrets = [name for name, field in Settings.model_fields.items() if SecretStr in _types(field.annotation)]
    assert secrets
    assert all(getattr(made, name) is None for name in secrets)


def _types(annotation: object) -> set[object]:
    return {annotation, *getattr(annotation, "__args__", ())}


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""


def _ignored(name: str) -> bool:
    return subprocess.run(["git", "check-ignore", "-q", name], cwd=ROOT, check=False).returncode == 0
