"""The page of a sensitivity study says what its files say."""

import json
import shutil

import pandas as pd
import pytest

from sim.report.study.pages import study_page


@pytest.fixture
def changed(studies, tmp_path):
    """Return a copy of the folder, to change it."""
    return shutil.copytree(studies["sensitivity"], tmp_path / "copy")


def test_sensitivity_page__begins_with_the_headline(studies):
    """The sentence is that of the answer, and the question names the metrics in words."""
    page = study_page(studies["sensitivity"])

    assert page.title == "tiny: sensitivity"
    assert page.answer == json.loads((studies["sensitivity"] / "sensitivity.json").read_text())["headline"]
    assert page.question.startswith("Which of 2 fields matters most to the time until the last device")


def test_sensitivity_page__has_bars_by_field_and_the_points(studies):
    """The field that matters most is on top, and the dots stand over its values."""
    page = study_page(studies["sensitivity"])
    bars, dots = page.charts
    frame = pd.read_parquet(studies["sensitivity"] / "sensitivity.parquet")
    points = pd.read_parquet(studies["sensitivity"] / "points.parquet")
    most = frame[frame["metric"] == "makespan"].sort_values("total", ascending=False).iloc[0]

    assert bars.data["field"][0] == most["field"]
    assert bars.data["total"][0] == pytest.approx(most["total"])
    assert dots.data["mean"] == points["makespan"].tolist()
    assert dots.data["x"] == points[most["field"]].astype(float).tolist()
    assert len(page.sections[2].tables[0].rows) == len(frame)


def test_sensitivity_page__says_why_a_metric_has_no_chart(studies, changed):
    """What is the same everywhere has no bars, nor what never came about; both are said."""
    told = study_page(studies["sensitivity"]).sections[0].sentences
    assert len(told) == 1
    assert "it is the same at every point" in told[0]

    frame = pd.read_parquet(changed / "sensitivity.parquet")
    frame.loc[frame["metric"] == "makespan", frame.columns[2:]] = float("nan")
    frame.to_parquet(changed / "sensitivity.parquet")
    (changed / "sensitivity.json").unlink()  # as in folders of earlier versions
    page = study_page(changed)
    assert page.charts == []
    assert any("never came about at some points" in text for text in page.sections[0].sentences)
    assert page.answer == "Nothing matters to what was asked for."
    assert page.sections[2].tables[0].rows[0][2:] == ("–", "", "–", "")


def test_sensitivity_page__rests_on_ranges_of_points(studies):
    """Each field is told with the ends of what was looked at, and wide intervals are owned up to."""
    points = study_page(studies["sensitivity"]).sections[-1].points

    assert any(text.startswith("platform.max_processing: points from ") for text in points)
    assert "campaign.task_policy.retry_count: points from 1 to 3." in points
    assert points[-1] == "The intervals are wide; more samples narrow them."
