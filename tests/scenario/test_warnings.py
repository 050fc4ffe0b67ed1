"""Warnings: given for what is hardly meant, and for nothing else."""

from collections.abc import Callable

import pytest

from sim.scenario import WhatIf, parse_scenario

CASES = [
    (
        "a",
        "link_rate: 10 B/s",
        (
            "3:59: fleet.cohorts[0].link_rate: 1 MiB at 80 bit/s take 1 d 5 h 7 min, but the upgrade timer "
            "of cohort 'a' ends after 1 d: none can succeed"
        ),
    ),
    (
        "b",
        "link_rate: 1 kbit/s",
        (
            "4:59: fleet.cohorts[1].link_rate: 1 MiB at 1 kbit/s take 2 h 19 min, but the download timer of "
            "cohort 'b' ends after 1 h: none can succeed"
        ),
    ),
    (
        "top",
        "platform: {bandwidth: 200 kB/s}",
        (
            "7:23: platform.bandwidth: 1100 downloads at once share it and take 1 h 36 min, but the download "
            "timer of cohort 'b' ends after 1 h; fewer at once (platform.max_downloads) finish"
        ),
    ),
    (
        "top",
        "platform: {dispatch_rate: 1 /h}",
        (
            "7:27: platform.dispatch_rate: 1100 devices take at least 45 d 20 h to dispatch, but the run "
            "ends at 30 d (run.until)"
        ),
    ),
    (
        "top",
        "run: {until: 10 min}\nplatform: {bandwidth: 1 MB/s}",
        (
            "8:23: platform.bandwidth: 1100 devices take at least 19 min 13 s to download, but the run ends "
            "at 10 min (run.until)"
        ),
    ),
    (
        "top",
        "stages: {query: {uniform: {low: 3 min, high: 4 min}}}\nplatform: {timers: {mqtt: {version: 2 min}}}",
        (
            "7:10: stages.query: query take at least 3 min in cohort 'a', but the version timer ends after "
            "2 min: none can succeed"
        ),
    ),
    (
        "b",
        "stages: {install: {quantiles: [[0 %, 31 min], [100 %, 1 h]]}}",
        (
            "4:57: fleet.cohorts[1].stages.install: verify and install and reboot take at least 31 min in "
            "cohort 'b', but the execute timer ends after 30 min: none can succeed"
        ),
    ),
    (
        "size: 1 MiB",
        "size: 1 GiB",
        "6:33: campaign.package.size: 1 GiB; the service takes at most 1 GB",
    ),
    (
        "campaign",
        "waves: [{name: x, share: 100 %, gate: {failed_share_max: 100 %}}]",
        (
            "7:60: campaign.waves[0].gate.failed_share_max: no share is above 100 %, so this gate never "
            "stops anything"
        ),
    ),
    (
        "campaign",
        "waves: [{name: x, share: 100 %, gate: {failed_share_max: 1 %, of_at_least: 2000}}]",
        (
            "7:78: campaign.waves[0].gate.of_at_least: the fleet has 1100 devices, so this gate never stops "
            "anything"
        ),
    ),
    (
        "campaign",
        "need_confirm: true",
        "7:17: campaign.need_confirm: no operator confirms, so no target ever starts",
    ),
    (
        "top",
        "operators: [{call: confirm, at: 1 h}]",
        "7:20: operators[0].call: campaign.need_confirm is off, so nothing waits for it",
    ),
    (
        "top",
        "operators: [{call: stop, when: settled}]",
        "7:32: operators[0].when: a settled task refuses stop calls, so nothing comes of it",
    ),
    (
        "campaign",
        "what_if: {jitter: full}",
        (
            "7:13: campaign.what_if.jitter: changes nothing without automatic retries "
            "(campaign.task_policy.retry_count)"
        ),
    ),
    (
        "campaign",
        "what_if: {penalty_box: {failures: 2, within: 1 h, rest: 1 d}}",
        (
            "7:13: campaign.what_if.penalty_box: changes nothing without automatic retries "
            "(campaign.task_policy.retry_count)"
        ),
    ),
    (
        "a",
        "online: {fraction: 50 %, mean_offline: 48 h}",
        "3:48: fleet.cohorts[0].online: 30 % of contacts of cohort 'a' outlast the online timer of 1 d 1 h",
    ),
    (
        "a",
        "online: {online: {constant: 1 s}, offline: {constant: 30000 d}}",
        (
            "3:48: fleet.cohorts[0].online: more than 99 % of contacts of cohort 'a' outlast the online "
            "timer of 1 d 1 h"
        ),
    ),
    (
        "b",
        "online: {every: 48 h, for: 1 h}",
        "4:48: fleet.cohorts[1].online: 48 % of contacts of cohort 'b' outlast the online timer of 1 d",
    ),
    (
        "a",
        "online: {fraction: 50 %, mean_offline: 10 s}",
        "3:48: fleet.cohorts[0].online: goes through 129,600 cycles in the run, each of which is drawn",
    ),
    (
        "a",
        "online: {during_upgrade: pauses}",
        ("3:57: fleet.cohorts[0].online.during_upgrade: changes nothing for devices that are always on"),
    ),
    (
        "b",
        "link_rate: 8 kbit/s, online: {every: 20 min, for: 10 min, during_upgrade: breaks}",
        (
            "4:122: fleet.cohorts[1].online.during_upgrade: breaks a download whenever the link goes down: "
            "it is up for 10 min, but 1 MiB take at least 17 min 29 s: none can succeed. Do "
            "devices keep what they have: 'resume'?"
        ),
    ),
    (
        "b",
        "link_rate: 8 kbit/s, online: {fraction: 50 %, mean_offline: 10 min, during_upgrade: breaks}",
        (
            "4:132: fleet.cohorts[1].online.during_upgrade: breaks a download whenever the link goes down: "
            "it is up for 10 min on average, but 1 MiB take at least 17 min 29 s. Do devices keep what they "
            "have: 'resume'?"
        ),
    ),
    (
        "b",
        (
            "link_rate: 8 kbit/s, online: {online: {uniform: {low: 1 min, high: 9 min}}, "
            "offline: {constant: 1 min}, during_upgrade: breaks}"
        ),
        (
            "4:168: fleet.cohorts[1].online.during_upgrade: breaks a download whenever the link goes down: "
            "it is up for 5 min on average, but 1 MiB take at least 17 min 29 s: none can succeed. Do "
            "devices keep what they have: 'resume'?"
        ),
    ),
    (
        "top",
        "failures: [{stage: verify, code: 8, rate: 1 /h}]",
        (
            "7:37: failures[0].rate: changes nothing: stage 'verify' takes 0 s, so there is no time to break "
            "it in"
        ),
    ),
    (
        "b",
        "failures: [{stage: download, code: 2, rate: 1 /h}]",
        (
            "4:86: fleet.cohorts[1].failures[0].rate: changes nothing: stage 'download' takes 0 s, so there "
            "is no time to break it in"
        ),
    ),
    (
        "top",
        "failures: [{stage: query, code: 1, probability: 50 %, lasts: {constant: 10 s}}]",
        "7:55: failures[0].lasts: goes through 129,600 cycles in the run, each of which is drawn",
    ),
    (
        "campaign",
        (
            "task_policy: {retry_count: 2, retry_interval: 5 min}\n"
            "failures: [{stage: query, code: 4, probability: 10 %}]"
        ),
        (
            "8:49: failures[0].probability: strikes anew in each attempt: a device with a flat battery is "
            "well again 5 min later. If the cause lasts, say how long: 'lasts'"
        ),
    ),
    (
        "campaign",
        (
            "task_policy: {retry_count: 2, retry_interval: 5 min}\n"
            "failures: [{stage: install, code: 1, probability: 10 %}]"
        ),
        (
            "8:51: failures[0].probability: strikes anew in each attempt: a device in use is free again "
            "5 min later. If the cause lasts, say how long: 'lasts'"
        ),
    ),
    (
        "campaign",
        (
            "task_policy: {retry_count: 2, retry_interval: 5 min}\n"
            "failures: [{stage: query, code: 4, probability: 10 %, lasts: {exponential: {mean: 8 h}}}]"
        ),
        (
            "7:49: campaign.task_policy.retry_interval: a retry after 5 min meets the condition of stage "
            "'query' again in 99 % of cases; it lasts 8 h on average"
        ),
    ),
    (
        "campaign",
        (
            "task_policy: {retry_count: 2, retry_interval: 2 h}\n"
            "failures: [{stage: query, code: 4, probability: 10 %, lasts: {constant: 8 h}}]"
        ),
        (
            "7:49: campaign.task_policy.retry_interval: a retry after 2 h meets the condition of stage "
            "'query' again in at least 75 % of cases; it lasts 8 h on average"
        ),
    ),
]


@pytest.mark.parametrize(("place", "text", "expected"), CASES)
def test_warnings__names(place: str, text: str, expected: str, spoil: Callable[[str, str], str]) -> None:
    """Each warning names the place, what was given, and why it can't be meant."""
    warnings = parse_scenario(spoil(place, text), "x.yaml").warnings()
    assert [str(warning) for warning in warnings] == [f"x.yaml:{expected}"]


def test_warnings__every_what_if_is_told_apart() -> None:
    """Each what-if changes automatic retries, and is idle without them, or is the dispatch ramp."""
    assert {*WhatIf.of_retries, "dispatch_ramp"} == set(WhatIf.model_fields)


def test_warnings__none_for_the_example(city_text: str) -> None:
    """A scenario that is meant as it stands has no warnings."""
    assert parse_scenario(city_text).warnings() == []


def test_warnings__few_downloads_at_once_are_fine(spoil: Callable[[str, str], str]) -> None:
    """A limit on downloads at once makes a thin link usable."""
    text = spoil("top", "platform: {bandwidth: 200 kB/s, max_downloads: 100}")
    assert parse_scenario(text).warnings() == []


def test_warnings__in_file_order(spoil: Callable[[str, str], str]) -> None:
    """Warnings come in the order of the file."""
    text = spoil("campaign", "need_confirm: true").replace("1 MiB", "1 GiB")
    assert [warning.path for warning in parse_scenario(text).warnings()] == [
        "campaign.package.size",
        "campaign.need_confirm",
    ]


def test_warnings__who_wakes_by_the_clock_is_retried_at_the_next_beat() -> None:
    """A retry after five minutes finds a sensor 150 minutes later: 0.1 + 0.9 e^(-2.5/7.2) are flat then."""
    text = """\
name: sensors
fleet: {cohorts: [{name: a, devices: 10, online: {every: 150 min, for: 3 min}}]}
failures: [{stage: query, code: 4, probability: 10 %, lasts: {exponential: {mean: 8 h}}}]
campaign:
  package: {version: "1", size: 1 kB}
  task_policy: {retry_count: 2, retry_interval: 5 min}
run: {until: 1 d}
"""
    assert ["again in 74 % of cases" in str(warning) for warning in parse_scenario(text).warnings()] == [True]


@pytest.mark.parametrize(
    "text",
    [
        "online: {fraction: 50 %, mean_offline: 5 h}",
        "online: {every: 25 h, for: 1 h}",
        "online: {every: 5 s, for: 1 s}",
        "online: {fraction: 100 %, mean_offline: 5 s}",
    ],
)
def test_warnings__none_for_links_that_are_meant(text: str, spoil: Callable[[str, str], str]) -> None:
    """Short absences and clocks, whose cycles nobody counts, are worth no word."""
    assert parse_scenario(spoil("a", text)).warnings() == []


@pytest.mark.parametrize(
    ("place", "text"),
    [
        ("b", "link_rate: 8 kbit/s, online: {every: 20 min, for: 18 min, during_upgrade: breaks}"),
        ("b", "link_rate: 8 kbit/s, online: {every: 20 min, for: 10 min, during_upgrade: pauses}"),
        (
            "b",
            "link_rate: 8 kbit/s, resume: true, online: {every: 20 min, for: 10 min, during_upgrade: breaks}",
        ),
        ("b", "online: {every: 20 min, for: 10 min, during_upgrade: breaks}"),
        (
            "protocol: lwm2m}\n",
            (
                "protocol: lwm2m, stages: {verify: {constant: 1 s}}}\n"
                "failures: [{stage: verify, code: 8, rate: 1 /h}]\n"
            ),
        ),
        ("b", "link_rate: 1 MB/s, failures: [{stage: download, code: 2, rate: 1 /h}]"),
        ("top", "failures: [{stage: download, code: 2, per: 1 MB}]"),
    ],
)
def test_warnings__none_for_breaks_that_can_be_met_and_passed(
    place: str, text: str, spoil: Callable[[str, str], str]
) -> None:
    """Periods as long as a download, pauses, kept bytes and work that takes time in one cohort are meant."""
    assert parse_scenario(spoil(place, text)).warnings() == []


@pytest.mark.parametrize(
    ("policy", "cause"),
    [
        ("{retry_count: 2, retry_interval: 5 min}", "{stage: query, code: 4, probability: 4 %}"),
        ("{retry_count: 2, retry_interval: 5 min}", "{stage: query, code: 2, probability: 10 %}"),
        ("{retry_count: 2, retry_interval: 5 min}", "{stage: query, code: 4, permanent: 10 %}"),
        ("{retry_count: 2, retry_interval: 1 h}", "{stage: query, code: 4, probability: 10 %}"),
        ("{}", "{stage: query, code: 4, probability: 10 %}"),
        ("{}", "{stage: query, code: 4, probability: 10 %, lasts: {constant: 8 h}}"),
        (
            "{retry_count: 2, retry_interval: 5 h}",
            "{stage: query, code: 4, probability: 10 %, lasts: {constant: 8 h}}",
        ),
        (
            "{retry_count: 2, retry_interval: 5 min}",
            "{stage: query, silent: true, probability: 10 %, lasts: {constant: 8 h}}",
        ),
    ],
)
def test_warnings__none_for_retries_that_help(
    policy: str, cause: str, spoil: Callable[[str, str], str]
) -> None:
    """Rare causes, others, long intervals and runs without retries need no lasting condition."""
    text = spoil("campaign", f"task_policy: {policy}\nfailures: [{cause}]")
    assert parse_scenario(text).warnings() == []


def test_warnings__growing_intervals_leave_the_condition(spoil: Callable[[str, str], str]) -> None:
    """Where waits grow, the first one says little about the others."""
    text = spoil(
        "campaign",
        "task_policy: {retry_count: 5, retry_interval: 5 min}\n  what_if: {back_off: {factor: 5}}\n"
        "failures: [{stage: query, code: 4, probability: 10 %, lasts: {constant: 8 h}}]",
    )
    assert parse_scenario(text).warnings() == []
