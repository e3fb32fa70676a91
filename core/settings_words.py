"""What is wrong with settings, in words for the person who wrote them: which one, what was given, what is wanted."""

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any, get_args

from pydantic import BaseModel, SecretStr, ValidationError
from pydantic.fields import FieldInfo

_UNITS = {
    "_s": "seconds",
    "_days": "days",
    "_mb": "megabytes",
    "_gb": "gigabytes",
    "_megapixels": "megapixels",
    "_mm": "millimetres",
    "_um": "micrometres",
    "_min": "minutes",
    "_hours": "hours",
    "_sigma": "sigma",
}
_NUMBERS = frozenset({"float_parsing", "float_type", "int_parsing", "int_type", "int_from_float", "finite_number"})
_BOUNDS = {
    "greater_than": ("gt", "more than"),
    "greater_than_equal": ("ge", "at least"),
    "less_than": ("lt", "less than"),
    "less_than_equal": ("le", "at most"),
}
_SECTION = "wanted is a section, [{section}]"
_SHAPES = {
    "bool_parsing": "wanted is true or false",
    "bool_type": "wanted is true or false",
    "tuple_type": 'wanted is a list, like ["one", "two"]',
    "model_type": _SECTION,
    "model_attributes_type": _SECTION,
    "dict_type": _SECTION,
}
_MOST_NAMED = 12


def explain(error: ValidationError, model: type[BaseModel]) -> list[str]:
    """Return one line for each problem: the name of the setting, and what to write in its place."""
    return [_line(problem, model) for problem in error.errors(include_url=False)]


def _line(problem: Mapping[str, Any], model: type[BaseModel]) -> str:
    place = tuple(problem["loc"])
    name = ".".join(map(str, place))
    if problem["type"] == "extra_forbidden":
        return f"{name}: there is no such setting{_instead(place, model)}"
    found = field_at(model, place)
    return f"{name}: {_given(problem, found)}{_wanted(problem, place)}{_meaning(found)}"


def _instead(place: Sequence[Any], model: type[BaseModel]) -> str:
    """The known name that is nearest, also one of another section; else all that there are."""
    parent = model_at(model, place[:-1])
    known = [] if parent is None else list(parent.model_fields)
    near = get_close_matches(str(place[-1]), known, n=1, cutoff=0.6)
    if near:
        return f"; did you mean {'.'.join([*map(str, place[:-1]), near[0]])}?"
    elsewhere = [name for name in names(model) if name.rpartition(".")[2] == str(place[-1])]
    if elsewhere:
        return f" here; it belongs to {' or '.join(elsewhere)}"
    return f"; there is: {', '.join(known[:_MOST_NAMED])}{', …' if len(known) > _MOST_NAMED else ''}"


def _given(problem: Mapping[str, Any], found: FieldInfo | None) -> str:
    value = problem.get("input")
    is_secret = found is not None and _holds(found.annotation, SecretStr)
    if is_secret or not isinstance(value, str | int | float | bool):
        return ""
    return f"{value!r:.80} cannot be: "


def _wanted(problem: Mapping[str, Any], place: Sequence[Any]) -> str:
    kind, told = problem["type"], problem.get("ctx", {})
    of = f" of {unit}" if (unit := unit_of(place)) else ""
    if kind in _NUMBERS:
        whole = "a whole number" if kind.startswith("int") else "a number"
        return f"wanted is {whole}{of}, without quotes or unit"
    if kind in _BOUNDS:
        bound, words = _BOUNDS[kind]
        return f"wanted is {words} {told[bound]:g}{f' {unit}' if unit else ''}"
    if kind == "literal_error":
        near = get_close_matches(str(problem.get("input")), told["expected"].replace("'", " ").split(), 1)
        return f"wanted is one of {told['expected']}{f'; did you mean {near[0]!r}?' if near else ''}"
    if kind in _SHAPES:
        return _SHAPES[kind].format(section=".".join(map(str, place)))
    return str(problem["msg"]).removeprefix("Value error, ")


def _meaning(found: FieldInfo | None) -> str:
    return f" ({found.description})" if found is not None and found.description else ""


def unit_of(place: Sequence[Any]) -> str | None:
    """Return the unit that a setting's name ends with, None if it names none."""
    name = next((part for part in reversed(place) if isinstance(part, str)), "")
    return next((unit for end, unit in _UNITS.items() if name.endswith(end)), None)


def names(model: type[BaseModel], before: str = "") -> list[str]:
    """Return the names of all settings, of sections with a dot."""
    found = []
    for name, field in model.model_fields.items():
        inner = _model_in(field.annotation)
        found += [f"{before}{name}"] if inner is None else names(inner, f"{before}{name}.")
    return found


def field_at(model: type[BaseModel], place: Sequence[Any]) -> FieldInfo | None:
    """Return the field at a place in nested models; an item of a list or table is the list's field."""
    found: FieldInfo | None = None
    current: type[BaseModel] | None = model
    for part in place:
        if current is not None and part in current.model_fields:
            found = current.model_fields[part]
            current = _model_in(found.annotation)
    return found


def model_at(model: type[BaseModel], place: Sequence[Any]) -> type[BaseModel] | None:
    """Return the model of a section."""
    current: type[BaseModel] | None = model
    for part in place:
        if current is not None and part in current.model_fields:
            current = _model_in(current.model_fields[part].annotation)
    return current


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """The model that an annotation is, or has inside (optional, or values of a table)."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for one in get_args(annotation) if (found := _model_in(one)) is not None), None)


def _holds(annotation: Any, wanted: type) -> bool:
    return annotation is wanted or any(_holds(one, wanted) for one in get_args(annotation))
