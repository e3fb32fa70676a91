"""What the objects of a QC task hold: one cycle, or everything since the start of the run or the last reset."""

from dqm.its.qcdb.sums import only_grew, ways
from dqm.its.qcdb.taking import Taken

CYCLE, FIRST, RUN, UNKNOWN = "cycle", "first", "run", "unknown"
FIRST_NUMBERS = ("0", "1")


def window_of(found: list[Taken], with_base: list[Taken], wanted: str, of_clusters: str) -> str:
    """Return what a task's objects hold: a ``cycle``, which may be the ``first``, the ``run``, or ``unknown``.

    Parameters
    ----------
    found, with_base
        Objects of one cycle of the task, and those of them with a version before that may be a part.
    wanted
        The setting: ``auto``, ``cycle`` or ``run``.
    of_clusters
        What the cluster task's objects hold, for a task that tells nothing itself.
    """
    if wanted == CYCLE:
        return CYCLE
    if any(taken.sure for taken in with_base):
        return RUN
    if with_base:
        return _by_contents(with_base) or of_clusters
    return RUN if wanted == RUN else _without_versions_before(found)


def _without_versions_before(found: list[Taken]) -> str:
    alone = [taken for taken in found if taken.alone]
    if not found or any(taken.number not in FIRST_NUMBERS for taken in alone):
        return UNKNOWN
    return FIRST if alone else CYCLE


def _by_contents(with_base: list[Taken]) -> str | None:
    """By whether counts grow in all bins; one object in which they fell holds one cycle, and so does its task."""
    votes = [vote for vote in map(_grew_on, with_base) if vote is not None]
    if not votes:
        return None
    return RUN if all(votes) else CYCLE


def _grew_on(taken: Taken) -> bool | None:
    """Whether an object holds the one before it; None where its contents do not tell."""
    exactly = ways(taken.payload).get("")
    if exactly is None or taken.base is None:
        return None
    later, earlier = exactly(taken.body.found, {}, 0.0), exactly(taken.base.found, {}, 0.0)
    if later is None or earlier is None:
        return None
    return only_grew(later.numerator, earlier.numerator)
