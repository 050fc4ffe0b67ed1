"""Whose folder it is, and what may be done in it."""

import json

import pandas as pd
import pytest

from sim.errors import ScenarioError
from sim.study.engine.folder import StudyFolder
from sim.study.engine.kinds import PLAN, SWEEP
from support.study_scenarios import scenario_of


def claim(path, scenario, **changes):
    """Claim a folder for a sweep with seed 3."""
    folder = StudyFolder(path, scenario, **{"kind": SWEEP, "seed": 3, "plane": "compiled", **changes})
    folder.claim()
    return folder


def test_folder__a_new_one_gets_a_marker(tiny, tmp_path):
    """The marker says whose study it is, with all that is needed to make it again."""
    folder = claim(tmp_path / "deep" / "er", tiny)

    marker = json.loads((folder.path / "study.json").read_text(encoding="utf-8"))
    assert not folder.found
    assert marker["scenario_digest"] == tiny.digest
    assert marker["scenario_text"] == tiny.source_text
    assert folder.identity in (folder.path / "study.json").read_text(encoding="utf-8")
    assert (folder.path / "tasks").is_dir()


def test_folder__the_same_study_comes_back(tiny, tmp_path):
    """What was there stays, except what a killed worker left half-written."""
    folder = claim(tmp_path, tiny)
    (folder.path / "tasks" / "whole.json").write_text("{}", encoding="utf-8")
    (folder.path / "tasks" / ".half.json.17-ab.part").write_text("{", encoding="utf-8")
    (folder.path / "sweep.png").write_bytes(b"figure")

    again = claim(tmp_path, tiny)

    assert again.found
    assert [entry.name for entry in (tmp_path / "tasks").iterdir()] == ["whole.json"]
    assert (tmp_path / "sweep.png").read_bytes() == b"figure"


@pytest.mark.parametrize(
    ("changes", "part"),
    [
        ({"seed": 4}, "a study with seed 3, not 4"),
        ({"plane": "simpy"}, "a study with plane compiled, not simpy"),
        ({"kind": PLAN}, "another kind ('sweep')"),
    ],
)
def test_folder__another_study_is_refused(tiny, tmp_path, changes, part):
    """A folder is one study's: results of two would look alike."""
    claim(tmp_path, tiny)

    with pytest.raises(ScenarioError) as caught:
        claim(tmp_path, tiny, **changes)

    assert part in str(caught.value)
    assert str(tmp_path) in str(caught.value)


def test_folder__another_scenario_is_refused(tiny, tmp_path):
    """Neither a different scenario nor the same one after a change may go on here."""
    claim(tmp_path, tiny)

    with pytest.raises(ScenarioError, match="a study of the scenario 'tiny'"):
        claim(tmp_path, scenario_of(60, name="other"))
    with pytest.raises(ScenarioError, match="'tiny' has changed since"):
        claim(tmp_path, scenario_of(61))


def test_folder__another_version_is_refused(tiny, tmp_path):
    """Another version may compute other numbers; mixing them would be silent."""
    claim(tmp_path, tiny)
    marker = tmp_path / "study.json"
    content = json.loads(marker.read_text(encoding="utf-8"))
    marker.write_text(json.dumps(content | {"fleetsim": "0.0.1"}), encoding="utf-8")

    with pytest.raises(ScenarioError, match=r"version 0\.0\.1 of fleetsim"):
        claim(tmp_path, tiny)


def test_folder__other_files_are_refused(tiny, tmp_path):
    """A folder with something else in it is no place for hundreds of files."""
    for name in "abcde":
        (tmp_path / name).touch()

    with pytest.raises(ScenarioError, match=r"other files \(a, b, c and 2 more\)"):
        claim(tmp_path, tiny)
    assert not (tmp_path / "study.json").exists()


def test_folder__remains_without_a_marker_are_refused(tiny, tmp_path):
    """Units that nobody claims can't be trusted."""
    (tmp_path / "tasks").mkdir()

    with pytest.raises(ScenarioError, match="no whole study"):
        claim(tmp_path, tiny)


def test_folder__a_file_is_refused(tiny, tmp_path):
    """A name that is taken by a file is no folder."""
    (tmp_path / "taken").touch()

    with pytest.raises(ScenarioError, match="is a file"):
        claim(tmp_path / "taken", tiny)


def test_folder__force_begins_anew_and_spares_other_files(tiny, tmp_path):
    """The other study goes, with everything that was its own; the user's files stay."""
    folder = claim(tmp_path, tiny, kind=PLAN)
    folder.save({"plan.json": {"value": 3}})
    assert json.loads((tmp_path / "plan.json").read_text(encoding="utf-8")) == {"value": 3}
    (tmp_path / "tasks" / "unit.json").touch()
    (tmp_path / "notes.txt").write_text("mine", encoding="utf-8")

    again = claim(tmp_path, tiny, force=True)

    assert not again.found
    assert {entry.name for entry in tmp_path.iterdir()} == {"study.json", "tasks", "notes.txt"}
    assert not list((tmp_path / "tasks").iterdir())
    assert json.loads((tmp_path / "study.json").read_text(encoding="utf-8"))["kind"] == "sweep"


def test_folder__force_keeps_what_is_its_own(tiny, tmp_path):
    """Beside foreign files, units of the same study are as good as ever."""
    folder = claim(tmp_path, tiny)
    (folder.path / "tasks" / "unit.json").touch()
    (tmp_path / "notes.txt").touch()

    assert claim(tmp_path, tiny, force=True).found
    assert (tmp_path / "tasks" / "unit.json").exists()


def test_folder__frames_name_their_study(tiny, tmp_path):
    """A Parquet file that was copied away still says what it is."""
    import pyarrow.parquet as pq

    claim(tmp_path, tiny).save({"sweep.parquet": pd.DataFrame({"x": [1.5, 2.5]})})
    path = tmp_path / "sweep.parquet"

    assert pd.read_parquet(path)["x"].tolist() == [1.5, 2.5]
    metadata = pq.read_schema(path).metadata
    assert metadata[b"scenario"] == b"tiny"
    assert metadata[b"seed"] == b"3"


def test_folder__takes_away_the_report_on_what_was_there(tiny, tmp_path):
    """A report belongs to a study's folder, and is gone when its numbers are made anew."""
    claim(tmp_path, tiny)
    (tmp_path / "report.html").write_text("<html>", encoding="utf-8")

    again = claim(tmp_path, tiny)

    assert again.found
    assert not (tmp_path / "report.html").exists()


def test_folder__a_report_alone_is_somebody_elses(tiny, tmp_path):
    """Without a study beside it, a page may be anybody's."""
    (tmp_path / "report.html").write_text("<html>", encoding="utf-8")

    with pytest.raises(ScenarioError, match=r"other files \(report\.html\)"):
        claim(tmp_path, tiny)

    assert (tmp_path / "report.html").exists()
