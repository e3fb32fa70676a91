"""What a model package knows: templates, networks, thresholds; and what all of them say of patterns."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from accelerator.collimation import likelihood
from accelerator.collimation.calibration import Calibration, Check, stratum
from accelerator.collimation.features import Layout, Readings
from accelerator.collimation.hypotheses import Hypotheses
from accelerator.collimation.posterior import (
    GROUPS,
    Posterior,
    Tuning,
    from_likelihood,
    from_network,
    group_scores,
    known_scores,
    together,
)
from accelerator.collimation.templates import Key, Table, from_arrays
from core.errors import CalibrationError, ModelError
from core.inference import ModelPackage, Session

Floats: TypeAlias = NDArray[np.float64]

TEMPLATES_FILE = "templates.npz"
POSTERIOR_FILE, REBUILDING_FILE = "posterior.onnx", "rebuilding.onnx"


@dataclass(frozen=True, slots=True, eq=False)
class Scored:
    """Scores of n patterns by check, and what the network makes of them."""

    scores: Mapping[Check, Floats]
    posteriors: list[Posterior]
    voices: list[likelihood.Voices]


@dataclass(frozen=True, slots=True, eq=False)
class Knowledge:
    """A model ready to look at patterns; ``calibration`` is None only while it is being made."""

    tables: Mapping[Key, Table]
    layout: Layout
    hypotheses: Hypotheses
    posterior: Session
    rebuilding: Session
    calibration: Calibration | None = None
    site: frozenset[str] = frozenset()
    """The keys of tables whose nominal was learnt from maps of this site."""

    @classmethod
    def of(cls, package: ModelPackage) -> "Knowledge":
        """Open a package.

        Raises
        ------
        core.errors.ModelError
            Something is missing in it.
        core.errors.CalibrationError
            It holds no calibration.
        """
        arrays = package.array(TEMPLATES_FILE)
        try:
            tables = from_arrays(arrays)
            details = package.card.details
            names = tuple((str(a), str(b)) for a, b in details["hypotheses"])  # type: ignore[union-attr, misc, str-unpack]
            hypotheses = Hypotheses(names, np.asarray(arrays["units"], np.float64))
            layout = Layout(tuple(str(one) for one in np.asarray(arrays["layout"])))
        except (KeyError, TypeError, ValueError) as error:
            raise ModelError(f"{package.path}: no model of loss patterns ({error!r:.100})") from None
        if not package.card.calibration:
            raise CalibrationError(f"{package.path}: holds no calibration of loss patterns")
        return cls(
            tables,
            layout,
            hypotheses,
            package.session(POSTERIOR_FILE, inputs=["features"], outputs=["logits", "size", "log_sigma"]),
            package.session(REBUILDING_FILE, inputs=["pulls"], outputs=["rebuilt"]),
            Calibration.from_json(package.card.calibration),
            frozenset(map(str, details.get("site") or ())),  # type: ignore[arg-type]
        )

    def tuning(self, table: Table, scale: float) -> Tuning:
        """Return how far the voices may be believed."""
        return self.calibration.tuning(stratum(table.key.domain, scale)) if self.calibration else Tuning()

    def score(self, readings: Readings, table: Table) -> Scored:
        """Return the scores of n patterns in every check."""
        posteriors = from_network(self.posterior, self.layout, self.hypotheses, readings, table)
        pulls = self.layout.pulls(self.layout.features(readings, table))
        rebuilt = self.rebuilding.run({"pulls": pulls})["rebuilt"]
        left = np.sort((pulls - rebuilt) ** 2, axis=1)[:, -STRANGEST:].mean(axis=1).astype(np.float64)
        scores = {
            Check.KNOWN: np.array([one.score for one in posteriors]),
            Check.MISFIT: likelihood.nominal_misfit(readings, table),
            Check.REBUILT: left,
        }
        voices = [likelihood.explain(readings, table, number) for number in range(len(readings))]
        evidence = np.array([group_scores(one, table) for one in voices])
        scores |= {Check(name): evidence[:, at] for at, name in enumerate(GROUPS)}
        return Scored(scores, posteriors, voices)

    def p_values(self, scored: Scored, table: Table, scale: float) -> Floats:
        """Return the chance of nominal patterns being as strange, shape (n,)."""
        if self.calibration is None:
            raise CalibrationError("a model without calibration")
        return self.calibration.p_value(stratum(table.key.domain, scale), scored.scores)

    def p_known(self, readings: Readings, table: Table, scale: float) -> Floats:
        """Return the chance of nominal patterns having such odds that a known setting is wrong, shape (n,)."""
        if self.calibration is None:
            raise CalibrationError("a model without calibration")
        score = known_scores(self.posterior, self.layout, self.hypotheses, readings, table)
        threshold = self.calibration.checks[stratum(table.key.domain, scale)][Check.KNOWN]
        return np.asarray(threshold.p_value(score), np.float64)

    def strangest(self, scored: Scored, table: Table, scale: float) -> Check:
        """Return the check in which the first pattern is strangest."""
        if self.calibration is None:
            raise CalibrationError("a model without calibration")
        first = {check: float(values[0]) for check, values in scored.scores.items()}
        return self.calibration.worst(stratum(table.key.domain, scale), first)

    def infer(self, readings: Readings, table: Table, scored: Scored, number: int = 0) -> Posterior:
        """Return the posterior of one pattern from both voices."""
        network = scored.posteriors[number]
        classical = from_likelihood(readings, table, number, network.ranked()[:2], scored.voices[number])
        return together(network, classical, self.tuning(table, float(readings.scale[number])), table)


STRANGEST = 8
"""The autoencoder's score is the mean over so many channels that it rebuilds worst."""
