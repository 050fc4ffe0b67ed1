"""`fleetsim diff`: two results on disk, held against each other as a scenario and its baseline are."""

import json

import pytest

import sim
from sim.cli import main
from sim.cli.outcome import ExitCode
from support.small_scenario import CHANGED_BY_5_PERCENT, scenario_text


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """Return a folder with results: the same run twice, a changed one, short ones."""
    folder = tmp_path_factory.mktemp("results")
    scenario = sim.scenario.parse_scenario(scenario_text())
    changed = sim.scenario.parse_scenario(scenario_text(**CHANGED_BY_5_PERCENT))
    for name, what, replications, attempts in (
        ("a", scenario, 40, True),
        ("b", scenario, 40, False),
        ("changed", changed, 40, True),
        ("short", changed, 1, False),
    ):
        sim.run(what, replications=replications, log_attempts=attempts).save(folder / name)
    sim.run(scenario, replications=40, seed=8).save(folder / "luck")
    return folder


@pytest.fixture(autouse=True)
def _here(results, monkeypatch):
    """Work in the folder of the results."""
    monkeypatch.chdir(results)


def test_diff__equal_runs_are_equal(capsys):
    """Equal digests are all there is to say."""
    assert main(["diff", "a", "b"]) == ExitCode.DONE

    out = capsys.readouterr().out
    assert out.startswith("Equal in 40 replications (digest ")
    assert len(out.splitlines()) == 1


def test_diff__a_change_is_named_with_the_attempt_at_which_the_runs_part(capsys, tmp_path):
    """The table has the metrics that moved; both logs together tell where it began."""
    code = main(["diff", "a", "changed", "--figure", str(tmp_path / "x.png")])

    out = capsys.readouterr().out
    assert code == ExitCode.EXPECTATION_FAILED
    assert "different (40 replications in pairs)" in out.splitlines()[0]
    assert any(line.startswith("  time_to_success.p50  ") for line in out.splitlines())
    where, before, now = out.splitlines()[-3:]
    assert where.startswith("The runs part at ")
    assert before.startswith("  before: attempt 1, 0 s to ")
    assert now.startswith("  now:    attempt 1, 0 s to ")
    assert (tmp_path / "x.png").read_bytes().startswith(b"\x89PNG")


def test_diff__without_attempts_what_became_of_the_devices_tells(capsys):
    """The first device to fare otherwise is found in the targets, at the same time."""
    main(["diff", "a", "changed"])
    by_attempts = capsys.readouterr().out.splitlines()[-3]

    main(["diff", "b", "changed"])
    by_targets = capsys.readouterr().out.splitlines()[-3:]

    assert by_targets[0] == by_attempts
    assert by_targets[1].startswith("  before: 0 s to ")


def test_diff__one_replication_is_held_against_the_margins(capsys):
    """The common ones are compared; one of them proves nothing, which is said."""
    assert main(["diff", "a", "short"]) == ExitCode.EXPECTATION_FAILED

    assert "(1 replication, held against the margins alone: this may be chance)" in capsys.readouterr().out


def test_diff__other_luck_is_no_difference(capsys):
    """Two seeds differ in every number and in no metric that can be proven."""
    assert main(["diff", "a", "luck"]) == ExitCode.DONE

    out = capsys.readouterr().out
    assert out.startswith("The seeds differ (3, 8): the runs had different draws.\n")
    assert "Undecided, chance is larger than the margin: " in out


def test_diff__metrics_that_one_side_lacks_are_named(results, tmp_path, capsys):
    """A metric that is only in one of the results is a difference."""
    for path in (results / "a").iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    summary = json.loads((tmp_path / "summary.json").read_text(encoding="utf-8"))
    summary["metrics"]["boredom"] = summary["metrics"].pop("makespan")
    (tmp_path / "summary.json").write_text(json.dumps(summary), encoding="utf-8")

    assert main(["diff", "a", str(tmp_path)]) == ExitCode.EXPECTATION_FAILED

    out = capsys.readouterr().out
    assert out.splitlines() == [
        "Equal in 40 replications, as far as both have the same metrics.",
        "Metrics only in DIR_B: boredom",
        "Metrics only in DIR_A: makespan",
    ]


@pytest.mark.parametrize(("ending", "begins"), [("svg", b"<?xml"), ("pdf", b"%PDF"), ("PNG", b"\x89PNG")])
def test_diff__the_figure_has_the_format_that_its_name_promises(tmp_path, ending, begins):
    """Each format that the help names is what the file then holds."""
    main(["diff", "a", "short", "--figure", str(tmp_path / f"x.{ending}")])

    assert (tmp_path / f"x.{ending}").read_bytes().startswith(begins)


@pytest.mark.parametrize("name", ["d.xyz", "d"])
def test_diff__refuses_a_figure_that_is_no_image(tmp_path, capsys, name):
    """Nothing is compared or written under a name that promises something else."""
    assert main(["diff", "a", "short", "--figure", str(tmp_path / name)]) == ExitCode.BAD_INPUT

    said = capsys.readouterr()
    assert f"{name}' is no name of an image; end it with .png, .svg or .pdf" in said.err
    assert said.out == ""
    assert not (tmp_path / name).exists()


def test_diff__results_of_different_fleets_are_refused(tmp_path, capsys):
    """Devices without a partner are no pairs, and the refusal is that of `sim.compare`."""
    scenario = sim.scenario.parse_scenario(scenario_text())
    sim.run(scenario.with_values({"fleet.cohorts.far.devices": 51})).save(tmp_path / "larger")

    assert main(["diff", "a", str(tmp_path / "larger")]) == ExitCode.BAD_INPUT

    said = capsys.readouterr()
    assert "comparing runs of different fleets: cohort 'far' has 50 devices, and 51." in said.err
    assert said.out == ""


def test_diff__inventories_with_other_devices_are_different_fleets(tmp_path, capsys):
    """As many devices in the same cohorts are others still if they are called otherwise."""
    for name, last in (("x", "d3"), ("y", "d4")):
        inventory = tmp_path / f"{name}.csv"
        inventory.write_text(f"device_id,cohort\nd1,near\nd2,far\n{last},far\n", encoding="utf-8")
        listed = {
            "name": name,
            "fleet": {"inventory": str(inventory), "cohorts": [{"name": "near"}, {"name": "far"}]},
            "stages": {"install": {"constant": "60 s"}},
            "campaign": {"package": {"version": "2.0", "size": "1 MiB"}},
        }
        sim.run(listed).save(tmp_path / name)

    assert main(["diff", str(tmp_path / "x"), str(tmp_path / "x")]) == ExitCode.DONE
    assert main(["diff", str(tmp_path / "x"), str(tmp_path / "y")]) == ExitCode.BAD_INPUT

    assert "different fleets: their inventories list other device ids" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("file", "content", "said"),
    [
        ("manifest.json", None, "holds no results (manifest.json is missing)"),
        ("summary.json", None, "is not complete: summary.json missing"),
        ("manifest.json", {"format": 99}, "is no manifest of fleetsim: it holds format"),
        ("manifest.json", {"format": 99, "versions": {"fleetsim": "9.9"}}, "format: 99 is not known"),
        ("summary.json", {"replications": 2}, "is damaged (KeyError: 'digest')"),
        ("summary.json", "{", "can't be read: "),
        (
            "summary.json",
            {"replications": 2, "digest": "", "metrics": {"failed": {"values": [1]}}},
            "not every metric has 2 values",
        ),
        ("curves.parquet", "no table", "is damaged (ArrowInvalid: "),
    ],
)
def test_diff__refuses_what_is_no_result(results, tmp_path, capsys, file, content, said):
    """The folder and what is wrong with it are named, with exit code 2."""
    for path in (results / "a").iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    if content is None:
        (tmp_path / file).unlink()
    else:
        text = content if isinstance(content, str) else json.dumps(content)
        (tmp_path / file).write_text(text, encoding="utf-8")

    code = main(["diff", str(tmp_path), "changed", "--figure", str(tmp_path / "x.png")])

    assert code == ExitCode.BAD_INPUT
    assert said in capsys.readouterr().err
