"""Other values by dotted path, and scenarios written as YAML again."""

from collections.abc import Callable
from typing import Any

import pytest

from sim.errors import ScenarioError
from sim.scenario import Scenario, parse_scenario, parse_value

Read = Callable[[Scenario], Any]


@pytest.mark.parametrize(
    ("path", "value", "read", "expected"),
    [
        ("platform.bandwidth", "500 Mbit/s", lambda s: s.platform.bandwidth, 6.25e7),
        ("platform.bandwidth", None, lambda s: s.platform.bandwidth, None),
        ("platform.timers.lwm2m.download", "2 h", lambda s: s.platform.timers.lwm2m.download, 7200.0),
        ("campaign.task_policy.retry_count", 3, lambda s: s.campaign.task_policy.retry_count, 3),
        ("campaign.limits.tasks_in_progress", 2, lambda s: s.campaign.limits.tasks_in_progress, 2),
        ("fleet.cohorts.gateway-4g.devices", 100, lambda s: s.cohort_sizes, (100, 10_000)),
        ("fleet.cohorts[1].devices", 300, lambda s: s.cohort_sizes, (20_000, 300)),
        ("fleet.cohorts.1.devices", 300, lambda s: s.cohort_sizes, (20_000, 300)),
        (
            "campaign.waves.canary.gate.failed_count_max",
            7,
            lambda s: s.campaign.waves[0].gate.failed_count_max,
            7,
        ),
        ("campaign.waves[0].share", "2 %", lambda s: s.campaign.waves[0].share, 0.02),
        ("operators[1].only.codes[0]", 4, lambda s: s.operators[1].only.codes, (4, 6)),
        ("operators", [], lambda s: s.operators, ()),
        ("failures[0]", {"stage": "query", "code": 3, "permanent": 0.5}, lambda s: s.failures[0].code, 3),
        ("outages[0].effect", {"bandwidth": "30 %"}, lambda s: s.outages[0].effect.bandwidth, 0.3),
        ("expect.time_to_success.p95", "<= 3 h", lambda s: s.expectations[1].value, 10_800.0),
        ("expect.by_cohort.gateway-4g.failed", "== 0", lambda s: s.expectations[2].cohort, "gateway-4g"),
    ],
)
def test_with_values__sets(city: Scenario, path: str, value: object, read: Read, expected: object) -> None:
    """Any field can be set, in sections that the file lacks too, and the rest stays as it is."""
    digest = city.digest
    other = city.with_values({path: value})
    assert read(other) == expected
    assert (city.digest, other.name, other.fleet.cohorts[0].spread) == (digest, "city-meters", 0.4)


def test_with_values__several_at_once(base: str) -> None:
    """Values that are only allowed together are set together."""
    scenario = parse_scenario(base)
    policy = {"campaign.task_policy.retry_count": 3, "campaign.task_policy.retry_interval": "5 min"}
    assert scenario.with_values(policy).campaign.task_policy.retry_interval == 300.0
    with pytest.raises(ScenarioError, match=r"retry_interval: is missing; required with retry_count"):
        scenario.with_values({"campaign.task_policy.retry_count": 3})


def test_with_values__nothing(city: Scenario) -> None:
    """Without values the scenario means the same."""
    assert city.with_values({}).digest == city.digest


def test_with_values__changes_one_of_several_uses(base: str) -> None:
    """A value that the file shares through an anchor is changed in one place only."""
    text = base.replace("mqtt}", "mqtt, online: &o {fraction: 90 %, mean_offline: 1 h}}")
    text = text.replace("lwm2m}", "lwm2m, online: *o}")
    other = parse_scenario(text).with_values({"fleet.cohorts.b.online.fraction": 0.5})
    assert [cohort.online.fraction for cohort in other.fleet.cohorts] == [0.9, 0.5]


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        (
            "fleet.cohorts.gatway-4g.devices",
            5,
            (
                "city.yaml: fleet.cohorts.gatway-4g.devices: unknown item 'gatway-4g'; did you mean "
                "'gateway-4g'? allowed: gateway-4g, meter-nbiot"
            ),
        ),
        (
            "campaign.waves[2].share",
            1,
            "city.yaml: campaign.waves[2].share: there is no item 2; the list has 2, counted from 0",
        ),
        (
            "failures[7]",
            {},
            "city.yaml: failures[7]: there is no item 7; the list has 3, counted from 0",
        ),
        (
            "platform[0]",
            1,
            "city.yaml: platform[0]: there is no '0', since what is before it is a mapping",
        ),
        (
            "platform.max_processing.x",
            1,
            "city.yaml: platform.max_processing.x: there is no 'x', since what is before it is 4000",
        ),
        (
            "platform.max_processing.x.y",
            1,
            "city.yaml: platform.max_processing.x.y: there is no 'x', since what is before it is 4000",
        ),
        (
            "platform..bandwidth",
            1,
            (
                "city.yaml: platform..bandwidth: is no path; write keys with dots, like "
                "campaign.task_policy.retry_count"
            ),
        ),
        ("", 1, "city.yaml: is no path; write keys with dots, like campaign.task_policy.retry_count"),
        (
            "platform.bandwith",
            "1 Gbit/s",
            (
                "city.yaml: platform.bandwith: unknown key 'bandwith'; did you mean 'bandwidth'? allowed: "
                "max_processing, dispatch_rate, max_downloads, bandwidth, timers, cell_places, api"
            ),
        ),
        (
            "campaign.task_policy.retry_count",
            6,
            "city.yaml: campaign.task_policy.retry_count: 6 is not allowed; a whole number from 0 to 5",
        ),
        (
            "campaign.package.size",
            None,
            (
                "city.yaml: campaign.package.size: is required: Size in bytes, >= 1; every attempt downloads "
                "all of it, unless `resume`."
            ),
        ),
        (
            "operators[1].when.stalled_for",
            "1 h",
            (
                "city.yaml: operators[1].when: needs exactly one of 'settled', 'failed_share_above', "
                "'stalled_for'"
            ),
        ),
    ],
)
def test_with_values__refuses(city: Scenario, path: str, value: object, expected: str) -> None:
    """A path that leads nowhere and a value that is not allowed are named by their path."""
    with pytest.raises(ScenarioError) as caught:
        city.with_values({path: value})
    assert str(caught.value) == expected


def test_with_values__refuses_all_at_once(city: Scenario) -> None:
    """Everything that is wrong with the new values is reported together."""
    with pytest.raises(ScenarioError) as caught:
        city.with_values({"run.seed": -1, "platform.bandwidth": 5, "campaign.package.version": 1})
    assert [problem.path for problem in caught.value.problems] == [
        "platform.bandwidth",
        "campaign.package.version",
        "run.seed",
    ]


def test_source_text__of_changed_values_reads_back(city: Scenario) -> None:
    """A scenario made from another one can be written to a file, and means the same there."""
    other = city.with_values({"platform.bandwidth": "2 Gbit/s", "description": "yes: 'quoted' # no\nü"})
    again = parse_scenario(other.source_text)
    assert (again.digest, again.description) == (other.digest, "yes: 'quoted' # no\nü")
    assert other.source_text.startswith("name: city-meters\ndescription: ")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("3", 3),
        ("0.5", 0.5),
        ("500 Mbit/s", "500 Mbit/s"),
        ("3 %", "3 %"),
        ("true", True),
        ("[2, 6]", [2, 6]),
        ("{bandwidth: 30 %}", {"bandwidth": "30 %"}),
        ("22:00", "22:00"),
        (">= 98 %", ">= 98 %"),
        ("null", "null"),
    ],
)
def test_parse_value__reads_as_a_file_would(text: str, value: object) -> None:
    """Text from a command line means what it would mean in a file; what is no YAML is text."""
    assert parse_value(text) == value


@pytest.mark.parametrize(
    "values",
    [
        {"platform.bandwidth": "500 Mbit/s"},
        {"campaign.task_policy.retry_count": 3},
        {"fleet.cohorts[0].devices": 100, "run.until": "20 d"},
        {"expect.success_share": ">= 90 %"},
    ],
)
def test_with_values__takes_sections_over_that_it_does_not_touch(city: Scenario, values: dict[str, Any]):
    """They were checked before; the scenario is the same as one that is read from its text anew."""
    changed = city.with_values(values)
    anew = parse_scenario(changed.source_text, "city.yaml")

    assert changed.model_dump() == anew.model_dump()
    assert changed.digest == anew.digest
    assert changed.model_fields_set == anew.model_fields_set
    touched = {path.replace("[", ".").split(".")[0] for path in values}
    for section in {"fleet", "platform", "campaign", "run"} & city.source.data.keys():
        assert (getattr(changed, section) is getattr(city, section)) == (section not in touched)


def test_with_values__looks_at_what_a_section_that_stays_has_to_do_with_another(city: Scenario):
    """A section that keeps its own rules may still contradict one that was changed."""
    with pytest.raises(ScenarioError, match=r"stages\.reboot: a softwareUpgrade has no reboot stage"):
        city.with_values({"campaign.task_type": "softwareUpgrade"})
