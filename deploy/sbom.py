"""``make sbom``: what is shipped, as CycloneDX: the packages of the image, with versions, licences and who needs whom.

The tool lists the whole environment, test tools and all; here everything goes that the program does not need.
"""

import argparse
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Sequence
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[1]


def built() -> list[str]:
    """Return the optional groups that the image holds unless it is told otherwise."""
    found = re.search(r'^ARG EXTRAS="([^"]*)"$', (ROOT / "Dockerfile").read_text(encoding="utf-8"), re.MULTILINE)
    return found[1].split() if found else []


def plain(name: str) -> str:
    """Return a package's name as PyPI compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def shipped(extras: Iterable[str]) -> set[str]:
    """Return the names of all packages that the program needs, with extras of its own; absent ones among them."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lines = [*project["dependencies"], *(line for one in extras for line in project["optional-dependencies"][one])]
    found, left = set[tuple[str, str]](), [*map(Requirement, lines)]
    while left:
        needed = left.pop()
        for extra in ("", *needed.extras):
            if (plain(needed.name), extra) not in found:
                found.add((plain(needed.name), extra))
                left += _needs(needed.name, extra)
    return {name for name, _ in found}


def _needs(name: str, extra: str) -> list[Requirement]:
    try:
        needs = [Requirement(line) for line in requires(name) or ()]
    except PackageNotFoundError:
        return []
    return [one for one in needs if one.marker is None or one.marker.evaluate({"extra": extra})]


def pruned(told: dict[str, Any], wanted: set[str]) -> dict[str, Any]:
    """Return the list without what is not ``wanted``."""
    root = told["metadata"]["component"]["bom-ref"]
    told["components"] = [one for one in told["components"] if plain(one["name"]) in wanted]
    kept = {root, *(one["bom-ref"] for one in told["components"])}
    told["dependencies"] = [
        {"ref": one["ref"], "dependsOn": [ref for ref in one.get("dependsOn", ()) if ref in kept]}
        for one in told["dependencies"]
        if one["ref"] in kept
    ]
    return told


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the list; return 0, or 1 if something that the program asks for is not installed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--extra", action="append", default=built(), help="beside those of the image, such as train")
    options = parser.parse_args(arguments)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    tool = [
        sys.executable,
        "-m",
        "cyclonedx_py",
        "environment",
        "--output-reproducible",
        "--no-validate",
        "--of",
        "JSON",
        "-o",
        "-",
    ]
    tool += ["--pyproject", str(ROOT / "pyproject.toml"), "--mc-type", "application", sys.executable]
    done = subprocess.run(tool, check=True, stdout=subprocess.PIPE)
    wanted = shipped(options.extra)
    told = pruned(json.loads(done.stdout), wanted)
    missing = wanted - {plain(one["name"]) for one in told["components"]}
    if missing:
        print(f"not installed: {', '.join(sorted(missing))}", file=sys.stderr)
        return 1
    options.out.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    print(f"{options.out}: {len(told['components'])} packages")
    return 0


if __name__ == "__main__":
    sys.exit(main())
