"""What a good scenario holds: values in SI units, defaults, and what follows from them."""

import pickle
from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from sim.rules import DEFAULT_TIMERS_S, Limits, Protocol, Stage
from sim.scenario import Scenario, make_scenario, parse_scenario
from sim.scenario.section import Part, parts_of
from sim.scenario.sections.failures import StageName
from sim.scenario.sections.stages import StageTimes


def test_scenario__values_are_si(city: Scenario) -> None:
    """Every quantity is a plain number of seconds, bytes, bytes/s, 1/s or a share."""
    gateway, meter = city.fleet.cohorts
    assert (gateway.link_rate, meter.link_rate) == (1e6, 7500.0)
    assert (gateway.online.fraction, gateway.online.mean_offline) == (0.97, 10_800.0)
    assert (gateway.already_current, gateway.spread) == (0.005, 0.4)
    assert meter.cell is not None
    assert (meter.cell.devices, meter.cell.coverage) == (300, (0.8, 0.15, 0.05))
    (window,) = meter.windows_for("contact")
    assert (window.opens, window.closes, window.zone) == (79_200.0, 21_600.0, "UTC")
    assert meter.windows_for("install") == gateway.windows == ()
    assert (city.platform.dispatch_rate, city.platform.bandwidth) == (100.0, 1.25e8)
    assert (city.campaign.package.version, city.campaign.package.size) == ("2.4.0", 12_582_912)
    assert (city.campaign.task_policy.retry_count, city.campaign.task_policy.retry_interval) == (2, 300.0)
    assert [(wave.name, wave.share, wave.soak) for wave in city.campaign.waves] == [
        ("canary", 0.01, 86_400.0),
        ("everyone", 1.0, 0.0),
    ]
    assert city.run.start == datetime(2026, 1, 5, 20, tzinfo=UTC)
    assert (city.run.until, city.run.resolution, city.run.seed) == (1_209_600.0, 300.0, 7)


def test_scenario__events(city: Scenario) -> None:
    """Conditions and effects may be one word or a mapping."""
    settled, stop = city.operators[1].when, city.operators[2].when
    assert settled is not None
    assert settled.settled
    assert stop is not None
    assert (stop.settled, stop.failed_share_above, stop.of_at_least) == (False, 0.2, 500)
    assert city.operators[1].only is not None
    assert city.operators[1].only.codes == (2, 6)
    assert city.outages[0].effect.unreachable
    assert [(e.metric, e.op, e.value) for e in city.expectations] == [
        ("success_share", ">=", 0.98),
        ("time_to_success.p95", "<=", 43_200.0),
    ]


def test_scenario__stages(city: Scenario) -> None:
    """A cohort's stages replace the general ones one by one, and absent ones take no time."""
    gateway, meter = map(city.stages_of, city.fleet.cohorts)
    assert list(meter) == list(StageTimes.model_fields)
    assert (gateway["install"].constant, meter["install"].constant) == (60.0, 90.0)
    assert (gateway["query"].kind, gateway["verify"].kind, gateway["reboot"].kind) == (
        "lognormal",
        "exponential",
        "uniform",
    )
    assert (meter["coverage"].kind, meter["coverage"].constant) == ("constant", 0.0)


def test_scenario__stages_that_attempts_lack(base: str) -> None:
    """Coverage is for lwm2m only, whatever the general stages say of it."""
    scenario = parse_scenario(
        base
        + "stages: {coverage: {constant: 9 s}}\nfailures: [{stage: coverage, code: 2, probability: 1 %}]\n"
    )
    mqtt, lwm2m = scenario.fleet.cohorts
    assert [scenario.stages_of(cohort)["coverage"].constant for cohort in (mqtt, lwm2m)] == [0.0, 9.0]
    assert [len(scenario.failures_of(cohort)) for cohort in (mqtt, lwm2m)] == [0, 1]


def test_scenario__failures(city: Scenario) -> None:
    """A cohort's causes come after the general ones."""
    assert [cause.stage for cause in city.failures_of(city.fleet.cohorts[1])] == [
        "download",
        "verify",
        "reboot",
        "install",
    ]


def test_scenario__timers(base: str) -> None:
    """A cohort's timers win over the platform's, which win over the vendor's."""
    text = base.replace("mqtt}", "mqtt, timers: {mqtt: {upgrade: 1 h}}}")
    scenario = parse_scenario(text + "platform: {timers: {mqtt: {upgrade: 2 h, online: 3 h}}}\n")
    mqtt, lwm2m = scenario.fleet.cohorts
    assert scenario.timers_of(mqtt) == {"online": 10_800.0, "version": 180.0, "upgrade": 3600.0}
    assert scenario.timers_of(lwm2m) == DEFAULT_TIMERS_S[Protocol.LWM2M]


def test_scenario__defaults(base: str) -> None:
    """What a file leaves out has the documented value."""
    scenario = parse_scenario(base)
    platform = scenario.platform
    assert (platform.max_processing, platform.dispatch_rate) == (None, None)
    assert (platform.max_downloads, platform.bandwidth) == (None, None)
    assert platform.cell_places == (50, 10, 1)
    assert platform.timers.mqtt.model_dump() == DEFAULT_TIMERS_S[Protocol.MQTT]
    assert (scenario.failures, scenario.operators, scenario.outages, scenario.expect) == ((), (), (), {})
    assert scenario.run.model_dump() == {
        "start": datetime(2026, 1, 5, tzinfo=UTC),
        "until": 30 * 86_400.0,
        "resolution": 300.0,
        "seed": 0,
        "replications": 1,
    }
    cohort = scenario.fleet.cohorts[0]
    assert (cohort.online.fraction, cohort.link_rate, cohort.already_current, cohort.spread) == (
        1.0,
        None,
        0,
        0,
    )
    assert (scenario.campaign.task_type, scenario.campaign.order) == ("firmwareUpgrade", "shuffled")
    assert scenario.campaign.waves == ()
    assert scenario.campaign.task_policy.retry_count == 0
    assert scenario.campaign.what_if.names == ()


def test_scenario__default_limits_are_the_rules(base: str) -> None:
    """The limits of the service are those of the rules."""
    limits, vendor = parse_scenario(base).campaign.limits, Limits()
    assert limits.model_dump() == {
        "targets_per_task": vendor.targets_per_task,
        "targets_per_call": vendor.targets_per_call,
        "tasks_in_progress": vendor.tasks_in_progress,
        "api_rate": vendor.api_calls_per_s,
        "schedule_ahead": vendor.schedule_ahead_s,
    }


def test_scenario__names_are_the_rules() -> None:
    """Stages have the labels that the rules give them, in order."""
    assert [stage.label for stage in Stage] == list(StageName.__args__)


def test_scenario__devices(city: Scenario) -> None:
    """Devices are numbered cohort by cohort, their ids within the cohort from 0."""
    assert (city.n_devices, city.cohort_sizes) == (30_000, (20_000, 10_000))
    assert city.cohort_names == ("gateway-4g", "meter-nbiot")
    ids = city.device_ids(1)
    assert (len(ids), ids[0], ids[-1]) == (10_000, "meter-nbiot-0000000", "meter-nbiot-0009999")


def test_scenario__what_if_names(base: str) -> None:
    """The extensions that are switched on are named, in a fixed order."""
    what_if = "what_if: {jitter: full, back_off: {factor: 2}, retry_only_codes: [2, online_timeout]}"
    scenario = parse_scenario(f"{base}  {what_if}\n")
    assert scenario.campaign.what_if.names == ("back_off", "jitter", "retry_only_codes")
    assert scenario.campaign.what_if.retry_only_codes == (2, 1000)


def test_scenario__is_frozen(city: Scenario) -> None:
    """No value can be changed in place, at any depth."""
    for _, part in parts_of(city):
        name = next(iter(type(part).model_fields))
        with pytest.raises(ValidationError, match="frozen"):
            setattr(part, name, None)


def test_scenario__pickles(city: Scenario) -> None:
    """A scenario travels between processes with its digest, its text and its positions."""
    copy = pickle.loads(pickle.dumps(city))
    assert (copy.digest, copy.source_text) == (city.digest, city.source_text)
    assert copy.source.spans == city.source.spans


def test_digest__ignores_how_it_is_written(base: str) -> None:
    """Spacing, comments, other units and defaults that are written out make no difference."""
    other = base.replace("1 MiB}", "1024 KiB}  # the same").replace(
        "protocol: mqtt", "online: {fraction: 100 %}"
    )
    other += "expect: {makespan: '<=   12 h'}\nrun: {until: 30 d}\n"
    assert parse_scenario(base + "expect: {makespan: '<= 720 min'}\n").digest == parse_scenario(other).digest


@pytest.mark.parametrize(
    ("good", "other"),
    [("devices: 1000", "devices: 1001"), ("1 MiB", "2 MiB"), ('"1"', '"2"'), ("name: a", "name: c")],
)
def test_digest__changes_with_any_value(base: str, good: str, other: str) -> None:
    """Another value gives another digest."""
    assert parse_scenario(base).digest != parse_scenario(base.replace(good, other)).digest


def test_make_scenario__is_the_same_as_a_file(base: str) -> None:
    """Plain Python values give the same scenario as the file that holds them."""
    values = {
        "fleet": {
            "cohorts": [
                {"name": "a", "devices": 1000, "protocol": "mqtt"},
                {"name": "b", "devices": 100, "protocol": "lwm2m"},
            ]
        },
        "campaign": {"package": {"version": "1", "size": "1 MiB"}},
    }
    assert make_scenario(values).digest == parse_scenario(base).digest
    assert parse_scenario(make_scenario(values).source_text).digest == parse_scenario(base).digest


def test_parts__every_field_is_described() -> None:
    """The reference is generated from the schema, so every field of every section says what it is."""

    def all_parts(part: type[Part]) -> set[type[Part]]:
        return {part}.union(*(all_parts(child) for child in part.__subclasses__()))

    undescribed = [
        f"{part.__name__}.{name}"
        for part in all_parts(Part)
        for name, field in part.model_fields.items()
        if not (field.description or "").endswith(".")
    ]
    assert undescribed == []


def test_scenario__resume(base: str) -> None:
    """A cohort resumes downloads as it says itself, else as the scenario says."""
    own = base.replace("lwm2m}", "lwm2m, resume: true}")
    for text, resumes in (
        (base, [False, False]),
        (base + "resume: true\n", [True, True]),
        (own, [False, True]),
        (own.replace("true", "false") + "resume: true\n", [True, False]),
    ):
        scenario = parse_scenario(text)
        assert [scenario.resumes(cohort) for cohort in scenario.fleet.cohorts] == resumes


@pytest.mark.parametrize(
    ("cause", "remembers"),
    [
        ("{stage: query, code: 4, probability: 10 %}", False),
        ("{stage: query, code: 4, permanent: 10 %}", False),
        ("{stage: query, code: 4, probability: 0 %, lasts: {constant: 8 h}}", False),
        ("{stage: query, code: 4, probability: 10 %, lasts: {constant: 8 h}}", True),
    ],
)
def test_scenario__remembers_conditions(base: str, cause: str, remembers: bool) -> None:
    """Of the causes only a condition that comes and goes tells one attempt from the next."""
    assert parse_scenario(f"{base}failures: [{cause}]\n").remembers is remembers


def test_cause__cycle_of_a_condition(base: str) -> None:
    """A condition that is on a tenth of the time begins again after ten times its length, on average."""
    lasting = "{stage: query, code: 4, probability: 10 %, lasts: {exponential: {mean: 8 h}}}"
    fresh = "{stage: query, code: 4, probability: 10 %}"
    scenario = parse_scenario(f"{base}failures: [{lasting}, {fresh}]\n")
    assert [cause.mean_cycle_s() for cause in scenario.failures] == [288_000.0, float("inf")]
