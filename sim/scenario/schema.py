"""The JSON Schema of scenario files, for editors and for the generated reference."""

from __future__ import annotations

from typing import Any

from sim.scenario.metrics import COHORT_METRICS, METRICS
from sim.scenario.scenario import Scenario


def scenario_schema() -> dict[str, Any]:
    """Return the JSON Schema of scenario files.

    It says what single values and keys may be; what binds several of them only the loader checks.

    Returns:
        JSON Schema, draft 2020-12. Quantities are strings with a pattern; defaults are as a file writes them.
    """
    schema = Scenario.model_json_schema()
    _tidy(schema)
    schema["properties"]["expect"]["propertyNames"] = {"pattern": _expectation_keys()}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Scenario of a fleet upgrade",
        **schema,
    }


def _tidy(node: Any) -> None:
    """Take away titles that only repeat the key, and null as an alternative that needs no mention."""
    if isinstance(node, list):
        for item in node:
            _tidy(item)
    if not isinstance(node, dict):
        return
    if isinstance(node.get("title"), str):
        del node["title"]
    if node.get("default", "") is None:
        del node["default"]
    for value in node.values():
        _tidy(value)


def _expectation_keys() -> str:
    """Return the pattern of the keys that `expect` may have."""
    metrics = "|".join(METRICS).replace(".", r"\.")
    by_cohort = "|".join(COHORT_METRICS).replace(".", r"\.")
    return rf"^(({metrics})|by_cohort\.[A-Za-z0-9_-]+\.({by_cohort}))$"
