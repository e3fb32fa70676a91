"""A system for the tests of the command line: files hold one word, the quality; no model, no images."""

from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

from core.contracts import AlarmRule, System
from core.errors import InputError
from core.observation import Observation
from core.settings import Settings
from core.verdict import Cause, Quality, Region, Verdict, unreadable

NAME = "tests.app.fake:SYSTEM"


class WordDetector:
    """Judges by the word in the file."""

    def judge(self, observation: Observation) -> Verdict:
        word = str(observation.conditions["word"])
        if word == "NULL":
            return unreadable("no board in the picture")
        score = float("inf") if word == "ENDLESS" else 2.0
        quality = Quality.BAD if word == "BAD" else Quality.GOOD
        region = Region({"x": 1, "y": 2, "width": 3, "height": 4}, 5.0, 0.01, Cause("Dusts", 0.9))
        return Verdict(quality, score, 4.0, 0.5, regions=(region,) if word == "BAD" else ())


def read_file(path: Path, settings: Settings) -> Observation:
    """Read a word; anything else in the file is an error."""
    raw = path.read_bytes()
    word = raw.decode("ascii", errors="replace").strip()
    if word not in {*Quality, "ENDLESS"}:
        raise InputError(path, "no word in it that is known")
    digest = sha256(raw + path.name.encode(errors="surrogateescape")).hexdigest()
    at = datetime(2026, 11, 22, tzinfo=UTC)
    return Observation("fake", path.stem, digest[:16], at, str(path), digest, {"word": word})


def _no_source(settings: Settings) -> None:
    raise NotImplementedError


SYSTEM = System(
    name="fake",
    title="Words",
    source=_no_source,  # type: ignore[arg-type]
    detector=lambda settings: WordDetector(),
    read_file=read_file,
    rule=AlarmRule(),
    guidance=lambda cause: "",
    silent_after_s=lambda settings: None,
)
