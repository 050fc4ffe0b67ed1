"""What is refused in `run`, `expect` and at the top."""

from collections.abc import Callable

import pytest

COUNT = "a whole number from 1 to 2147483647"
NEEDS_DURATION = "write a number and a unit, like '90 s' (units: ms, s, min, h, d)"

CASES: list[tuple[str, str, list[str]]] = [
    (
        "top",
        "run: {start: 2026-01-05}",
        [("7:14: run.start: '2026-01-05' is no time in UTC; write it like \"2026-01-05T20:00:00Z\"")],
    ),
    (
        "top",
        "run: {start: 2026-01-05T20:00:00}",
        [
            (
                "7:14: run.start: '2026-01-05T20:00:00' is no time in UTC; write it like "
                '"2026-01-05T20:00:00Z"'
            )
        ],
    ),
    (
        "top",
        "run: {start: 2026-01-05T20:00:00+01:00}",
        [
            (
                "7:14: run.start: '2026-01-05T20:00:00+01:00' is no time in UTC; write it like "
                '"2026-01-05T20:00:00Z"'
            )
        ],
    ),
    (
        "top",
        "run: {start: 2026-13-05T20:00:00Z}",
        [
            (
                "7:14: run.start: '2026-13-05T20:00:00Z' is no time in UTC; write it like "
                '"2026-01-05T20:00:00Z"'
            )
        ],
    ),
    (
        "top",
        "run: {until: 0 s, seed: -1, replications: 0}",
        [
            "7:14: run.until: '0 s' is not allowed; it must be more than 0",
            "7:25: run.seed: -1 is not allowed; a whole number from 0 to 18446744073709551615",
            "7:43: run.replications: 0 is not allowed; " + COUNT,
        ],
    ),
    (
        "top",
        "run: {until: 1 min}",
        [("7:1: run.resolution: 5 min is more than the 60 s of 'until'; curves need at least one step")],
    ),
    (
        "top",
        "run: {resolution: 1 ms}",
        ["7:19: run.resolution: makes 2.59e+09 points of the curves; at most 1000000"],
    ),
    (
        "top",
        "run: {until: 200 y}",
        ["7:14: run.until: '200 y': 'y' is no unit of a duration; " + NEEDS_DURATION],
    ),
    (
        "top",
        "run: {until: 40000 d}",
        ["7:14: run.until: '40000 d' is too large; at most 36500 d"],
    ),
    (
        "top",
        "run: {seed: 1.5}",
        ["7:13: run.seed: 1.5 is not allowed; a whole number from 0 to 18446744073709551615"],
    ),
    (
        "top",
        "run: {seed: 18446744073709551616}",
        [
            (
                "7:13: run.seed: 18446744073709551616 is not allowed; a whole number from 0 to "
                "18446744073709551615"
            )
        ],
    ),
    (
        "top",
        "run: 5",
        [
            (
                "7:6: run: 5 is not allowed; it must be a mapping with the keys start, until, "
                "resolution, seed, replications"
            )
        ],
    ),
    (
        "top",
        "run:",
        [
            (
                "7:1: run: is empty; it must be a mapping with the keys start, until, resolution, "
                "seed, replications"
            )
        ],
    ),
    (
        "top",
        "expect: {success_share: 98 %}",
        [
            (
                "7:25: expect.success_share: '98 %' is no expectation; write a comparison, like \">= "
                '98 %" or "<= 12 h"'
            )
        ],
    ),
    (
        "top",
        "expect: {success_share: 0.98}",
        [
            (
                "7:25: expect.success_share: 0.98 is no expectation; write a comparison in quotes, "
                'like ">= 98 %"'
            )
        ],
    ),
    (
        "top",
        "expect: {success_share: '>= 98'}",
        ["7:25: expect.success_share: '98' is more than 1 (100 %); did you mean '98 %'?"],
    ),
    (
        "top",
        "expect: {makespan: '<= 12'}",
        ["7:20: expect.makespan: '12' has no unit; " + NEEDS_DURATION],
    ),
    (
        "top",
        "expect: {by_cohort.c.success_share: '>= 1 %'}",
        ["7:10: expect.by_cohort.c.success_share: unknown cohort 'c'; allowed: a, b"],
    ),
    (
        "top",
        "expect: {failed: ['== 0', '<= x']}",
        ["7:27: expect.failed[1]: 'x' is no number >= 0"],
    ),
    (
        "top",
        "expect: {makespan: 'at 3 h: <= 3 h'}",
        [
            (
                "7:20: expect.makespan: makespan has no value at a time; only failed, failed_share, "
                "pending, stopped, succeeded, success_share have"
            )
        ],
    ),
    (
        "top",
        "expect: {success_share: 'at 31 d: >= 1 %'}",
        ["7:25: expect.success_share: the run ends at 30 d (run.until), before that time"],
    ),
    (
        "top",
        "expect: [a]",
        ["7:1: expect: a list is not allowed; it must be a mapping"],
    ),
    (
        "top",
        "expect: {makespan: []}",
        ["7:10: expect.makespan: has 0 items; at least 1 allowed"],
    ),
    (
        "top",
        "name: a/b",
        [
            (
                "7:7: name: 'a/b' is not allowed; up to 100 letters, digits, '_', '.' and '-', the "
                "first a letter or digit"
            )
        ],
    ),
    (
        "top",
        "name: 5",
        ["7:7: name: 5 is no text; put it in quotes"],
    ),
    (
        "top",
        "description: 5",
        ["7:14: description: 5 is no text; put it in quotes"],
    ),
    (
        "top",
        "nam: x",
        [
            (
                "7:1: nam: unknown key 'nam'; did you mean 'name'? allowed: name, description, fleet, "
                "platform, stages, failures, campaign, operators, outages, run, expect"
            )
        ],
    ),
    (
        "top",
        "fleet: 5",
        ["7:1: fleet: is given twice, first in line 1"],
    ),
]


@pytest.mark.parametrize(("place", "text", "expected"), CASES)
def test_run__refuses(
    place: str,
    text: str,
    expected: list[str],
    spoil: Callable[[str, str], str],
    complaints: Callable[[str], list[str]],
) -> None:
    """Each bad value is reported at its line and column, with what is allowed."""
    assert complaints(spoil(place, text)) == [f"x.yaml:{line}" for line in expected]
