"""The JSON Schema: valid, agrees with the loader, and describes every key."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sim.scenario import METRICS, grain_of, parse_scenario, scenario_schema
from sim.scenario.source import read_text

jsonschema = pytest.importorskip("jsonschema", reason="comes with the development extras")


@pytest.fixture(scope="module")
def accepts() -> Callable[[str], bool]:
    """Return a function that tells whether the schema accepts the text of a scenario."""
    schema = scenario_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    return lambda text: validator.is_valid(read_text(text, "x.yaml", Path()).data)


def test_schema__accepts_good_files(accepts: Callable[[str], bool], base: str, city_text: str) -> None:
    """What the loader accepts, the schema accepts."""
    assert accepts(base)
    assert accepts(city_text)


EVERY_KEY = """\
name: everything
description: Every key of the format.
fleet:
  cohorts:
    - name: a
      devices: 1000
      labels: {region: north, site: 12}
      protocol: lwm2m
      link_rate: 1 MiB/s
      online: {fraction: 0.9, mean_offline: 1h30m}
      already_current: 1 %
      spread: 1
      cell: {devices: 10, coverage: [1, 0, 0 %]}
      window: {opens: "22:00", closes: "06:00:30"}
      stages: {coverage: {weibull: {shape: 0.7, scale: 10 s}}}
      failures: [{stage: coverage, code: 255, probability: 0.01, permanent: 1 %}]
      timers: {lwm2m: {online: 1 d, version: 1 min, coverage: 1 min, download: 2 h, execute: 1 h}}
    - name: c
      repeat: {region: [n, s], kind: {a: {devices: 2}, b: }}
      devices: 1
      online: {online: {constant: 1 h}, offline: {lognormal: {median: 1 h, sigma: 1}}}
    - name: d
      devices: 1
      window:
        - {opens: "22:00", closes: "23:00", days: [sat, sun], zone: Europe/Berlin, for: download}
        - {opens: "02:00", closes: "03:00", zone: America/New_York, for: install}
      online: {every: 150 min, for: 3 min, phase: 1 min, during_upgrade: breaks, break_code: 6}
    - {name: e, devices: 20, package_size: 1 MB, site: {devices: 10, uplink: 1 Mbit/s, at_a_time: 2}}
    - {name: b, devices: 10, timers: {mqtt: {online: 1 d, version: 1 min, upgrade: 1 d}}, resume: false}
platform:
  max_processing: 100
  dispatch_rate: 6000 /min
  max_downloads: 50
  bandwidth: 100 Mbit/s
  timers: {mqtt: {online: 25 h, version: 3 min, upgrade: 1 d 12 h}, lwm2m: {execute: 40 min}}
  cell_places: [5, 3, 1]
  api: {throttle_share: 5 %, error_share: 0.01}
stages:
  query: {lognormal: {median: 2 s, sigma: 0.5}}
  verify: {exponential: {mean: 10 s}}
  install: {quantiles: [[0 %, 1 s], [50 %, 10 s], [1, 1 min]]}
  reboot: {uniform: {low: 250 ms, high: 1 s}}
failures:
  - {stage: contact, silent: true, probability: 1 %}
  - {stage: query, code: 4, probability: 10 %, lasts: {constant: 8 h}}
  - {stage: download, code: 2, per: 100 MB}
  - {stage: install, silent: true, rate: 6 /h, leaves: dead}
resume: true
campaign:
  task_type: firmwareUpgrade
  package: {version: v1, size: 1.5 MB}
  task_policy: {retry_count: 1, retry_interval: 1 min, schedule_time: 1 d}
  order: interleaved
  need_confirm: true
  waves:
    - {name: first, cohorts: [b], soak: 1 h, gate: {failed_share_max: 5 %, of_at_least: 5}}
    - {name: next, share: 50 %, cohorts: [d]}
    - {name: noon, share: 99 %, begin: {at: 12 h}}
    - {name: rest, share: 1, begin: {ended: 90 %}, gate: {failed_count_max: 7, of: first_attempts}}
  manual_retry_refills: true
  limits:
    {targets_per_task: 500, targets_per_call: 50, tasks_in_progress: 2, api_rate: 10 /s, schedule_ahead: 2 d}
  what_if:
    back_off: {factor: 2, max: 1 h}
    jitter: decorrelated
    retry_only_codes: [2, download_timeout]
    dispatch_ramp:
      {base_rate: 1 /s, increment_factor: 1.5, every: 100, counting: succeeded, max_rate: 50 /s,
       abort: [{failed_share_max: 10 %, of_at_least: 50}]}
    penalty_box: {failures: 3, within: 1 h, rest: 1 d}
operators:
  - {call: confirm, at: 1 min}
  - {call: retry, at: 1 h, every: 1 h, times: 3, batch: 50, call_rate: 5 /s, latency: 50 ms,
     only: {codes: [2, online_timeout], cohorts: [a], tasks: [1]},
     back_off: {first: 1 s, factor: 2, max: 30 s, tries: 5}}
  - {call: stop, when: {failed_share_above: 30 %, of_at_least: 100}}
  - {call: retry, when: {stalled_for: 6 h}}
  - {call: delete, when: settled}
outages:
  - {at: 1 h, lasts: 1 h, effect: unreachable}
  - {at: 2 h, lasts: 1 h, effect: freeze}
  - {at: 3 h, lasts: 1 h, effect: {bandwidth: 0 %}}
  - {at: 5 h, lasts: 1 h, cohorts: [a], effect: {bandwidth: 30 %}}
  - {at: 7 h, lasts: 1 h, effect: {failure: {probability: 10 %, silent: true}}}
run:
  {start: 2026-01-05T20:00:00Z, until: 14 d, resolution: 1 min, seed: 18446744073709551615, replications: 2}
costs: {per_gb: 0.09 EUR, per_attempt: 1 EUR, per_visit: .5 EUR, per_day: 400 EUR}
expect: {success_share: ">= 90 %", by_cohort.a.makespan: ["<= 1 d", "within 1 % of baseline"]}
"""


def test_schema__accepts_every_key(accepts: Callable[[str], bool]) -> None:
    """A file that uses every key passes the loader and the schema, and no key is left untested."""
    scenario = parse_scenario(EVERY_KEY)
    assert accepts(EVERY_KEY)
    written = {*_keys_of(scenario.source.data), "repeat", "from"}  # of which nothing is left once it was read
    left = {"inventory", "sites", "unreachable", "freeze", "settled"}
    assert set(_keys_in(scenario_schema())) - written == left


def _keys_of(value: Any) -> Iterator[str]:
    """Yield every key below a value."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield key
            yield from _keys_of(item)
    elif isinstance(value, list):
        for item in value:
            yield from _keys_of(item)


def _keys_in(schema: Any) -> Iterator[str]:
    """Yield every key that a schema knows."""
    if isinstance(schema, dict):
        yield from schema.get("properties", {})
        for item in schema.values():
            yield from _keys_in(item)
    elif isinstance(schema, list):
        for item in schema:
            yield from _keys_in(item)


@pytest.mark.parametrize(
    ("place", "text"),
    [
        ("a", "link_rate: 8"),
        ("a", "link_rate: 8 Mbps"),
        ("a", "sprad: 0.4"),
        ("a", "online: {fraction: 97}"),
        ("a", "window: {opens: 25:00, closes: 22:00}"),
        ("a", "window: []"),
        ("a", "window: {opens: 02:00, closes: 03:00, days: [monday]}"),
        ("a", "window: [{opens: 02:00, closes: 03:00, for: reboot}]"),
        ("a", "stages: {install: 90 s}"),
        ("a", "failures: [{stage: install, code: 0, probability: 1 %}]"),
        ("protocol: mqtt", "protocol: mqqt"),
        ("devices: 1000", "devices: 0"),
        ("size: 1 MiB", "size: 1 TB"),
        ('version: "1"', "version: 1"),
        ("campaign", "task_policy: {retry_count: 6, retry_interval: 5 min}"),
        ("campaign", "what_if: {jitter: some}"),
        ("top", "operators: [{call: retry, when: setled}]"),
        ("top", "operators: [{call: retry, at: 1 h, batch: 101}]"),
        ("top", "outages: [{at: 1 h, lasts: 1 h, effect: reachable}]"),
        ("top", "outages: [{at: 1 h, from: 1 h, lasts: 1 h, effect: freeze}]"),
        ("top", "outages: [{at: 1 h, lasts: 1 h, until: 2 h, effect: freeze}]"),
        ("top", "run: {start: 2026-01-05T20:00:00}"),
        ("top", "run: {until: 15 mins}"),
        ("top", "expect: {sucess_share: '>= 1 %'}"),
        ("top", "expect: {by_cohort.a.api_calls: '>= 1'}"),
        ("top", "expect: {success_share: 0.98}"),
    ],
)
def test_schema__refuses_bad_values(
    accepts: Callable[[str], bool], spoil: Callable[[str, str], str], place: str, text: str
) -> None:
    """An editor marks the same single values and keys as wrong that the loader refuses."""
    assert not accepts(spoil(place, text))


def test_schema__defaults_are_written_with_their_units() -> None:
    """The generated reference shows defaults as one would write them."""
    definitions = scenario_schema()["$defs"]
    assert definitions["Run"]["properties"]["until"]["default"] == "30 d"
    assert definitions["MqttTimers"]["properties"]["online"]["default"] == "25 h"
    assert definitions["Wave"]["properties"]["soak"]["default"] == "0 s"
    assert definitions["Limits"]["properties"]["api_rate"]["default"] == "200 /s"


def test_schema__describes_every_key() -> None:
    """Each key has a description, or is a section that describes itself in the same words."""
    schema = scenario_schema()
    sections = [schema, *schema["$defs"].values()]
    bare = [
        key
        for section in sections
        for key, value in _properties(section)
        if "description" not in value
        and "description" not in schema["$defs"][value["$ref"].removeprefix("#/$defs/")]
    ]
    assert bare == []


def _properties(section: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the keys of a section, which may stand beside a word for it."""
    for form in section.get("anyOf", [section]):
        yield from form.get("properties", {}).items()


def test_schema__knows_every_metric() -> None:
    """Expectations may name every metric."""
    pattern = scenario_schema()["properties"]["expect"]["propertyNames"]["pattern"]
    validator = jsonschema.Draft202012Validator({"type": "string", "pattern": pattern})
    assert all(validator.is_valid(name) for name in METRICS)
    assert validator.is_valid("by_cohort.gateway-4g.time_to_success.p95")


@pytest.mark.parametrize(
    ("path", "grain"),
    [
        ("campaign.task_policy.retry_interval", 60.0),
        ("campaign.task_policy.retry_count", 0.0),
        ("run.until", 0.0),
        ("fleet.cohorts[0].link_rate", 0.0),
        ("no.such.task_policy.retry_interval", 0.0),
    ],
)
def test_grain__is_what_the_loader_wants_multiples_of(path: str, grain: float):
    """Whole minutes for the retry interval, any value elsewhere."""
    assert grain_of(path) == grain
