"""`sim.load_recording`: whatever was recorded or exported, with cohorts, pseudonyms and notes."""

import json

import pandas as pd
import pytest

import sim
from sim.errors import ScenarioError
from sim.recording.recording_files import compact
from support.recordings import BEGIN, call, counted, stay, write_recording

ROWS = [
    stay("d1", "Processing", 0, 1, 4),
    stay("d1", "FailWaitRetry", 4, 6, 8, error_code="2"),
    stay("d2", "Success", 0, 1, 9),
]
CSV = (
    "device_id,started_at,ended_at,result,code,product\n"
    "d1,2026-12-01T00:00:00Z,2026-12-01T00:04:00Z,failed,2,p\n"
    "d2,2026-12-01T00:00:00Z,2026-12-01T00:03:00Z,success,,q\n"
)


@pytest.fixture
def recording(tmp_path):
    """Return the folder of a recording of two devices."""
    return write_recording(
        tmp_path / "rec", ROWS, progress=[counted(1, processing=1, success=1)], calls=[call(3)]
    )


def test_load_recording__frames(recording):
    """A recording is frames of what was seen, and of the attempts that it was reduced to."""
    loaded = sim.load_recording(recording)

    assert loaded.sightings["status"].tolist() == ["Processing", "FailWaitRetry", "Success"]
    assert loaded.sightings["seen_to"][1] == pd.Timestamp(BEGIN + 480_000, unit="ms", tz="UTC")
    assert loaded.progress["success"].tolist() == [1]
    assert loaded.attempts["result"].tolist() == ["failed", "success"]
    assert loaded.table.poll_ms == 300_000


def test_load_recording__tells_what_it_is(recording):
    """Printed or shown in a notebook it says how much is known, and what is not."""
    loaded = sim.load_recording(str(recording))

    assert "attempts: 2 (1 success, 1 failed)" in repr(loaded)
    assert "looks: every 5 min" in repr(loaded)
    assert "automatic retries: 2 × 5 min" in repr(loaded)
    assert "note: nobody was seen Waitting" in repr(loaded)
    assert "<td>2 (1 success, 1 failed)</td>" in loaded._repr_html_()
    assert "<li>nobody was seen Waitting" in loaded._repr_html_()


def test_load_recording__parquet_is_the_same(recording):
    """The same recording as Parquet gives the same table."""
    before = sim.load_recording(recording).table.digest()
    compact(recording)

    assert not (recording / "sightings.jsonl").exists()
    assert sim.load_recording(recording).table.digest() == before


def test_load_recording__cohorts_of_a_list(recording):
    """Cohorts come from `devices.csv`, or from another of its columns; who differs is counted."""
    (recording / "devices.csv").write_text(
        "device_id,cohort,product_id\nd1,old,p\nd3,new,q\n,old,p\nd1,new,q\n"
    )

    loaded = sim.load_recording(recording)
    by_product = sim.load_recording(recording, cohort_by="product_id")

    assert loaded.attempts["cohort"].tolist() == ["old", ""]
    assert by_product.attempts["cohort"].tolist() == ["p", ""]
    assert "cohorts: (none), old" in repr(loaded)
    assert "listed devices of which the data say nothing, left out: 1" in loaded.notes
    assert "devices that are not in the list, without a cohort: 1 (d2)" in loaded.notes
    assert "devices without an id, left out: 1 (devices.csv:4)" in loaded.notes
    assert "devices listed twice, of which the first row counts: 1 (devices.csv:5)" in loaded.notes


def test_load_recording__pseudonyms(recording):
    """With a key no id is left anywhere, the same device has the same name, and cohorts still fit."""
    (recording / "devices.csv").write_text("device_id,cohort\nd1,old\nd2,new\n")
    key = b"sixteen bytes at"

    loaded = sim.load_recording(recording, pseudonym_key=key)
    again = sim.load_recording(recording, pseudonym_key=key)
    other = sim.load_recording(recording, pseudonym_key=key[::-1])

    assert not {"d1", "d2"} & {*loaded.table.devices, *loaded.sightings["device_id"]}
    assert sorted(loaded.attempts["cohort"]) == ["new", "old"]
    assert loaded.table.digest() == again.table.digest()
    assert not {*loaded.table.devices} & {*other.table.devices}
    assert all(name.startswith("d-") for name in loaded.table.devices)
    with pytest.raises(ScenarioError, match=r"has 5 bytes; allowed: at least 16"):
        sim.load_recording(recording, pseudonym_key=b"short")


def test_load_recording__tables_of_attempts(tmp_path):
    """A CSV file alone, or in a folder, is a recording with exact times; a column may name cohorts."""
    (tmp_path / "attempts.csv").write_text(CSV)

    for path in (tmp_path, tmp_path / "attempts.csv"):
        loaded = sim.load_recording(path, cohort_by="product")
        assert loaded.attempts["cohort"].tolist() == ["p", "q"]
        assert loaded.sightings.empty
        assert loaded.progress.empty
        assert "looks: exact times" in repr(loaded)


def test_load_recording__a_list_beside_a_table(tmp_path):
    """A list of devices that is named gives the cohorts of a table."""
    (tmp_path / "attempts.csv").write_text(CSV)
    (tmp_path / "all.csv").write_text("device_id;site\nd1;north\nd2;south\n")

    loaded = sim.load_recording(tmp_path / "attempts.csv", devices=tmp_path / "all.csv", cohort_by="site")

    assert loaded.attempts["cohort"].tolist() == ["north", "south"]


def test_load_recording__a_run_log(tmp_path):
    """A run log is read with when the task began, and with who is in it."""
    record = {
        "recordTime": "2026-12-01T00:04:00,000Z",
        "deviceId": "d1",
        "categoryName": "batch.task",
        "operation": "t",
        "status": "Success",
    }
    (tmp_path / "log.jsonl").write_text(json.dumps(record))
    (tmp_path / "all.csv").write_text("device_id,cohort\nd1,old\nd2,new\n")

    loaded = sim.load_recording(
        tmp_path / "log.jsonl", begins="2026-12-01T01:00:00+01:00", devices=tmp_path / "all.csv"
    )

    assert loaded.table.end_to[0] == 240_000
    assert loaded.attempts["result"].tolist() == ["success", "running"]
    assert loaded.attempts["cohort"].tolist() == ["old", "new"]


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("nothing", {}, "no such file or folder"),
        (".", {}, r"is no recording: a recording has sightings\.parquet, .* or attempts\.csv"),
        ("data.xlsx", {}, r"ends in '\.xlsx'; allowed: a folder, \.csv, \.parquet, or a run log"),
        ("log.jsonl", {"columns": {"code": "x"}}, "columns: only a table of attempts has columns to name"),
        ("log.jsonl", {"cohort_by": "x"}, "cohort_by: needs a list of devices"),
        ("log.jsonl", {"begins": "noon"}, "begins: 'noon' is no time"),
        ("log.jsonl", {"devices": "log.jsonl"}, "device_id: the header has no such column"),
        ("log.jsonl", {"devices": "none.csv"}, "none.csv: can't be read"),
    ],
)
def test_load_recording__refuses_what_it_cannot_read(tmp_path, monkeypatch, name, options, message):
    """What is given and what is allowed is said, in one line each."""
    monkeypatch.chdir(tmp_path)
    for file in ("data.xlsx", "log.jsonl"):
        (tmp_path / file).write_text("x\n")

    with pytest.raises(ScenarioError, match=message):
        sim.load_recording(name, **options)


def test_load_recording__a_recording_of_a_later_version(recording):
    """A recording that a later version wrote is refused, with what this one reads."""
    (recording / "recording.json").write_text('{"version": 2}')

    with pytest.raises(ScenarioError, match=r"version: is 2, which this version can't read; allowed: 1"):
        sim.load_recording(recording)
