"""A decision in progress: what the operator has said of each suspect place so far. Pure; kept in the session."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from core.store.views import Judgement, RegionDecision


@dataclass(frozen=True, slots=True)
class Review:
    """The answers so far on one board, and the place being looked at."""

    board: int
    causes: tuple[str | None, ...]
    cursor: int = 0
    answers: Mapping[int, RegionDecision] = field(default_factory=dict)

    @property
    def total(self) -> int:
        """How many places there are."""
        return len(self.causes)

    @property
    def is_complete(self) -> bool:
        """Whether every place has its answer."""
        return len(self.answers) == self.total

    @property
    def decisions(self) -> tuple[RegionDecision, ...]:
        """The answers in the order of the places."""
        return tuple(self.answers[index] for index in sorted(self.answers))


Step = Callable[[Review], Review]


def accept(review: Review) -> Review:
    """It is a defect, of the class that was proposed."""
    return _answer(review, RegionDecision(review.cursor, Judgement.RIGHT, review.causes[review.cursor]))


def make_minor(review: Review) -> Review:
    """It is a defect, but one that the board may pass with; keeps the class if one was chosen already."""
    before = review.answers.get(review.cursor)
    chosen = before.cause if before is not None and before.judgement is not Judgement.FALSE_ALARM else None
    cause = chosen or review.causes[review.cursor]
    return _answer(review, RegionDecision(review.cursor, Judgement.KNOWN, cause))


def reject(review: Review) -> Review:
    """It is no defect."""
    return _answer(review, RegionDecision(review.cursor, Judgement.FALSE_ALARM, None))


def rename(review: Review, cause: str) -> Review:
    """It is a defect, of another class; choosing the proposed class is the same as accepting."""
    same = cause == review.causes[review.cursor]
    return _answer(review, RegionDecision(review.cursor, Judgement.RIGHT if same else Judgement.WRONG_CAUSE, cause))


def reject_rest(review: Review) -> Review:
    """No place that is still open is a defect."""
    rest = [index for index in range(review.total) if index not in review.answers]
    said = {index: RegionDecision(index, Judgement.FALSE_ALARM, None) for index in rest}
    return replace(review, answers={**review.answers, **said})


def answer_shown(review: Review, shown: int, step: Step) -> Review:
    """Answer the place that was on the screen when the key was pressed, even if the cursor has moved on since.

    Keys that are pressed faster than the page is redrawn arrive together, in no certain order. Each counts for the
    place its button belonged to; if two of them contradict each other, that place is open again.
    """
    if shown == review.cursor:
        return step(review)
    said = step(replace(review, cursor=shown)).answers[shown]
    before = review.answers.get(shown)
    if before is None:
        return replace(review, answers={**review.answers, shown: said})
    if before == said:
        return review
    rest = {index: answer for index, answer in review.answers.items() if index != shown}
    return replace(review, answers=rest, cursor=shown)


def move(review: Review, step: int) -> Review:
    """Look at the next or previous place, around the end."""
    return replace(review, cursor=(review.cursor + step) % review.total) if review.total else review


def look_at(review: Review, index: int) -> Review:
    """Look at one place."""
    return replace(review, cursor=min(max(index, 0), review.total - 1)) if review.total else review


def _answer(review: Review, decision: RegionDecision) -> Review:
    answers = {**review.answers, review.cursor: decision}
    open_places = [index for index in range(review.total) if index not in answers]
    after = [index for index in open_places if index > review.cursor]
    cursor = (after or open_places or [review.cursor])[0]
    return replace(review, answers=answers, cursor=cursor)
