"""The scenario reference, made from the JSON Schema: `fleetsim schema --markdown > .readme/scenario.md`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from types import ModuleType
from typing import Any, Final, NamedTuple

from sim.rules import Reason, limit_source, policy, reason_code, reason_text, reasons, stages, timers
from sim.scenario import METRICS, scenario_schema
from sim.scenario.values import PLATFORM_REASONS, SEED_MAX

RENEW: Final = "fleetsim schema --markdown > .readme/scenario.md"
"""What writes the committed page anew."""

_COUNT_MAX: Final = 2**31 - 1
_QUANTITIES: Final = {
    "90 s": ("time", "`ms` `s` `min` `h` `d`, also several: `2 h 30 min`"),
    "12 MiB": ("size", "`B` `kB` `MB` `GB` (powers of 1000), `KiB` `MiB` `GiB` (powers of 1024)"),
    "8 Mbit/s": ("rate", "`bit/s` `kbit/s` `Mbit/s` `Gbit/s`, and sizes like `MB/s`"),
    "100 /s": ("frequency", "`/s` `/min` `/h` `/d`"),
    "3 %": ("share", "`%`, or a number from 0 to 1"),
    "22:00": ("time of day", "`HH:MM` or `HH:MM:SS`"),
    "2026-01-05T20:00:00Z": (
        "date and time",
        "with `Z`, an offset like `+01:00`, or the name of a zone",
    ),
    "Europe/Berlin": ("time zone", "names of the IANA time zone database, and `UTC`"),
}
"""Example in the schema to the name of the quantity, and its units."""

_HEAD: Final = f"""\
<!-- Made by `{RENEW}`; a test compares. -->

# Scenario reference

A scenario is one YAML file. `fleetsim validate FILE` checks it and names every fault with its line;
[`fleetsim schema`](commands.md#fleetsim-schema) prints the JSON Schema for editors. A field that is not
listed here is an error, so a misspelt one can't go unnoticed. The files in `scenarios/` are examples.

The headings are paths: `fleet.cohorts[]` is an entry of the list `cohorts` in the section `fleet`. Studies
vary fields by such paths, with an entry's name or number:
`--vary fleet.cohorts[meters].link_rate='1 Mbit/s,8 Mbit/s'`. The end of a path is enough if no other one
ends so: `--vary max_processing=50..500`. `fleet.cohorts[*].link_rate`,
`fleet.cohorts[region=north].link_rate` and `fleet.sites.*.uplink` set several at once.

## Choosing cohorts

Outages, operators and waves (`cohorts:`), expectations and goals (`cohorts[...].METRIC`) and paths choose
cohorts by

| written | means |
|---|---|
| `meters-north` | one cohort |
| `meters-*` | those whose names match: `*` is any text, `?` any character |
| `region=north` | those with this label; its value may be a pattern too |
| `region=north & meters-*` | those of which all of it is true |

Labels stand in the cohort (`labels: {{region: north}}`), or in a column of the inventory that is the same for
all devices of a cohort. Only whole cohorts can be chosen.

## Quantities

A quantity is a number and a unit. A bare number is refused, except for shares.

| kind | example | units |
|---|---|---|
"""
_EXPECT: Final = """\
## expect

What must come true; [`fleetsim run`](commands.md#fleetsim-run) and
[`fleetsim check`](commands.md#fleetsim-check) exit with 1 otherwise. A key is a metric, or
`by_cohort.NAME.METRIC` for one cohort. A value is a text, or a list of texts that must all hold:

```yaml
expect:
  success_share: [">= 98 %", "at 1 h: >= 75 %"]
  makespan: "<= 2 d in at least 90 % of replications"
  by_cohort.meter.failed: "<= 30"
  attempts: "within 1 % of baseline"
```

`[at TIME:] (OPERATOR VALUE | within VALUE of baseline) [in at least SHARE of replications]`, with an
operator of `<` `<=` `==` `>=` `>`. Without `in at least`, the mean over the replications is compared.
Baselines are made by `fleetsim check --update`.

### Metrics

The same names stand in `summary.json`, and in `--metric`, `--goal` and `--precision` of studies.

| metric | kind | what it is | by cohort | at a time |
|---|---|---|---|---|
"""

_SOURCES: Final = {
    "platform.timers": timers,
    "stages": stages,
    "failures[]": reasons,
    "campaign.task_policy": policy,
}
"""Path of a section to the module of the rules that says on which page of the vendor it rests."""

_LIMITS: Final = {
    "targets_per_task": "targets_per_task",
    "targets_per_call": "targets_per_call",
    "tasks_in_progress": "tasks_in_progress",
    "api_rate": "api_calls_per_s",
    "schedule_ahead": "schedule_ahead_s",
}
"""Field of `campaign.limits` to that of `sim.rules.Limits`, which knows its source."""

_CODES: Final = frozenset(code for reason in Reason if (code := reason_code(reason)) is not None)


class _Place(NamedTuple):
    """Where a part of the schema is used."""

    path: str
    part: str


def scenario_markdown() -> str:
    """Return the reference of all fields of a scenario as Markdown."""
    schema = scenario_schema()
    parts = schema["$defs"]
    places = list(dict.fromkeys(_places(schema, parts, "")))
    main: dict[str, str] = {}
    for place in places:
        main[place.part] = min(main.get(place.part, place.path), place.path, key=lambda path: path.count("."))
    rows = [f"| {name} | `{like}` | {units} |\n" for like, (name, units) in _QUANTITIES.items()]
    text = [_HEAD + "".join(rows), "## Top level", _table(schema, parts, main)]
    for place in places:
        if main[place.part] == place.path:
            text += _section(place, parts, main, places)
            text += [_reasons()] if place.part == "Cause" else []
    text.append(_EXPECT + "".join(_metric_rows()))
    return "\n".join(part.rstrip() + "\n" for part in text)


def _places(node: dict[str, Any], parts: dict[str, Any], path: str) -> Iterator[_Place]:
    """Yield each use of each part of the schema, in the order of the file."""
    for name, field in node["properties"].items():
        for suffix, reference in _references(field):
            place = _Place(f"{path}{name}{suffix}", reference)
            yield place
            yield from _places(_object(parts[reference]), parts, f"{place.path}.")


def _references(node: dict[str, Any], suffix: str = "") -> Iterator[tuple[str, str]]:
    """Yield the parts that a field may hold, with `[]` for each list around them, `.NAME` for a mapping."""
    if "$ref" in node:
        yield suffix, node["$ref"].rpartition("/")[2]
    for choice in node.get("anyOf", ()):
        yield from _references(choice, suffix)
    if isinstance(node.get("items"), dict):
        yield from _references(node["items"], f"{suffix}[]")
    if isinstance(node.get("additionalProperties"), dict):
        yield from _references(node["additionalProperties"], f"{suffix}.NAME")


def _object(part: dict[str, Any]) -> dict[str, Any]:
    """Return the form of a part that has fields; some may also be written as one word."""
    if "properties" in part:
        return part
    found: dict[str, Any] = next(choice for choice in part["anyOf"] if "properties" in choice)
    return found


def _section(
    place: _Place, parts: dict[str, Any], main: dict[str, str], places: list[_Place]
) -> Iterator[str]:
    """Yield one part: its path, what it is, where else it is used, its fields."""
    part = parts[place.part]
    yield f"{'###' if '.' in place.path else '##'} {place.path}"
    words = [f"`{choice['const']}`" for choice in part.get("anyOf", ()) if "const" in choice]
    about = _object(part).get("description", "")
    yield about + (f" Instead of the fields, the word {' or '.join(words)} may be written." if words else "")
    others = [other.path for other in places if other.part == place.part and other.path != place.path]
    shown = [path for path in others if not _is_below_a_copy(path, places, main)]
    if shown:
        yield f"Also at {', '.join(f'`{path}`' for path in shown)}."
    yield _table(_object(part), parts, main)
    if place.path in _SOURCES:
        yield f"Source: {_source_of(_SOURCES[place.path])}"
    if place.path == "campaign.limits":
        sources = (f"`{name}`: {limit_source(field)}" for name, field in _LIMITS.items())
        yield f"Source: {'; '.join(sources)}."


def _is_below_a_copy(path: str, places: list[_Place], main: dict[str, str]) -> bool:
    """Tell whether a part above this path is described elsewhere, together with all that is in it."""
    return any(path.startswith(f"{place.path}.") and main[place.part] != place.path for place in places)


def _table(node: dict[str, Any], parts: dict[str, Any], main: dict[str, str]) -> str:
    """Return the fields of a section."""
    lines = ["| field | takes | default | meaning |", "|---|---|---|---|"]
    required = node.get("required", ())
    for name, field in node["properties"].items():
        takes = _takes(field, main)
        default = "**required**" if name in required else _default(field)
        about = _in_words(field.get("description") or _described(field, parts))
        cells = (f"`{name}`", takes, default, about)
        lines.append(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |")
    return "\n".join(lines)


def _described(field: dict[str, Any], parts: dict[str, Any]) -> str:
    """Return what the part that a field holds says of itself."""
    return next((_object(parts[part]).get("description", "") for _, part in _references(field)), "")


def _in_words(text: str) -> str:
    """Return a description as the author of a file reads it: values have their units, bounds are words."""
    text = re.sub(r",? in (seconds|bytes/s|bytes)\b|; seconds after midnight", "", text)
    for sign, words in ((">= ", "at least "), ("> ", "above ")):
        text = re.sub(rf"(?<![`>]){sign}(?=\d|`)", words, text)
    return text


def _source_of(module: ModuleType) -> str:
    """Return what a module's docstring says under `Source`."""
    return " ".join((module.__doc__ or "").partition("Source:")[2].split())


def _reasons() -> str:
    """Return the codes that a failure may have, and the names of the platform's timeouts."""
    rows = [f"| `{code}` | {reason_text(Reason(code))} |" for code in sorted(_CODES)]
    rows += [f"| `{name}` | {reason_text(reason)} |" for name, reason in PLATFORM_REASONS.items()]
    about = (
        "A cause has one of the numbers, which devices report. Operators and what-ifs may also name the "
        "platform's timeouts, by a word of ours."
    )
    return "\n".join(["### Failure codes", "", about, "", "| code | meaning |", "|---|---|", *rows])


def _default(field: dict[str, Any]) -> str:
    """Return what holds if a field is absent, as a file would write it."""
    default = field.get("default")
    if default is None or default in ({}, [], ""):
        return "–"
    if isinstance(default, list | dict):
        return f"`{json.dumps(default, ensure_ascii=False)}`"
    return f"`{json.dumps(default) if isinstance(default, bool) else default}`"


def _takes(field: dict[str, Any], main: dict[str, str]) -> str:
    """Return what may be written, with its bounds."""
    if "$ref" in field:
        path = main[field["$ref"].rpartition("/")[2]]
        return f"[section](#{_anchor(path)})"
    if "anyOf" in field:
        choices = [choice for choice in field["anyOf"] if choice.get("type") != "null"]
        if any(choice.get("examples") == ["3 %"] for choice in choices):
            return "share"  # whose other form, a number from 0 to 1, is told with the quantities
        return " or ".join(dict.fromkeys(_takes(choice, main) for choice in choices))
    if set(field.get("enum", [""])) <= {*_CODES, *PLATFORM_REASONS}:
        return "[failure code](#failure-codes)"
    if "enum" in field:
        return ", ".join(f"`{value}`" for value in field["enum"])
    kind = field.get("type")
    if kind == "array":
        return _takes_list(field, main)
    if "patternProperties" in field:
        (value,) = field["patternProperties"].values()
        return f"mapping by name, each a {_takes(value, main)}"
    if kind == "object" and "$ref" in field["additionalProperties"]:
        return f"mapping by name, each a {_takes(field['additionalProperties'], main)}"
    if kind == "object":
        return "mapping, see [expect](#expect)"
    if kind == "boolean":
        return "`true`, `false`"
    if kind == "string":
        return _takes_text(field)
    return _takes_number(field)


def _takes_list(field: dict[str, Any], main: dict[str, str]) -> str:
    """Return what a list holds."""
    if "prefixItems" in field:
        kinds = list(dict.fromkeys(_takes(item, main) for item in field["prefixItems"]))
        if len(kinds) == 1:
            return f"list of {len(field['prefixItems'])}, each: {kinds[0]}"
        return f"pair ({', '.join(kinds)})"
    least = f" (at least {field['minItems']})" if field.get("minItems", 0) > 1 else ""
    return f"list{least} of: {_takes(field['items'], main)}"


def _takes_text(field: dict[str, Any]) -> str:
    """Return which text is meant."""
    if field.get("format") == "date":
        return "date"
    like = field.get("examples", [None])[0]
    return _QUANTITIES[like][0] if like in _QUANTITIES else "text"


def _takes_number(field: dict[str, Any]) -> str:
    """Return the range of a number."""
    noun = "whole number" if field["type"] == "integer" else "number"
    low, high = field.get("minimum", field.get("exclusiveMinimum")), field.get("maximum")
    if high == SEED_MAX:
        return f"{noun}, {low} to 2^64 − 1"
    if "exclusiveMinimum" in field:
        return f"{noun}, above {low}, at most {high}"
    return f"{noun}, at least {low}" if high in (None, _COUNT_MAX) else f"{noun}, {low} to {high}"


def _anchor(heading: str) -> str:
    """Return the link target that a heading gets."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def _metric_rows() -> Iterator[str]:
    """Yield a row for each metric."""
    for metric in METRICS.values():
        cohort, at = ("yes" if has else "–" for has in (metric.by_cohort, metric.at_a_time))
        yield f"| `{metric.name}` | {metric.kind} | {metric.label} | {cohort} | {at} |\n"
