"""A system whose verdicts depend on what was judged before in the same run: how many, and their sum."""

import json
import time
from dataclasses import dataclass, field
from pathlib import Path

from core.contracts import System
from core.observation import Observation
from core.verdict import Model, Quality, Verdict
from tests.flows.fakes import FAKE, FolderSource, inbox

MEMORY = "memory.json"


@dataclass
class Rememberer:
    """Scores by the order in which elements came; what it knows lies in its home, where another would find it."""

    home: Path
    seen: list[str] = field(default_factory=list)

    def judge(self, observation: Observation) -> Verdict:
        path = self.home / MEMORY
        before = json.loads(path.read_text()) if path.exists() else []
        self.seen = [*before, observation.element]
        self.home.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(self.seen))
        time.sleep(0.002)
        score = sum((place + 1) * int(name.rpartition("-")[2]) for place, name in enumerate(self.seen))
        return Verdict(Quality.BAD if score % 3 == 0 else Quality.GOOD, float(score), 1.0, model=Model("memory", "1"))


def run_of(observation: Observation) -> frozenset[str]:
    """``R2-7`` is number 7 of run R2; what has no run stands alone."""
    run, found, _ = observation.element.partition("-")
    return frozenset({run}) if found else frozenset()


TIED = System(
    name=FAKE.name,
    title="A fake that remembers",
    source=lambda settings: FolderSource(inbox(settings)),
    detector=lambda settings: Rememberer(settings.home),
    read_file=FAKE.read_file,
    rule=FAKE.rule,
    guidance=FAKE.guidance,
    silent_after_s=FAKE.silent_after_s,
    ties=run_of,
)
