"""`fleetsim fit`: from recorded data to a scenario, and back into a run with draws."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import sim
from sim.calibration.files.earlier_fit import priors_of
from sim.calibration.files.fit_file import read_fit
from sim.cli import main
from sim.cli.exit_codes import ExitCode
from sim.scenario import load_scenario, parse_scenario

TEXT = """\
name: tiny
fleet:
  cohorts:
    - {name: meters, devices: 600, link_rate: 170 kbit/s, online: {fraction: UP %, mean_offline: 2 h}}
stages: {install: {lognormal: {median: 60 s, sigma: 0.4}}}
failures:
  - {stage: install, code: 10, probability: SHARE %}   # ours
  - {stage: download, code: 2, probability: 3 %}
campaign:
  package: {version: "2.0", size: 1 MiB}
run: {until: 2 d}
"""
TRUTH = TEXT.replace("UP", "70").replace("SHARE", "20")
TEMPLATE = TEXT.replace("UP", "50").replace("SHARE", "5")


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    """Attempts of a simulated campaign, as a table with times."""
    log = sim.run(parse_scenario(TRUTH), log_attempts=True, plane="simpy").attempts
    begin, look = pd.Timestamp("2026-12-01T00:00:00Z"), np.ceil(log["end_s"] / 300) * 300
    table = pd.DataFrame(
        {
            "device_id": log["device_id"],
            "started_at": [(begin + pd.Timedelta(s, "s")).isoformat() for s in log["start_s"]],
            "ended_after": [(begin + pd.Timedelta(s - 300, "s")).isoformat() for s in look],
            "ended_at": [(begin + pd.Timedelta(s, "s")).isoformat() for s in look],
            "result": log["status"],
            "code": log["error_code"],
        }
    )
    path = tmp_path_factory.mktemp("data") / "attempts.csv"
    table.to_csv(path, index=False)
    return path


@pytest.fixture
def fitted(data, tmp_path, monkeypatch) -> Path:
    """The folder of a fit."""
    monkeypatch.chdir(tmp_path)
    Path("template.yaml").write_text(TEMPLATE, encoding="utf-8")
    words = ["--data", str(data), "--out", "fitted.yaml", "--fixed", "stages", "--fixed", "failures[1]"]
    assert main(["fit", "template.yaml", *words]) == ExitCode.DONE
    return tmp_path


def test_fit__writes_a_scenario_and_a_file_that_a_run_reads(fitted):
    """Numbers near the truth stand where the template's stood; draws go into a run of the result."""
    scenario = load_scenario("fitted.yaml")
    assert scenario.failures[0].probability == pytest.approx(0.2, abs=0.05)
    assert scenario.fleet.cohorts[0].online.fraction == pytest.approx(0.7, abs=0.06)
    assert scenario.failures[1].probability == 0.03
    text = Path("fitted.yaml").read_text(encoding="utf-8")
    assert "# ours  # fit: " in text
    record = read_fit("fitted.fit.json")
    assert record.draws.shape == (400, 3)
    assert np.allclose(record.covariance, record.covariance.T)
    run = ["run", "fitted.yaml", "--draws", "fitted.fit.json", "--replications", "2", "--plane", "simpy"]
    assert main(run) == ExitCode.DONE
    assert main(["run", "template.yaml", *run[2:]]) == ExitCode.DONE  # the same numbers in the same places


def test_fit__overwrites_nothing_unasked(fitted, data, capsys):
    """Files that are there are named, both, and stay."""
    before = Path("fitted.yaml").read_bytes()
    assert main(["fit", "template.yaml", "--data", str(data), "--out", "fitted.yaml"]) == ExitCode.BAD_INPUT
    err = capsys.readouterr().err
    assert "fitted.yaml: --out: is there already" in err
    assert "fitted.fit.json: --out: is there already" in err
    assert Path("fitted.yaml").read_bytes() == before
    words = [
        "--data",
        str(data),
        "--out",
        "fitted.yaml",
        "--force",
        "--fixed",
        "stages",
        "--fixed",
        "failures",
    ]
    assert main(["fit", "template.yaml", *words]) == ExitCode.DONE
    out = capsys.readouterr().out
    assert "600 devices, 600 attempts" in out
    assert "fleet.cohorts[0].online.fraction" in out
    assert "Written: fitted.yaml, fitted.fit.json" in out
    assert main(["fit", "template.yaml", "--data", str(data), "--out", "no/a.yaml"]) == ExitCode.BAD_INPUT
    assert "there is no folder 'no'" in capsys.readouterr().err


def test_fit__document_and_prior(fitted, data, capsys):
    """A program gets the numbers; an earlier fit is believed at twice its width, its failures are not."""
    capsys.readouterr()
    words = ["fit", "template.yaml", "--data", str(data), "--out", "b.yaml", "--fixed", "stages"]
    assert main([*words, "--prior", "fitted.fit.json", "--json"]) == ExitCode.DONE
    document = json.loads(capsys.readouterr().out)
    assert document["files"] == ["b.yaml", "b.fit.json"]
    assert {row["grade"] for row in document["numbers"]} <= {"identified", "weak"}
    record = read_fit("fitted.fit.json")
    priors, notes = priors_of(record, load_scenario("template.yaml"))
    contact = [row["path"] for row in record.numbers if row["path"].startswith("fleet")]
    assert [*priors] == contact
    assert priors[contact[0]].sd == pytest.approx(2 * record.covariance[0, 0] ** 0.5)
    assert "stages.install.lognormal.median" in notes[0]


def test_fit__refuses_what_no_fit_can_do(fitted, data, capsys):
    """A template that is not covered, and a fixed path that is none, end with 2 and say where."""
    Path("pulse.yaml").write_text(
        TEMPLATE.replace("fraction: 50 %, mean_offline: 2 h", "every: 2 h, for: 1 h")
    )
    words = ["--data", str(data), "--out", "c.yaml"]
    assert main(["fit", "pulse.yaml", *words]) == ExitCode.BAD_INPUT
    err = capsys.readouterr().err
    assert "pulse.yaml:4:" in err
    assert "fleet.cohorts[0].online: only links given by `fraction`" in err
    assert main(["fit", "template.yaml", *words, "--fixed", "failures[0].probabilty"]) == ExitCode.BAD_INPUT
    assert "failures[0].probability" in capsys.readouterr().err
    assert not Path("c.yaml").exists()
