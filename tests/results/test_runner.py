"""`sim.run` on small scenarios: determinism, closed forms, replications, processes, progress."""

import math
import os
import subprocess
import sys
import threading
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

import sim
from sim.errors import ScenarioError
from sim.progress import Progress
from sim.results import runner
from sim.scenario import make_scenario

SMALL = {
    "name": "small",
    "fleet": {"cohorts": [{"name": "a", "devices": 120}, {"name": "b", "devices": 80}]},
    "stages": {"install": {"exponential": {"mean": "60 s"}}},
    "failures": [{"stage": "install", "code": 10, "probability": "30 %"}],
    "campaign": {
        "package": {"version": "1.0", "size": "1 kB"},
        "task_policy": {"retry_count": 1, "retry_interval": "5 min"},
    },
    "operators": [{"call": "retry", "at": "1 h"}],
    "run": {"until": "6 h", "resolution": "1 min"},
}


def small(**changes):
    """Return the small scenario with other values in some places."""
    scenario = make_scenario(SMALL)
    return scenario.with_values(changes) if changes else scenario


def test_run__a_path_and_a_scenario_are_the_same(tmp_path):
    """A file, its path as text and the loaded scenario give equal runs."""
    path = tmp_path / "small.yaml"
    path.write_text(small().source_text, encoding="utf-8")

    digests = {
        sim.run(source, seed=3).digest for source in (path, str(path), sim.load_scenario(path), small())
    }

    assert len(digests) == 1


def test_run__seed_and_replications_default_to_the_scenarios():
    """The scenario's own numbers are used unless others are given."""
    scenario = small(**{"run.seed": 11, "run.replications": 3})

    own, other = sim.run(scenario), sim.run(scenario, seed=4, replications=2)

    assert (own.seed, len(own.runs)) == (11, 3)
    assert (other.seed, len(other.runs)) == (4, 2)
    assert own.digest != other.digest


def test_run__replication_r_is_the_same_whatever_runs_beside_it():
    """The first replications of a long study are those of a short one, in threads or not."""
    few = sim.run(small(), replications=2)
    many = sim.run(small(), replications=6)

    assert [run.digest for run in few.runs] == [run.digest for run in many.runs[:2]]
    assert len({run.digest for run in many.runs}) == 6
    assert [run.index for run in many.runs] == list(range(6))


@pytest.mark.parametrize("cores", [1, 2, 7])
def test_run__the_number_of_threads_changes_nothing(monkeypatch, cores):
    """One worker or seven: equal digests, in order."""
    expected = [run.digest for run in sim.run(small(), replications=4).runs]
    monkeypatch.setattr("sim.results.runner.usable_cpus", lambda: cores)

    assert [run.digest for run in sim.run(small(), replications=4).runs] == expected


def test_run__both_planes_agree():
    """The transparent plane has the digest of the compiled one, and is named in the result."""
    compiled, simpy = sim.run(small()), sim.run(small(), plane="simpy")

    assert compiled.digest == simpy.digest
    assert compiled.metrics == simpy.metrics
    assert (compiled.plane, simpy.plane) == ("compiled", "simpy")


PRINT_DIGEST = """
import sys, sim
print(sim.run(sys.argv[1], seed=3).digest)
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    "environment", [{"PYTHONHASHSEED": "1"}, {"PYTHONHASHSEED": "2"}, {"NUMBA_DISABLE_JIT": "1"}]
)
def test_run__another_process_has_the_same_digest(tmp_path, environment):
    """Neither the hash seed nor the compiler has a say in what happens."""
    path = tmp_path / "small.yaml"
    path.write_text(small().source_text, encoding="utf-8")

    done = subprocess.run(
        [sys.executable, "-c", PRINT_DIGEST, str(path)],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, **environment},
    )

    assert done.stdout.strip() == sim.run(small(), seed=3).digest


@pytest.mark.statistical
@pytest.mark.parametrize("retries", [0, 1, 2, 5])
def test_run__success_share_and_attempts_are_the_closed_form(retries):
    """With r retries 1 - p^(r+1) of the devices succeed, after (1 - p^(r+1)) / (1 - p) attempts each.

    Tolerances are 5 standard errors: of a binomial share; of a mean number R of retries, whose variance is
    at most E[R^2] <= r E[R] = r (p + ... + p^r).
    """
    n, p = 200_000, 0.3
    policy = {"retry_count": retries, "retry_interval": "5 min"} if retries else {}
    scenario = make_scenario(
        {
            "fleet": {"cohorts": [{"name": "a", "devices": n}]},
            "failures": [{"stage": "install", "code": 10, "probability": p}],
            "campaign": {"package": {"version": "1", "size": "1 B"}, "task_policy": policy},
        }
    )

    metrics = sim.run(scenario, seed=8).metrics

    success = 1 - p ** (retries + 1)
    spread = math.sqrt(success * (1 - success) / n)
    assert metrics["success_share"] == pytest.approx(success, abs=5 * spread)
    variance = retries * sum(p**k for k in range(1, retries + 1))
    attempts = pytest.approx(success / (1 - p), abs=5 * math.sqrt(variance / n))
    assert metrics["attempts_per_device"] == attempts
    recovered = (p - p ** (retries + 1)) / p
    assert (metrics["recovered_share"] or 0) == pytest.approx(recovered, abs=5 * math.sqrt(0.25 / (n * p)))


def test_run__permanent_failures_are_the_plateau_of_the_recovery_curve():
    """However often they are retried, marked devices stay failed; everybody else succeeds at once."""
    scenario = make_scenario(
        {
            **SMALL,
            "fleet": {"cohorts": [{"name": "a", "devices": 5_000}]},
            "failures": [{"stage": "install", "code": 10, "permanent": "10 %"}],
        }
    )

    result = sim.run(scenario)

    failed = result.metrics["failed"]
    assert failed == result.metrics["needed_recovery"] == pytest.approx(500, abs=5 * math.sqrt(450))
    assert result.recovery["recovered"].max() == 0
    assert result.recovery["competing"].iloc[-1] == pytest.approx(1.0)
    assert set(result.targets.loc[result.targets["status"] == "Fail", "error_code"]) == {10}


def test_run__what_was_kept_by_device():
    """The first replication keeps its devices; all do if asked; attempts are kept if asked."""
    plain = sim.run(small(), replications=3)
    full = sim.run(small(), replications=3, all_targets=True, log_attempts=True)

    assert plain.targets["replication"].unique().tolist() == [0]
    assert plain.attempts.empty
    assert full.targets["replication"].unique().tolist() == [0, 1, 2]
    pd.testing.assert_frame_equal(plain.targets, full.targets[full.targets["replication"] == 0])
    assert len(full.attempts) == sum(run.metrics["attempts"] for run in full.runs)
    assert plain.digest == full.digest


def test_run__frames_and_metrics_say_the_same():
    """What a person computes from the frames is what the metrics say."""
    result = sim.run(small(), seed=5)
    targets, metrics = result.targets, result.metrics

    assert targets["status"].value_counts()["Success"] == metrics["succeeded"]
    assert targets["attempts"].sum() == metrics["attempts"]
    assert targets["manual_retries"].sum() == metrics["manual_retries"] == metrics["retry_targets_accepted"]
    assert targets["first_failure_s"].notna().sum() == metrics["needed_recovery"]
    assert result.calls["call"].tolist() == ["create", "retry"]
    assert len(result.call_targets) == metrics["retry_targets_accepted"]
    assert result.tasks["success"].sum() == metrics["succeeded"]
    assert (
        result.curves[["waitting", "processing", "success", "fail", "fail_wait_retry"]]
        .sum(axis=1)
        .eq(200)
        .all()
    )
    assert metrics["recovered_share"] == pytest.approx(result.recovery["recovered"].iloc[-1])
    ended = np.sort(targets.loc[targets["status"] == "Success", "end_s"])
    assert metrics["time_to_success.p50"] == ended[99]


def test_run__a_users_process_joins_the_run():
    """A generator function of the user sees the clock and the service, and its calls are in the ledger."""
    seen = []

    def patient(env, service):
        yield env.timeout(7_200)
        (task,) = service.tasks
        seen.append((env.now, task.status))
        service.retry_batch_task(task.task_id)

    result = sim.run(small(), processes=[patient], replications=2)

    assert [time for time, _ in seen] == [7_200, 7_200]
    assert (result.calls["time_s"] == 7_200).sum() == 2


def test_run__processes_may_share_state_because_runs_follow_each_other():
    """With a user's processes nothing runs in other threads."""
    threads = set()

    def watcher(env, service):
        threads.add(threading.current_thread())
        yield env.timeout(1)

    sim.run(small(), processes=[watcher], replications=3)

    assert threads == {threading.main_thread()}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"seed": -1}, "seed: -1 is not allowed"),
        ({"seed": 2**64}, "seed: 18446744073709551616 is not allowed"),
        ({"replications": 0}, "replications: 0 is not allowed; at least 1"),
        ({"plane": "paper"}, "plane: 'paper' is not known; allowed are 'auto', 'compiled', 'simpy'"),
    ],
)
def test_run__refuses_numbers_that_no_file_could_hold(options, message):
    """Arguments are checked like a file, and the message says what is allowed."""
    with pytest.raises(ScenarioError, match=message):
        sim.run(small(), **options)


def test_run__refuses_an_expectation_that_it_could_not_answer_before_it_runs(monkeypatch):
    """A cohort's value at a time is not kept; the run doesn't begin."""
    monkeypatch.setattr("sim.results.runner.run_campaign", lambda *_, **__: pytest.fail("it ran"))

    with pytest.raises(ScenarioError, match=r"expect\.by_cohort\.a\.succeeded"):
        sim.run(small(expect={"by_cohort.a.succeeded": "at 1 h: >= 5"}))


def test_run__refuses_a_fleet_that_memory_cannot_hold():
    """A billion devices are refused before anything is allocated."""
    scenario = make_scenario({**SMALL, "fleet": {"cohorts": [{"name": "a", "devices": 1_000_000_000}]}})

    with pytest.raises(ScenarioError, match="memory"):
        sim.run(scenario)


def test_run__an_error_in_a_replication_reaches_the_caller(monkeypatch):
    """The error of a worker thread is raised where the run was asked for; later replications don't begin."""
    begun = []

    def broken(scenario, *, replication, **_):
        begun.append(replication)
        raise MemoryError("no room")

    monkeypatch.setattr("sim.results.runner.run_campaign", broken)

    with pytest.raises(MemoryError, match="no room"):
        sim.run(small(), replications=200)

    assert len(begun) < 200


def test_progress__is_the_share_of_all_replications_and_never_goes_back():
    """What is shown is the mean of the replications; a retry that lowers one doesn't lower it."""
    reached = []
    shares = runner._Shares(2, SimpleNamespace(reach=reached.append))

    for replication, share in [(0, 0.5), (1, 1.0), (0, 0.3), (0, 1.0)]:
        shares.reach(replication, share)

    assert reached == [0.25, 0.75, 0.75, 1.0]


def test_run__ends_with_a_full_bar(monkeypatch):
    """Every replication reports its end, also one in which devices stay pending."""
    reached = []
    monkeypatch.setattr(Progress, "reach", lambda self, share: reached.append(share))

    sim.run(small(**{"run.until": "61 min"}), replications=2)

    assert reached[-1] == 1.0


def test_run__short_work_shows_nothing(capsys):
    """A run of a moment doesn't flash a bar."""
    sim.run(small(), progress=True)

    assert capsys.readouterr() == ("", "")


def test_run__an_interrupt_ends_runs_beside_it_in_their_middle(monkeypatch):
    """Of several replications none goes on to its end after Ctrl-C, which may take minutes."""
    scenario = make_scenario(
        {
            "fleet": {"cohorts": [{"name": "a", "devices": 10}]},
            "campaign": {"package": {"version": "2", "size": "1 MB"}},
        }
    )
    left = []

    def endless(*_, replication, progress, **more):
        if replication == 0:
            raise KeyboardInterrupt
        try:
            while True:
                progress(0.5)
        finally:
            left.append(replication)

    monkeypatch.setattr(runner, "usable_cpus", lambda: 3)
    monkeypatch.setattr(runner, "run_campaign", endless)

    with pytest.raises(KeyboardInterrupt):
        sim.run(scenario, replications=9, plane="compiled")

    assert len(left) < 8  # those that had begun: all were left, and most never began


def test_run__values_of_replications_are_those_of_scenarios_with_them():
    """Replication r with its own values is replication r of the scenario that has them."""
    shares = ["10 %", "60 %"]
    values = [{"failures[0].probability": share} for share in shares]
    result = sim.run(small(), replications=2, values=values)
    alone = [
        sim.run(small(**{"failures[0].probability": share}), replications=2).runs[r]
        for r, share in enumerate(shares)
    ]

    assert [run.digest for run in result.runs] == [run.digest for run in alone]
    assert result.scenario == small()


def test_run__refuses_values_for_another_number_of_replications():
    """As many values as replications, or none."""
    with pytest.raises(ScenarioError, match="values for 1 runs given; as many as the 2 replications"):
        sim.run(small(), replications=2, values=[{}])
