"""How far a study is, and what it tells about itself while it runs."""

from typing import ClassVar

import pytest

from sim.progress import Progress
from sim.study import sweep
from sim.study.engine.kinds import SWEEP
from sim.study.engine.options import Options
from sim.study.engine.points import points_at
from sim.study.engine.pools import Pool, open_pool
from sim.study.engine.study import Study


class Recorder(Progress):
    """Shows nothing and remembers what it was told."""

    made: ClassVar[list["Recorder"]] = []

    def __init__(self, what, **options):
        """Begin like any other."""
        self.what, self.options = what, options
        self.total, self.n = 0, 0
        self.is_closed = False
        Recorder.made.append(self)

    def more(self, amount):
        """Raise the total."""
        self.total += amount

    def advance(self, amount):
        """Count."""
        self.n += amount

    def close(self):
        """End."""
        self.is_closed = True


@pytest.fixture
def recorder(monkeypatch):
    """Let the study tell a recorder how far it is."""
    Recorder.made = []
    monkeypatch.setattr("sim.study.engine.study.Progress", Recorder)
    return Recorder


def test_progress__counts_runs_and_grows_with_a_search(tiny, recorder):
    """The total is what is known to be needed; runs from the folder count as done."""
    with Study(tiny, {"progress": True}, kind=SWEEP) as study:
        points = points_at(tiny, [{"campaign.task_policy.retry_count": n} for n in (0, 1)])
        study.runs(points, 5)
        (progress,) = recorder.made
        assert (progress.n, progress.total) == (10, 10)
        study.runs(points, 8)
        assert (progress.n, progress.total) == (16, 16)
        study.runs(points, 8)
        assert (progress.n, progress.total) == (16, 16)

    assert progress.is_closed
    assert (progress.what, progress.options) == ("sweep", {"unit": "runs", "shown": True})


def test_progress__is_not_shown_unless_asked_for(tiny, recorder):
    """A library writes nothing by itself."""
    sweep(tiny, {"campaign.task_policy.retry_count": [0, 1]}, replications=1)

    assert [progress.options["shown"] for progress in recorder.made] == [False]


def test_progress__is_closed_when_something_goes_wrong(tiny, recorder, monkeypatch):
    """A broken study leaves no half a bar on the terminal."""
    monkeypatch.setattr(Study, "_keep", None)
    with (
        pytest.raises(TypeError),
        Study(tiny, {"progress": True}, kind=SWEEP) as study,
    ):
        study.runs(points_at(tiny, [{}]), 2)

    assert recorder.made[0].is_closed


def test_window__keeps_workers_busy_and_memory_small():
    """Several units a worker are on their way, not all of them."""
    threads = open_pool("threads", plane="compiled", workers=3)
    far = Pool(lambda: None, name="far", workers=3, per_worker=32)

    assert 3 < threads.window <= 30
    assert far.window == 96
    threads.close()


def test_study__tells_its_seed_and_workers(tiny):
    """The scenario's seed unless another one is given; as many workers as asked for."""
    with Study(tiny, {"workers": 3}, kind=SWEEP) as study:
        assert (study.seed, study.workers) == (3, 3)
    with Study(tiny, {"seed": 0}, kind=SWEEP) as study:
        assert study.seed == 0


def test_options__are_all_explained():
    """The docstring names every option, and no other."""
    names = set(Options.__annotations__)
    documented = {
        line.split(":")[0].strip()
        for line in (Options.__doc__ or "").splitlines()
        if line.startswith("        ") and not line.startswith("         ") and ":" in line
    }

    assert documented == names
