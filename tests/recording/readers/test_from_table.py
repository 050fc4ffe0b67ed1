"""Tables of attempts with times, our own and those of others, become the table of attempts."""

import pandas as pd
import pytest

from sim.errors import ScenarioError
from sim.recording.attempts import NEVER, UNKNOWN_REASON, AttemptResult, StartKind
from sim.recording.readers.from_table import from_table, named_columns
from sim.recording.readers.remarks import Remarks
from sim.rules.policy import TaskPolicy
from sim.rules.reasons import Reason

HEADER = "device_id,attempt,started_at,ended_after,ended_at,result,code,message"


def write(path, *lines, header=HEADER):
    """Write a CSV file; `T5` in it stands for five minutes after midnight."""
    text = "\n".join([header, *lines]) + "\n"
    for minute in range(60, -1, -1):
        text = text.replace(f"T{minute}:", f"2026-12-01T00:{minute:02d}:00Z")
    path.write_text(text)
    return path


def test_from_table__exact_times(tmp_path):
    """Without `ended_after` ends are exact; the second attempt follows the first after the interval."""
    path = write(tmp_path / "attempts.csv", "d,2,T9:,,T12:,success,,", "d,1,T0:,,T4:,failed,2,")

    table = from_table(path, Remarks(), policy=TaskPolicy.of_minutes(2, 5))

    assert table.start_from.tolist() == table.start_to.tolist() == [0, 540_000]
    assert table.end_from.tolist() == table.end_to.tolist() == [240_000, 720_000]
    assert [StartKind(kind) for kind in table.start_kind] == [StartKind.FIRST, StartKind.AUTO]
    assert table.reason.tolist() == [Reason.SIGNAL_BAD, 0]
    assert (table.poll_ms, table.retry_interval_ms, table.retry_count) == (0, 300_000, 2)


def test_from_table__ends_between_two_looks(tmp_path):
    """`ended_after` makes an end an interval; a later start that no interval explains is of unknown kind."""
    path = write(tmp_path / "attempts.csv", "d,1,T0:,T4:,T6:,failed,2,", "d,2,T30:,T31:,T33:,success,,")

    table = from_table(path, Remarks(), policy=TaskPolicy.of_minutes(2, 5))

    assert table.end_from.tolist() == [240_000, 31 * 60_000]
    assert StartKind(table.start_kind[1]) is StartKind.UNKNOWN
    assert table.poll_ms == 120_000


def test_from_table__who_runs(tmp_path):
    """An attempt that runs was seen until `ended_after`, or else until the latest time in the table."""
    path = write(
        tmp_path / "attempts.csv",
        "a,1,T0:,T7:,,running,,",
        "b,1,T0:,,,IN_PROGRESS,,",
        "c,1,T0:,,T9:,failed,1,",
    )

    table = from_table(path, Remarks())

    assert table.end_from.tolist() == [7 * 60_000, 9 * 60_000, 9 * 60_000]
    assert table.end_to.tolist()[:2] == [NEVER, NEVER]


def test_from_table__words_of_other_systems(tmp_path):
    """Results of AWS IoT Jobs are read; what is queued has not begun, and is counted."""
    words = ["SUCCEEDED", "FAILED", "TIMED_OUT", "REJECTED", "CANCELED", "REMOVED"]
    lines = [f"{word},1,1796083200,,1796083260,{word},," for word in words]
    remarks = Remarks()

    table = from_table(write(tmp_path / "attempts.csv", *lines, "q,,,,,QUEUED,,"), remarks)

    found = dict(zip(table.devices, map(AttemptResult, table.result), strict=True))
    assert [found[word].name for word in words] == ["SUCCESS", *["FAILED"] * 3, *["STOPPED"] * 2]
    assert "rows of attempts that have not begun, left out: 1" in remarks.lines()


def test_from_table__names_of_another_export(tmp_path):
    """Columns that are called otherwise are named; stage times and a cohort are read where they are."""
    header = "Target;Start;End;Status;Group;contact_at"
    path = write(tmp_path / "a.csv", "d;T0:;T4:;success;north;T1:", header=header)
    columns = {
        "device_id": "Target",
        "started_at": "Start",
        "ended_at": "End",
        "result": "Status",
        "cohort": "Group",
    }

    table = from_table(path, Remarks(), columns=columns)

    assert (table.devices, table.cohort_names) == (["d"], ["north"])
    assert table.contact_ms.tolist() == [60_000]
    assert table.version_ms.tolist() == [-1]


def test_from_table__parquet(tmp_path):
    """Parquet holds times as timestamps, and numbers of attempts as numbers."""
    times = pd.to_datetime(["2026-12-01T00:00:00.250Z"])
    path = tmp_path / "attempts.parquet"
    cells = {"device_id": "d", "attempt": 1, "result": "failed", "code": 10.0, "message": float("nan")}
    frame = pd.DataFrame({name: [cell] for name, cell in cells.items()})
    frame.assign(started_at=times, ended_at=times + pd.Timedelta("1500ms")).to_parquet(path)

    table = from_table(path, Remarks())

    assert (table.end_to.tolist(), table.reason.tolist()) == ([1500], [Reason.INSTALL_FAIL])


def test_from_table__what_cannot_be_read_is_counted_with_its_line(tmp_path):
    """Rows that can't be read are said with file, line and what is wrong; the rest is read."""
    lines = [
        ",1,T0:,,T4:,failed,2,",
        "a,1,T0:,,T4:,exploded,2,",
        "b,1,yesterday,,T4:,failed,2,",
        "c,1,T5:,,T4:,failed,2,",
        "d,1,T0:,,,failed,2,",
        "e,one,T0:,,T4:,failed,2,",
        "f,1,,,T4:,failed,2,",
        "g,1,T0:,,T4:,failed,99,odd",
        "g,1,T0:,,T4:,failed,2,",
    ]
    remarks = Remarks()

    table = from_table(write(tmp_path / "attempts.csv", *lines), remarks)

    assert table.reason.tolist() == [UNKNOWN_REASON]
    (line,) = [line for line in remarks.lines() if line.startswith("rows that can't be read, left out: 7")]
    assert "attempts.csv:2: no device_id" in line
    assert "attempts.csv:3: result is 'exploded'; allowed: success, failed, stopped, running" in line
    assert "attempts.csv:4: started_at: 'yesterday' is no time" in line
    assert any(
        "listed twice, of which the first row counts: 1 (attempts.csv:10)" in line for line in remarks.lines()
    )
    assert any("code '99' and text 'odd'" in line for line in remarks.lines())


def test_from_table__a_conflict_and_what_was_current(tmp_path):
    """Task Conflict is no failure of the device, and a version it had already no fast upgrade."""
    lines = ["a,1,T0:,,T4:,failed,,Task Conflict", "b,1,T0:,,T1:,success,3,"]

    table = from_table(write(tmp_path / "attempts.csv", *lines), Remarks())

    assert [AttemptResult(result).name for result in table.result] == ["STOPPED", "SUCCESS"]
    assert table.reason.tolist() == [0, Reason.NO_NEED]
    assert table.end_from.tolist() == [0, 60_000]  # when the conflict arose says nothing of the device


def test_from_table__attempts_that_overlap_are_said(tmp_path):
    """Two attempts of a device at once are kept, and said."""
    remarks = Remarks()

    from_table(write(tmp_path / "attempts.csv", "d,1,T0:,,T9:,failed,2,", "d,2,T5:,,T12:,success,,"), remarks)

    assert "attempts that began before the one before had ended: 1 (d)" in remarks.lines()


@pytest.mark.parametrize(
    ("lines", "header", "columns", "message"),
    [
        ([], HEADER, {}, "no attempt can be read: it has no rows"),
        (["d,1,T0:,,T4:,odd,,"], HEADER, {}, r"no attempt can be read: .*attempts.csv:2: result is 'odd'"),
        (["d,T0:"], "device_id,started_at", {}, "ended_at: the header has no such column"),
        (
            ["d,1,T0:,,T4:,failed,,"],
            HEADER,
            {"device": "x"},
            r"columns\.device: is no column of attempts; allowed",
        ),
        (["d,1,T0:,,T4:,failed,,"], HEADER, {"cohort": "Group"}, "Group: the header has no such column"),
    ],
)
def test_from_table__refuses_what_is_no_table(tmp_path, lines, header, columns, message):
    """A table without rows or columns is refused with what is wrong and what is allowed."""
    with pytest.raises(ScenarioError, match=message):
        from_table(write(tmp_path / "attempts.csv", *lines, header=header), Remarks(), columns=columns)


def test_from_table__a_parquet_file_that_is_none(tmp_path):
    """A broken file is refused in one line."""
    path = tmp_path / "attempts.parquet"
    path.write_bytes(b"rubbish")

    with pytest.raises(ScenarioError, match="is no Parquet file"):
        from_table(path, Remarks())


def test_named_columns__of_an_option():
    """The names of another export are pairs apart by commas."""
    assert named_columns("device_id=Target, started_at=Start time") == {
        "device_id": "Target",
        "started_at": "Start time",
    }


def test_named_columns__all_faults_at_once():
    """What is no pair, is named twice, or is no column, is refused together."""
    with pytest.raises(ScenarioError) as refused:
        named_columns("device_id,result=a,result=b,device=x")

    messages = [str(problem) for problem in refused.value.problems]
    assert [message.partition(";")[0] for message in messages] == [
        "columns: 'device_id' is no pair of names",
        "columns: 'result=b' names a column twice",
        "columns.device: is no column of attempts",
    ]
