"""Where two runs part: found by hand-made trails, by changed scenarios, by fingerprints."""

import numpy as np
import pytest

import sim
from sim.rules import Reason, SubtaskState
from sim.testing.compare.divergence import (
    NOTHING_PARTS,
    Trail,
    fingerprint,
    in_words,
    part,
    part_from,
    trail_of,
)
from support.small_scenario import scenario_text

S = 1_000_000


def trail(rows):
    """Return a trail of rows (device, attempt, start, end, status), times in seconds."""
    rows = sorted(rows, key=lambda row: (row[3], row[0], row[1]))
    device, attempt, start, end, status = (np.array(column, np.int64) for column in zip(*rows, strict=True))
    return Trail(
        name_of=lambda number: f"d{number}",
        device=device,
        attempt=attempt,
        times={"start": start * S, "end": end * S},
        others={"status": status},
        outcome=lambda row: SubtaskState(int(status[row])).wire,
    )


ROWS = [(0, 1, 0, 10, 2), (1, 1, 0, 20, 4), (2, 1, 0, 30, 2), (1, 2, 60, 90, 2)]


def changed(i_row, row):
    """Return the rows with another one in place of one."""
    return [*ROWS[:i_row], row, *ROWS[i_row + 1 :]]


def test_part__names_the_earliest_difference_not_the_first_in_the_log():
    """An attempt that ended late may have begun otherwise long before."""
    now = changed(2, (2, 1, 5, 35, 2))

    text = part(trail(ROWS), trail(now))

    assert text.splitlines() == [
        "The runs part at 0 s with d2:",
        "  before: attempt 1, 0 s to 30 s: Success",
        "  now:    attempt 1, 5 s to 35 s: Success",
    ]


def test_part__knows_an_attempt_that_only_one_run_has():
    """A retry that was not made parts the runs when it would have begun."""
    text = part(trail(ROWS), trail(ROWS[:3]))

    assert text.splitlines() == [
        "The runs part at 60 s with d1:",
        "  before: attempt 2, 60 s to 90 s: Success",
        "  now:    no such attempt ended",
    ]


def test_part__at_equal_times_names_the_first_device_and_an_outcome_parts_at_its_end():
    """What differs in its outcome only parts when it ended."""
    now = [(device, attempt, start, end, 3) for device, attempt, start, end, _ in ROWS]

    assert part(trail(ROWS), trail(now)).startswith("The runs part at 10 s with d0:")


def test_part__of_equal_runs_is_nowhere():
    """Attempts that are all alike say where to look instead."""
    assert part(trail(ROWS), trail(ROWS)) == NOTHING_PARTS


@pytest.mark.parametrize("i_row", range(4))
def test_part_from__finds_each_place_by_the_fingerprint_alone(i_row):
    """One byte an attempt tells after how many of them the runs part."""
    device, attempt, start, end, status = ROWS[i_row]
    now = trail(changed(i_row, (device, attempt, start, end + 1, status)))

    text = part_from(fingerprint(trail(ROWS)), now)

    where, what = text.splitlines()
    state = SubtaskState(status).wire
    assert where.endswith(f"after {i_row} attempts that ended alike.")
    assert what == f"  The next one is now d{device}, attempt {attempt}, {start} s to {end + 1} s: {state}"


def test_part_from__a_shorter_and_a_longer_run():
    """Runs that are alike as far as one of them goes part at its end."""
    before = fingerprint(trail(ROWS[:3]))

    assert part_from(before, trail(ROWS[:2])) == "After 2 alike attempts nothing more ends now."
    assert "after 3 attempts that ended alike." in part_from(before, trail(ROWS))
    assert part_from(before, trail(ROWS[:3])) == NOTHING_PARTS


def test_part_from__is_bounded_in_a_large_run():
    """A fingerprint of a million attempts stays small and is still right to 0.2 %."""
    n = 1_000_000
    number = np.arange(n, dtype=np.int64)
    columns = {"start": number * 0, "end": number}
    before = Trail(str, number, number * 0 + 1, columns, {"status": number % 3}, str)
    at = 654_321
    now = before._replace(others={"status": np.where(number < at, number % 3, 7)})

    mark = fingerprint(before)
    text = part_from(mark, now)

    assert len(mark.marks) < 7_000
    alike = int(text.split(", after ")[1].split()[0].replace(",", ""))
    assert at * 0.997 <= alike <= at * 1.01  # the mark behind the change may look alike once in 256


def test_part_from__a_damaged_fingerprint_is_an_error():
    """Marks that are no base64, or too few of them, are refused."""
    mark = fingerprint(trail(ROWS))
    for marks in ("?", mark.marks[:4]):
        with pytest.raises(ValueError, match=r"marks|base64|padding"):
            part_from(mark._replace(marks=marks), trail(ROWS))


def test_trail_of__a_run_knows_ids_and_codes():
    """A real run's trail speaks of devices and failures as the vendor does."""
    scenario = sim.scenario.parse_scenario(scenario_text())
    run = sim.run(scenario, log_attempts=True).kept[0]

    found = trail_of(run)

    assert len(found.device) == len(run.attempts.device)
    assert {found.name_of(int(device)).rpartition("-")[0] for device in found.device} == {"near", "far"}
    failed = int(np.flatnonzero(run.attempts.reason != Reason.NONE)[0])
    assert found.outcome(failed) == "FailWaitRetry (code 2)"


def test_in_words__a_timer_has_a_text_and_no_code():
    """A failure without the device's word is told by the platform's text."""
    assert in_words(SubtaskState.SUCCESS, Reason.NONE) == "Success"
    text = in_words(SubtaskState.FAIL, Reason.ONLINE_TIMEOUT)
    assert text == "Fail (Waiting for the device online timeout)"
