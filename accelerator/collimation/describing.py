"""Puts what was judged into the form that page, report and scripts read."""

from collections.abc import Mapping, Sequence

import numpy as np

from accelerator.collimation import blind, hypotheses
from accelerator.collimation.channels import channels
from accelerator.collimation.diagnosis import Answer, Channel, Diagnosis, Hypothesis, Quantity
from accelerator.collimation.features import compare, uncertainty
from accelerator.collimation.jaws import DEGENERATE, combined, degenerate, jaw
from accelerator.collimation.judging import Judged
from accelerator.collimation.lossmap import Pattern
from accelerator.collimation.mapclass import MapClass
from accelerator.collimation.margins import margins
from accelerator.collimation.posterior import Posterior
from accelerator.collimation.templates import Table
from core.verdict import Cause, Measurement, Region

MOST = 5
LEAST = 0.02
BAND = 1.96
UNKNOWN = "unknown"


def diagnose(judged: Judged) -> Diagnosis:
    """Return the diagnosis of one pattern."""
    table, posterior = judged.laid.table, judged.posterior
    told = ranked(table, posterior) if judged.answer is not Answer.NOMINAL else ()
    alike = degenerate(told)
    cannot = (*blind.limits(table, judged.laid.readings, judged.sight), *blind.words(table, judged.sight))
    return Diagnosis(
        answer=judged.answer,
        map_class=MapClass.BETATRON.value,
        beam=table.key.beam,
        plane=table.key.plane,
        state=table.key.state,
        probability=_sure(judged),
        hypotheses=told,
        margins=margins(table, posterior, judged.sight),
        channels=described_channels(judged),
        blind=cannot if alike is None else (alike, *cannot),
        facts=_facts(judged) if alike is None else {**_facts(judged), DEGENERATE: alike},
    )


def ranked(table: Table, posterior: Posterior, least: float = LEAST) -> tuple[Hypothesis, ...]:
    """Return the most probable settings errors, the first first."""
    found: list[Hypothesis] = []
    for number in posterior.ranked()[:MOST]:
        fault, probability = table.faults[number], float(posterior.faults[number])
        if probability < least and found:
            break
        value, sigma = fault.nominal + float(posterior.change[number]), float(posterior.sigma[number])
        at, error = jaw(fault, table.key.state, value, sigma) or (None, None)
        found.append(
            Hypothesis(
                element=fault.element,
                quantity=fault.quantity,
                value=value,
                nominal=fault.nominal,
                sigma=sigma,
                probability=probability,
                cause=hypotheses.cause(fault, value),
                jaw_sigma=at,
                jaw_sigma_error=error,
            )
        )
    return combined(found)


def regions(judged: Judged, found: Diagnosis) -> tuple[Region, ...]:
    """Return what the scripting contract calls regions: settings errors, or the channels that deviate most."""
    score = -float(np.log10(max(judged.p_value, 1e-12)))
    if found.answer in {Answer.NOMINAL, Answer.CANNOT_TELL}:
        return ()
    if found.answer is Answer.UNKNOWN:
        return _deviating(judged, score)
    return tuple(
        Region(
            {
                "element": one.element,
                "quantity": one.quantity.value,
                "value": round(one.value, 4),
                "nominal": one.nominal,
                "sigma": round(one.sigma, 4),
                "beam": found.beam or 0,
                "quality": judged.quality.value,
                **_jaw(one),
            },
            score=score,
            p_value=judged.p_value,
            cause=Cause(one.cause, one.probability),
        )
        for one in found.hypotheses
    )


def _jaw(one: Hypothesis) -> Mapping[str, float]:
    if one.jaw_sigma is None or one.jaw_sigma_error is None:
        return {}
    return {"jaw_sigma": round(one.jaw_sigma, 4), "jaw_sigma_error": round(one.jaw_sigma_error, 4)}


def _deviating(judged: Judged, score: float) -> tuple[Region, ...]:
    """The channels furthest from nominal, where no known error explains the pattern."""
    table = judged.laid.table
    compared = compare(judged.laid.readings, table.nominal[None])
    order = np.argsort(-np.abs(judged.pulls))[:3]
    observed = compared.expected[0] * np.exp(compared.ratio[0])
    return tuple(
        Region(
            {
                "element": table.channels[at],
                "quantity": "share",
                "value": float(observed[at]),
                "nominal": float(compared.expected[0][at]),
                "sigma": float(compared.expected[0][at] * np.sqrt(compared.counting[0][at])),
                "beam": table.key.beam,
                "quality": judged.quality.value,
            },
            score=score,
            p_value=judged.p_value,
            cause=Cause(UNKNOWN, 1.0 - float(judged.posterior.faults.max())),
        )
        for at in order
    )


def described_channels(judged: Judged) -> tuple[Channel, ...]:
    """Return every channel that was measured with its nominal band and what it would be once put right."""
    table, readings = judged.laid.table, judged.laid.readings
    compared = compare(readings, table.nominal[None])
    sigma = uncertainty(compared, table, readings.scale)[0]
    values = np.maximum(readings.values[0], 0.0)
    observed = values / max(float(values[readings.there[0]].sum()), 1e-300)
    expected = compared.expected[0]
    corrected = _corrected(judged, observed)
    known = {one.name: one for one in channels(table.key.beam)}
    found = []
    for at, name in enumerate(table.channels):
        one = known.get(name)
        if not readings.there[0][at] or one is None:
            continue
        found.append(
            Channel(
                name=name,
                family=table.families[at],
                beam=table.key.beam,
                s_m=one.s_m,
                observed=float(observed[at]),
                expected=float(expected[at]),
                low=float(expected[at] * np.exp(-BAND * sigma[at])),
                high=float(expected[at] * np.exp(BAND * min(sigma[at], 5.0))),
                pull=float(judged.pulls[at]),
                corrected=None if corrected is None else float(corrected[at]),
            )
        )
    return tuple(found)


def _corrected(judged: Judged, observed: "np.typing.NDArray[np.float64]") -> "np.typing.NDArray[np.float64] | None":
    """The shares once the first hypothesis is put right: the observed ones without what that error adds."""
    if judged.answer is not Answer.BROKEN:
        return None
    number = int(judged.posterior.ranked()[0])
    delta = judged.laid.table.delta(number, np.array([judged.posterior.change[number]]))[0]
    put_right = observed * np.exp(-delta) * judged.laid.readings.there[0]
    found: np.typing.NDArray[np.float64] = put_right / max(float(put_right.sum()), 1e-300)
    return found


def plain_channels(seen: Pattern) -> tuple[Channel, ...]:
    """Return the channels of a map of another class: what was lost, with nothing to compare it with."""
    known = {one.name: one for one in channels(seen.beam)}
    shares = np.where(seen.missing, 0.0, seen.shares)
    return tuple(
        Channel(
            name,
            str(known[name].family or known[name].kind),
            seen.beam,
            known[name].s_m,
            share,
            share,
            share,
            share,
            0.0,
        )
        for name, share in zip(seen.channels, shares.tolist(), strict=True)
        if share > 0
    )


def margin_measurements(found: Diagnosis) -> Mapping[str, Measurement]:
    """Return the margins as measurements: ``margin TCP7-TCSG7 B1 H`` in sigma."""
    return {
        f"margin {one.inner}-{one.outer} B{one.beam} {one.plane}": Measurement(one.value_sigma, one.sigma, "sigma")
        for one in found.margins
        if one.sigma is not None
    }


def _sure(judged: Judged) -> float:
    if judged.answer is Answer.NOMINAL:
        return float(judged.posterior.nominal)
    if judged.answer is Answer.BROKEN:
        return float(judged.posterior.faults.sum())
    return float(1.0 - min(judged.p_value * 10, 1.0))


def _facts(judged: Judged) -> Mapping[str, str]:
    laid = judged.laid
    facts = {"strangest in": judged.check.value, "chance of a nominal map": f"{judged.p_value:.2g}"}
    if not laid.told_plane:
        facts["plane"] = f"{laid.table.key.plane}, found from the losses"
    if not laid.told_state:
        facts["state"] = f"{laid.table.key.state}, found from the losses"
    if judged.reason:
        facts["reason"] = judged.reason
    return facts


def summary(found: Sequence[Hypothesis]) -> str:
    """Return the first hypothesis as a line: ``TCP.C6L7.B1 5.6 +- 0.1 sigma (nominal 5)``."""
    if not found:
        return "nothing"
    one = found[0]
    unit = {"gap_sigma": "sigma", "offset_mm": "mm", "tilt_urad": "urad", "orbit_mm": "mm"}[one.quantity.value]
    sign = "" if one.quantity is Quantity.GAP else "|"
    return f"{one.element.upper()} {sign}{one.value:.2f}{sign} ± {one.sigma:.2f} {unit} (nominal {one.nominal:g})"
