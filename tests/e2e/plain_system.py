"""A stand-in for FLEX that judges files of a word at once: for tests of the console, not of a detector."""

from dataclasses import replace

from core.contracts import Arrival, System
from core.observation import Observation
from core.settings import Settings
from core.verdict import Model, Quality, Verdict
from tests.flows.fakes import FAKE, FolderSource, inbox


class BoardSource(FolderSource):
    """Gives files of the watched folder as boards."""

    def read(self, arrival: Arrival) -> Observation:
        seen = super().read(arrival)
        return replace(
            seen, system="flex", conditions={"serial": seen.element, "file": arrival.origin} | seen.conditions
        )


class Judge:
    """Judges as the file says."""

    def judge(self, observation: Observation) -> Verdict:
        quality = Quality.BAD if observation.conditions["judge"] == "bad" else Quality.GOOD
        return Verdict(quality, score=1.0, threshold=2.0, p_value=0.5, model=Model("plain", "1"))


def _source(settings: Settings) -> BoardSource:
    return BoardSource(inbox(settings))


PLAIN: System = replace(
    FAKE,
    name="flex",
    source=_source,
    detector=lambda _: Judge(),
    silent_after_s=lambda settings: settings.flex.silent_after_s,
)
