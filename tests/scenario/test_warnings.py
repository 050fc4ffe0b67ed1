"""Warnings: given for what is hardly meant, and for nothing else."""

from collections.abc import Callable

import pytest

from sim.scenario import WhatIf, parse_scenario

CASES = [
    (
        "a",
        "link_rate: 10 B/s",
        (
            "3:59: fleet.cohorts[0].link_rate: 1 MiB at 80 bit/s take 1 d 5 h, but the upgrade timer of "
            "cohort 'a' ends after 1 d: none can succeed"
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
