"""What binds several sections, and that everything wrong is reported at once but nothing else."""

from collections.abc import Callable

from sim.scenario import parse_scenario

Spoil = Callable[[str, str], str]
Complaints = Callable[[str], list[str]]


def test_checks__reboot_of_a_software_upgrade(base: str, complaints: Complaints) -> None:
    """A softwareUpgrade may name the reboot stage nowhere: neither its time nor its failures."""
    text = base.replace("campaign:", "campaign:\n  task_type: softwareUpgrade").replace(
        "mqtt}",
        "mqtt, stages: {reboot: {constant: 1 s}}, failures: [{stage: reboot, silent: true, permanent: 1 %}]}",
    )
    text += "stages: {reboot: {constant: 3 s}}\nfailures: [{stage: reboot, code: 2, probability: 1 %}]\n"
    reason = "a softwareUpgrade has no reboot stage"
    assert complaints(text) == [
        f"x.yaml:3:57: fleet.cohorts[0].stages.reboot: {reason}",
        f"x.yaml:3:102: fleet.cohorts[0].failures[0].stage: {reason}",
        f"x.yaml:8:10: stages.reboot: {reason}",
        f"x.yaml:9:20: failures[0].stage: {reason}",
    ]


def test_checks__coverage_without_radio(base: str, complaints: Complaints) -> None:
    """A fleet without any lwm2m cohort has no coverage stage."""
    text = "".join(line for line in base.splitlines(keepends=True) if "lwm2m" not in line)
    text += "stages: {coverage: {constant: 3 s}}\nfailures: [{stage: coverage, code: 2, probability: 1 %}]\n"
    reason = "no cohort has protocol lwm2m, and others have no coverage stage"
    assert complaints(text) == [
        f"x.yaml:6:10: stages.coverage: {reason}",
        f"x.yaml:7:20: failures[0].stage: {reason}",
    ]


def test_checks__coverage_with_radio(spoil: Spoil, complaints: Complaints) -> None:
    """The general stages may name coverage as soon as one cohort is lwm2m."""
    assert complaints(spoil("top", "stages: {coverage: {constant: 3 s}}")) == []


def test_checks__own_causes_add_to_the_general_ones(spoil: Spoil, complaints: Complaints) -> None:
    """General and own causes of one stage together may not exceed 1; the cohort's own is blamed."""
    text = spoil("a", "failures: [{stage: install, code: 2, probability: 60 %}]")
    assert complaints(text + "failures: [{stage: install, code: 10, probability: 50 %}]\n") == [
        (
            "x.yaml:3:98: fleet.cohorts[0].failures[0].probability: the causes of stage 'install' add up "
            "to 1.1 in cohort 'a'; at most 1"
        )
    ]


def test_checks__general_causes_are_blamed_once(spoil: Spoil, complaints: Complaints) -> None:
    """General causes that exceed 1 by themselves are reported once, not for each cohort."""
    cause = "{stage: install, code: 2, probability: 60 %}"
    assert complaints(spoil("top", f"failures: [{cause}, {cause}]")) == [
        "x.yaml:7:97: failures[1].probability: the causes of stage 'install' add up to 1.2; at most 1"
    ]


def test_checks__permanent_causes_do_not_add_up(spoil: Spoil, complaints: Complaints) -> None:
    """Permanent marks are independent of each other, so their sum means nothing."""
    cause = "{stage: install, code: 2, permanent: 60 %}"
    assert complaints(spoil("top", f"failures: [{cause}, {cause}]")) == []


def test_checks__code_3_is_a_failure(spoil: Spoil, complaints: Complaints) -> None:
    """'Already the latest version' is a code that devices report when an upgrade fails."""
    assert complaints(spoil("top", "failures: [{stage: query, code: 3, probability: 1 %}]")) == []


def test_checks__cohort_waves_before_share_waves(spoil: Spoil, complaints: Complaints) -> None:
    """A named cohort may go first, and shares of the whole fleet follow."""
    assert complaints(spoil("campaign", "waves: [{name: x, cohorts: [b]}, {name: y, share: 100 %}]")) == []


def test_checks__all_cohorts_named(spoil: Spoil, complaints: Complaints) -> None:
    """Waves may name all cohorts instead of ending at 100 %."""
    assert complaints(spoil("campaign", "waves: [{name: x, cohorts: [b]}, {name: y, cohorts: [a]}]")) == []


def test_checks__wave_that_adds_nothing(spoil: Spoil, complaints: Complaints) -> None:
    """A named cohort after the whole fleet has nobody left to reach."""
    assert complaints(spoil("campaign", "waves: [{name: x, share: 1}, {name: y, cohorts: [a]}]")) == [
        "x.yaml:7:42: campaign.waves[1].cohorts: adds nothing: the waves before it reach the whole fleet"
    ]


def test_checks__batch_within_the_editions_limit(spoil: Spoil, complaints: Complaints) -> None:
    """An operator keeps the limit of the service's edition, where that is lower than the vendor's."""
    text = spoil("campaign", "limits: {targets_per_call: 50}")
    assert complaints(text + "operators: [{call: retry, at: 1 h, batch: 60}]\n") == [
        "x.yaml:8:43: operators[0].batch: 60 is more than limits.targets_per_call (50)"
    ]


def test_checks__times_bounds_a_fast_operator(spoil: Spoil, complaints: Complaints) -> None:
    """An operator with a short period is fine if it says how often it calls."""
    assert complaints(spoil("top", "operators: [{call: retry, every: 1 ms, times: 10}]")) == []


def test_checks__outage_that_outlasts_the_run(spoil: Spoil, complaints: Complaints) -> None:
    """An outage must begin within the run; it may end later."""
    assert complaints(spoil("top", "outages: [{at: 29 d, lasts: 9 d, effect: unreachable}]")) == []


SPOILT = (
    ("devices: 20000", "devices: 0"),
    ("link_rate: 8 Mbit/s", "link_rate: 8"),
    ("spread: 0.4", "sprad: 0.4"),
    ("protocol: lwm2m", "protocol: lwm2n"),
    ("devices: 300", "devices: 30000"),
    ("code: 7, permanent", "code: 0, permanent"),
    ("silent: true, probability", "probability"),
    ("size: 12 MiB", "siz: 12 MiB"),
    ("retry_count: 2", "retry_count: 6"),
    ("name: everyone, share: 100 %", "name: everyone, share: 100 %, gate: {}"),
    ("call: retry, at: 6 h", "call: retry, at: 60 d"),
    ("cohorts: [gateway-4g]", "cohorts: [gatway-4g]"),
    ("seed: 7", "seed: 7, seed: 8"),
    ('"<= 12 h"', '"<= 12"'),
)


def test_checks__everything_at_once(city_text: str, complaints: Complaints) -> None:
    """Faults of every kind in one file are all reported, in file order, and only they."""
    for good, bad in SPOILT:
        assert good in city_text
        city_text = city_text.replace(good, bad, 1)
    places = [line.split(": ")[:2] for line in complaints(city_text)]
    assert places == [
        ["x.yaml:6:16", "fleet.cohorts[0].devices"],
        ["x.yaml:8:18", "fleet.cohorts[0].link_rate"],
        ["x.yaml:11:7", "fleet.cohorts[0].sprad"],
        ["x.yaml:14:17", "fleet.cohorts[1].protocol"],
        ["x.yaml:16:23", "fleet.cohorts[1].cell.devices"],
        ["x.yaml:29:27", "failures[1].code"],
        ["x.yaml:30:5", "failures[2]"],
        ["x.yaml:33:3", "campaign.package.size"],
        ["x.yaml:33:31", "campaign.package.siz"],
        ["x.yaml:34:30", "campaign.task_policy.retry_count"],
        ["x.yaml:37:38", "campaign.waves[1].gate"],
        ["x.yaml:39:23", "operators[0].at"],
        ["x.yaml:43:37", "outages[0].cohorts[0]"],
        ["x.yaml:44:79", "run.seed"],
        ["x.yaml:47:24", "expect.time_to_success.p95"],
    ]


def test_checks__no_complaint_about_a_refused_value(base: str, complaints: Complaints) -> None:
    """A refused name is not also unknown elsewhere, and a refused size not also exceeded."""
    text = base.replace("name: a, devices: 1000", "name: a b, devices: many")
    text = text.replace("lwm2m}", "lwm2m, cell: {devices: 100}}")
    text += "outages: [{at: 1 h, lasts: 1 h, cohorts: [a b], effect: unreachable}]\n"
    assert [line.split(": ")[1] for line in complaints(text)] == [
        "fleet.cohorts[0].name",
        "fleet.cohorts[0].devices",
        "outages[0].cohorts[0]",
    ]
    assert "letters, digits" in complaints(text)[2]


def test_checks__list_of_faulty_items_is_not_short(base: str, complaints: Complaints) -> None:
    """A list whose items are all faulty is not called empty besides."""
    text = base.replace("devices: 1000", "devices: 0").replace("devices: 100,", "devices: 0,")
    assert [line.split(": ")[1] for line in complaints(text)] == [
        "fleet.cohorts[0].devices",
        "fleet.cohorts[1].devices",
    ]


def test_checks__shared_values_are_checked_where_they_stand(base: str, complaints: Complaints) -> None:
    """A value that is written once and used twice is reported for both places, at its own position."""
    text = base.replace("mqtt}", "mqtt, online: &o {fraction: 90 %}}").replace("lwm2m}", "lwm2m, online: *o}")
    lines = complaints(text)
    assert [line.split(": ")[1] for line in lines] == [
        "fleet.cohorts[0].online.mean_offline",
        "fleet.cohorts[1].online.mean_offline",
    ]
    assert lines[0].startswith("x.yaml:3:48: ")


def test_checks__bounds_of_the_rules_are_the_formats(base: str) -> None:
    """The largest vendor policy is accepted."""
    policy = "task_policy: {retry_count: 5, retry_interval: 1440 min, schedule_time: 7 d}"
    scenario = parse_scenario(f"{base}  {policy}\n")
    assert scenario.campaign.task_policy.model_dump() == {
        "retry_count": 5,
        "retry_interval": 86_400.0,
        "schedule_time": 604_800.0,
    }


def test_checks__conditions_do_not_add_up(spoil: Spoil, complaints: Complaints) -> None:
    """Conditions are independent of each other and of fresh draws, so their shares of time may exceed 1."""
    lasting = "{stage: query, code: 4, probability: 60 %, lasts: {constant: 1 h}}"
    fresh = "{stage: query, code: 2, probability: 60 %}"
    assert complaints(spoil("top", f"failures: [{lasting}, {lasting}, {fresh}]")) == []


def test_checks__nothing_to_resume(base: str, complaints: Complaints) -> None:
    """A general wish to resume is refused only if none of the cohorts that it is for downloads anything."""
    all_current = base.replace("mqtt}", "mqtt, already_current: 1}").replace(
        "lwm2m}", "lwm2m, already_current: 100 %}"
    )
    assert complaints(all_current + "resume: true\n") == [
        "x.yaml:7:9: resume: nothing is downloaded: all devices run the version already"
    ]
    assert complaints(base.replace("mqtt}", "mqtt, already_current: 1}") + "resume: true\n") == []
    assert complaints(all_current.replace("1}", "1, resume: false}") + "resume: false\n") == []
