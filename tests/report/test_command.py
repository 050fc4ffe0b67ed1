"""`fleetsim report` and `run --report`."""

import html
import json
import sys

import pytest

from sim.cli import main


def test_report__writes_into_the_folder(folder, tmp_path, capsys):
    """It names the file that it wrote."""
    assert main(["report", str(folder), "--out", str(tmp_path / "r.html")]) == 0
    assert capsys.readouterr().out == f"Written to {tmp_path / 'r.html'}\n"
    assert (tmp_path / "r.html").stat().st_size < 2_000_000


def test_report__bad_folder_is_bad_input(tmp_path, capsys):
    """Exit code 2, the folder's name, and what to do."""
    assert main(["report", str(tmp_path / "none")]) == 2
    assert "holds no results" in capsys.readouterr().err


@pytest.mark.parametrize(("answer", "said"), [(0, ""), (1, "open the file yourself")])
def test_report__opens_the_file(answer, said, folder, tmp_path, monkeypatch, capsys):
    """`--open` hands the file to the system's browser, and says so if there is none."""
    opened = []
    monkeypatch.setattr("click.launch", lambda url: opened.append(url) or answer)

    assert main(["report", str(folder), "--open", "--out", str(tmp_path / "r.html")]) == 0
    assert opened == [str(tmp_path / "r.html")]
    assert said in capsys.readouterr().err


@pytest.fixture
def scenario(tmp_path):
    """Return a scenario's file."""
    path = tmp_path / "tiny.yaml"
    path.write_text(
        "name: tiny\nfleet: {cohorts: [{name: a, devices: 5}]}\n"
        "stages: {install: {constant: 60 s}}\n"
        'campaign: {package: {version: "1", size: 1 kB}}\n'
    )
    return path


def test_run__report_is_among_its_files(scenario, tmp_path, capsys):
    """`run --report` writes the report too, and says so."""
    assert main(["run", str(scenario), "--report", "--out", str(tmp_path / "out")]) == 0
    assert "report.html" in capsys.readouterr().out
    assert (tmp_path / "out" / "report.html").read_text(encoding="utf-8").endswith("</html>\n")


def test_run__again_takes_the_old_report_away(scenario, tmp_path):
    """A report that tells of other numbers than the files beside it would be worse than none."""
    out = tmp_path / "out"
    assert main(["run", str(scenario), "--report", "--quiet", "--out", str(out)]) == 0
    assert main(["run", str(scenario), "--seed", "9", "--quiet", "--out", str(out)]) == 0

    assert not (out / "report.html").exists()
    assert (out / "manifest.json").exists()


STUDIES = {
    "sweep": ["--vary", "platform.max_processing=1,2", "--replications", "2"],
    "plan": ["--vary", "platform.max_processing=1..3", "--goal", "failed <= 0", "--replications", "2"],
    "policy": ["--replications", "2"],
    "sensitivity": [
        *("--vary", "platform.max_processing=1..3", "--vary", "campaign.task_policy.schedule_time=1 h..2 h"),
        *("--samples", "8"),
    ],
}


@pytest.mark.parametrize("kind", STUDIES)
def test_study__report_is_among_its_files(kind, scenario, tmp_path, capsys):
    """`--report` writes the report, again as well as the first time, and a study without it leaves none."""
    out = tmp_path / "out"
    command = [kind, str(scenario), *STUDIES[kind], "--out", str(out)]
    for _ in range(2):
        assert main([*command, "--report"]) == 0
        assert "report.html" in capsys.readouterr().out
        assert (out / "report.html").read_text(encoding="utf-8").endswith("</html>\n")

    assert main(command) == 0
    assert "report.html" not in {path.name for path in out.iterdir()}


def test_study__that_is_refused_leaves_the_report_alone(scenario, tmp_path, capsys):
    """The report of another study in the folder stays, as everything else does."""
    out = tmp_path / "out"
    command = ["sweep", str(scenario), *STUDIES["sweep"], "--out", str(out)]
    assert main([*command, "--report"]) == 0
    before = (out / "report.html").read_bytes()

    assert main([*command, "--report", "--seed", "77"]) == 2
    assert "a study with seed" in capsys.readouterr().err
    assert (out / "report.html").read_bytes() == before
    assert not (out / ".report.html").exists()


@pytest.mark.parametrize("kind", ["run", "report", *STUDIES])
def test_report__without_the_extra_is_refused_before_the_work(kind, scenario, folder, tmp_path, capsys):
    """Exit code 2, and what to install; nothing was run for nothing."""
    out = tmp_path / "out"
    command = [kind, str(scenario), *STUDIES.get(kind, []), "--report", "--out", str(out)]
    if kind == "report":
        command = ["report", str(folder), "--out", str(out)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "altair", None)
        assert main(command) == 2

    message = capsys.readouterr().err
    assert "pip install 'fleet-upgrade-sim[report]' (altair is missing)" in message
    assert not out.exists()


def test_report__of_a_folder_of_something_else_is_refused(tmp_path, capsys):
    """A file, and a folder without results, are named, with exit code 2."""
    (tmp_path / "file.txt").write_text("mine")
    for path, said in ((tmp_path, "holds no results"), (tmp_path / "file.txt", "is a file")):
        assert main(["report", str(path)]) == 2
        message = capsys.readouterr().err
        assert said in message
        assert str(path) in message


def test_run__its_report_says_what_something_costs(tmp_path, capsys):
    """`--without`: the comparison lies beside the result, and the page tells it, until the next run."""
    path, out = tmp_path / "late.yaml", tmp_path / "out"
    path.write_text(
        "name: late\nfleet: {cohorts: [{name: a, devices: 5}]}\nstages: {install: {constant: 60 s}}\n"
        "outages: [{at: 0 s, lasts: 1 h, effect: freeze}]\n"
        'campaign: {package: {version: "1", size: 1 kB}}\n'
    )
    words = ["run", str(path), "--replications", "2", "--quiet", "--report", "--out", str(out)]

    assert main([*words, "--without", "outages"]) == 0

    told = json.loads((out / "comparison.json").read_text(encoding="utf-8"))
    page = (out / "report.html").read_text(encoding="utf-8")
    assert told["metrics"]["time_to_success.p95"]["difference"] == pytest.approx(-3600)
    assert told["headline"] in capsys.readouterr().out
    assert ">Without outages</h2>" in page
    assert "95 % of the fleet upgraded" in page
    assert html.escape(told["headline"]).split(" 1 h ")[0] in page
    assert main(words) == 0
    assert not (out / "comparison.json").exists()
    assert "Without outages" not in (out / "report.html").read_text(encoding="utf-8")
