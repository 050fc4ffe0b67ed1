"""The attempts table: what it holds, what it refuses, and what is left of it at an earlier time."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from sim.errors import ModelError
from sim.recording.attempts import (
    NEVER,
    UNKNOWN_REASON,
    Attempt,
    AttemptResult,
    Attempts,
    Progress,
    StartKind,
    table_of,
)
from sim.rules.reasons import Reason

ORIGIN = 1_790_000_000_000


def failed(device: str, start: int, end: int, reason: int = Reason.SIGNAL_BAD, **others) -> Attempt:
    """Return an attempt that began and failed at exact times, in ms after the origin."""
    times = {"start_from": start, "start_to": start, "end_from": end, "end_to": end}
    times = {name: ORIGIN + value for name, value in times.items()}
    return Attempt(device, **times, result=AttemptResult.FAILED, reason=int(reason), **others)


def small() -> Attempts:
    """Return a table of two devices: one failed and runs again, one succeeded; a third did nothing."""
    again = Attempt("b", ORIGIN + 900, ORIGIN + 900, StartKind.AUTO, end_from=ORIGIN + 2000)
    done = Attempt(
        "a",
        ORIGIN,
        ORIGIN,
        StartKind.FIRST,
        ORIGIN + 500,
        ORIGIN + 800,
        AttemptResult.SUCCESS,
        contact_ms=ORIGIN + 7,
    )
    return table_of(
        [again, failed("b", 0, 300), done],
        devices=["c"],
        cohort_of=lambda device: "old" if device == "b" else "new",
        origin_ms=ORIGIN,
        poll_ms=100,
        progress=Progress(np.array([0, 1000]), np.zeros((2, 7), np.int64)),
    )


def test_table_of__sorts_and_numbers():
    """Rows in any order become a table by device and attempt, with times since the origin."""
    table = small()

    assert table.devices == ["a", "b", "c"]
    assert [table.cohort_names[i] for i in table.cohort] == ["new", "old", "new"]
    assert table.device.tolist() == [0, 1, 1]
    assert table.number.tolist() == [1, 1, 2]
    assert table.start_from.tolist() == [0, 0, 900]
    assert table.end_to.tolist() == [800, 300, NEVER]
    assert table.contact_ms.tolist() == [7, -1, -1]
    assert len(table) == 3


def test_table_of__without_an_origin_the_first_start_is_it():
    """Where no task tells its creation, time 0 is when the first attempt began."""
    assert table_of([failed("a", 700, 900)]).origin_ms == ORIGIN + 700
    assert len(table_of([])) == 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"number": np.array([1, 2, 1], np.int16)}, "not sorted"),
        ({"device": np.array([1, 0, 0], np.int32)}, "not sorted"),
        ({"end_from": np.array([900, 0, 0])}, "end_from is after end_to"),
        ({"reason": np.array([0], np.int16)}, "column reason has 1 rows"),
        ({"cohort": np.array([0], np.int32)}, "column cohort has 1 rows"),
    ],
)
def test_attempts__refuse_what_is_no_table(change, message):
    """A table that its users would misread can't be made."""
    with pytest.raises(ModelError, match=message):
        replace(small(), **change)


def test_frame__has_names_and_times():
    """People see ids, words and times in UTC, and nothing where nothing is known."""
    frame = small().frame()

    assert frame["result"].tolist() == ["success", "failed", "running"]
    assert frame["reason"].tolist() == ["", "signal_bad", ""]
    assert frame["start"].tolist() == ["first", "unknown", "auto"]
    assert frame["end_to"][0] == pd.Timestamp(ORIGIN + 800, unit="ms", tz="UTC")
    assert frame["end_to"].isna().tolist() == [False, False, True]
    assert frame["contact_at"].notna().tolist() == [True, False, False]


def test_frame__a_failure_of_unknown_cause_is_called_so():
    """The unknown cause is a word of its own, and not the word for no failure."""
    assert table_of([failed("a", 0, 1, UNKNOWN_REASON)]).frame()["reason"].tolist() == ["unknown"]


def test_cut__knows_nothing_of_later():
    """What ended or began after the time of the cut runs, or isn't there."""
    table = small().cut(600)

    assert table.devices == ["a", "b", "c"]
    assert table.device.tolist() == [0, 1]
    assert [AttemptResult(result) for result in table.result] == [AttemptResult.RUNNING, AttemptResult.FAILED]
    assert table.end_to.tolist() == [NEVER, 300]
    assert table.end_from.tolist() == [500, 300]  # the last look by then, not the time of the cut
    assert table.progress.at_ms.tolist() == [0]


def test_cut__who_ended_later_ran_at_the_last_look():
    """Between two looks nobody looked: an attempt ran at the last one by then, of whichever device."""
    table = small().cut(450)

    assert (table.end_from[0], table.end_to[0]) == (300, NEVER)


def test_cut__with_exact_times_an_attempt_runs_until_the_cut():
    """Where times are exact, whoever has no end by then ran until then."""
    table = table_of([failed("a", 0, 1000)], origin_ms=ORIGIN).cut(400)

    assert (table.end_from.tolist(), table.end_to.tolist(), table.reason.tolist()) == ([400], [NEVER], [0])


def test_cut__at_the_end_changes_nothing():
    """A cut after the last look is the table."""
    assert small().cut(2000).digest() == small().digest()


def test_digest__tells_tables_apart_and_not_their_notes():
    """Equal data have equal digests; a cause or a poll interval more is other data, a note is not."""
    table = small()

    assert replace(table, notes=["read twice"]).digest() == table.digest() == small().digest()
    assert replace(table, poll_ms=200).digest() != table.digest()
    assert replace(table, reason=table.reason + np.int16(1)).digest() != table.digest()


def test_attempts__are_read_only():
    """Nobody changes a table that others look at."""
    with pytest.raises(ValueError, match="read-only"):
        small().reason[0] = 3
