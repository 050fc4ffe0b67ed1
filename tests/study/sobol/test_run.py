"""Sensitivities: known indices, ranges, and fields that don't matter."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import sobol_indices as by_scipy
from scipy.stats import uniform

from sim.errors import ScenarioError
from sim.study import sensitivity
from sim.study.engine import dispatch
from sim.study.sobol.answer import sobol_indices
from sim.study.sobol.run import sample_positions
from sim.study.sobol.text import _notes
from support.study_scenarios import files_in


def ishigami(positions: np.ndarray) -> np.ndarray:
    """Return Ishigami's function, whose indices are known."""
    x = (positions.T - 0.5) * 2 * np.pi
    return np.sin(x[0]) + 7 * np.sin(x[1]) ** 2 + 0.1 * x[2] ** 4 * np.sin(x[0])


def test_indices__are_those_of_a_known_function():
    """First-order 0.314, 0.442, 0; total 0.558, 0.442, 0.244."""
    values = ishigami(sample_positions(3, 4096, seed=1)).reshape(5, 4096)

    found = sobol_indices(values, seed=1)

    assert found.first == pytest.approx([0.3139, 0.4424, 0.0], abs=0.02)
    assert found.total == pytest.approx([0.5576, 0.4424, 0.2437], abs=0.02)
    for value, bounds in ((found.first, found.first_bounds), (found.total, found.total_bounds)):
        assert (bounds[0] <= value + 1e-9).all()
        assert (value <= bounds[1] + 1e-9).all()
        assert (bounds[1] - bounds[0] < 0.2).all()


def test_indices__agree_with_scipy_sampling_for_itself():
    """Our design of points and scipy's lead to the same indices."""
    side = uniform(0, 1)
    theirs = by_scipy(func=lambda x: ishigami(x.T), n=2048, dists=[side] * 3, rng=np.random.default_rng(2))
    ours = sobol_indices(ishigami(sample_positions(3, 2048, seed=2)).reshape(5, 2048), seed=2)

    assert ours.first == pytest.approx(theirs.first_order, abs=0.05)
    assert ours.total == pytest.approx(theirs.total_order, abs=0.05)


def test_indices__tell_what_fields_do_together():
    """A quarter of the variance of Ishigami's function is no field's own; of a sum, nothing is."""
    positions = sample_positions(3, 4096, seed=1)
    together = sobol_indices(ishigami(positions).reshape(5, 4096), seed=1)
    alone = sobol_indices(positions.sum(axis=1).reshape(5, 4096), seed=1)

    assert together.together == pytest.approx(0.2437, abs=0.03)
    assert together.together_bounds[0] > 0.1
    assert alone.together_bounds[0] < 0 < alone.together_bounds[1] < 0.1
    assert "fields acting together explain 0.2" in " ".join(_notes(together))
    assert not _notes(alone)


def test_indices__few_samples_are_no_proof_of_anything():
    """Where indices add up to less than 1 by chance alone, the text asks for more samples, no more."""
    values = sample_positions(2, 8, seed=3).sum(axis=1).reshape(4, 8)

    (note,) = _notes(sobol_indices(values, seed=3))

    assert "more --samples narrow them" in note


def test_positions__form_a_saltelli_design():
    """A, B, and A with one field at a time from B; the same for the same seed."""
    found = sample_positions(2, 8, seed=5).reshape(4, 8, 2)

    a, b, first, second = found
    assert (first[:, 0] == b[:, 0]).all()
    assert (first[:, 1] == a[:, 1]).all()
    assert (second[:, 0] == a[:, 0]).all()
    assert (second[:, 1] == b[:, 1]).all()
    assert (found == sample_positions(2, 8, seed=5).reshape(4, 8, 2)).all()
    assert (found != sample_positions(2, 8, seed=6).reshape(4, 8, 2)).all()
    assert ((found >= 0) & (found < 1)).all()


VARY = {
    "failures[0].probability": "0 %..60 %",
    "campaign.task_policy.retry_count": "0..3",
    "platform.cell_places": [[50, 10, 1], [40, 10, 1]],
}


@pytest.fixture(scope="module")
def found():
    """Return how failures, retries, and a field of other devices matter."""
    from support.study_scenarios import scenario_of

    return sensitivity(scenario_of(300), VARY, metrics=["success_share", "devices", "makespan"], samples=32)


def test_sensitivity__tells_what_matters_from_what_does_not(found):
    """Failures and retries matter, places in radio cells that nobody has don't."""
    share = found.frame.query("metric == 'success_share'").set_index("field")["total"]

    assert share["failures[0].probability"] > 0.3
    assert share["campaign.task_policy.retry_count"] > 0.1
    assert share["platform.cell_places"] == pytest.approx(0, abs=1e-12)


def test_sensitivity__a_metric_that_does_not_vary_has_zeros(found):
    """The number of devices depends on nothing here."""
    assert (found.frame.query("metric == 'devices'")[["first", "total"]] == 0).all(axis=None)
    assert "the same at every point: nothing matters" in str(found)


def test_sensitivity__equal_points_are_run_once(found):
    """Lists and whole numbers meet again; a run for each time would be wasted."""
    assert len(found.rows) == 32 * 5
    assert len(found.runs.points) < len(found.rows)
    assert len(found.points) == len(found.runs.points)
    assert "(160" not in str(found)
    assert "160 points" in str(found)


def test_sensitivity__a_time_that_is_never_reached_has_no_indices(tiny):
    """Where some points never get there, there is no variance; it is said, not guessed."""
    found = sensitivity(
        tiny,
        {"failures[0].probability": "0 %..90 %", "campaign.package.size": "1 MB..2 MB"},
        metrics=["time_to_success.p95"],
        samples=8,
    )

    assert found.indices["time_to_success.p95"] is None
    assert found.frame["first"].isna().all()
    assert "never reached at some points" in str(found)


def test_sensitivity__all_problems_are_named_before_anything_runs(tiny, monkeypatch):
    """Metrics, samples, fields and places are looked at together."""
    monkeypatch.setattr(dispatch, "perform_packed", None)
    with pytest.raises(ScenarioError) as caught:
        sensitivity(
            tiny,
            {"platform.max_procesing": "1..9", "platform.max_downloads": "1..9"},
            metrics=["sucess"],
            samples=100,
            replications=0,
            workers=0,
        )
    text = str(caught.value)
    for part in ("unknown metric 'sucess'", "power of two", "replications", "workers"):
        assert part in text
    with pytest.raises(ScenarioError, match="max_procesing"):
        sensitivity(tiny, {"platform.max_procesing": "1..9", "platform.max_downloads": "1..9"}, samples=8)


@pytest.mark.parametrize(
    ("vary", "samples", "part"),
    [
        ({"platform.max_processing": "5", "platform.max_downloads": "1..9"}, 8, "a single value"),
        ({"platform.max_processing": "5..9"}, 8, "varies alone"),
        ({"platform.max_processing": "9..5"}, 8, "is reversed"),
        ({f"failures[{i}].probability": "0 %..1 %" for i in range(9)}, 16_384, "points; at most"),
        ({}, 8, "nothing varies"),
    ],
)
def test_sensitivity__ranges_that_say_nothing_are_refused(tiny, vary, samples, part):
    """A single value can't matter, and too many points never end."""
    with pytest.raises(ScenarioError, match=part):
        sensitivity(tiny, vary, samples=samples)


def test_folder__holds_frames_and_figure_and_is_gone_on_from(tiny, tmp_path):
    """The design of points is the same every time, so that a second study computes nothing."""
    options = {"samples": 8, "folder": tmp_path / "study"}
    vary = {"failures[0].probability": "0 %..60 %", "campaign.task_policy.retry_count": "0..3"}
    first = sensitivity(tiny, vary, metrics=["success_share"], **options)
    before = files_in(tmp_path / "study")
    again = sensitivity(tiny, vary, metrics=["success_share"], **options)

    assert files_in(tmp_path / "study") == before
    assert again.digest == first.digest
    assert again.reused == len(first.runs.points)
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "study" / "sensitivity.parquet"), first.frame)
    assert (tmp_path / "study" / "sensitivity.png").read_bytes().startswith(b"\x89PNG")
