"""``make audit``: known vulnerabilities in the pinned packages, as OSV lists them. Exit status 1 if there is one.

Where OSV cannot be asked it says so and ends with 0, unless ``SHIFTWATCH_AUDIT=required``.
"""

import os
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
OSV = "https://api.osv.dev/v1/query"
PATIENCE_S = 15.0
KNOWN: dict[str, str] = {}
"""Vulnerabilities that do not concern us, by number, each with its reason."""


def unreachable(url: str) -> str | None:
    """Return why OSV cannot be asked, None if it can."""
    asked = urllib.request.Request(url, b"{}", {"Content-Type": "application/json"})  # noqa: S310 set here
    try:
        with urllib.request.urlopen(asked, timeout=PATIENCE_S):  # noqa: S310
            return None
    except urllib.error.HTTPError as error:
        return None if error.code < 500 else f"status {error.code}"  # it answers: an empty question is a bad one
    except (OSError, ValueError) as error:
        return str(getattr(error, "reason", error))


def main(pinned: str = str(ROOT / "constraints.txt")) -> int:
    """Ask."""
    url = os.environ.get("SHIFTWATCH_OSV_URL", OSV)
    why = unreachable(url)
    if why is not None:
        required = os.environ.get("SHIFTWATCH_AUDIT") == "required"
        print(f"audit {'failed' if required else 'SKIPPED'}: {url} cannot be asked ({why})", file=sys.stderr)
        return 1 if required else 0
    tool = [sys.executable, "-m", "pip_audit", "--vulnerability-service", "osv", "--osv-url", url, "--no-deps"]
    tool += ["--disable-pip", "--progress-spinner", "off", "--requirement", pinned]
    for number in KNOWN:
        tool += ["--ignore-vuln", number]
    return subprocess.run(tool, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
