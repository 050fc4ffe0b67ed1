"""What is refused in `campaign`."""

from collections.abc import Callable

import pytest

COUNT = "a whole number from 1 to 2147483647"
NEEDS_DURATION = "write a number and a unit, like '90 s' (units: ms, s, min, h, d)"
NEEDS_SIZE = "write a number and a unit, like '12 MiB' (units: B, kB, MB, GB, KiB, MiB, GiB)"

CASES: list[tuple[str, str, list[str]]] = [
    (
        "campaign",
        "task_type: moduleUpgrade",
        [
            (
                "7:14: campaign.task_type: unknown word 'moduleUpgrade'; did you mean "
                "'softwareUpgrade'? allowed: firmwareUpgrade, softwareUpgrade"
            )
        ],
    ),
    (
        "campaign",
        "task_policy: {retry_count: 6, retry_interval: 5 min}",
        ["7:30: campaign.task_policy.retry_count: 6 is not allowed; a whole number from 0 to 5"],
    ),
    (
        "campaign",
        "task_policy: {retry_count: 2}",
        ["7:3: campaign.task_policy.retry_interval: is missing; required with retry_count"],
    ),
    (
        "campaign",
        "task_policy: {retry_count: 2, retry_interval: null}",
        ["7:49: campaign.task_policy.retry_interval: is missing; required with retry_count"],
    ),
    (
        "campaign",
        "task_policy: {retry_interval: 5 min}",
        ["7:3: campaign.task_policy.retry_count: is missing; required with retry_interval"],
    ),
    (
        "campaign",
        "task_policy: {retry_count: 9}",
        [
            "7:3: campaign.task_policy.retry_interval: is missing; required with retry_count",
            "7:30: campaign.task_policy.retry_count: 9 is not allowed; a whole number from 0 to 5",
        ],
    ),
    (
        "campaign",
        "task_policy: {retry_count: 2, retry_interval: 90 s}",
        [
            (
                "7:49: campaign.task_policy.retry_interval: '90 s' is not allowed; whole minutes from "
                "1 min to 1440 min"
            )
        ],
    ),
    (
        "campaign",
        "task_policy: {retry_count: 2, retry_interval: 1441 min}",
        [
            (
                "7:49: campaign.task_policy.retry_interval: '1441 min' is not allowed; whole minutes "
                "from 1 min to 1440 min"
            )
        ],
    ),
    (
        "campaign",
        "task_policy: {retry_count: 2, retry_interval: 0 s}",
        [
            (
                "7:49: campaign.task_policy.retry_interval: '0 s' is not allowed; whole minutes from "
                "1 min to 1440 min"
            )
        ],
    ),
    (
        "campaign",
        "task_policy: {retry_count: 2, retry_interval: 5}",
        ["7:49: campaign.task_policy.retry_interval: 5 has no unit; " + NEEDS_DURATION],
    ),
    (
        "campaign",
        "task_policy: {schedule_time: 8 d}",
        ["7:32: campaign.task_policy.schedule_time: 8 d is too far ahead; at most 7 d"],
    ),
    (
        "campaign",
        "need_confirm: yes",
        ["7:17: campaign.need_confirm: 'yes' is not allowed; true or false"],
    ),
    (
        "campaign",
        "limits: {targets_per_task: 0, targets_per_call: 0, tasks_in_progress: 0, api_rate: 0 /s}",
        [
            "7:30: campaign.limits.targets_per_task: 0 is not allowed; " + COUNT,
            "7:51: campaign.limits.targets_per_call: 0 is not allowed; " + COUNT,
            "7:73: campaign.limits.tasks_in_progress: 0 is not allowed; " + COUNT,
            "7:86: campaign.limits.api_rate: '0 /s' is not allowed; it must be more than 0",
        ],
    ),
    (
        "campaign",
        "what_if: {jitter: fll}",
        [
            (
                "7:21: campaign.what_if.jitter: unknown word 'fll'; did you mean 'full'? allowed: "
                "full, equal, decorrelated"
            )
        ],
    ),
    (
        "campaign",
        "what_if: {back_off: {factor: 0.5}}",
        ["7:32: campaign.what_if.back_off.factor: 0.5 is not allowed; a number from 1 to 100"],
    ),
    (
        "campaign",
        (
            "task_policy: {retry_count: 2, retry_interval: 5 min}\n"
            "  what_if: {back_off: {factor: 2, max: 1 min}}"
        ),
        ["8:40: campaign.what_if.back_off.max: is less than retry_interval (5 min)"],
    ),
    (
        "campaign",
        "what_if: {retry_only_codes: [0, 11, busy]}",
        [
            (
                "7:32: campaign.what_if.retry_only_codes[0]: code 0 means success and is no failure; "
                "allowed: 1 to 10 or 255"
            ),
            (
                "7:35: campaign.what_if.retry_only_codes[1]: 11 is no result code of a device; "
                "allowed: 1 to 10 or 255"
            ),
            (
                "7:39: campaign.what_if.retry_only_codes[2]: 'busy' is no failure; allowed: 1 to 10 "
                "or 255, or online_timeout, version_timeout, coverage_timeout, "
                "download_start_timeout, download_timeout, result_timeout"
            ),
        ],
    ),
    (
        "campaign",
        "what_if: {retry_only_codes: []}",
        ["7:13: campaign.what_if.retry_only_codes: has 0 items; at least 1 allowed"],
    ),
    (
        "campaign",
        "what_if: {dispatch_ramp: {base_rate: 10 /s, increment_factor: 1, every: 100, max_rate: 5 /s}}",
        [
            (
                "7:65: campaign.what_if.dispatch_ramp.increment_factor: 1 is not allowed; a number "
                "above 1 and at most 100"
            ),
            "7:90: campaign.what_if.dispatch_ramp.max_rate: is less than 'base_rate'",
        ],
    ),
    (
        "campaign",
        "what_if: {penalty_box: {failures: 0, within: 0 s, rest: 1}}",
        [
            "7:37: campaign.what_if.penalty_box.failures: 0 is not allowed; " + COUNT,
            ("7:48: campaign.what_if.penalty_box.within: '0 s' is not allowed; it must be more than 0"),
            "7:59: campaign.what_if.penalty_box.rest: 1 has no unit; " + NEEDS_DURATION,
        ],
    ),
    (
        "campaign",
        "waves: [{name: x, share: 5 %}, {name: y, share: 5 %}, {name: z, share: 100 %}]",
        [
            (
                "7:51: campaign.waves[1].share: 5 % is not more than the 5 % reached before; shares "
                "are cumulative and must grow"
            )
        ],
    ),
    (
        "campaign",
        "waves: [{name: x, share: 5 %}, {name: y, share: 50 %}]",
        ["7:51: campaign.waves[1].share: the waves end at 50 %; the last one must reach 100 %"],
    ),
    (
        "campaign",
        "waves: [{name: x, share: 0.01 %}, {name: y, share: 100 %}]",
        ["7:28: campaign.waves[0].share: adds less than one of the 1100 devices"],
    ),
    (
        "campaign",
        "waves: [{name: x, cohorts: [a]}, {name: y, share: 90 %}, {name: z, share: 100 %}]",
        [
            (
                "7:53: campaign.waves[1].share: 90 % is not more than the 90.9091 % reached before; "
                "shares are cumulative and must grow"
            )
        ],
    ),
    (
        "campaign",
        "waves: [{name: x, cohorts: [a]}]",
        [
            (
                "7:21: campaign.waves[0].cohorts: the waves end at 90.9091 %; the last one must reach "
                "100 %, or name all cohorts"
            )
        ],
    ),
    (
        "campaign",
        "waves: [{name: x, cohorts: [a]}, {name: y, cohorts: [a, b, c]}]",
        [
            "7:56: campaign.waves[1].cohorts[0]: 'a' is already in waves[0]",
            "7:62: campaign.waves[1].cohorts[2]: unknown cohort 'c'; allowed: a, b",
        ],
    ),
    (
        "campaign",
        "waves: [{name: x, cohorts: [a], share: 3 %}, {name: x}]",
        [
            "7:21: campaign.waves[0].cohorts: not allowed beside 'share'; give one of them",
            "7:48: campaign.waves[1]: a wave needs a 'share' of the fleet, or 'cohorts'",
            "7:55: campaign.waves[1].name: 'x' is already the name of waves[0]",
        ],
    ),
    (
        "campaign",
        "waves: [{name: x, share: 5 %, gate: {}}, {name: y, share: 100 %}]",
        [
            (
                "7:33: campaign.waves[0].gate: a gate needs a threshold: 'failed_share_max' or "
                "'failed_count_max'"
            )
        ],
    ),
    (
        "campaign",
        "waves: [{name: x, share: 5 %, gate: {of_at_least: 4}}, {name: y, share: 100 %}]",
        [
            (
                "7:33: campaign.waves[0].gate: a gate needs a threshold: 'failed_share_max' or "
                "'failed_count_max'"
            )
        ],
    ),
    (
        "campaign",
        "waves: [{name: x, share: 5, soak: 3}]",
        [
            "7:28: campaign.waves[0].share: 5 is more than 1 (100 %); did you mean '5 %'?",
            "7:37: campaign.waves[0].soak: 3 has no unit; " + NEEDS_DURATION,
        ],
    ),
    (
        "campaign",
        "waves: [{name: x, cohorts: []}]",
        ["7:21: campaign.waves[0].cohorts: has 0 items; at least 1 allowed"],
    ),
    (
        "size: 1 MiB",
        "size: 0 B",
        ["6:33: campaign.package.size: '0 B' is not allowed; it must be more than 0"],
    ),
    (
        "size: 1 MiB",
        "size: 1048576",
        ["6:33: campaign.package.size: 1048576 has no unit; " + NEEDS_SIZE],
    ),
    (
        "size: 1 MiB",
        "siz: 1 MiB",
        [
            (
                "6:3: campaign.package.size: is required: Size in bytes, >= 1; every attempt "
                "downloads all of it."
            ),
            ("6:27: campaign.package.siz: unknown key 'siz'; did you mean 'size'? allowed: version, size"),
        ],
    ),
    (
        "size: 1 MiB",
        "size: 2000000 GiB",
        ["6:33: campaign.package.size: '2000000 GiB' is too large; at most 1048576 GiB"],
    ),
    (
        'version: "1"',
        "version: 1.0",
        ["6:22: campaign.package.version: 1.0 is no text; put it in quotes"],
    ),
    (
        'version: "1"',
        'version: "1 0"',
        [
            (
                "6:22: campaign.package.version: '1 0' is not allowed; up to 256 letters, digits, "
                "'_', '-' and '.'"
            )
        ],
    ),
]


@pytest.mark.parametrize(("place", "text", "expected"), CASES)
def test_campaign__refuses(
    place: str,
    text: str,
    expected: list[str],
    spoil: Callable[[str, str], str],
    complaints: Callable[[str], list[str]],
) -> None:
    """Each bad part of a campaign is reported at its line and column, with what is allowed."""
    assert complaints(spoil(place, text)) == [f"x.yaml:{line}" for line in expected]
