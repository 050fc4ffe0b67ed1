"""The JSON Schema of scenario files, for editors and for the generated reference."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, get_args

from sim.scenario.metrics import COHORT_METRICS, METRICS
from sim.scenario.scenario import Scenario
from sim.scenario.section import Part
from sim.scenario.values import Form


def scenario_schema() -> dict[str, Any]:
    """Return the JSON Schema of scenario files.

    It says what single values and keys may be; what binds several of them only the loader checks.

    Returns:
        JSON Schema, draft 2020-12. Quantities are strings with a pattern; defaults are as a file writes them.
    """
    schema = Scenario.model_json_schema()
    tidy(schema)
    schema["properties"]["expect"]["propertyNames"] = {"pattern": _expectation_keys()}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Scenario of a fleet upgrade",
        **schema,
    }


def grain_of(path: str) -> float:
    """Return of what the values of a field are multiples.

    Args:
        path: Its dotted path, see `Scenario.with_values`.

    Returns:
        In the unit of the value, like 60.0 for a duration in whole minutes; 0.0 if any value will do, and
        for a path that leads nowhere.
    """
    here: list[type[Part] | Form] = [Scenario]
    for step in re.split(r"[.\[\]]+", path):
        fields = [part.model_fields.get(step) for part in here if isinstance(part, type)]
        found = [field for field in fields if field is not None]
        if found:  # other steps are names and positions of items
            here = [one for field in found for one in (*_within(field.annotation), *_forms(field.metadata))]
    return max((form.grain for form in _forms(here)), default=0.0)


def _within(annotation: Any) -> Iterator[type[Part] | Form]:
    """Yield the sections and forms that a type is made of."""
    if isinstance(annotation, Form) or (isinstance(annotation, type) and issubclass(annotation, Part)):
        yield annotation
    for inner in get_args(annotation):
        yield from _within(inner)


def _forms(values: Iterable[object]) -> list[Form]:
    """Return the forms among some values."""
    return [value for value in values if isinstance(value, Form)]


def tidy(node: Any) -> None:
    """Take away titles that only repeat the key, defaults of null, and differences that make none.

    Args:
        node: A schema, or a part of one. Mutated.
    """
    if isinstance(node, list):
        for item in node:
            tidy(item)
    if not isinstance(node, dict):
        return
    if isinstance(node.get("title"), str):
        del node["title"]
    if "oneOf" in node:  # a value and a list of such values: it cannot be both
        node["anyOf"] = node.pop("oneOf")
    if node.get("default", "") is None:
        del node["default"]
    for value in node.values():
        tidy(value)


def _expectation_keys() -> str:
    """Return the pattern of the keys that `expect` may have."""
    metrics = "|".join(METRICS).replace(".", r"\.")
    by_cohort = "|".join(COHORT_METRICS).replace(".", r"\.")
    return rf"^(({metrics})|(by_cohort\.[A-Za-z0-9_-]+|cohorts\[.+\])\.({by_cohort}))$"
