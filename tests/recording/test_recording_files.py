"""The folder of a recording: it grows line by line, survives a kill, and becomes Parquet."""

import json

import pyarrow.parquet as pq
import pytest

from sim.errors import ScenarioError
from sim.recording.recording_files import RecordingFolder, compact, read_document, read_rows


def stay(device, status="Processing", seen_from=2_000, seen_to=2_000, **more):
    """Return a row of sightings."""
    return {
        "task_id": "t",
        "device_id": device,
        "status": status,
        "error_code": None,
        "error_msg": None,
        "gone_before": 1_000,
        "seen_from": seen_from,
        "seen_to": seen_to,
        **more,
    }


@pytest.fixture
def folder(tmp_path):
    """Return a new recording of one task."""
    opened = RecordingFolder(tmp_path / "rec", ["t"], {"poll_s": 300})
    yield opened
    opened.close()


def test_read_rows__a_later_row_of_a_stay_replaces_the_earlier(folder):
    """A stay is one row however often it was written."""
    folder.append("sightings", [stay("a"), stay("b", error_msg="kaputt")])
    folder.append("sightings", [stay("a", seen_to=9_000)])

    rows = read_rows(folder.path, "sightings")

    assert rows.columns["device_id"] == ["a", "b"]
    assert rows.columns["seen_to"] == [9_000, 2_000]
    assert rows.columns["error_msg"] == [None, "kaputt"]
    assert len(rows) == 2


def test_open__half_a_line_is_cut_off_and_counted(tmp_path):
    """What a kill left is no error, and the next line is a line of its own."""
    path = tmp_path / "rec"
    first = RecordingFolder(path, ["t"], {})
    first.append("sightings", [stay("a")])
    first.close()
    with (path / "sightings.jsonl").open("ab") as file:
        file.write(b'{"task_id":"t","dev')
    assert (read_rows(path, "sightings").torn, len(read_rows(path, "sightings"))) == (1, 1)

    again = RecordingFolder(path, ["t"], {})
    again.append("sightings", [stay("b")])
    again.close()

    rows = read_rows(path, "sightings")
    assert again.torn == 1
    assert (rows.columns["device_id"], rows.torn, rows.unreadable) == (["a", "b"], 0, ())


def test_read_rows__counts_lines_that_are_no_rows(folder):
    """A line without a column, or with a text for a time, is said and not taken for a row."""
    with (folder.path / "sightings.jsonl").open("w") as file:
        for value in (stay("a"), {"task_id": "t"}, stay("b", seen_to="noon"), [1], stay("c", seen_to=True)):
            file.write(json.dumps(value) + "\n")
        file.write("{\n")

    rows = read_rows(folder.path, "sightings")

    assert (len(rows), len(rows.unreadable), rows.torn) == (1, 5, 0)


def test_compact__says_the_same_and_can_go_on(folder):
    """Parquet holds the same rows with real timestamps; lines that come later are read after it."""
    folder.append("sightings", [stay("a"), stay("b", error_code="2")])
    before = read_rows(folder.path, "sightings")

    assert compact(folder.path) == {"sightings": 2}

    assert not (folder.path / "sightings.jsonl").exists()
    assert read_rows(folder.path, "sightings") == before
    stored = pq.read_table(folder.path / "sightings.parquet")
    assert str(stored.schema.field("seen_from").type) == "timestamp[ms, tz=UTC]"
    folder.append("sightings", [stay("a", seen_to=3_000), stay("c")])
    after = read_rows(folder.path, "sightings")
    assert after.columns["device_id"] == ["a", "b", "c"]
    assert after.columns["seen_to"] == [3_000, 2_000, 2_000]
    assert compact(folder.path) == {"sightings": 3}
    assert read_rows(folder.path, "sightings") == after


def test_compact__lines_that_outlived_it_count_once(folder):
    """A kill between writing Parquet and removing the lines doubles nothing."""
    folder.append("sightings", [stay("a")])
    folder.append("progress", [])
    lines = (folder.path / "sightings.jsonl").read_bytes()
    compact(folder.path)
    (folder.path / "sightings.jsonl").write_bytes(lines)

    assert len(read_rows(folder.path, "sightings")) == 1


def test_open__refuses_what_is_no_recording_of_these_tasks(tmp_path, folder):
    """A folder with other files, of another task, or in use is left alone."""
    other = tmp_path / "other"
    other.mkdir()
    (other / "notes.txt").write_text("mine")
    with pytest.raises(ScenarioError, match="neither empty nor a recording"):
        RecordingFolder(other, ["t"], {})
    with pytest.raises(ScenarioError, match="holds a recording of task t, not of u"):
        RecordingFolder(folder.path, ["u"], {})
    with pytest.raises(ScenarioError, match="another process records into it"):
        RecordingFolder(folder.path, ["t"], {})
    assert (other / "notes.txt").read_text() == "mine"


@pytest.mark.parametrize(
    ("text", "says"),
    [("{", "is not JSON"), ("[]", "must be an object"), ('{"version": 2}', "allowed: 1")],
)
def test_read_document__refuses_what_it_cannot_read(tmp_path, text, says):
    """Another form or version is refused by name."""
    (tmp_path / "recording.json").write_text(text)
    with pytest.raises(ScenarioError, match=says):
        read_document(tmp_path, "recording.json")


def test_read_rows__a_damaged_parquet_file_is_named(tmp_path):
    """A file that only has the name is refused with its name."""
    (tmp_path / "progress.parquet").write_bytes(b"PAR1")
    with pytest.raises(ScenarioError, match=r"progress\.parquet: is no Parquet file"):
        read_rows(tmp_path, "progress")


def test_note_task__keeps_the_first_and_the_last_without_targets(folder):
    """The task object is there as it began and as it ended."""
    folder.note_task({"task_id": "t", "status": "Processing", "targets": ["a"]})
    folder.note_task({"task_id": "t", "status": "Success", "targets": ["a"]})
    assert read_document(folder.path, "tasks.json")["t"]["last"]["status"] == "Processing"
    folder.write_tasks()

    assert read_document(folder.path, "tasks.json") == {
        "t": {
            "first": {"task_id": "t", "status": "Processing"},
            "last": {"task_id": "t", "status": "Success"},
        }
    }


def test_compact__leaves_a_table_with_lines_that_are_no_rows(folder):
    """What can't be read is not thrown away with the lines."""
    folder.append("sightings", [stay("a")])
    with (folder.path / "sightings.jsonl").open("a") as file:
        file.write("oops\n")

    assert compact(folder.path) == {}

    assert read_rows(folder.path, "sightings").unreadable == (2,)


def test_compact__several_tasks(folder):
    """Tasks lie one behind the other, each with all its rows, earlier ones and later ones."""
    folder.append("sightings", [stay("a"), stay("a", task_id="u")])
    compact(folder.path)
    folder.append("sightings", [stay("b"), stay("a", seen_to=7_000), stay("c", task_id="v")])

    assert compact(folder.path) == {"sightings": 4}

    rows = read_rows(folder.path, "sightings")
    assert rows.columns["task_id"] == ["t", "t", "u", "v"]
    assert rows.columns["seen_to"] == [7_000, 2_000, 2_000, 2_000]
    assert read_rows(folder.path, "sightings", task_id="u").columns["device_id"] == ["a"]
