"""Would the shipped scenarios notice a fault? Twenty are planted, one line each, in a copy of the package.

The table is the list, and its last two columns are the result: the scenario that turns red, and a metric
that gives the fault away. A fault in a kernel has all kernels compiled anew.
"""

import os
import shutil
import subprocess
import sys
from typing import NamedTuple

import pytest

from sim.cli.outcome import ExitCode


class Fault(NamedTuple):
    """A planted fault.

    Attributes:
        name: What goes wrong, in words.
        file: The module.
        right: A part of one line of it, found nowhere else in it.
        wrong: What stands there instead.
        scenario: The shipped scenario that turns red.
        metric: A metric that is named for it.
    """

    name: str
    file: str
    right: str
    wrong: str
    scenario: str
    metric: str


FAULTS = [
    # --- rules
    Fault(
        "the platform waits an hour less for the final report",
        "rules/timers.py",
        '"upgrade": 24 * _HOUR_S',
        '"upgrade": 23 * _HOUR_S',
        "silent-devices",
        "time_to_success.p90",
    ),
    Fault(
        "a cell has two places at the poorest coverage level",
        "rules/timers.py",
        "CELL_PLACES = (50, 10, 1)",
        "CELL_PLACES = (50, 10, 2)",
        "night-meters",
        "time_to_success.p95",
    ),
    Fault(
        "a retry call does not act upon failed subtasks",
        "rules/calls.py",
        "Call.RETRY: frozenset({SubtaskState.FAIL, ",
        "Call.RETRY: frozenset({",
        "quickstart",
        "manual_retries",
    ),
    # --- kernel
    Fault(
        "a subtask gets one automatic retry too few",
        "fleet/model/retry.py",
        "used >= policy.retry_count",
        "used + 1 >= policy.retry_count",
        "quickstart",
        "auto_retries",
    ),
    Fault(
        "the dispatch rate is not kept",
        "fleet/compiled/transitions.py",
        "st.reg.next_dispatch = now + st.reg.gap",
        "st.reg.next_dispatch = now",
        "regional-outage",
        "time_to_success.p50",
    ),
    Fault(
        "a download that breaks has received the whole package",
        "fleet/model/network.py",
        "np.int64(fraction * package_bytes)",
        "np.int64(package_bytes)",
        "quickstart",
        "bytes_wasted",
    ),
    Fault(
        "devices of all cohorts differ equally much in how often they fail",
        "fleet/compiled/presampling.py",
        "math.exp(sigma * normal_quantile(lifts[i]))",
        "math.exp(normal_quantile(lifts[i]))",
        "quickstart",
        "recovered",
    ),
    Fault(
        "who meets a closed window is let in as it closes, not as it opens",
        "fleet/model/sampling.py",
        "return np.int64(begins[row])",
        "return np.int64(ends[row]) - 1",
        "night-meters",
        "time_to_success.p50",
    ),
    Fault(
        "the clock of a zone is never put forward",
        "wall_clock.py",
        "wall.replace(tzinfo=zone, fold=fold).utcoffset()",
        "wall.replace(tzinfo=zone, fold=fold, month=1).utcoffset()",
        "store-nights",
        "time_to_success.p50",
    ),
    Fault(
        "nobody waits for a window to install",
        "fleet/compiled/stages/attempt.py",
        "if lo == hi or plan.install_at < 0 or ready > deadline:",
        "if lo <= hi:",
        "store-nights",
        "time_to_success.p50",
    ),
    Fault(
        "every link is up when the run begins",
        "fleet/model/timelines.py",
        "state = ON if u[_IS_ON] < share_on(table.share[row], lift) else OFF",
        "state = ON if u[_IS_ON] < 1.0 else OFF",
        "quickstart",
        "time_to_success.p90",
    ),
    # --- what devices remember
    Fault(
        "the clock of a device that is on by the clock has another phase at each look",
        "fleet/model/timelines.py",
        "since = np.int64(u[_PART] * every)",
        "since = np.int64(u[tick & 3] * every)",
        "sleepy-sensors",
        "time_to_success.p99",
    ),
    Fault(
        "a device holds what its last attempt received, not what all of them did",
        "fleet/compiled/transitions.py",
        "st.held[device] += got",
        "st.held[device] = got",
        "breaking-links-resume",
        "bytes_downloaded",
    ),
    Fault(
        "whatever a cause leaves, it leaves the old version",
        "fleet/compiled/stages/outcome.py",
        "if s == _VERIFY else np.int64(spec.causes.leaves[row])",
        "if s == _VERIFY else np.int64(LEAVES_OLD)",
        "lost-reports",
        "bytes_downloaded",
    ),
    # --- where devices are
    Fault(
        "a freeze stops no dispatch",
        "fleet/compiled/event_list.py",
        "and max(st.reg.next_dispatch, st.reg.thaw) <= st.reg.now",
        "and st.reg.next_dispatch <= st.reg.now",
        "phases-and-freeze",
        "time_to_success.p90",
    ),
    Fault(
        "each download of a site has the site's whole line",
        "fleet/compiled/tree/uplinks.py",
        "parts[0].rate = min(cap, row.rate / active)",
        "parts[0].rate = min(cap, row.rate)",
        "thin-sites",
        "time_to_success.p50",
    ),
    Fault(
        "the time of an installation is told as that of verifying",
        "fleet/compiled/accounts/books.py",
        "book.install += installed - ready",
        "book.verify += installed - ready",
        "thin-sites",
        "held_up.install",
    ),
    Fault(
        "everybody loads the whole package",
        "campaign/layout/build_spec.py",
        "scenario.package_size_of(cohort) for cohort in cohorts",
        "scenario.campaign.package.size for cohort in cohorts",
        "delta-campaign",
        "bytes_downloaded",
    ),
    # --- control plane
    Fault(
        "a wave begins an hour after its time",
        "campaign/processes/rollout.py",
        "max(0.0, begin.at - self._env.now_s)",
        "max(0.0, begin.at + 3600.0 - self._env.now_s)",
        "phases-and-freeze",
        "time_to_success.p50",
    ),
    Fault(
        "an operator names every failed device, whatever its code",
        "campaign/processes/operators.py",
        "at = at[np.isin(task.reasons_at(at), self._codes)]",
        "at = at[np.isin(task.reasons_at(at), self._codes) | True]",
        "retry-script",
        "retry_targets_accepted",
    ),
]


@pytest.fixture(scope="module")
def check(tmp_path_factory, repository):
    """Return a copy of the package, and what checks a scenario with it."""
    folder = tmp_path_factory.mktemp("copy")
    ignored = shutil.ignore_patterns("__pycache__")
    for name in ("sim", "scenarios"):
        shutil.copytree(repository / name, folder / name, ignore=ignored)
    # A cache of its own: nobody else has a use for kernels with faults in them.
    environment = {**os.environ, "PYTHONPATH": str(folder), "XDG_CACHE_HOME": str(folder / "cache")}
    environment.pop("NUMBA_CACHE_DIR", None)

    def sim(*words):
        command = [sys.executable, "-m", "sim", *words]
        return subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, check=False
        )

    def run(scenario, *, compiled):
        if compiled:  # else a small scenario runs on the plane that has no such fault
            made = sim("compile")
            assert made.returncode == ExitCode.DONE, made.stdout + made.stderr
        done = sim("check", f"scenarios/{scenario}.yaml")
        assert ("SimPy plane" not in done.stderr) or not compiled, done.stderr
        return done

    return folder, run


@pytest.mark.slow
@pytest.mark.parametrize("scenario", sorted({fault.scenario for fault in FAULTS}))
def test_copy__without_a_fault_is_green(check, scenario):
    """Red means something only because the same copy is green before."""
    _, run = check

    done = run(scenario, compiled=False)

    assert done.returncode == ExitCode.DONE, done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name.replace(" ", "-"))
def test_fault__turns_a_shipped_scenario_red(check, fault):
    """One wrong line is enough, and the metric that shows it is named."""
    folder, run = check
    path = folder / "sim" / fault.file
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace(fault.right, fault.wrong), encoding="utf-8")
    try:
        done = run(fault.scenario, compiled=fault.file.startswith("fleet/"))
    finally:
        path.write_text(text, encoding="utf-8")

    assert done.returncode == ExitCode.EXPECTATION_FAILED, done.stdout + done.stderr
    assert f"  {fault.metric} " in done.stdout, done.stdout


def test_faults__are_each_one_place_of_the_present_code(repository):
    """Known at once, not only by whoever waits for the kernels to be compiled a dozen times."""
    places = {
        fault.name: (repository / "sim" / fault.file).read_text(encoding="utf-8").count(fault.right)
        for fault in FAULTS
    }

    assert set(places.values()) == {1}, places


def test_faults__are_twenty_in_rules_kernel_planes_and_calendar():
    """The list covers each layer that decides what happens to a device."""
    assert len(FAULTS) == 20
    assert {fault.file.partition("/")[0] for fault in FAULTS} == {
        "rules",
        "fleet",
        "campaign",
        "wall_clock.py",
    }
