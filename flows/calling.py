"""Calling heavy work in a process of its own: torch stays out of the flow's process, and its memory goes back.

``python -m flows.calling package.module:function RESULT_FILE`` reads keyword arguments as JSON from stdin.
"""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from core.errors import ShiftwatchError
from flows.systems import load

ERROR_EXIT = 3


def call_apart(target: str, arguments: Mapping[str, Any], timeout_s: float | None = None) -> Any:
    """Call ``package.module:function`` with keyword arguments in a new process and return its result.

    Arguments and result are plain JSON (paths as text; other results come back as text).

    Raises
    ------
    ShiftwatchError
        If the call failed, was killed or took too long; the text says why.
    """
    with TemporaryDirectory(prefix="shiftwatch-") as folder:
        result = Path(folder) / "result.json"
        command = [sys.executable, "-m", "flows.calling", target, str(result)]
        try:
            done = subprocess.run(
                command, input=json.dumps(arguments), stderr=subprocess.PIPE, text=True, timeout=timeout_s, check=False
            )
        except subprocess.TimeoutExpired:
            raise ShiftwatchError(f"{target}: took longer than {timeout_s:g} s") from None
        if done.returncode != 0:
            lines = done.stderr.strip().splitlines()
            said = lines[-1] if lines else f"ended with status {done.returncode}"
            raise ShiftwatchError(said if done.returncode == ERROR_EXIT else f"{target}: {said}")
        return json.loads(result.read_text(encoding="utf-8"))


def main() -> int:
    """Do one call; the exit status tells errors meant for people (3) from crashes."""
    target, result = sys.argv[1], Path(sys.argv[2])
    try:
        value = load(target)(**json.load(sys.stdin))
    except ShiftwatchError as error:
        print(error, file=sys.stderr)
        return ERROR_EXIT
    result.write_text(json.dumps(value, default=str), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
