"""How cohorts are chosen, labelled and repeated: the types of those fields."""

from typing import Annotated, Any

from pydantic import Field, WithJsonSchema

from sim.scenario.short.selectors import is_selector, label_value
from sim.scenario.short.templates import COPIES_MAX, repeat_of
from sim.scenario.values import NAME_FORM, Form, Schema


def _selector(value: object) -> str:
    if isinstance(value, str) and is_selector(value):
        return value
    return str(NAME_FORM.parse(value))


_SELECTOR_SCHEMA: Schema = {"type": "string", "examples": ["meters", "meters-*", "region=north"]}
_SELECTORS_SCHEMA: Schema = {
    "anyOf": [_SELECTOR_SCHEMA, {"type": "array", "items": _SELECTOR_SCHEMA, "minItems": 1}]
}
Selector = Annotated[str, Form(_selector, _SELECTOR_SCHEMA)]
"""A cohort by name, or several by a pattern or label."""

Selectors = Annotated[tuple[Selector, ...], Field(min_length=1), WithJsonSchema(_SELECTORS_SCHEMA)]
"""Cohorts by selectors; names only once they are written out. A file may write a single one as it is."""

_LABEL_SCHEMA: Schema = {"anyOf": [{"type": "string", "pattern": r"^[^=*?&\[]+$"}, {"type": "integer"}]}

LabelValue = Annotated[str, Form(label_value, _LABEL_SCHEMA)]
"""Value of a label."""

_CHANGES_SCHEMA: Schema = {"anyOf": [{"type": "object"}, {"type": "null"}]}
_VALUES_SCHEMA: Schema = {
    "anyOf": [
        {"type": "array", "items": _LABEL_SCHEMA, "minItems": 1},
        {"type": "object", "additionalProperties": _CHANGES_SCHEMA, "minProperties": 1},
    ]
}
_REPEAT_SCHEMA: Schema = {
    "anyOf": [
        {"type": "integer", "minimum": 1, "maximum": COPIES_MAX},
        {"type": "object", "additionalProperties": _VALUES_SCHEMA, "minProperties": 1},
    ]
}
Repeat = Annotated[Any, Form(repeat_of, _REPEAT_SCHEMA)]
"""How often a template is repeated, or for which labels."""
