"""Result files: what is written, what is refused, and what is left behind when it goes wrong."""

import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

import sim
from sim.errors import ScenarioError
from sim.fleet.protocol import AttemptLog
from sim.results.files import tables
from sim.results.files import write as files
from sim.rules import SubtaskState

SUCCESS, FAIL = SubtaskState.SUCCESS, SubtaskState.FAIL
ALWAYS = [name for name in files.FILES if name not in ("attempts.parquet", files.COMPARISON, files.REPORT)]


@pytest.fixture
def result(make_run, make_call, make_result):
    """Return a result of 300 devices, a tenth of which failed and was retried by a call."""
    status = [SUCCESS] * 270 + [FAIL] * 30
    run = make_run(
        status,
        sizes={"north": 200, "south": 100},
        first_failure_s=[-1] * 250 + [30] * 50,
        end_s=np.linspace(60, 3_000, 300),
        reason=[0] * 270 + [5] * 30,
        calls=[make_call("create", time_s=0.0), make_call("retry", accepted=range(270, 300))],
    )
    return make_result(run)


def names_in(folder: Path) -> list[str]:
    """Return everything in a folder, hidden or not."""
    return sorted(path.name for path in folder.iterdir())


def test_save__writes_every_file_and_nothing_else(result, tmp_path):
    """A new folder, and those above it, are made; it then holds the files and no trace of the work."""
    folder = tmp_path / "deep" / "inside"

    written = result.save(folder)

    assert [path.name for path in written] == ALWAYS
    assert names_in(folder) == sorted(ALWAYS)


@pytest.mark.parametrize("name", ["targets", "curves", "recovery", "calls", "call_targets", "tasks", "waves"])
def test_save__tables_are_the_frames(result, tmp_path, name):
    """What is read back from a file equals the frame of the result, types included."""
    result.save(tmp_path)

    back = pd.read_parquet(tmp_path / f"{name}.parquet")

    frame = getattr(result, name)
    if "error_code" in back and name == "targets":
        back["error_code"] = back["error_code"].astype("Int16")
    pd.testing.assert_frame_equal(back, frame, check_categorical=False)


def test_save__tables_are_compressed_and_say_where_they_come_from(result, tmp_path):
    """Each column has the encoding that suits it, and the file names scenario, seed and digest."""
    result.save(tmp_path)

    file = pq.ParquetFile(tmp_path / "targets.parquet")
    columns = {
        column.path_in_schema: column
        for column in map(file.metadata.row_group(0).column, range(file.metadata.num_columns))
    }
    assert {column.compression for column in columns.values()} == {"ZSTD"}
    assert "BYTE_STREAM_SPLIT" in columns["end_s"].encodings
    assert "DELTA_BINARY_PACKED" in columns["bytes"].encodings
    assert "DELTA_BYTE_ARRAY" in columns["device_id"].encodings
    assert "RLE_DICTIONARY" in columns["status"].encodings
    origin = file.schema_arrow.metadata
    assert origin[b"scenario"] == b"by-hand"
    assert origin[b"seed"] == b"5"
    assert origin[b"digest"].decode() == result.digest


def test_save__large_fleets_are_written_in_parts(result, tmp_path, monkeypatch):
    """A fleet beyond the size of a row group gives several, with the same content."""
    monkeypatch.setattr(tables, "_ROW_GROUP", 128)

    result.save(tmp_path)

    assert pq.ParquetFile(tmp_path / "targets.parquet").num_row_groups == 3
    back = pd.read_parquet(tmp_path / "targets.parquet")
    assert back["device_id"].tolist() == result.targets["device_id"].tolist()


def test_save__attempts_only_if_they_were_logged(make_run, make_result, tmp_path):
    """The file of attempts appears with a log, and goes away with a later result that has none."""
    log = AttemptLog(*(np.zeros(1, np.int64) for _ in range(12)))
    run = make_run([SUCCESS])

    make_result(make_run([SUCCESS], attempt_log=log)).save(tmp_path)
    assert "attempts.parquet" in names_in(tmp_path)

    make_result(run).save(tmp_path)
    assert names_in(tmp_path) == sorted(ALWAYS)


def test_save__summary_has_the_documented_shape(result, tmp_path):
    """The keys and their content are those of the documentation, as plain JSON."""
    result.save(tmp_path)

    summary = json.loads((tmp_path / "summary.json").read_text(encoding="utf-8"))

    assert list(summary) == [
        "scenario",
        "seed",
        "replications",
        "digest",
        "headline",
        "limited_by",
        "metrics",
        "by_cohort",
        "held_up",
        "by_code",
        "by_attempt",
        "by_call",
        "by_refusal",
        "tasks",
        "what_if",
        "notes",
        "expectations",
    ]
    assert summary["metrics"]["failed"] == {"mean": 30, "low": None, "high": None, "values": [30]}
    assert summary["by_cohort"]["south"]["failed"] == 30
    assert summary["by_code"] == {"5": 30}
    assert summary["by_attempt"] == [{"attempt": 1, "started": 300, "succeeded": 270}]
    assert [(row["call"], row["http_status"], row["accepted"]) for row in summary["by_call"]] == [
        ("create", 200, 0),
        ("retry", 200, 30),
    ]
    assert summary["tasks"][0]["progress"]["total"] == 300
    assert summary == result.summary_dict()


def test_save__manifest_is_enough_to_run_it_again(result, tmp_path):
    """The manifest holds the scenario's text, whose digest is that of the scenario, and the versions."""
    result.save(tmp_path)

    manifest = json.loads((tmp_path / "manifest.json").read_text(encoding="utf-8"))

    again = sim.scenario.parse_scenario(manifest["scenario_text"])
    assert again.digest == manifest["scenario_digest"] == result.scenario.digest
    assert manifest["seed"] == 5
    assert manifest["versions"]["fleetsim"] == sim.__version__
    assert manifest["plane"] == "compiled"
    assert manifest["digest"] == result.digest
    assert manifest["files"] == ALWAYS


def test_save__replaces_an_earlier_result_of_the_same_scenario(result, tmp_path):
    """Running a scenario again into its folder is the usual case and needs no option."""
    result.save(tmp_path)
    (tmp_path / "summary.json").write_text("{}")

    result.save(tmp_path)

    assert json.loads((tmp_path / "summary.json").read_text())["scenario"] == "by-hand"


@pytest.mark.parametrize(
    ("prepare", "message"),
    [
        (lambda folder: (folder / "notes.txt").write_text("mine"), r"holds other files \(notes\.txt\)"),
        (lambda folder: (folder / "sub").mkdir(), r"holds other files \(sub\)"),
        (
            lambda folder: [(folder / f"{i}.csv").touch() for i in range(5)],
            r"holds other files \(0\.csv, 1\.csv, 2\.csv and 2 more\)",
        ),
        (lambda folder: (folder / "summary.json").write_text("mine"), "are no complete result"),
        (lambda folder: (folder / "manifest.json").write_text("[]"), "are no complete result"),
        (lambda folder: (folder / "manifest.json").write_bytes(b"\xff"), "are no complete result"),
        (
            lambda folder: (folder / "manifest.json").write_text('{"format": 1, "scenario": "other"}'),
            "holds results of the scenario 'other'",
        ),
    ],
    ids=["file", "folder", "many", "summary only", "foreign manifest", "binary manifest", "other scenario"],
)
def test_save__refuses_what_it_would_get_mixed_up_with(result, tmp_path, prepare, message):
    """Foreign files, and results of another scenario, stay untouched; the message says what to do."""
    prepare(tmp_path)
    before = {name: (tmp_path / name).stat().st_mtime_ns for name in names_in(tmp_path)}

    with pytest.raises(ScenarioError, match=message) as caught:
        result.save(tmp_path)

    assert "--force" in str(caught.value)
    assert str(tmp_path) in str(caught.value)
    assert before == {name: (tmp_path / name).stat().st_mtime_ns for name in names_in(tmp_path)}


def test_save__force_replaces_result_files_only(result, tmp_path):
    """With force the user's other files stay as they are, byte by byte."""
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / "attempts.parquet").write_text("mine too: no manifest lists it")
    (tmp_path / "summary.json").write_text("replaced")

    result.save(tmp_path, force=True)

    assert (tmp_path / "notes.txt").read_text() == "mine"
    assert (tmp_path / "attempts.parquet").read_text() == "mine too: no manifest lists it"
    assert json.loads((tmp_path / "summary.json").read_text())["scenario"] == "by-hand"


def test_save__takes_an_old_report_away(result, tmp_path):
    """What was told of replaced results would be of others; it counts as one of the folder's files."""
    result.save(tmp_path)
    (tmp_path / "report.html").write_text("about the first result")
    (tmp_path / "comparison.json").write_text("{}")

    result.save(tmp_path)

    assert names_in(tmp_path) == sorted(ALWAYS)


def test_save__force_keeps_a_page_that_is_no_report(result, tmp_path):
    """Without results beside it, a page of that name is somebody's own."""
    (tmp_path / "report.html").write_text("mine")

    with pytest.raises(ScenarioError, match="are no complete result"):
        result.save(tmp_path)
    result.save(tmp_path, force=True)

    assert (tmp_path / "report.html").read_text() == "mine"


@pytest.mark.parametrize("force", [False, True])
def test_save__a_file_is_no_folder(result, tmp_path, force):
    """A path that is a file is refused, and force doesn't delete it."""
    path = tmp_path / "results"
    path.write_text("mine")

    with pytest.raises(ScenarioError, match="is a file"):
        result.save(path, force=force)

    assert path.read_text() == "mine"


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError, MemoryError])
@pytest.mark.parametrize("at", range(len(ALWAYS)))
def test_save__an_error_at_any_file_leaves_nothing(result, tmp_path, monkeypatch, error, at):
    """Whatever breaks off the writing of whichever file, no file and no new folder is left."""
    break_at(monkeypatch, at, error)

    with pytest.raises(error):
        result.save(tmp_path / "new" / "folder")

    assert names_in(tmp_path) == []


@pytest.mark.parametrize("at", range(len(ALWAYS)))
def test_save__an_error_keeps_the_earlier_result(result, tmp_path, monkeypatch, at):
    """An interrupt while a result is replaced leaves the earlier one as it was."""
    result.save(tmp_path)
    before = {name: (tmp_path / name).read_bytes() for name in names_in(tmp_path)}
    break_at(monkeypatch, at, KeyboardInterrupt)

    with pytest.raises(KeyboardInterrupt):
        result.save(tmp_path)

    assert before == {name: (tmp_path / name).read_bytes() for name in names_in(tmp_path)}


def break_at(monkeypatch: pytest.MonkeyPatch, at: int, error: type[BaseException]) -> None:
    """Let the error come right after the file with that number was written."""
    seen = []

    def breaking(original: Callable[..., None]) -> Callable[..., None]:
        def write(path: Path, **options: object) -> None:
            original(path, **options)
            seen.append(path)
            if len(seen) == at + 1:
                raise error

        return write

    for name in ("_write_json", "_write_table", "_write_bytes"):
        monkeypatch.setattr(files, name, breaking(getattr(files, name)))


def test_save__an_interrupt_while_files_are_renamed_completes_the_set(result, tmp_path, monkeypatch):
    """Old and new files are never mixed: the interrupt takes effect when all are in place."""
    result.save(tmp_path)
    rename, calls = Path.replace, []

    def interrupted(self: Path, target: Path) -> Path:
        calls.append(self.name)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return rename(self, target)

    monkeypatch.setattr(Path, "replace", interrupted)
    result.wall_s = 77.0

    with pytest.raises(KeyboardInterrupt):
        result.save(tmp_path)

    assert names_in(tmp_path) == sorted(ALWAYS)
    assert json.loads((tmp_path / "manifest.json").read_text())["wall_s"] == 77.0


FILE_SIZE_LIMIT = """
import resource, sys
import sim
from sim.cli import main
sim.run(sys.argv[3])  # what is compiled here is not written any more under the limit
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]), int(sys.argv[1])))
sys.exit(main(sys.argv[2:]))
"""


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(resource, "RLIMIT_FSIZE"), reason="the system has no limit of file sizes")
@pytest.mark.parametrize("limit_bytes", [0, 1_000, 4_000, 20_000])
def test_run__a_disk_that_takes_no_more_leaves_no_half_file(repository, tmp_path, limit_bytes):
    """Where files can't grow any further the command says so, exits with 2 and leaves nothing."""
    folder = tmp_path / "results"
    scenario = repository / "scenarios" / "quickstart.yaml"

    done = subprocess.run(
        [sys.executable, "-c", FILE_SIZE_LIMIT, str(limit_bytes), "run", str(scenario), "--out", str(folder)],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 2, done.stderr
    assert done.stderr == f"Error: {folder}: File too large\n"
    assert not folder.exists()


def test_check_folder__finds_out_early_and_changes_nothing(tmp_path, monkeypatch):
    """Before hours of work it is known that files can be written; the probe leaves no trace."""
    files.check_folder(tmp_path / "new" / "folder", "by-hand")
    assert names_in(tmp_path) == []

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied", "somewhere")

    monkeypatch.setattr(files.tempfile, "mkdtemp", refuse)
    with pytest.raises(PermissionError):
        files.check_folder(tmp_path / "new" / "folder", "by-hand")
    assert names_in(tmp_path) == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_save__a_folder_that_cannot_be_written(result, tmp_path):
    """Missing rights are an error of the system with the name of the folder."""
    tmp_path.chmod(0o500)

    with pytest.raises(PermissionError):
        result.save(tmp_path / "new")
