"""A run read back from its folder is the run that was saved."""

import json

import numpy as np
import pytest

from sim.errors import ScenarioError
from sim.results.files.read import read_run
from sim.results.replication import fleet_records
from sim.rules import SubtaskState


def test_read_run__devices_are_those_of_the_first_replication(result, stored):
    """Every column of the records survives the way through the file, to the microsecond."""
    records = result.kept[0].records
    for name in records._fields:
        np.testing.assert_array_equal(
            getattr(stored.fleet.records, name), getattr(records, name), err_msg=name
        )
    np.testing.assert_array_equal(stored.fleet.cohort, result.kept[0].spec.cohort)
    assert stored.fleet.cohort_names == ("gateway", "meter")
    assert fleet_records(result.kept[0]).end_s == pytest.approx(stored.fleet.end_s)


def test_read_run__with_all_targets_the_first_replication_is_read_only(result, tmp_path):
    """A file with the devices of several replications gives those of the first."""
    import sim

    full = sim.run(result.scenario, replications=2, all_targets=True)
    full.save(tmp_path / "all")
    fleet = read_run(tmp_path / "all").fleet

    assert len(fleet.cohort) == 800
    np.testing.assert_array_equal(fleet.records.end, result.kept[0].records.end)


def test_read_run__replications_have_their_curves_and_metrics(result, stored):
    """Curves, recovery, metrics and final states of each replication are those that were saved."""
    assert len(stored.replications) == 3
    for read, run in zip(stored.replications, result.runs, strict=True):
        assert dict(read.metrics) == dict(run.metrics)
        np.testing.assert_array_equal(read.curves.status, run.curves.status)
        np.testing.assert_array_equal(read.curves.tick, run.curves.tick)
        np.testing.assert_allclose(read.recovery.recovered, run.recovery.recovered)
        np.testing.assert_array_equal(read.final, run.final)
        assert read.end_s == pytest.approx(run.end_s)


def test_read_run__pending_devices_stay_what_they_were(make_stored):
    """A run that is cut off has as many pending devices as its metrics say."""
    short = {"until": "1 h", "resolution": "7 min", "seed": 3}
    run = make_stored(run=short, operators=None, outages=None)
    final = run.replications[0].final

    assert final.sum() == 800
    pending = sum(int(final[state]) for state in SubtaskState if state.is_live)
    assert pending == run.summary["metrics"]["pending"]["mean"] > 0


def test_scenario__is_the_one_that_was_run(result, stored):
    """The manifest's text gives the same scenario again."""
    assert stored.scenario.digest == result.scenario.digest


def test_scenario__of_an_inventory_knows_the_sizes_of_its_cohorts(tmp_path):
    """A folder from an inventory can be read where the inventory is not."""
    import sim

    home = tmp_path / "home"
    home.mkdir()
    (home / "fleet.csv").write_text("device_id,cohort\na,x\nb,x\nc,y\n")
    (home / "s.yaml").write_text(
        "name: listed\nfleet: {inventory: fleet.csv, cohorts: [{name: x}, {name: y}]}\n"
        'campaign: {package: {version: "1", size: 1 kB}}\n'
    )
    sim.run(home / "s.yaml").save(tmp_path / "out")
    (home / "fleet.csv").unlink()

    assert read_run(tmp_path / "out").scenario.cohort_sizes == (2, 1)


def test_read_run__refuses_what_holds_no_result(tmp_path):
    """An empty folder is named, with what to do."""
    with pytest.raises(ScenarioError, match=r"holds no results .*fleetsim run"):
        read_run(tmp_path)


def test_read_run__refuses_another_format(stored, tmp_path):
    """A folder of a later version is refused by its number."""
    (tmp_path / "manifest.json").write_text(json.dumps({**stored.manifest, "format": 99}))
    with pytest.raises(ScenarioError, match="99 is not known"):
        read_run(tmp_path)


@pytest.mark.parametrize("text", ["{", "[1]"])
def test_read_run__refuses_a_damaged_manifest(text, tmp_path):
    """A manifest that is no JSON mapping is refused by name."""
    (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(ScenarioError, match=r"manifest\.json.*can't be read"):
        read_run(tmp_path)


def test_read_run__names_missing_files(stored, tmp_path):
    """A folder from which files were taken is refused with their names."""
    (tmp_path / "manifest.json").write_text(json.dumps(stored.manifest))
    with pytest.raises(ScenarioError, match=r"is not complete: summary\.json, targets\.parquet"):
        read_run(tmp_path)


def test_table__is_none_if_there_is_no_such_file(stored):
    """A table that a run doesn't write is absent, not an error, unless it is needed."""
    assert stored.table("attempts.parquet") is None
    with pytest.raises(ScenarioError, match=r"attempts\.parquet is missing; run the scenario again"):
        stored.needed_table("attempts.parquet")
    assert stored.table("calls.parquet", ["call"]).column_names == ["call"]
