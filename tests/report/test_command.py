"""`fleetsim report` and `run --report`."""

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


def test_report__opens_the_file(folder, tmp_path, monkeypatch):
    """`--open` hands the file to the system's browser."""
    opened = []
    monkeypatch.setattr("click.launch", lambda url: opened.append(url) or 0)
    monkeypatch.setattr("rich_click.launch", lambda url: opened.append(url) or 0)

    assert main(["report", str(folder), "--open", "--out", str(tmp_path / "r.html")]) == 0
    assert opened == [str(tmp_path / "r.html")]


@pytest.fixture
def scenario(tmp_path):
    """Return a scenario's file."""
    path = tmp_path / "tiny.yaml"
    path.write_text(
        "name: tiny\nfleet: {cohorts: [{name: a, devices: 5}]}\n"
        'campaign: {package: {version: "1", size: 1 kB}}\n'
    )
    return path


def test_run__report_is_among_its_files(scenario, tmp_path, capsys):
    """`run --report` writes the report too, and says so."""
    assert main(["run", str(scenario), "--report", "--out", str(tmp_path / "out")]) == 0
    assert "report.html" in capsys.readouterr().out
    assert (tmp_path / "out" / "report.html").read_text(encoding="utf-8").endswith("</html>\n")
