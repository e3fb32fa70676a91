"""All methods that are measured, in the order of the tables."""

from collections.abc import Mapping, Sequence
from functools import cache

from benchmarks.its import binomial, checks, factors, template
from benchmarks.its.cycles import cycles
from benchmarks.its.scenes import Plan, learning
from benchmarks.its.seen import Method, Seen
from core.errors import ShiftwatchError


@cache
def methods_named(plan: Plan, only: str = "") -> tuple[list[Method], str]:
    """Return the methods with a text in their name, ours first; and why ours is missing, if it is."""
    found, missing = [], ""
    if only in "ours":
        try:
            from benchmarks.its import ours

            ours.check_model()
            found.append(ours.method())
        except (ImportError, ShiftwatchError) as error:
            missing = str(error)
    found += [
        one for one in (*checks.METHODS, *binomial.METHODS, *template.METHODS, *factors.METHODS) if only in one.name
    ]
    if only in "autoencoder":
        import torch

        from benchmarks.its import autoencoder

        torch.set_num_threads(1)
        found.append(autoencoder.method(_Lessons(plan), f"{plan.learnt} runs"))
    return found, missing


class _Lessons(Mapping[str, Mapping[int, Sequence[Seen]]]):
    """Nominal cycles to learn from, by beams and detector; read when asked for."""

    def __init__(self, plan: Plan) -> None:
        self._read = cache(lambda beams: _lessons(plan, beams))

    def __getitem__(self, beams: str) -> Mapping[int, Sequence[Seen]]:
        found: Mapping[int, Sequence[Seen]] = self._read(beams)
        return found

    def __iter__(self):  # type: ignore[no-untyped-def]
        return iter(("pp", "PbPb"))

    def __len__(self) -> int:
        return 2


def _lessons(plan: Plan, beams: str) -> Mapping[int, Sequence[Seen]]:
    found: dict[int, list[Seen]] = {}
    for scene in learning(plan):
        if scene.beams == beams:
            found.setdefault(scene.run.detector_seed, []).extend(Seen(observation) for observation, _ in cycles(scene))
    return found
