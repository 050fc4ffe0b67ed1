"""Baselines on disk: what is written is read again, and what is no baseline is refused."""

import json

import pytest

from sim.errors import ScenarioError
from sim.scenario import load_scenario
from sim.testing import baseline as module
from sim.testing.baseline import (
    FORMAT,
    baseline_path,
    file_values,
    inventory_digest,
    read_baseline,
    write_baseline,
)
from sim.testing.compare.divergence import part_from
from sim.testing.diagnosis import trail
from support.small_scenario import case_of


@pytest.fixture
def made(scenario):
    """Return a scenario file that has a baseline, and the baseline's path."""
    path = scenario(more="expect: {by_cohort.far.attempts: within 5 % of baseline}")
    case_of(path).update("a reason, with ümlaut")
    return path, baseline_path(path, "tiny")


def test_write_baseline__is_read_as_it_was(made, tmp_path):
    """Nothing is lost or rounded on the way through the file."""
    _, path = made
    read = read_baseline(path)

    write_baseline(tmp_path / "again.json", read)

    assert read_baseline(tmp_path / "again.json") == read
    assert (tmp_path / "again.json").read_bytes() == path.read_bytes()
    assert [entry.name for entry in path.parent.iterdir()] == ["tiny.json"]


def test_write_baseline__has_a_line_a_metric_and_one_number_for_what_never_changes(made):
    """A review shows which metrics moved, and the file stays small."""
    _, path = made
    text = path.read_text(encoding="utf-8")
    content = json.loads(text)

    assert '    "devices": 200,' in text.splitlines()
    assert len(content["metrics"]["attempts"]) == 64
    assert sum('"attempts": [' in line for line in text.splitlines()) == 1
    assert (content["format"], content["replications"], content["seed"]) == (FORMAT, 64, 3)
    assert content["reason"] == "a reason, with ümlaut"
    assert set(content["versions"]) == {"fleetsim", "python", "numba", "numpy", "simpy"}
    assert len(text) < 40_000


def test_read_baseline__holds_values_curve_and_trail_of_the_run(made):
    """Everything that a later comparison needs is there: values by replication, lines, curve, attempts."""
    path, written = made
    case, read = case_of(path), read_baseline(written)
    trial = case.trial()

    assert read.samples.first(1) == trial.samples
    assert read.samples.replications == 64
    assert list(read.samples.lines) == ["by_cohort.far.attempts"]
    assert read.curve == trial.curve
    assert read.curve.success[-1] == trial.samples.metrics["success_share"][0]
    assert read.digest == trial.digest
    assert "alike" in part_from(read.attempts, trail(case.scenario)[0])
    assert read.file == file_values(case.scenario)


def test_read_baseline__of_no_file_is_none(tmp_path):
    """A missing baseline is not an error here: the caller says how to make one."""
    assert read_baseline(tmp_path / "no.json") is None


def without(name):
    """Return what takes an entry away."""
    return lambda content: content.pop(name)


def with_entry(name, value):
    """Return what sets an entry."""
    return lambda content: content.update({name: value})


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (without("curve"), "is damaged (KeyError: 'curve')"),
        (without("format"), "is of no format that"),
        (with_entry("format", "1"), "is of no format that"),
        (with_entry("format", 7), "is of format 7"),
        (with_entry("replications", 0), "64 digests for 0 replications"),
        (with_entry("metrics", {"attempts": [1, 2]}), "2 values of attempts for 64 replications"),
        (with_entry("metrics", {"attempts": "many"}), "attempts is no list of numbers"),
        (with_entry("metrics", {"attempts": True}), "attempts is no list of numbers"),
        (with_entry("curve", {"time_s": [0], "success": [], "failed": []}), "differ in length"),
        (with_entry("versions", []), "is damaged (AttributeError"),
    ],
)
def test_read_baseline__refuses_what_it_does_not_understand(made, change, said):
    """A damaged file is named, with what is wrong and what to do; it never passes for a baseline."""
    _, path = made
    content = json.loads(path.read_text(encoding="utf-8"))
    change(content)
    path.write_text(json.dumps(content), encoding="utf-8")

    with pytest.raises(ScenarioError) as refused:
        read_baseline(path, "shown.json")

    text = str(refused.value)
    assert text.startswith("shown.json: ")
    assert said in text
    assert "make it anew" in text


@pytest.mark.parametrize("content", ["", "[1, 2]", "<<<<<<<", "\0"])
def test_read_baseline__refuses_what_is_no_json_object(tmp_path, content):
    """A merge conflict or an empty file is no baseline."""
    path = tmp_path / "x.json"
    path.write_text(content, encoding="utf-8")

    with pytest.raises(ScenarioError, match=r"x.json: is (no baseline|of no format)"):
        read_baseline(path)


def test_write_baseline__leaves_the_old_one_if_it_fails(made, monkeypatch):
    """A full disk must not cost the baseline that was there."""
    _, path = made
    before, read = path.read_bytes(), read_baseline(path)

    def fail(content):
        raise OSError("disk full")

    monkeypatch.setattr(module, "_to_json", fail)
    with pytest.raises(OSError, match="disk full"):
        write_baseline(path, read)

    assert path.read_bytes() == before
    assert [entry.name for entry in path.parent.iterdir()] == ["tiny.json"]


def test_file_values__are_what_changes_what_happens(scenario):
    """Another description or expectation is no change of the scenario."""
    one, other = scenario("one"), scenario("other", more="expect: {failed: '== 0'}\ndescription: words")

    assert file_values(load_scenario(one)) == file_values(load_scenario(other))
    assert set(file_values(load_scenario(one))) == {"fleet", "stages", "failures", "campaign", "run"}


def test_inventory_digest__follows_the_list_of_devices(scenario, tmp_path):
    """A changed inventory is seen although the scenario file is the same."""
    (tmp_path / "fleet.csv").write_text("device_id,cohort\na,c\n", encoding="utf-8")
    path = tmp_path / "x.yaml"
    fleet = "fleet: {inventory: fleet.csv, cohorts: [{name: c}]}"
    text = f"{fleet}\ncampaign: {{package: {{version: v2, size: 1 kB}}}}\n"
    path.write_text(text, encoding="utf-8")
    before = inventory_digest(load_scenario(path))
    (tmp_path / "fleet.csv").write_text("device_id,cohort\nb,c\n", encoding="utf-8")

    assert inventory_digest(load_scenario(path)) != before
    assert inventory_digest(load_scenario(scenario())) is None
