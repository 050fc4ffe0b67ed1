"""Every call upon every task, against a table written from the vendor's pages in the vendor's words."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.errors import ModelError
from sim.rules.calls import Decision, TargetResult, decide, target_results
from sim.rules.limits import Limits
from sim.rules.states import Call, SubtaskState, TaskState, TaskType

# --- the expectation: strings as they stand in the API reference, none of the package's own tables ---

UPGRADES = {"firmwareUpgrade", "softwareUpgrade"}
OTHER_TYPES = {
    "createDevices",
    "deleteDevices",
    "freezeDevices",
    "unfreezeDevices",
    "createCommands",
    "createAsyncCommands",
    "createMessages",
    "updateDeviceShadows",
    "updateDevices",
    "changeGateway",
}
ALL_TYPES = UPGRADES | OTHER_TYPES | {"moduleUpgrade"}

ALL_TASK_STATES = [
    "Initializing",
    "Waitting",
    "Processing",
    "Success",
    "Fail",
    "PartialSuccess",
    "Stopped",
    "Stopping",
]
ALL_SUBTASK_STATES = ["Waitting", "Processing", "Success", "Fail", "FailWaitRetry", "Stopped", "Removed"]

# call: (task types, task states that refuse, subtask states acted upon, HTTP and code of the refusal)
FACTS = {
    "retry": (
        UPGRADES,
        {"Success", "Stopped", "Stopping", "Waitting", "Initializing"},
        {"Fail", "FailWaitRetry", "Stopped"},
        (400, "IOTDA.014218"),
    ),
    "stop": (
        UPGRADES,
        {"Success", "Fail", "PartialSuccess", "Stopped", "Stopping"},
        {"Processing", "Waitting", "FailWaitRetry"},
        (400, "IOTDA.014281"),
    ),
    "confirm": (
        UPGRADES | {"moduleUpgrade"},
        {"Success", "Fail", "PartialSuccess", "Stopped", "Stopping"},
        {"Waitting"},
        (400, "IOTDA.014282"),
    ),
    "delete": (
        ALL_TYPES,
        {"Initializing", "Waitting", "Processing", "Stopping"},
        set(),
        (400, "IOTDA.014283"),
    ),
}
TYPE_REFUSED = (400, "IOTDA.014284")
TOO_MANY = (400, "IOTDA.000006")

NOT_IN_TASK = ("failure", "IOTDA.014219", "Invalid input. The target is not in the task")
WRONG_STATE = (
    "failure",
    "IOTDA.014285",
    "Operation not allowed. The subtask status of the target does not allow this operation.",
)
TAKEN = ("success", None, None)

# A task of 120 targets d0 … d119, all in the state under test but d1, which has succeeded: no call
# acts upon a target that has succeeded.
N_TARGETS = 120
NAMES = [f"d{i}" for i in range(N_TARGETS)]
SUCCEEDED = "d1"

BODIES = {
    "empty body": None,
    "in the task": ["d0", "d7"],
    "not in the task": ["x", "y"],
    "mixed, some again": ["x", "d3", SUCCEEDED, "d0", "d3", "x"],
    "empty list": [],
    "100 targets": NAMES[:100],
    "101 targets": NAMES[:101],
}


def expected_answer(call, task_type, task_state, subtask_state, body):
    """Return `(http, code)` of a refusal, else the answer `[(target, status, code, message)]`."""
    types, refusing_states, eligible, state_refusal = FACTS[call]
    if call != "delete" and body is not None and len(body) > 100:
        return TOO_MANY
    if task_type not in types:
        return TYPE_REFUSED
    if task_state in refusing_states:
        return state_refusal
    if call == "delete":
        return []
    state_of = dict.fromkeys(NAMES, subtask_state) | {SUCCEEDED: "Success"}
    if body is None:
        return [(name, *TAKEN) for name in NAMES if state_of[name] in eligible]
    answer = []
    for name in dict.fromkeys(body):
        if name not in state_of:
            answer.append((name, *NOT_IN_TASK))
        elif state_of[name] in eligible:
            answer.append((name, *TAKEN))
        else:
            answer.append((name, *WRONG_STATE))
    return answer


# --- the package's answer, in the same form -----------------------------------------------------------


def call_task(call, task_type, task_state, subtask_state, body):
    """Return what `decide` says, and the positions that the body names."""
    status = np.full(N_TARGETS, SubtaskState.from_wire(subtask_state), dtype=np.int8)
    status[NAMES.index(SUCCEEDED)] = SubtaskState.SUCCESS
    positions = None
    if body is not None:
        positions = np.array([NAMES.index(n) if n in NAMES else -1 for n in body], dtype=np.int64)
    return decide(
        Call(call),
        task_type=TaskType(task_type),
        task_state=TaskState(task_state),
        status=status,
        positions=positions,
        limits=Limits(),
    )


def answer_of(decision, body):
    """Return a decision in the form of `expected_answer`."""
    if decision.refusal is not None:
        assert decision.accepted.size == 0
        assert decision.results == []
        return decision.refusal.error.http, decision.refusal.error.code
    results = target_results(decision, NAMES if body is None else body)
    return [(r.target, r.status, r.error_code, r.error_msg) for r in results]


@pytest.mark.parametrize("body_form", BODIES)
@pytest.mark.parametrize("call", FACTS)
def test_decide__every_task_and_subtask(call, body_form):
    """Each call answers as the pages say for every task type, task state and subtask state."""
    body = BODIES[body_form]
    wrong = []
    for case in product(sorted(ALL_TYPES), ALL_TASK_STATES, ALL_SUBTASK_STATES):
        expected = expected_answer(call, *case, body)
        decision = call_task(call, *case, body)
        if answer_of(decision, body) != expected:
            wrong.append((case, expected, decision))
    assert wrong == []


@pytest.mark.parametrize("body_form", BODIES)
@pytest.mark.parametrize("call", FACTS)
def test_decide__acts_upon_what_it_answers(call, body_form):
    """The accepted positions are exactly the targets answered with success, ascending, each once."""
    body = BODIES[body_form]
    for case in product(sorted(UPGRADES), ALL_TASK_STATES, ALL_SUBTASK_STATES):
        decision = call_task(call, *case, body)
        expected = expected_answer(call, *case, body)
        answers = expected if isinstance(expected, list) else []  # a refused call acts upon nothing
        taken = [NAMES.index(item[0]) for item in answers if item[1] == "success"]
        assert decision.accepted.tolist() == sorted(taken)
        assert decision.accepted.dtype == np.int64


def test_decide__table_names_everything():
    """The expectation knows every task type, state and call, so no case is left out."""
    assert set(ALL_TYPES) == set(TaskType)
    assert set(ALL_TASK_STATES) == set(TaskState)
    assert set(ALL_SUBTASK_STATES) == {state.wire for state in SubtaskState}
    assert set(FACTS) == set(Call)


def test_decide__body_before_type_before_state():
    """Of several reasons to refuse, the body's is told first, then the type's, then the state's."""
    wrong_all = call_task("retry", "createDevices", "Success", "Fail", NAMES[:101])
    wrong_two = call_task("retry", "createDevices", "Success", "Fail", NAMES[:100])
    wrong_one = call_task("retry", "firmwareUpgrade", "Success", "Fail", NAMES[:100])
    names = [d.refusal.error.name for d in (wrong_all, wrong_two, wrong_one)]
    assert names == ["TOO_MANY_TARGETS", "TYPE_NOT_SUPPORTED", "RETRY_REFUSED"]


def test_decide__repeated_targets_count_towards_the_limit():
    """A list of 101 is too long even if it names one target 101 times."""
    decision = call_task("retry", "firmwareUpgrade", "Processing", "Fail", ["d0"] * 101)
    assert decision.refusal.error.name == "TOO_MANY_TARGETS"


def test_decide__limit_of_another_edition():
    """The number of targets that a call may name comes from the limits it is given."""
    status = np.full(5, SubtaskState.FAIL, dtype=np.int8)
    task = {
        "task_type": TaskType.SOFTWARE_UPGRADE,
        "task_state": TaskState.PROCESSING,
        "status": status,
        "positions": np.arange(3),
    }
    assert decide(Call.RETRY, **task, limits=Limits(targets_per_call=3)).accepted.tolist() == [0, 1, 2]
    refusal = decide(Call.RETRY, **task, limits=Limits(targets_per_call=2)).refusal
    assert refusal.error.name == "TOO_MANY_TARGETS"


@pytest.mark.parametrize("position", [-2, N_TARGETS])
def test_decide__position_outside_the_task(position):
    """A position that no subtask has is a fault of the caller, never silently another subtask."""
    status = np.full(N_TARGETS, SubtaskState.FAIL, dtype=np.int8)
    with pytest.raises(ModelError, match="outside the task's 120 subtasks"):
        decide(
            Call.RETRY,
            task_type=TaskType.FIRMWARE_UPGRADE,
            task_state=TaskState.PROCESSING,
            status=status,
            positions=np.array([0, position]),
            limits=Limits(),
        )


def test_decide__leaves_its_input_alone():
    """Judging changes neither the states nor the positions."""
    status = np.array([3, 2, 5, 4], dtype=np.int8)
    positions = np.array([3, -1, 1, 3])
    status.flags.writeable = False
    positions.flags.writeable = False
    for named in (None, positions):
        decision = decide(
            Call.RETRY,
            task_type=TaskType.FIRMWARE_UPGRADE,
            task_state=TaskState.FAIL,
            status=status,
            positions=named,
            limits=Limits(),
        )
        assert decision.refusal is None


def test_decide__largest_task_makes_no_object_per_target():
    """A call with `{}` upon 30,000 subtasks is one array until somebody asks for the answers."""
    status = np.full(30_000, SubtaskState.FAIL, dtype=np.int8)
    decision = decide(
        Call.RETRY,
        task_type=TaskType.FIRMWARE_UPGRADE,
        task_state=TaskState.FAIL,
        status=status,
        positions=None,
        limits=Limits(),
    )
    assert np.array_equal(decision.accepted, np.arange(30_000))
    assert "results" not in vars(decision)
    assert len(decision.results) == 30_000
    assert decision.results is decision.results


@given(
    call=st.sampled_from([Call.RETRY, Call.STOP, Call.CONFIRM]),
    states=st.lists(st.sampled_from(SubtaskState), max_size=12),
    data=st.data(),
)
def test_decide__any_mix_against_one_by_one(call, states, data):
    """Arrays of any mixture are judged as each target would be by itself."""
    positions = data.draw(st.lists(st.integers(-1, len(states) - 1), max_size=20))
    decision = decide(
        call,
        task_type=TaskType.FIRMWARE_UPGRADE,
        task_state=TaskState.PROCESSING,
        status=np.array(states, dtype=np.int8),
        positions=np.array(positions, dtype=np.int64),
        limits=Limits(),
    )
    eligible = FACTS[call.value][2]
    expected = []
    for i, position in enumerate(positions):
        if position == -1:
            expected.append((-1, "IOTDA.014219"))
        elif position not in positions[:i]:
            taken = states[position].wire in eligible
            expected.append((position, None if taken else "IOTDA.014285"))
    assert [(p, e and e.code) for p, e in decision.results] == expected
    assert decision.accepted.tolist() == sorted(p for p, code in expected if code is None)
    everything = decide(
        call,
        task_type=TaskType.FIRMWARE_UPGRADE,
        task_state=TaskState.PROCESSING,
        status=np.array(states, dtype=np.int8),
        positions=None,
        limits=Limits(),
    )
    assert everything.accepted.tolist() == [i for i, s in enumerate(states) if s.wire in eligible]


def test_stopped_subtask__retried_in_a_running_task_only():
    """Targets stopped by name can be retried; those of a task stopped as a whole can't."""
    running = call_task("retry", "firmwareUpgrade", "Processing", "Stopped", ["d5"])
    stopped = call_task("retry", "firmwareUpgrade", "Stopped", "Stopped", ["d5"])
    assert running.accepted.tolist() == [5]
    assert stopped.refusal.error.code == "IOTDA.014218"


def test_target_results__vendor_example():
    """The answer of the vendor's example comes out word for word."""
    status = np.full(1, SubtaskState.FAIL, dtype=np.int8)
    names = ["e495cf17-ff79-4294-8f64-4d367919d665", "e495cf17-ff79-4294-8f64-4d367919d677"]
    decision = decide(
        Call.RETRY,
        task_type=TaskType.FIRMWARE_UPGRADE,
        task_state=TaskState.PROCESSING,
        status=status,
        positions=np.array([-1, 0]),
        limits=Limits(),
    )
    assert [result.wire() for result in target_results(decision, names)] == [
        {
            "target": "e495cf17-ff79-4294-8f64-4d367919d665",
            "status": "failure",
            "error_code": "IOTDA.014219",
            "error_msg": "Invalid input. The target is not in the task",
        },
        {"target": "e495cf17-ff79-4294-8f64-4d367919d677", "status": "success"},
    ]


def test_target_results__refused_call_answers_for_nobody():
    """A refused call has no per-target answers, only the refusal."""
    decision = call_task("stop", "firmwareUpgrade", "Fail", "Processing", ["d0"])
    assert isinstance(decision, Decision)
    assert target_results(decision, ["d0"]) == []


def test_target_result__is_a_record():
    """Equal answers compare equal, and nobody can change one afterwards."""
    result = TargetResult("d0", "success")
    assert result == TargetResult("d0", "success", None, None)
    with pytest.raises(AttributeError):
        result.status = "failure"
