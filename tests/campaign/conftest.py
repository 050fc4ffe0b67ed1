"""Fleets for tests of the control plane: real ones, and one whose devices do what the test says."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from sim.campaign import (
    BatchTaskService,
    CampaignRun,
    FleetEnvironment,
    TaskRequest,
    build_names,
    build_spec,
    run_campaign,
)
from sim.fleet.held_up import N_HOLDS, HeldUp, Hold
from sim.fleet.protocol import TargetRecords, Totals
from sim.rules import Limits, SubtaskState
from sim.scenario import Scenario, make_scenario

LIVE = [SubtaskState.WAITTING, SubtaskState.PROCESSING, SubtaskState.FAIL_WAIT_RETRY]
PACKAGE = {"version": "2.0", "size": "1 MiB"}


class _ScriptedFleet:
    """A plane without a model: released devices start when time passes, and end when the test says so.

    It takes devices into a new task once their subtask in the old one is over.
    """

    is_compiled = False

    def __init__(self, spec, *, log_attempts=False, n_groups=1):
        n = len(spec.cohort)
        self.spec = spec
        self.now_ticks = 0
        self.task = np.full(n, -1, np.int32)
        self.status = np.zeros(n, np.int8)
        self.reason = np.zeros(n, np.int16)
        self.attempts = np.zeros(n, np.int32)
        self.first_start = np.full(n, -1, np.int64)
        self.end = np.full(n, -1, np.int64)
        self.released = np.zeros(n, bool)
        self.policies, self.groups, self.gaps, self.refilled = [], [], [], []
        self.members = []
        self.advances = []
        self._watches, self._tripped, self._n_watches = {}, [], 0

    def add_task(self, devices, policy, *, group=0, package=None):
        assert not np.isin(self.status[devices][self.task[devices] >= 0], LIVE).any()
        self.task[devices] = len(self.policies)
        self.status[devices] = SubtaskState.WAITTING
        self.reason[devices] = 0
        self.end[devices] = -1
        self.released[devices] = False
        self.policies.append(policy)
        self.groups.append(group)
        self.members.append(devices)
        return len(self.policies) - 1

    def release(self, devices):
        assert (self.status[devices] == SubtaskState.WAITTING).all()
        self.released[devices] = True

    def retry(self, devices):
        self.status[devices] = SubtaskState.WAITTING
        self.end[devices] = -1
        self.released[devices] = True

    def stop(self, devices):
        assert np.isin(self.status[devices], LIVE).all()
        self.finish(devices, SubtaskState.STOPPED)

    def refill_budget(self, devices):
        self.refilled += devices.tolist()

    def set_dispatch_gap(self, gap_ticks):
        self.gaps.append((self.now_ticks, gap_ticks))

    def finish(self, devices, status, reason=0):
        """Turn subtasks into a state, now."""
        self.status[devices] = status
        self.reason[devices] = reason
        if status not in LIVE:
            self.end[devices] = self.now_ticks

    def advance(self, until_ticks):
        self.advances.append(until_ticks)
        held = [watch for watch, condition in self._watches.items() if condition()]
        if held:
            self._tripped += held
            for watch in held:
                del self._watches[watch]
            return True
        if until_ticks > self.now_ticks:
            begun = self.released & (self.status == SubtaskState.WAITTING)
            self.status[begun] = SubtaskState.PROCESSING
            self.attempts[begun] += 1
            self.first_start[begun & (self.first_start < 0)] = self.now_ticks
        self.now_ticks = until_ticks
        return False

    def watch_settled(self, task):
        return self._watch(lambda: not self.task_counts(task)[LIVE].any())

    def watch_failures(self, group, *, share, count, of_at_least, first_attempts=False):
        assert not first_attempts

        def holds():
            tasks = [t for t, g in enumerate(self.groups) if group in (-1, g)]
            status = self.status[np.isin(self.task, tasks)]
            failed = int((status == SubtaskState.FAIL).sum())
            ended = failed + int((status == SubtaskState.SUCCESS).sum())
            return ended >= of_at_least and (failed > share * ended or failed > count)

        return self._watch(holds)

    def _watch(self, condition):
        self._n_watches += 1
        self._watches[self._n_watches] = condition
        return self._n_watches

    def unwatch(self, watch):
        self._watches.pop(watch, None)

    def tripped(self):
        ids, self._tripped = sorted(self._tripped), []
        return ids

    def task_devices(self, task):
        return self.members[task]

    def task_counts(self, task):
        return np.bincount(self.status[self.task == task], minlength=7).astype(np.int64)

    def counts(self):
        return np.bincount(self.status[self.task >= 0], minlength=7).astype(np.int64)

    def held_up(self):
        last = np.where(self.end < 0, self.now_ticks, self.end)
        by_device = np.zeros((len(last), N_HOLDS), np.int64)
        by_device[:, Hold.INSTALL] = np.where(self.first_start < 0, 0, last - self.first_start)
        by_cohort = np.zeros((len(self.spec.cohorts.link_rate), N_HOLDS), np.int64)
        np.add.at(by_cohort, self.spec.cohort, by_device)
        return HeldUp(by_cohort, np.arange(len(last), dtype=np.int32), by_device)

    def records(self):
        none = np.zeros(len(self.task), np.int32)
        return TargetRecords(
            self.task,
            self.status,
            self.reason,
            self.attempts,
            none,
            self.first_start,
            np.full(len(self.task), -1, np.int64),
            self.end,
            np.zeros(len(self.task), np.int64),
        )

    def totals(self):
        return Totals(0, 0, 0.0, np.zeros(1, np.int64), int(self.end.max()))


@dataclass
class Stage:
    """A service over a plane, with no campaign."""

    scenario: Scenario
    fleet: _ScriptedFleet
    env: FleetEnvironment
    service: BatchTaskService

    def create(self, devices, **request):
        """Create a task over some devices and let it start."""
        task = self.service.create_batch_task(TaskRequest("task", **request), np.asarray(devices))
        self.settle()
        return task

    def settle(self, after_s=1.0):
        """Let a second pass."""
        self.env.run(until=self.env.now + after_s)

    def finish(self, devices, status, reason=0):
        """Let some devices end, and the service take notice."""
        self.fleet.finish(np.asarray(devices), status, reason)
        self.settle()


def scenario_of(devices=10, **sections) -> Scenario:
    """Return a scenario of one MQTT cohort `a`, with other sections as a file would write them."""
    values = {
        "fleet": {"cohorts": [{"name": "a", "devices": devices}]},
        "campaign": {"package": PACKAGE},
        **sections,
    }
    values["campaign"] = {"package": PACKAGE, **values["campaign"]}
    return make_scenario(values)


@pytest.fixture
def make_stage() -> Callable[..., Stage]:
    """Return what makes a stage over a scripted fleet."""

    def make(devices=10, *, limits: Limits | None = None, refills=False, **sections) -> Stage:
        scenario = scenario_of(devices, **sections)
        spec = build_spec(scenario)
        fleet = _ScriptedFleet(spec)
        env = FleetEnvironment(fleet, horizon_s=1e9)
        names = build_names(scenario, spec)
        service = BatchTaskService(env, names, limits=limits, manual_retry_refills=refills, group=3)
        return Stage(scenario, fleet, env, service)

    return make


@pytest.fixture
def make_scenario_of() -> Callable[..., Scenario]:
    """Return `scenario_of`."""
    return scenario_of


@pytest.fixture
def share_of_29() -> dict[str, Any]:
    """Return the sections of a scenario of 100 devices of which exactly 29 fail."""
    return {
        "fleet": {
            "cohorts": [
                {"name": "good", "devices": 71},
                {
                    "name": "bad",
                    "devices": 29,
                    "failures": [{"stage": "verify", "code": 10, "permanent": "100 %"}],
                },
            ]
        },
        "stages": {"verify": {"constant": "30 s"}},
    }


@pytest.fixture
def run_of() -> Callable[..., CampaignRun]:
    """Return what runs a scenario of one cohort on the transparent plane, invariants checked all along."""

    def run(devices=10, *, processes=(), plane="simpy", log_attempts=False, **sections) -> CampaignRun:
        scenario = scenario_of(devices, **sections)
        return run_campaign(scenario, plane=plane, processes=processes, log_attempts=log_attempts, debug=True)

    return run
