"""What is refused in `operators` and `outages`."""

from collections.abc import Callable

import pytest

COUNT = "a whole number from 1 to 2147483647"
NEEDS_DURATION = "write a number and a unit, like '90 s' (units: ms, s, min, h, d)"

CASES: list[tuple[str, str, list[str]]] = [
    (
        "top",
        "operators: [{call: retry}]",
        ["7:13: operators[0]: would never call; needs 'at', 'every' or 'when'"],
    ),
    (
        "top",
        "operators: [{call: retr, at: 1 h}]",
        [
            (
                "7:20: operators[0].call: unknown word 'retr'; did you mean 'retry'? allowed: retry, "
                "stop, confirm, delete"
            )
        ],
    ),
    (
        "top",
        "operators: [{call: retry, at: 1}]",
        ["7:31: operators[0].at: 1 has no unit; " + NEEDS_DURATION],
    ),
    (
        "top",
        "operators: [{call: retry, at: 31 d}]",
        ["7:31: operators[0].at: would never call: the run ends at 30 d (run.until)"],
    ),
    (
        "top",
        "operators: [{call: retry, every: 30 d}]",
        ["7:34: operators[0].every: would never call: the run ends at 30 d (run.until)"],
    ),
    (
        "top",
        "operators: [{call: retry, every: 1 ms}]",
        [
            (
                "7:34: operators[0].every: would call 2.59e+09 times in 30 d; at most 1000000, so "
                "give a longer time or 'times'"
            )
        ],
    ),
    (
        "top",
        "operators: [{call: retry, at: 3 h, when: settled}]",
        ["7:36: operators[0].when: not allowed beside 'at' and 'every'"],
    ),
    (
        "top",
        "operators: [{call: retry, when: settld}]",
        [
            (
                "7:33: operators[0].when: 'settld' is not allowed; it must be 'settled' or a mapping "
                "with the keys settled, failed_share_above, of_at_least, stalled_for"
            )
        ],
    ),
    (
        "top",
        "operators: [{call: retry, when: {}}]",
        [("7:27: operators[0].when: needs exactly one of 'settled', 'failed_share_above', 'stalled_for'")],
    ),
    (
        "top",
        "operators: [{call: retry, when: {failed_share_above: 100 %}}]",
        [("7:54: operators[0].when.failed_share_above: no share is above 100 %, so this would never happen")],
    ),
    (
        "top",
        "operators: [{call: stop, when: {failed_share_above: 20 %, of_at_least: 1101}}]",
        ["7:72: operators[0].when.of_at_least: would never call: the fleet has 1100 devices"],
    ),
    (
        "top",
        "operators: [{call: stop, when: {settled: true, of_at_least: 3}}]",
        ["7:48: operators[0].when.of_at_least: allowed only beside 'failed_share_above'"],
    ),
    (
        "top",
        "operators: [{call: retry, when: {stalled_for: 40 d}}]",
        [("7:47: operators[0].when.stalled_for: would never call: the run ends at 30 d (run.until)")],
    ),
    (
        "top",
        "operators: [{call: retry, at: 1 h, times: 3}]",
        ["7:43: operators[0].times: 'at' comes once and not 3 times; add 'every'"],
    ),
    (
        "top",
        "operators: [{call: retry, at: 1 h, times: 0}]",
        ["7:43: operators[0].times: 0 is not allowed; " + COUNT],
    ),
    (
        "top",
        "operators: [{call: retry, at: 1 h, only: {}}]",
        [("7:36: operators[0].only: needs 'codes', 'cohorts' or 'tasks'; for everything leave 'only' out")],
    ),
    (
        "top",
        "operators: [{call: retry, at: 1 h, only: {codes: [0], cohorts: [c], tasks: [0, 2]}}]",
        [
            (
                "7:51: operators[0].only.codes[0]: code 0 means success and is no failure; allowed: 1 "
                "to 10 or 255"
            ),
            "7:65: operators[0].only.cohorts[0]: unknown cohort 'c'; allowed: a, b",
            "7:77: operators[0].only.tasks[0]: 0 is not allowed; " + COUNT,
        ],
    ),
    (
        "top",
        "operators: [{call: retry, at: 1 h, only: {tasks: [2]}}]",
        [("7:51: operators[0].only.tasks[0]: there is no task 2; they are numbered from 1 to at most 1")],
    ),
    (
        "top",
        "operators: [{call: delete, when: settled, only: {codes: [2]}, batch: 5}]",
        [
            "7:50: operators[0].only.codes: a delete call is for a whole task; use 'tasks'",
            "7:63: operators[0].batch: a delete call names no targets",
        ],
    ),
    (
        "top",
        "operators: [{call: retry, at: 1 h, batch: 101}]",
        ["7:43: operators[0].batch: 101 is not allowed; a whole number from 1 to 100"],
    ),
    (
        "top",
        "operators: [{call: retry, at: 1 h, call_rate: 201 /s}]",
        ["7:47: operators[0].call_rate: is more than limits.api_rate (200 /s)"],
    ),
    (
        "top",
        "operators: [{call: retry, at: 1 h, back_off: {first: 5 min}}]",
        ["7:36: operators[0].back_off.max: is less than 'first'"],
    ),
    (
        "top",
        "operators: 5",
        ["7:12: operators: 5 is not allowed; it must be a list"],
    ),
    (
        "top",
        "outages: [{at: 30 d, lasts: 1 h, effect: unreachable}]",
        ["7:16: outages[0].at: is outside the run, which ends at 30 d (run.until)"],
    ),
    (
        "top",
        "outages: [{at: 3 d, lasts: 0 s, effect: unreachable}]",
        ["7:28: outages[0].lasts: '0 s' is not allowed; it must be more than 0"],
    ),
    (
        "top",
        "outages: [{at: 3 d, lasts: 1 h, effect: reachable}]",
        [
            (
                "7:41: outages[0].effect: 'reachable' is not allowed; it must be 'unreachable' or a "
                "mapping with the keys unreachable, bandwidth, failure"
            )
        ],
    ),
    (
        "top",
        "outages: [{at: 3 d, lasts: 1 h}]",
        [
            (
                "7:11: outages[0].effect: is required: `unreachable`, or a mapping with `bandwidth` "
                "(what is left) or `failure` (added)."
            )
        ],
    ),
    (
        "top",
        "outages: [{at: 3 d, lasts: 1 h, effect: {}}]",
        ["7:33: outages[0].effect: needs exactly one of 'unreachable', 'bandwidth', 'failure'"],
    ),
    (
        "top",
        "outages: [{at: 3 d, lasts: 1 h, effect: {bandwidth: 30 %}}]",
        [
            (
                "7:53: outages[0].effect.bandwidth: platform.bandwidth is unlimited, so there is "
                "nothing to scale"
            )
        ],
    ),
    (
        "top",
        "outages: [{at: 3 d, lasts: 1 h, cohorts: [a], effect: {bandwidth: 30 %}}]",
        [("7:67: outages[0].effect.bandwidth: cohort 'a' has no link_rate, so there is nothing to scale")],
    ),
    (
        "top",
        "outages: [{at: 3 d, lasts: 1 h, cohorts: [], effect: unreachable}]",
        ["7:33: outages[0].cohorts: has 0 items; at least 1 allowed"],
    ),
    (
        "top",
        "outages: [{at: 3 d, lasts: 1 h, effect: {failure: {probability: 10 %}}}]",
        [
            (
                "7:42: outages[0].effect.failure: needs a 'code', or 'silent: true' for a device that "
                "never reports"
            )
        ],
    ),
    (
        "top",
        "outages: [{at: 3 d, lasts: 1 h, effect: {failure: {probability: 10 %, code: 2, silent: true}}}]",
        [
            (
                "7:88: outages[0].effect.failure.silent: a silent device reports no code; give one of "
                "'code' and 'silent: true'"
            )
        ],
    ),
    (
        "top",
        "outages: [{at: 3 d, lasts: 1 h, cohorts: [aa], effect: unreachable}]",
        ["7:43: outages[0].cohorts[0]: unknown cohort 'aa'; did you mean 'a'? allowed: a, b"],
    ),
]


@pytest.mark.parametrize(("place", "text", "expected"), CASES)
def test_events__refuse(
    place: str,
    text: str,
    expected: list[str],
    spoil: Callable[[str, str], str],
    complaints: Callable[[str], list[str]],
) -> None:
    """Each bad operator or outage is reported at its line and column, with what is allowed."""
    assert complaints(spoil(place, text)) == [f"x.yaml:{line}" for line in expected]
