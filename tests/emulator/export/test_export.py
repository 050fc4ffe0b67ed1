"""Tests of turning a session into a scenario."""

import numpy as np
import pytest

from sim.cli import main
from sim.cli.outcome import ExitCode
from sim.emulator.clock import VirtualClock
from sim.emulator.export.cohort_split import regroup
from sim.emulator.export.export import export_session
from sim.emulator.journal.journal import Journal
from sim.emulator.world import LAST_TICK, World
from sim.errors import ScenarioError
from sim.results import run
from sim.scenario import parse_scenario
from support.documents import document_of
from support.emulator import PACKAGE_ID, PACKAGES, TASKS, ids, scenario_of

POLICY = {"retry_count": 1, "retry_interval": 5}


def exported_of(api, tmp_path):
    """End the session and export it."""
    api.session.close()
    journal = Journal.open(tmp_path / "state0")
    try:
        return export_session(journal, tmp_path, "devices.csv")
    finally:
        journal.close()


def play(scenario_text, folder):
    """Run an exported scenario; return the result."""
    return run(parse_scenario(scenario_text, folder=folder))


def test_export__a_whole_fleet_and_a_retry(api, tmp_path):
    """The plainest script: one task, wait, retry all. Every device ends at the same tick."""
    task_id = api.create(groups=["good", "bad", "flaky"], task_policy=POLICY)
    api.advance(until_settled=task_id)
    api.advance(seconds=3600)
    api.post(f"{TASKS}/{task_id}/retry")
    api.advance(until_settled=task_id)
    exported = exported_of(api, tmp_path)

    assert (exported.n_differing, exported.notes, exported.inventory) == (0, (), None)
    assert exported.values["operators"][0]["call"] == "retry"
    result = play(exported.text(), tmp_path)
    assert [verdict.met for verdict in result.expectations] == [True] * 5
    assert result.tasks["status"].tolist() == ["PartialSuccess"]


def test_export__tasks_that_follow_one_another_are_waves(api, tmp_path):
    """A canary of some devices first, the others a day later; cohorts are cut, ids stay."""
    api.advance(seconds=12.5)
    canary = api.create("canary", targets=ids("flaky", *range(30)))
    api.advance(until_settled=canary)
    api.advance(seconds=86_400)
    others = api.create("others", targets=[*ids("flaky", *range(30, 170)), *ids("good", *range(20))])
    api.advance(until_settled=others)
    exported = exported_of(api, tmp_path)

    assert (exported.n_differing, exported.notes) == (0, ())
    waves = exported.values["campaign"]["waves"]
    assert [wave["name"] for wave in waves] == ["wave1", "wave2", "never"]
    assert waves[2]["cohorts"] == ["bad-part1"]
    assert waves[0]["soak"] == "86400 s"
    assert exported.values["run"]["start"] == "2026-01-05T00:00:12.500000Z"
    result = play(exported.text(), tmp_path)
    assert set(result.targets["device_id"]) >= set(ids("flaky", *range(170)))
    assert all(verdict.met for verdict in result.expectations)


def test_export__a_script_that_retries_by_code_in_lists(api, tmp_path):
    """Lists of targets that a script chose by code become an operator that chooses by code."""
    task_id = api.create(groups=["good", "bad", "flaky"])
    api.advance(until_settled=task_id)
    chosen = []
    for offset in (0, 50, 100, 150):
        page = api.get(f"{TASKS}/{task_id}", task_detail_status="Fail", limit=50, offset=offset).json
        chosen += [d["target"] for d in page["task_details"] if d["error"].get("error_code") == "2"]
    chosen.sort()
    assert len(chosen) > 20
    for first in range(0, len(chosen), 20):
        api.post(f"{TASKS}/{task_id}/retry", {"targets": chosen[first : first + 20]})
    api.advance(until_settled=task_id)
    exported = exported_of(api, tmp_path)

    (operator,) = exported.values["operators"]
    assert operator["only"] == {"tasks": [1], "codes": [2]}
    assert operator["batch"] == 20
    assert (exported.n_differing, exported.notes) == (0, ())


@pytest.mark.parametrize(
    ("choose", "only"),
    [
        (lambda errors: [t for t, code in errors if code is None], {"codes": ["result_timeout"]}),
        (lambda errors: [t for t, code in errors if t.startswith("bad")], {"codes": [10]}),
        (lambda errors: [t for t, code in errors if t.startswith("flaky")], {"codes": ["result_timeout", 2]}),
        (lambda errors: [t for t, _ in errors], {}),
    ],
)
def test_export__targets_by_code_or_all(api, tmp_path, choose, only):
    """Whatever a script's targets have in common is found."""
    task_id = api.create(groups=["bad", "flaky"])
    api.advance(until_settled=task_id)
    errors = []
    for offset in (0, 50, 100):
        page = api.get(f"{TASKS}/{task_id}", task_detail_status="Fail", limit=50, offset=offset).json
        errors += [(d["target"], d["error"].get("error_code")) for d in page["task_details"]]
    api.post(f"{TASKS}/{task_id}/retry", {"targets": sorted(choose(errors))})
    exported = exported_of(api, tmp_path)
    found = exported.values["operators"][0]["only"]

    assert {key: sorted(map(str, value)) for key, value in found.items() if key != "tasks"} == {
        key: sorted(map(str, value)) for key, value in only.items()
    }
    assert exported.n_differing == 0


def test_export__stop_by_cohort_confirm_and_delete(api, tmp_path):
    """All four calls become operators; targets of a stop are told apart by cohort."""
    task_id = api.create(groups=["good", "bad"], need_confirm=True)
    api.advance(seconds=10)
    api.post(f"{TASKS}/{task_id}/confirm")
    api.advance(seconds=20)
    api.post(f"{TASKS}/{task_id}/stop", {"targets": ids("bad", *range(10))})
    api.advance(until_settled=task_id)
    api.advance(seconds=5)
    api.delete(f"{TASKS}/{task_id}")
    exported = exported_of(api, tmp_path)
    operators = exported.values["operators"]

    assert [operator["call"] for operator in operators] == ["confirm", "stop", "delete"]
    assert operators[1]["only"] == {"tasks": [1], "cohorts": ["bad"]}
    assert exported.values["campaign"]["need_confirm"] is True
    assert (exported.n_differing, exported.notes) == (0, ())


def test_export__a_scheduled_task_and_a_paced_script(make_session, make_api, tmp_path):
    """A start in the future becomes a delay, and calls that took their time become a rate."""

    class Wall:
        ns = 0

        def __call__(self):
            return self.ns

    wall = Wall()
    clock = VirtualClock("manual", limit_ticks=LAST_TICK, wall_ns=wall)
    scenario = scenario_of(platform={"api": {"throttle_share": "0 %", "error_share": "0 %"}})
    api = make_api(session=make_session(scenario, clock=clock))
    task_id = api.create(groups=["bad"], task_policy={"schedule_time": "20260105T010000Z", **POLICY})
    api.advance(until_settled=task_id)
    api.post("/_sim/clock/speed", {"speed": 1})
    for number in range(5):
        api.post(f"{TASKS}/{task_id}/retry", {"targets": ids("bad", 2 * number, 2 * number + 1)})
        wall.ns += 250_000_000
    api.post("/_sim/clock/freeze")
    api.advance(until_settled=task_id)
    exported = exported_of(api, tmp_path)

    policy = exported.values["campaign"]["task_policy"]
    assert policy == {"retry_count": 1, "retry_interval": "5 min", "schedule_time": "3600 s"}
    (operator,) = exported.values["operators"]
    assert (operator["batch"], operator["call_rate"]) == (2, "4 /s")
    assert "platform" not in exported.values
    assert exported.n_differing == 0


def test_export__other_types_and_other_places_are_named(make_api, tmp_path):
    """A task of another type is simulated as the scenario's, and reordered devices have other draws."""
    api = make_api(scenario_of(fleet={"cohorts": [{"name": "many", "devices": 2400}]}))
    location = {"obs_location": {"region_name": "r", "bucket_name": "buc", "object_key": "k"}}
    package = api.post(
        PACKAGES,
        {
            "app_id": "a",
            "package_type": "softwarePackage",
            "product_id": "p",
            "version": "1",
            "file_location": location,
        },
    ).json["package_id"]
    task_id = api.create(
        targets=ids("many", *range(0, 2400, 2)),
        task_type="softwareUpgrade",
        document={"package_ids": [package]},
    )
    api.advance(until_settled=task_id)
    exported = exported_of(api, tmp_path)

    assert exported.notes == (
        "Devices have other numbers than in the session, hence other draws.",
        "Task 1 installed 1; here it installs 2.0.",
        "Task 1 was a softwareUpgrade.",
    )


def test_export__outages_move_with_the_beginning(make_api, tmp_path):
    """The scenario's outages hit the same devices at the same moment of the campaign."""
    outages = [
        {"at": "10 s", "lasts": "20 s", "effect": "unreachable"},
        {"at": "100 s", "lasts": "1 h", "cohorts": ["flaky"], "effect": "unreachable"},
    ]
    api = make_api(scenario_of(outages=outages))
    api.advance(seconds=90)
    first = api.create(targets=ids("flaky", *range(100)))
    api.advance(until_settled=first)
    second = api.create(targets=ids("flaky", *range(100, 170)))
    api.advance(until_settled=second)
    exported = exported_of(api, tmp_path)

    assert exported.values["outages"] == [
        {
            "at": "10 s",
            "lasts": "3600 s",
            "cohorts": ["flaky-part1", "flaky-part2"],
            "effect": "unreachable",
        }
    ]
    assert exported.n_differing == 0


def test_export__says_what_has_no_place_in_a_scenario(api, tmp_path):
    """Overlapping tasks, second upgrades, other policies and odd choices are named."""
    api.create("first", targets=ids("flaky", 1, 3, 5, 7))
    api.advance(seconds=1)
    api.create("second", targets=ids("flaky", 0, 2, 4), task_policy=POLICY)
    api.advance(seconds=400_000)
    api.create("again", targets=ids("flaky", 1, 2))
    api.post(f"{TASKS}/{2:024x}/stop", {"targets": ids("flaky", 0)})
    api.advance(seconds=400_000)
    exported = exported_of(api, tmp_path)

    assert sorted(note[:24] for note in exported.notes if note.startswith("Task 2")) == [
        "Task 2 had another polic",
        "Task 2 has other targets",
        "Task 2 was created while",
    ]
    assert any(note.startswith("Task 3 upgraded devices for the second time") for note in exported.notes)
    assert exported.n_differing > 0
    assert f"{exported.n_differing} of 200 devices end otherwise" in exported.text()
    assert all(verdict.met for verdict in play(exported.text(), tmp_path).expectations)


def test_export__a_choice_that_nothing_tells_apart_is_widened(api, tmp_path):
    """Targets that a script picked one by one become all with the same code in the same cohort."""
    task_id = api.create(groups=["bad"])
    api.advance(until_settled=task_id)
    api.post(f"{TASKS}/{task_id}/retry", {"targets": ids("bad", 2, 5)})
    exported = exported_of(api, tmp_path)

    assert exported.values["operators"][0]["only"] == {"tasks": [1], "codes": [10], "cohorts": ["bad"]}
    assert len(exported.notes) == 1
    assert "named 2 targets of task 1; here it is for 10" in exported.notes[0]


def test_export__calls_that_had_no_effect_and_packages_leave_no_trace(api, tmp_path):
    """Only what changed the fleet becomes part of the scenario."""
    api.delete(f"{PACKAGES}/{PACKAGE_ID}")
    api.session.reset()
    task_id = api.create(groups=["good"])
    api.delete(f"{PACKAGES}/{PACKAGE_ID}")
    api.post(f"{TASKS}/{task_id}/retry", {"targets": ["stranger"]})
    api.advance(until_settled=task_id)
    exported = exported_of(api, tmp_path)

    assert "operators" not in exported.values
    assert exported.n_differing == 0


def test_export__a_session_without_tasks_is_refused(api, tmp_path):
    """There is nothing to repeat if nothing was created."""
    api.advance(seconds=5)
    with pytest.raises(ScenarioError, match="no task was created"):
        exported_of(api, tmp_path)


def test_regroup__cuts_at_the_borders_of_waves():
    """Neighbours of one cohort in one wave are a part; every device keeps its index."""
    world = World(scenario_of())
    waves = [np.arange(5, 25, dtype=np.int32), np.arange(40, 200, dtype=np.int32)]
    grouping = regroup(world.scenario, world.service.names, waves)

    assert [cohort["name"] for cohort in grouping.fleet["cohorts"]] == [
        "good-part1",
        "good-part2",
        "bad-part1",
        "bad-part2",
        "flaky-part1",
        "flaky-part2",
    ]
    assert grouping.members == [["good-part2", "bad-part1"], ["flaky-part2"]]
    assert grouping.left_out == ["good-part1", "bad-part2", "flaky-part1"]
    assert grouping.keeps_order
    assert grouping.inventory is not None
    assert grouping.inventory.splitlines()[:2] == ["device_id,cohort", "good-0000000,good-part1"]


def test_regroup__keeps_who_shares_a_site():
    """Counted sites go over the borders of parts, so the inventory names them."""
    cohorts = [
        {"name": "shop", "devices": 5, "site": {"devices": 2, "uplink": "1 Mbit/s"}},
        {"name": "office", "devices": 2},
    ]
    scenario = scenario_of(fleet={"cohorts": cohorts})
    grouping = regroup(scenario, World(scenario).service.names, [np.arange(1, 4, dtype=np.int32)])

    assert grouping.inventory is not None
    assert grouping.inventory.splitlines() == [
        "device_id,cohort,site",
        "shop-0000000,shop-part1,shop-site1",
        "shop-0000001,shop-part2,shop-site1",
        "shop-0000002,shop-part2,shop-site2",
        "shop-0000003,shop-part2,shop-site2",
        "shop-0000004,shop-part3,shop-site3",
        "office-0000000,office-part1,",
        "office-0000001,office-part1,",
    ]
    assert grouping.fleet["sites"] == {f"shop-site{k}": {"uplink": "1 Mbit/s"} for k in (1, 2, 3)}
    assert all("site" not in cohort for cohort in grouping.fleet["cohorts"])


def test_regroup__too_many_parts_are_bundled():
    """Every second device would make as many cohorts as devices; then devices change places instead."""
    scenario = scenario_of(fleet={"cohorts": [{"name": "many", "devices": 3000}]})
    world = World(scenario)
    grouping = regroup(scenario, world.service.names, [np.arange(0, 3000, 2, dtype=np.int32)])

    assert [cohort["name"] for cohort in grouping.fleet["cohorts"]] == ["many-part1", "many-part2"]
    assert not grouping.keeps_order
    assert sorted(grouping.order.tolist()) == list(range(3000))


def test_command__writes_a_scenario_that_runs(make_api, tmp_path, capsys):
    """`fleetsim journal export` writes a file that `fleetsim run` plays and finds as expected."""
    api = make_api()
    task_id = api.create(targets=ids("flaky", *range(50)))
    api.advance(until_settled=task_id)
    api.session.close()
    state, out = tmp_path / "state0", tmp_path / "again.yaml"

    assert main(["journal", "export", str(state), "--out", str(out)]) == ExitCode.DONE
    assert "200 of 200 devices end as they did in the session." in capsys.readouterr().err
    assert (tmp_path / "again-devices.csv").exists()
    assert main(["run", str(out), "--out", str(tmp_path / "out"), "--quiet"]) == ExitCode.DONE
    assert main(["journal", "export", str(state), "--out", str(out)]) == ExitCode.BAD_INPUT
    assert "--force replaces it" in capsys.readouterr().err
    assert main(["journal", "export", str(state), "--out", str(out), "--force"]) == ExitCode.DONE
    assert main(["journal", "export", str(state)]) == ExitCode.BAD_INPUT
    assert "needs an inventory beside it" in capsys.readouterr().err


def test_command__prints_without_a_file(make_api, tmp_path, capsys):
    """Without `--out` the scenario is printed, and nothing else with it."""
    api = make_api()
    api.create(groups=["good"])
    api.session.close()

    assert main(["journal", "export", str(tmp_path / "state0")]) == ExitCode.DONE
    exported = parse_scenario(capsys.readouterr().out)
    assert exported.n_devices == 200
    assert "a session with the fleet of small" in exported.description


def test_command__answers_programs_with_a_document(make_api, tmp_path, capsys):
    """The scenario as text if it goes to no file; the files if it does."""
    api = make_api()
    api.create(groups=["good"])
    api.session.close()
    state, out = str(tmp_path / "state0"), str(tmp_path / "again.yaml")

    printed = document_of(["journal", "export", state], capsys)
    written = document_of(["journal", "export", state, "--out", out], capsys)

    assert (
        parse_scenario(printed["scenario"]).n_devices == printed["devices"] == printed["devices_alike"] == 200
    )
    assert (written["scenario"], written["files"]) == (None, [out])


def test_command__a_folder_in_use_or_without_journal(make_api, tmp_path, capsys):
    """A running server's folder is refused, and so is one without a session."""
    make_api()
    for folder, text in ((tmp_path / "state0", "in use"), (tmp_path, "there is no journal")):
        assert main(["journal", "export", str(folder)]) == ExitCode.BAD_INPUT
        assert text in capsys.readouterr().err
