"""The service against a small model of the vendor's rules that shares no code with it.

The model is written from the vendor's pages as tables of plain words: which calls are refused in which
task state, which subtasks a call takes, how many tasks run at once, how a task ends.
"""

from collections import deque

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from sim.campaign import TaskRequest
from sim.rules import Limits, SubtaskState
from support.effort import many

N_DEVICES = 9
PER_CALL = 3
AT_ONCE = 2

REFUSED_IN = {
    "retry": {"Success", "Stopped", "Stopping", "Waitting", "Initializing"},
    "stop": {"Success", "Fail", "PartialSuccess", "Stopped", "Stopping"},
    "confirm": {"Success", "Fail", "PartialSuccess", "Stopped", "Stopping"},
    "delete": {"Initializing", "Waitting", "Processing", "Stopping"},
}
REFUSAL = {
    "retry": "IOTDA.014218",
    "stop": "IOTDA.014281",
    "confirm": "IOTDA.014282",
    "delete": "IOTDA.014283",
}
TAKES = {
    "retry": {"Fail", "FailWaitRetry", "Stopped"},
    "stop": {"Processing", "Waitting", "FailWaitRetry"},
    "confirm": {"Waitting"},
}
PENDING = {"Waitting", "Processing", "FailWaitRetry"}
OVER = {"Success", "Fail", "PartialSuccess", "Stopped"}


class ModelTask:
    """A task as the pages describe it."""

    def __init__(self, devices, need_confirm, start_s):
        """Begin as the pages say, before anything has happened."""
        self.state = "Waitting"
        self.subtasks = dict.fromkeys(devices, "Waitting")
        self.released = set()
        self.confirmed = set() if need_confirm else set(devices)
        self.start_s = start_s
        self.queued = False
        self.whole_stop = False


class Model:
    """The service as the pages describe it."""

    def __init__(self):
        """Begin without a task."""
        self.tasks = {}
        self.home = {}  # device: the task whose subtask it carries out or carried out last
        self.queue = deque()

    def is_busy(self, device):
        """Tell whether a device has a pending subtask."""
        task = self.home.get(device)
        return task is not None and task.subtasks[device] in PENDING

    def create(self, task_id, devices, need_confirm, start_s):
        """Create a task; busy devices fail in it."""
        task = self.tasks[task_id] = ModelTask(devices, need_confirm, start_s)
        for device in devices:
            if self.is_busy(device):
                task.subtasks[device] = "Fail"
            else:
                self.home[device] = task

    def call(self, name, task_id, named):
        """Return (status, code, answers) and carry the call out."""
        if named is not None and len(named) > PER_CALL:
            return 400, "IOTDA.000006", {}
        if task_id not in self.tasks:
            return 404, "IOTDA.014280", {}
        task = self.tasks[task_id]
        if task.state in REFUSED_IN[name]:
            return 400, REFUSAL[name], {}
        if name == "delete":
            del self.tasks[task_id]
            return 204, None, {}
        answers = {}
        for device in task.subtasks if named is None else dict.fromkeys(named):
            if device not in task.subtasks:
                answers[device] = "IOTDA.014219"
            elif task.subtasks[device] not in TAKES[name]:
                if named is not None:
                    answers[device] = "IOTDA.014285"
            elif name == "retry" and self.home[device] is not task and self.is_busy(device):
                answers[device] = "IOTDA.014286"
            else:
                answers[device] = "ok"
        for device in [device for device, answer in answers.items() if answer == "ok"]:
            self._act(name, task, device)
        if name == "stop" and named is None:
            task.whole_stop = True
            task.state = "Stopping"
        return 200, None, answers

    def _act(self, name, task, device):
        if name == "stop":
            task.subtasks[device] = "Stopped"
        elif name == "confirm":
            task.confirmed.add(device)
        else:
            task.subtasks[device] = "Waitting"
            task.confirmed.add(device)
            task.released.add(device)
            task.state = "Processing"
            self.home[device] = task

    def settle(self, now_s):
        """Let everything happen that needs no time."""
        for task in self.tasks.values():
            subtasks = set(task.subtasks.values())
            if task.state not in OVER and not subtasks & PENDING:
                if task.whole_stop:
                    task.state = "Stopped"
                elif subtasks == {"Success"}:
                    task.state = "Success"
                else:
                    task.state = "PartialSuccess" if "Success" in subtasks else "Fail"
        for task in sorted(self.tasks.values(), key=lambda task: task.start_s):  # stable: oldest first
            due = task.start_s <= now_s and task.confirmed
            if task.state == "Waitting" and due and not task.queued:
                task.queued = True
                self.queue.append(task)
        while self.queue and sum(task.state == "Processing" for task in self.tasks.values()) < AT_ONCE:
            task = self.queue.popleft()
            if task.state == "Waitting":
                task.state = "Processing"

    def pass_time(self):
        """Dispatch what may be dispatched."""
        for task in self.tasks.values():
            if task.state == "Processing":
                task.released |= task.confirmed
            for device, state in task.subtasks.items():
                if state == "Waitting" and device in task.released and task.state == "Processing":
                    task.subtasks[device] = "Processing"


def device_id(device):
    """Return the id of a device, also of one that the fleet doesn't have."""
    return f"a-{device:07d}"


class ServiceMachine(RuleBasedStateMachine):
    """Random calls, compared with the model after each of them."""

    make_stage = None

    @initialize()
    def begin(self):
        """Open the service and the model."""
        limits = Limits(targets_per_call=PER_CALL, tasks_in_progress=AT_ONCE)
        self.stage = type(self).make_stage(N_DEVICES, limits=limits)
        self.model = Model()
        self.ids = []
        self.n_calls = 0
        self.is_settled = True
        self.create({1, 3, 4, 5}, need_confirm=False, delay_s=0)
        self.create({6, 7}, need_confirm=True, delay_s=0)

    def _settle(self):
        """Let the same second pass on both sides; scheduled starts lie in its middle."""
        for now_s in (self.stage.env.now, self.stage.env.now + 0.5):
            self.model.settle(now_s)
            self.model.pass_time()
        self.stage.settle()
        self.is_settled = True

    @rule(
        devices=st.sets(st.integers(0, N_DEVICES - 1), min_size=1, max_size=4),
        need_confirm=st.booleans(),
        delay_s=st.sampled_from([0, 0, 0, 4.5]),
    )
    def create(self, devices, need_confirm, delay_s):
        """Create a task over some devices, busy ones among them."""
        start_s = self.stage.env.now + delay_s
        request = TaskRequest("t", need_confirm=need_confirm, start_s=start_s)
        task = self.stage.service.create_batch_task(request, [device_id(i) for i in sorted(devices)])
        self.model.create(task.task_id, sorted(devices), need_confirm, start_s)
        self.ids.append(task.task_id)
        self.n_calls += 1
        self._settle()

    @precondition(lambda self: self.ids)
    @rule(
        name=st.sampled_from(["retry", "stop", "confirm", "delete"]),
        which=st.integers(0, 30),
        named=st.none() | st.lists(st.integers(0, N_DEVICES), max_size=PER_CALL + 1),
        settles=st.booleans(),
    )
    def call(self, name, which, named, settles):
        """Call upon some task, with or without names; sometimes another call follows in the instant."""
        task_id = self.ids[which % len(self.ids)]
        method = getattr(self.stage.service, f"{name}_batch_task")
        if name == "delete":
            named = None
            answer = method(task_id)
        else:
            answer = method(task_id, None if named is None else [device_id(i) for i in named])
        status, code, answers = self.model.call(name, task_id, named)
        self.n_calls += 1

        assert answer.http_status == status
        assert (answer.error.code if answer.error else None) == code
        said = {result.target: result.error_code or "ok" for result in answer.results}
        assert said == {device_id(device): text for device, text in answers.items()}
        self.is_settled = False
        if settles or name == "confirm":
            self._settle()

    @rule(
        picks=st.lists(st.integers(0, N_DEVICES - 1), min_size=1, max_size=4),
        state=st.sampled_from(["Success", "Fail", "FailWaitRetry"]),
    )
    def finish(self, picks, state):
        """Let the attempts of some devices end."""
        running = [i for i, task in self.model.home.items() if task.subtasks[i] == "Processing"]
        done = sorted({running[pick % len(running)] for pick in picks}) if running else []
        for device in done:
            self.model.home[device].subtasks[device] = state
        self.stage.fleet.finish(np.array(done, np.int64), SubtaskState.from_wire(state))
        self._settle()

    @rule(seconds=st.integers(1, 6))
    def wait(self, seconds):
        """Let time pass."""
        for _ in range(seconds):
            self._settle()

    @invariant()
    def tasks_are_what_the_model_says(self):
        """States, subtasks and counts are those of the model; deleted tasks are gone."""
        if not hasattr(self, "model"):
            return
        service = self.stage.service
        assert {task.task_id for task in service._by_id.values()} == set(self.model.tasks)
        assert len(service.calls) == self.n_calls
        for task_id, expected in self.model.tasks.items():
            task = service._by_id[task_id]
            assert task.devices.tolist() == list(expected.subtasks)
            assert [SubtaskState(s).wire for s in task.statuses()] == list(expected.subtasks.values())
            progress = task.progress()
            assert progress.pop("total") == len(expected.subtasks) == sum(progress.values())
            if self.is_settled:
                assert task.status.value == expected.state


def test_service__agrees_with_the_pages(make_stage):
    """Whatever is called in whatever order: states, answers, codes and counts are those of the pages."""
    from hypothesis.stateful import run_state_machine_as_test

    ServiceMachine.make_stage = staticmethod(make_stage)
    run_state_machine_as_test(
        ServiceMachine,
        settings=settings(
            max_examples=100,
            stateful_step_count=30,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )


@pytest.mark.slow
def test_service__agrees_with_the_pages_at_length(make_stage):
    """The same over many more and longer sequences."""
    from hypothesis.stateful import run_state_machine_as_test

    ServiceMachine.make_stage = staticmethod(make_stage)
    run_state_machine_as_test(
        ServiceMachine,
        settings=settings(max_examples=many(1000), stateful_step_count=60, deadline=None),
    )
