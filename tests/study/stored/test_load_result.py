"""Results and studies read back: the same frames as in memory, and refusals that say what is there."""

import json
from pathlib import Path

import pandas as pd
import pytest

import sim
from sim.results import RunResult
from sim.results.frames.loaded_result import LoadedResult
from sim.results.frames.result_frames import TABLE_NAMES
from sim.study.stored.stored_study import StoredStudy
from support.stored_run import folder, make_stored, result
from support.study_scenarios import scenario_of

__all__ = ["folder", "make_stored", "result"]


def changed(folder: Path, into: Path, name: str, **values: object) -> Path:
    """Return a copy of a result's folder with other values in one of its JSON files; None takes one away."""
    into.mkdir()
    for file in folder.iterdir():
        (into / file.name).write_bytes(file.read_bytes())
    content = json.loads((into / name).read_text(encoding="utf-8"))
    content = {key: value for key, value in {**content, **values}.items() if value is not None}
    (into / name).write_text(json.dumps(content), encoding="utf-8")
    return into


def test_load_result__has_what_the_result_had(result: RunResult, folder: Path):
    """Frames, metrics, verdicts, notes and pictures are those of the result in memory."""
    loaded = sim.load_result(folder)

    assert isinstance(loaded, LoadedResult)
    assert (loaded.seed, loaded.digest, loaded.plane) == (result.seed, result.digest, result.plane)
    assert loaded.estimates == result.estimates
    assert [*loaded.expectations] == result.expectations
    assert loaded.notes == result.notes
    pd.testing.assert_frame_equal(loaded.summary, result.summary)
    pd.testing.assert_frame_equal(loaded.by_cohort, result.by_cohort)
    pd.testing.assert_frame_equal(loaded.curves_at("2h"), result.curves_at("2h"))
    assert loaded._repr_html_() == result._repr_html_()


@pytest.mark.parametrize("name", TABLE_NAMES)
def test_load_result__every_table_is_the_same(result: RunResult, folder: Path, name):
    """Each table reads back with its types, also that of attempts, which was not written."""
    loaded = sim.load_result(folder)

    assert isinstance(loaded, LoadedResult)
    pd.testing.assert_frame_equal(getattr(loaded, name), getattr(result, name))


def test_load_result__shows_itself(folder: Path):
    """In a line, and as text with what came of it first."""
    loaded = sim.load_result(folder)

    assert "What limited it: " in loaded.headline
    assert repr(loaded) == f"<LoadedResult small: 800 devices, 3 replications, seed 3, from {folder}>"
    assert str(loaded).startswith(f"{loaded.headline}\n\nsmall: 800 devices")


def test_load_result__a_metric_of_a_later_version_is_absent(folder: Path, tmp_path: Path):
    """A folder of an earlier version lacks metrics, and says so when one of them is asked for."""
    summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    del summary["metrics"]["makespan"]
    old = changed(folder, tmp_path / "old", "summary.json", metrics=summary["metrics"])

    loaded = sim.load_result(old)

    assert isinstance(loaded, LoadedResult)
    assert "makespan" not in loaded.summary.index
    with pytest.raises(KeyError, match=r"'makespan' is not in this result: fleetsim .* had no such metric"):
        loaded.metrics["makespan"]
    with pytest.raises(KeyError, match="'makespam' is not in this result: there is no such metric"):
        loaded.estimates["makespam"]
    assert "makespan" not in sim.compare(old, folder).frame.index


def test_load_result__a_table_of_a_later_version_is_absent(folder: Path, tmp_path: Path):
    """A folder without one of the tables has the others, and says who wrote none."""
    files = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["files"]
    old = changed(
        folder, tmp_path / "old", "manifest.json", files=[name for name in files if "held_up" not in name]
    )
    (old / "held_up.parquet").unlink()

    loaded = sim.load_result(old)

    assert isinstance(loaded, LoadedResult)
    assert len(loaded.targets) == 800
    with pytest.raises(sim.ScenarioError, match=r"has no held_up.parquet: fleetsim .* wrote none"):
        _ = loaded.held_up


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            {"format": 99},
            r"format: 99 is not known \(written by fleetsim .*\); this is .*, which reads format 1",
        ),
        ({"versions": {"other": "1"}}, "is no manifest of fleetsim: it holds format, scenario"),
        ({"format": None}, "is no manifest of fleetsim: it holds scenario, scenario_digest"),
    ],
)
def test_load_result__another_format_is_refused(folder: Path, tmp_path: Path, values, message):
    """What is there is said beside what is understood."""
    strange = changed(folder, tmp_path / "strange", "manifest.json", **values)

    with pytest.raises(sim.ScenarioError, match=message):
        sim.load_result(strange)


def test_load_result__what_is_no_result_is_refused(folder: Path, tmp_path: Path):
    """No path, no folder, no results, and a folder of folders that have some."""
    with pytest.raises(sim.ScenarioError, match="folder: 3 is not allowed; the path of a folder"):
        sim.load_result(3)  # type: ignore[arg-type]  # what is refused
    with pytest.raises(sim.ScenarioError, match=r"holds no results \(manifest.json is missing\)"):
        sim.load_result(tmp_path)
    with pytest.raises(sim.ScenarioError, match="holds no results itself, but its folders do: out"):
        sim.load_result(folder.parent)


@pytest.fixture(scope="module")
def study_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a study of replications."""
    out = tmp_path_factory.mktemp("study") / "out"
    sim.replicate(scenario_of(), replications=4, folder=out)
    return out


def test_load_result__a_study_has_its_tables_and_its_figure(study_folder: Path):
    """The tables and the headline of a study are those that it had in memory."""
    study = sim.load_result(study_folder)
    again = sim.replicate(scenario_of(), replications=4, folder=study_folder)

    assert isinstance(study, StoredStudy)
    assert repr(study).startswith("<StoredStudy replications of tiny: replications, summary, bands, from ")
    assert study.scenario.digest == scenario_of().digest
    pd.testing.assert_frame_equal(study.frame, again.frame)
    pd.testing.assert_frame_equal(study.summary, again.summary)
    assert study.headline == again.headline
    assert len(study.plot().images) == 1
    assert "<table" in study._repr_html_()
    with pytest.raises(sim.ScenarioError, match="unknown table 'band'; did you mean 'bands'"):
        study.table("band")
    with pytest.raises(sim.ScenarioError, match="unknown table 'frontier'"):
        _ = study.frontier


def test_load_result__a_plan_has_its_frontier(tmp_path: Path):
    """The answer for each value of the second field, and the sentence, as they were in memory."""
    fields = {"platform.max_processing": "10..30:10", "campaign.task_policy.retry_count": [0, 1]}
    plan = sim.plan(scenario_of(), fields, "success_share >= 10 %", replications=2, folder=tmp_path / "out")

    stored = sim.load_result(tmp_path / "out")

    assert isinstance(stored, StoredStudy)
    assert stored.headline == plan.headline
    assert stored.frontier.astype(str).to_numpy().tolist() == plan.frontier.astype(str).to_numpy().tolist()


def test_compare__takes_folders(study_folder: Path, tmp_path: Path):
    """A result in a folder and a study in another one are compared like those in memory."""
    sim.run(scenario_of(), replications=3).save(tmp_path / "run")

    found = sim.compare(tmp_path / "run", study_folder)

    assert found.pairs == 3
    assert set(found.frame["difference"].dropna()) == {0.0}


def test_compare__a_study_of_another_kind_is_refused(tmp_path: Path):
    """A sweep is no pair of anything."""
    sim.sweep(
        scenario_of(), {"campaign.task_policy.retry_count": [0, 1]}, replications=2, folder=tmp_path / "s"
    )

    with pytest.raises(sim.ScenarioError, match="is a study of kind 'sweep'; only results and replications"):
        sim.compare(tmp_path / "s", scenario_of())


def test_load_result__a_study_of_another_format_is_refused(study_folder: Path, tmp_path: Path):
    """A kind that nobody knows yet, and a marker that is none."""
    marker = json.loads((study_folder / "study.json").read_text(encoding="utf-8"))
    (tmp_path / "study.json").write_text(json.dumps({**marker, "kind": "forecast"}), encoding="utf-8")
    with pytest.raises(sim.ScenarioError, match=r"kind: 'forecast' in format 1 .* is not known; this is"):
        sim.load_result(tmp_path)

    (tmp_path / "study.json").write_text("{}", encoding="utf-8")
    with pytest.raises(sim.ScenarioError, match="can't be read as a study"):
        sim.load_result(tmp_path)
