"""Recordings become attempts: every rule by a recording of one or two devices, and all of them by chance."""

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.errors import ScenarioError
from sim.recording.attempts import NEVER, UNKNOWN_REASON, AttemptResult, Attempts, StartKind
from sim.recording.readers.device_history import SeenStay, TaskFacts, attempts_of
from sim.recording.readers.from_sightings import from_sightings, read_recording
from sim.recording.readers.noted_calls import NotedCalls
from sim.recording.readers.remarks import Remarks
from sim.rules.reasons import Reason
from sim.rules.states import SubtaskState
from support.recordings import (
    BEGIN,
    MINUTE,
    TASK,
    TrueAttempt,
    call,
    counted,
    seen,
    states_of,
    stay,
    swept,
    task_object,
    write_recording,
)


def read(folder: Path, sightings, task: str | None = None, **tables) -> Attempts:
    """Write a recording and read it."""
    remarks = Remarks()
    return from_sightings(
        read_recording(write_recording(folder, sightings, **tables), task, remarks), remarks
    )


def rows_of(table: Attempts) -> list[tuple]:
    """Return kind, start, end (in minutes) and result of each attempt; None for an end that nobody saw."""
    times = zip(table.start_from, table.start_to, table.end_from, table.end_to, strict=True)
    words = zip(table.start_kind, table.result, table.reason, strict=True)
    found = []
    for (*known, end_to), (kind, result, reason) in zip(times, words, strict=True):
        ends = [float(value) / MINUTE for value in known] + [None if end_to == NEVER else end_to / MINUTE]
        found.append((StartKind(kind).name, *ends, AttemptResult(result).name, int(reason)))
    return found


def has_note(table: Attempts, text: str) -> bool:
    """Tell whether a note says something."""
    return any(text in note for note in table.notes)


def test_from_sightings__a_retry_between_two_looks(tmp_path):
    """A failure, the wait, the retry, its success: starts and ends lie between looks, the first is exact."""
    table = read(
        tmp_path,
        [
            stay("d", "Processing", 0, 1, 4),
            stay("d", "FailWaitRetry", 4, 6, 8, error_code="2"),
            stay("d", "Processing", 8, 10, 14),
            stay("d", "Success", 14, 16, 30),
        ],
    )

    assert rows_of(table) == [
        ("FIRST", 0, 0, 4, 6, "FAILED", 2),
        ("AUTO", 9, 10, 14, 16, "SUCCESS", 0),
    ]
    assert table.number.tolist() == [1, 2]
    assert (table.origin_ms, table.task_id) == (BEGIN, TASK)
    assert (table.retry_interval_ms, table.retry_count, table.poll_ms) == (5 * MINUTE, 2, 5 * MINUTE)


def test_from_sightings__who_is_under_way_runs_until_the_last_sweep(tmp_path):
    """An attempt without an end ran at the last look at all live devices, though its row is older."""
    table = read(tmp_path, [stay("d", "Processing", 0, 1)], sweeps=swept(1, 6, 11))

    assert rows_of(table) == [("FIRST", 0, 0, 11, None, "RUNNING", 0)]
    assert table.poll_ms == 5 * MINUTE


def test_from_sightings__who_waits_has_no_attempt(tmp_path):
    """A device that waits for a place, or for its next retry, has no row for what has not begun."""
    rows = [stay("a", "Waitting", 0, 1, 4), stay("b", "Processing", 0, 1, 4)]
    table = read(tmp_path, [*rows, stay("b", "FailWaitRetry", 4, 6, 7, error_code="1")])

    assert table.devices == ["a", "b"]
    assert table.device.tolist() == [1]


def test_from_sightings__where_places_bind_starts_are_intervals(tmp_path):
    """If somebody waits for a place, nobody's start is taken to be that of the task."""
    rows = [
        stay("a", "Waitting", 0, 1, 4),
        stay("a", "Processing", 4, 6, 9),
        stay("b", "Processing", 0, 1, 9),
    ]

    table = read(tmp_path, rows)

    assert [row[:3] for row in rows_of(table)] == [("FIRST", 4, 6), ("FIRST", 0, 1)]
    assert not has_note(table, "taken to begin when the task does")


def test_from_sightings__counts_tell_that_somebody_waited(tmp_path):
    """Counts are polled more often than devices, and may be all that shows that places bind."""
    table = read(tmp_path, [stay("a", "Processing", 0, 1)], progress=[counted(0.5, waitting=3)])

    assert rows_of(table)[0][:3] == ("FIRST", 0, 1)
    assert table.progress.counts.tolist() == [[3, 0, 0, 0, 0, 0, 0]]
    assert table.progress.at_ms.tolist() == [MINUTE // 2]


def test_from_sightings__a_task_may_be_scheduled(tmp_path):
    """The first attempts of a scheduled task begin then, and not when it was created."""
    policy = {"retry_count": 2, "retry_interval": 5, "schedule_time": "20261201T010000Z"}
    task = task_object(task_policy=policy)

    table = read(tmp_path, [stay("a", "Processing", 60, 61)], tasks=[task])

    assert table.origin_ms == BEGIN + 60 * MINUTE
    assert rows_of(table)[0][:3] == ("FIRST", 0, 0)


def test_from_sightings__what_nobody_saw_processing_was_an_attempt(tmp_path):
    """Nobody fails or succeeds without an attempt: one that fits between two looks is added."""
    rows = [
        stay("d", "FailWaitRetry", 0, 1, 4, error_code="1"),
        stay("d", "FailWaitRetry", 4, 6, 9, error_code="2"),
        stay("d", "Success", 9, 12),
    ]

    assert rows_of(read(tmp_path, rows)) == [
        ("FIRST", 0, 0, 0, 1, "FAILED", 1),
        ("AUTO", 5, 6, 5, 6, "FAILED", 2),
        ("AUTO", 10, 11, 10, 12, "SUCCESS", 0),
    ]


def test_from_sightings__a_wait_that_is_too_long_was_two(tmp_path):
    """`FailWaitRetry` lasts for the retry interval: one of nine minutes holds a second failure."""
    rows = [
        stay("d", "FailWaitRetry", 0, 1, 10, error_code="1"),
        stay("d", "Fail", 10, 12, 99, error_code="1"),
    ]

    table = read(tmp_path, rows)

    assert rows_of(table) == [
        ("FIRST", 0, 0, 0, 1, "FAILED", 1),
        ("AUTO", 5, 6, 5, 10, "FAILED", 1),
        ("AUTO", 10, 12, 10, 12, "FAILED", 1),
    ]
    assert has_note(table, "wait for a retry lasted longer than the retry interval: 1 (d)")


def test_from_sightings__lost_attempts_are_counted(tmp_path):
    """Who ended in Fail had all retries: those that nobody saw are said."""
    rows = [stay("d", "Processing", 0, 1, 4), stay("d", "Fail", 4, 30, error_code="1")]

    assert has_note(read(tmp_path, rows), "lost between looks, as many as the policy's retries say: 2 (d)")


def test_from_sightings__a_wait_that_may_hide_more_is_said(tmp_path):
    """Between slow looks a wait of one attempt may have been two; that is not guessed but said."""
    rows = [stay("d", "FailWaitRetry", 0, 4, 8, error_code="1"), stay("d", "Success", 8, 12)]

    table = read(tmp_path, rows)

    assert len(table) == 2
    assert has_note(table, "in which more attempts of the same cause may be hidden: 1 (d)")


def failed_then(device: str, *after: dict) -> list[dict]:
    """Return the stays of a device that failed for good and did something more."""
    rows = [stay(device, "Processing", 0, 1, 4), stay(device, "Fail", 4, 6, 20, error_code="10")]
    return [*rows, *after]


NO_RETRIES = [task_object(task_policy={})]


def test_from_sightings__a_noted_retry_call_is_the_start(tmp_path):
    """The first call upon the device between the two looks began the attempt, to the millisecond."""
    rows = failed_then("d", stay("d", "Processing", 20, 25, 30))
    calls = [
        call(21.5, '["x"]'),
        call(22.5, "x, d"),
        call(23),
        call(22, operation="stop"),
        call(21, answer="400"),
    ]

    table = read(tmp_path, rows, tasks=NO_RETRIES, calls=calls)

    assert rows_of(table)[1] == ("CALL", 22.5, 22.5, 30, None, "RUNNING", 0)
    assert has_note(table, "noted calls 'stop', which begin no attempt: 1")
    assert has_note(table, "noted retry calls that were refused, without effect: 1")
    assert not has_note(table, "no noted call explains")


def test_from_sightings__an_unexplained_start_is_taken_for_a_retry_call(tmp_path):
    """`Fail` that processes again was called by somebody; where nobody noted it that is said."""
    rows = failed_then("d", stay("d", "Processing", 20, 25, 30))

    table = read(tmp_path, rows, tasks=NO_RETRIES)

    assert rows_of(table)[1][:3] == ("CALL", 20, 25)
    assert has_note(table, "no noted call explains, taken for retry calls: 1 (d)")


def test_from_sightings__a_call_upon_who_fails_at_once(tmp_path):
    """A device that failed again before the next look had an attempt all the same: the call tells."""
    table = read(
        tmp_path, failed_then("d"), tasks=NO_RETRIES, calls=[call(12)], sweeps=swept(1, 6, 11, 16, 20)
    )

    assert rows_of(table)[1] == ("CALL", 12, 12, 12, 16, "FAILED", 10)


def test_from_sightings__a_call_upon_who_waits_for_a_retry(tmp_path):
    """A retry call ends the wait early: its time is the start, and none noted is said."""
    rows = [stay("d", "Processing", 0, 1, 4), stay("d", "FailWaitRetry", 4, 5, 6, error_code="1")]
    rows.append(stay("d", "Processing", 6, 7, 9))

    called = read(tmp_path / "a", rows, calls=[call(6.5, "d")])
    unknown = read(tmp_path / "b", rows)

    assert rows_of(called)[1][:3] == ("CALL", 6.5, 6.5)
    assert rows_of(unknown)[1][:3] == ("CALL", 6, 7)
    assert has_note(unknown, "before the retry interval was over that no noted call explains")


def test_from_sightings__a_call_that_may_have_come_late(tmp_path):
    """Where either the call or the interval may have begun the attempt, its start is of unknown kind."""
    rows = [stay("d", "Processing", 0, 1, 4), stay("d", "FailWaitRetry", 4, 6, 8, error_code="1")]
    rows.append(stay("d", "Processing", 8, 12, 13))

    assert rows_of(read(tmp_path, rows, calls=[call(9.5)]))[1][:3] == ("UNKNOWN", 9, 11)


def test_from_sightings__a_call_where_places_bind(tmp_path):
    """Who was called waits for a place: the start is that of the place, and all retries are there again."""
    rows = failed_then("d", stay("d", "Waitting", 20, 25, 30), stay("d", "Processing", 30, 35, 40))
    rows.append(stay("d", "Fail", 40, 45, error_code="10"))
    task = task_object(task_policy={"retry_count": 1, "retry_interval": 5})

    table = read(tmp_path, rows, tasks=[task])

    assert [row[:3] for row in rows_of(table)] == [("FIRST", 0, 1), ("CALL", 30, 35)]
    assert has_note(table, "as many as the policy's retries say: 2 (d)")


@pytest.mark.parametrize("state", ["Stopped", "Removed"])
def test_from_sightings__a_stopped_attempt_is_no_failure(tmp_path, state):
    """Who was stopped or removed under way has an attempt of that result; who waited has none."""
    rows = [
        stay("a", "Processing", 0, 1, 4),
        stay("a", state, 4, 6),
        stay("b", "Waitting", 0, 1, 4),
        stay("b", state, 4, 6),
    ]

    assert rows_of(read(tmp_path, rows)) == [("FIRST", 0, 1, 4, 6, "STOPPED", 0)]


def test_from_sightings__task_conflict_is_no_failure_of_the_device(tmp_path):
    """Another task had the device: no attempt of it failed, and it is counted."""
    rows = [stay("a", "Fail", 0, 1, error_msg="Task Conflict"), stay("b", "Processing", 0, 1, 4)]
    rows.append(stay("b", "Fail", 4, 6, error_msg="task conflict."))

    table = read(tmp_path, rows)

    assert rows_of(table) == [("FIRST", 0, 0, 4, 6, "STOPPED", 0)]
    assert has_note(table, "since another task had the device, no failures of theirs: 2 (a, b)")


def test_from_sightings__a_success_that_was_current_already(tmp_path):
    """A device that had the version succeeds at once; it is marked, and no fast upgrade."""
    table = read(
        tmp_path, [stay("a", "Success", 0, 1, error_msg="The device already runs the latest version")]
    )

    assert rows_of(table) == [("FIRST", 0, 0, 0, 1, "SUCCESS", Reason.NO_NEED)]
    assert has_note(table, "had the version already: 1")


def test_from_sightings__causes_by_table(tmp_path):
    """Codes and the vendor's texts name the cause; others stay failures, of unknown cause."""
    errors = {
        "a": {"error_code": "255"},
        "b": {"error_msg": "Waiting for the device online timeout"},
        "c": {"error_msg": "Waiting for report  device firmware version timeout."},
        "d": {"error_code": "77"},
        "e": {"error_msg": "等待设备上线超时"},
        "f": {},
    }
    table = read(
        tmp_path, [stay(device, "Fail", 0, 1, **error) for device, error in errors.items()], tasks=NO_RETRIES
    )

    found = [255, Reason.ONLINE_TIMEOUT, Reason.VERSION_TIMEOUT, *[UNKNOWN_REASON] * 3]
    assert table.reason.tolist() == found
    assert has_note(table, "failures with code '77', of unknown cause since it is in no table: 1 (d)")
    assert has_note(table, "failures with text '等待设备上线超时'")
    assert has_note(table, "came without a code or text, of unknown cause: 1 (f)")


def test_from_sightings__success_that_goes_on_is_said(tmp_path):
    """The service's rules know no way out of Success: what follows is kept, and said."""
    rows = [stay("d", "Success", 0, 1, 4), stay("d", "Processing", 4, 6, 8)]

    table = read(tmp_path, rows)

    assert rows_of(table)[1][0] == "UNKNOWN"
    assert has_note(table, "attempts after Success, which the service's rules don't know: 1 (d)")


def test_from_sightings__an_end_that_nobody_saw(tmp_path):
    """Who processed and waits for a place again has failed in between."""
    rows = [stay("d", "Processing", 0, 1, 4), stay("d", "Waitting", 4, 6, 8), stay("d", "Processing", 8, 9)]

    table = read(tmp_path, rows)

    assert [row[-2:] for row in rows_of(table)] == [("FAILED", UNKNOWN_REASON), ("RUNNING", 0)]
    assert rows_of(table)[1][0] == "UNKNOWN"


def test_from_sightings__an_unknown_state_widens_intervals(tmp_path):
    """A stay in a state of another version is left out and said; the end may lie before or behind it."""
    rows = [stay("d", "Processing", 0, 1, 4), stay("d", "Pausing", 4, 6, 8), stay("d", "Success", 8, 9)]

    table = read(tmp_path, rows)

    assert rows_of(table) == [("FIRST", 0, 0, 4, 9, "SUCCESS", 0)]
    assert has_note(table, "stays in 'Pausing', which is no known state, left out: 1 (d)")


def test_from_sightings__who_was_seen_late_may_have_failed_before(tmp_path):
    """A recording that began late knows no first attempts, and does not call them that."""
    table = read(tmp_path, [stay("d", "Processing", 0, 61, 70)])

    assert rows_of(table) == [("UNKNOWN", 0, 61, 70, None, "RUNNING", 0)]
    assert has_note(table, "attempts before may be missing: 1 (d)")


def test_from_sightings__a_clock_that_jumps_back(tmp_path):
    """Times that go back are said; intervals are wide enough for both clocks, and stay in order."""
    rows = [stay("d", "Processing", 0, 1, 40), stay("d", "Success", 40, 15, 20)]

    table = read(tmp_path, rows)

    assert rows_of(table) == [("FIRST", 0, 0, 15, 40, "SUCCESS", 0)]
    assert has_note(table, "a clock jumped; their order is that of the rows: 1 (d)")


def test_from_sightings__slow_looks_are_said(tmp_path):
    """Looks further apart than the retry interval lose attempts: how many looks, and what is lost."""
    rows = [stay("d", "Processing", 0, 1, 31)]

    slow = read(tmp_path / "a", rows, sweeps=swept(1, 16, 31))
    once = read(tmp_path / "b", rows, sweeps=swept(1, 5, 9, 13, 19, 23))
    never = read(tmp_path / "c", rows, sweeps=swept(1, 5, 9))

    assert has_note(slow, "looks were 15 min apart, more than the retry interval, 5 min: a failed attempt")
    assert has_note(
        once, "1 of 5 looks came later than the retry interval of 5 min after the one before, at most 6 min"
    )
    assert not has_note(never, "looks")


def test_from_sightings__without_the_task_little_is_known(tmp_path):
    """A folder without `tasks.json` can be read: no policy, no begin."""
    table = read(tmp_path, [stay("d", "Processing", 0, 1, 4), stay("d", "Success", 4, 6)], tasks=[])

    assert rows_of(table) == [("FIRST", 0, 1, 4, 6, "SUCCESS", 0)]
    assert (table.retry_interval_ms, table.retry_count) == (None, None)
    assert has_note(table, "its policy and when it began are not known")


def test_read_recording__an_empty_one_is_refused(tmp_path):
    """A recording in which nobody was seen says so."""
    with pytest.raises(ScenarioError, match="is empty: no device was seen"):
        read(tmp_path, [])


def test_read_recording__rows_of_another_task_are_left_out(tmp_path):
    """What belongs to another task is counted, and changes nothing."""
    rows = [stay("d", "Processing", 0, 1), stay("d", "Success", 0, 1, task_id="task-2")]

    table = read(tmp_path, rows)

    assert len(table) == 1
    assert has_note(table, "rows of another task in sightings, left out: 1")


def test_read_recording__several_tasks_have_to_be_told_apart(tmp_path):
    """Of two tasks one has to be named: by its id, or by a name that only one has."""
    second = task_object(task_id="task-2", create_time="20261202T000000Z")
    third = task_object(task_id="task-3", task_name="december")
    rows = [stay("d", "Processing", 0, 1, task_id=task) for task in ("task-1", "task-2", "task-3")]
    tasks = [task_object(), second, third]

    with pytest.raises(
        ScenarioError, match=r"holds 3 tasks.*task-1 \('november', created 20261201T000000Z\)"
    ):
        read(tmp_path, rows, tasks=tasks)
    with pytest.raises(
        ScenarioError, match=r"'november' is the name of 2 tasks; give the id, one of task-1 .*task-2"
    ):
        read(tmp_path, rows, task="november", tasks=tasks)
    with pytest.raises(ScenarioError, match="'june' is no task of this recording"):
        read(tmp_path, rows, task="june", tasks=tasks)
    assert read(tmp_path, rows, task="december", tasks=tasks).task_id == "task-3"
    assert read(tmp_path, rows, task="task-2", tasks=tasks).task_id == "task-2"


def test_read_recording__lines_that_are_no_row_are_counted_with_their_place(tmp_path):
    """Half a line at the end and a line of rubbish are said, with file and line."""
    folder = write_recording(tmp_path, [stay("d", "Processing", 0, 1)])
    with (folder / "sightings.jsonl").open("a") as file:
        file.write("rubbish\n" + '{"task_id": "task-1", "dev')
    remarks = Remarks()

    read_recording(folder, None, remarks)

    assert "lines that are no row, left out: 1 (sightings.jsonl:2)" in remarks.lines()
    assert "last lines cut short by an interruption: 1 (sightings.jsonl)" in remarks.lines()


def test_read_recording__csv_with_the_same_columns(tmp_path):
    """Tables may be CSV, with times as text; a row that can't be read is said with file and line."""
    folder = write_recording(tmp_path, [])
    (folder / "sightings.jsonl").unlink()
    (folder / "sightings.csv").write_text(
        "task_id;device_id;status;error_code;error_msg;gone_before;seen_from;seen_to\n"
        "task-1;d;Processing;;;2026-12-01T00:00:00Z;2026-12-01T01:01:00+01:00;1796083440\n"
        "task-1;d;Fail;2;;2026-12-01T00:04:00Z;noon;2026-12-01T00:06:00Z\n"
        "task-1;d;Fail;2;;2026-12-01T00:04:00;;\n"
    )
    remarks = Remarks()

    table = from_sightings(read_recording(folder, None, remarks), remarks)

    assert rows_of(table) == [("FIRST", 0, 0, 4, None, "RUNNING", 0)]
    (note,) = [note for note in table.notes if note.startswith("rows that can't be read, left out: 2")]
    assert "sightings.csv:3: 'noon' is no time" in note
    assert "has no time zone" in note


@st.composite
def histories(draw, *, slow: bool) -> tuple[list[TrueAttempt], list[int], int]:
    """Return attempts of a device, looks at it, and its retry interval; ms after the task's creation.

    Looks are no further apart than the retry interval. If `slow`, no attempt is shorter than the gap between
    two looks; else it may be over in no time.
    """
    interval = draw(st.integers(1, 10)) * MINUTE
    gaps = draw(st.lists(st.integers(interval // 4, interval), min_size=40, max_size=40))
    looks = [sum(gaps[: i + 1]) for i in range(len(gaps))]
    n = draw(st.integers(1, 4))
    attempts = []
    start = 0
    for i in range(n):
        lasts = draw(st.integers(interval if slow else 1, 4 * interval))
        code = draw(st.sampled_from([1, 2, 10])) if i < n - 1 else draw(st.sampled_from([0, 2]))
        attempts.append(TrueAttempt(start, start + lasts, code))
        start += lasts + interval
    return attempts, looks, interval


def read_history(attempts: list[TrueAttempt], looks: list[int], interval: int):
    """Return the attempts that a recorder's reader makes of a device, and its remarks."""
    rows = seen("d", states_of(attempts, interval, len(attempts) - 1), looks)
    known = {state.wire: state for state in SubtaskState}
    stays = [
        SeenStay(
            known[row["status"]],
            row["error_code"],
            None,
            row["gone_before"],
            row["seen_from"],
            row["seen_to"],
        )
        for row in rows
    ]
    remarks = Remarks()
    facts = TaskFacts(
        BEGIN,
        interval,
        len(attempts) - 1,
        True,
        tuple(BEGIN + look for look in looks),
        max(later - earlier for earlier, later in pairwise(looks)),
        NotedCalls([], remarks, str),
    )
    return attempts_of("d", stays, facts, remarks), remarks


def holds(found, true: TrueAttempt) -> bool:
    """Tell whether the true times of an attempt lie in its intervals."""

    def within(low: int, time: int, high: int) -> bool:
        return low == BEGIN + time == high or low < BEGIN + time <= high

    return within(found.start_from, true.start, found.start_to) and within(
        found.end_from, true.end, found.end_to
    )


@settings(max_examples=200, deadline=None)
@given(histories(slow=True))
def test_attempts_of__true_times_lie_in_their_intervals_and_causes_are_the_true_ones(history):
    """Looks no further apart than the retry interval see every failure, in order, and bound its times."""
    attempts, looks, interval = history

    found, _ = read_history(attempts, looks, interval)

    n_seen = len(found)
    assert n_seen == sum(attempt.start <= looks[-1] for attempt in attempts)
    for row, true in zip(found, attempts, strict=False):
        is_over = row.result != AttemptResult.RUNNING
        assert is_over == (true.end <= looks[-1])
        if is_over:
            assert row.reason == true.code
            assert holds(row, true)


@settings(max_examples=200, deadline=None)
@given(histories(slow=False))
def test_attempts_of__what_may_be_hidden_is_said(history):
    """Where attempts may be over in no time, the causes are the true ones but for repeats, which are said."""
    attempts, looks, interval = history

    found, remarks = read_history(attempts, looks, interval)

    over = [row for row in found if row.result != AttemptResult.RUNNING]
    true = [attempt for attempt in attempts if attempt.end <= looks[-1]]
    codes, true_codes = [row.reason for row in over], [attempt.code for attempt in true]
    assert [code for i, code in enumerate(codes) if codes[i - 1 : i] != [code]] == [
        code for i, code in enumerate(true_codes) if true_codes[i - 1 : i] != [code]
    ]
    assert len(over) <= len(true)
    if len(over) == len(true):
        assert all(holds(row, attempt) for row, attempt in zip(over, true, strict=True))
    else:
        assert any("may be hidden" in line or "lost between looks" in line for line in remarks.lines())
