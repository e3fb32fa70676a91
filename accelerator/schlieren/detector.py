"""Judges shots: what the channel is, how sure, and whether the shot can be trusted; a bad shot gives no parameters."""

import json
from pathlib import Path

from accelerator.schlieren.judging import Model, judge_shot
from accelerator.schlieren.result import EVIDENCE, MEDIA_TYPE
from core.errors import ModelError, ShiftwatchError
from core.inference import find_package, load_package
from core.observation import Observation
from core.settings import SchlierenSettings, Settings
from core.verdict import Evidence, Verdict, unreadable

SHIPPED_MODELS = Path(__file__).parent / "models"
SHIPPED = "simulated"


class SchlierenDetector:
    """The detector of AWAKE's Schlieren pictures."""

    def __init__(self, model: Model, settings: SchlierenSettings) -> None:
        self.shot_model = model
        self.model = model.version
        self.settings = settings

    @classmethod
    def load(cls, settings: Settings) -> "SchlierenDetector":
        """Return the detector that the settings name.

        Raises
        ------
        core.errors.ModelError
            There is no such model, or its package is damaged.
        """
        try:
            package = load_package(find_model(settings))
        except ModelError:
            if settings.schlieren.model != SHIPPED:
                raise
            return cls(Model(), settings.schlieren)
        return cls(Model.of(package), settings.schlieren)

    def judge(self, observation: Observation) -> Verdict:
        """Return the verdict on a shot; NULL with the reason if it cannot be judged."""
        try:
            judged = judge_shot(observation, self.shot_model, self.settings)
        except ShiftwatchError as error:
            return unreadable(str(error), self.model)
        except (ValueError, KeyError, TypeError, IndexError, FloatingPointError, ArithmeticError) as error:
            return unreadable(f"{observation.origin}: cannot be judged ({error!r:.160})", self.model)
        return Verdict(
            quality=judged.quality,
            score=judged.score,
            threshold=judged.threshold,
            p_value=judged.p_value,
            cause=judged.cause,
            measurements=judged.result.measurements,
            model=self.model,
            evidence={EVIDENCE: Evidence(json.dumps(judged.result.to_json()).encode(), MEDIA_TYPE)},
            reason=judged.reason,
        )


def find_model(settings: Settings) -> Path:
    """Return the package of the model that the settings pin, else name: the site's own first, then those that ship.

    Raises
    ------
    core.errors.ModelError
        There is none; the text lists those there are.
    """
    folders = (settings.site_models / "schlieren", SHIPPED_MODELS)
    pinned = settings.pinned.get("schlieren")
    return pinned or find_package(settings.schlieren.model, folders, "model of Schlieren pictures")
