"""The page of replications says what its files say."""

import json
import shutil

import pandas as pd
import pytest

from sim.report.study.pages import study_page


@pytest.fixture
def changed(studies, tmp_path):
    """Return a copy of the folder, to change it."""
    return shutil.copytree(studies["replications"], tmp_path / "copy")


def test_replications_page__begins_with_the_headline(studies):
    """The sentence is that of the answer; curves, spreads and values follow."""
    page = study_page(studies["replications"])

    assert page.title == "tiny: replications"
    assert page.answer == json.loads((studies["replications"] / "replications.json").read_text())["headline"]
    assert "4 runs" in page.about
    assert [section.name for section in page.sections] == ["course", "spread", "values", "assumptions"]


def test_replications_page__draws_bands_and_runs(studies):
    """Both curves have the rows of their file, and a spread has a dot a run, in order."""
    page = study_page(studies["replications"])
    charts = {chart.name: chart for chart in page.charts}
    bands = pd.read_parquet(studies["replications"] / "bands.parquet")
    runs = pd.read_parquet(studies["replications"] / "replications.parquet")

    for curve in ("completion", "recovery"):
        rows = bands[bands["curve"] == curve]
        assert charts[curve].data["mean"] == pytest.approx(rows["mean"].tolist(), abs=1e-5)
    spread = charts["runs-makespan"].data
    assert spread["value"] == sorted(runs["makespan"])
    assert spread["share"] == [0.25, 0.5, 0.75, 1.0]


def test_replications_page__has_every_metric_with_its_interval(studies):
    """The usual metrics are seen, the others folded up, and no metric is left out."""
    usual, others = study_page(studies["replications"]).sections[2].tables
    summary = pd.read_parquet(studies["replications"] / "summary.parquet")
    success = next(row for row in usual.rows if row[0] == "share of the fleet in Success")

    in_bytes = ~summary["metric"].str.endswith("_bps")  # the same rates in bit/s are for frames
    assert len(usual.rows) + len(others.rows) == in_bytes.sum()
    assert (usual.is_long, others.is_long) == (False, True)
    assert " % – " in success[2]
    assert success[-1] == "4 of 4"


def test_replications_page__of_equal_runs_says_so(changed):
    """Where nothing differs there is no spread to draw, and a sentence instead."""
    runs = pd.read_parquet(changed / "replications.parquet")
    pd.concat([runs.head(1)] * 3).to_parquet(changed / "replications.parquet")
    page = study_page(changed)

    assert [chart.name for chart in page.charts] == ["completion", "recovery"]
    assert page.sections[1].sentences == ["All runs came out alike: no metric that is drawn here differs."]


def test_replications_page__says_in_how_many_runs_it_never_came_about(changed):
    """A run without a value has no dot, and its line ends below 100 %; a curve of nothing is left out."""
    runs = pd.read_parquet(changed / "replications.parquet").astype({"makespan": float})
    runs.loc[0, "makespan"] = float("nan")
    runs.to_parquet(changed / "replications.parquet")
    bands = pd.read_parquet(changed / "bands.parquet")
    bands[bands["curve"] == "completion"].to_parquet(changed / "bands.parquet")
    (changed / "replications.json").unlink()  # as in folders of earlier versions
    page = study_page(changed)
    charts = {chart.name: chart for chart in page.charts}

    assert "recovery" not in charts
    assert charts["runs-makespan"].data["share"][-1] == 0.75
    assert charts["runs-makespan"].note.endswith("Never in 1 run.")
    assert page.answer.startswith("On average ")
