"""What the dashboard says of FLEX boards."""

import pytest

from inspection.flex.checklist import Category, category_of
from inspection.flex.classifier.samples import NAMES
from inspection.flex.display import DRAWING_CLASSES, ITK_CLASSES, advice, class_label, how_sure
from inspection.flex.simulate.kinds import CATEGORIES


@pytest.mark.parametrize("name", [*CATEGORIES, *NAMES, *DRAWING_CLASSES, "unknown"])
def test_every_class_that_can_be_proposed_has_plain_words(name: str) -> None:
    assert "_" not in class_label(name)
    assert class_label(name) != name


def test_every_class_a_person_may_choose_is_in_the_check_list() -> None:
    assert set(ITK_CLASSES) <= set(Category)
    assert all(category_of(name) == name for name in ITK_CLASSES)
    assert len(set(ITK_CLASSES.values())) == len(ITK_CLASSES)


def test_a_class_nobody_knows_is_still_readable() -> None:
    assert class_label("new_kind_of_flaw") == "New kind of flaw"
    assert class_label(None) == class_label("unknown")
    assert class_label("") == class_label("unknown")


@pytest.mark.parametrize(
    ("reason", "what"),
    [
        ("image file is truncated", "Copy or scan it again"),
        ("could not be laid on the reference of the product", "right product"),
        ("180 megapixels are more than 64", "lower resolution"),
        ("something new", "expert"),
        (None, "expert"),
    ],
)
def test_every_reason_has_something_to_do(reason: str | None, what: str) -> None:
    assert what in advice(reason)


def test_how_sure() -> None:
    assert (how_sure(0.876), how_sure(None)) == ("88 % sure", "")
    assert (how_sure(0.9951), how_sure(0.99)) == ("> 99 % sure", "99 % sure")
