"""Every call upon every task, against a table written from the vendor's pages in the vendor's words."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.rules.calls import ELIGIBLE, IS_ELIGIBLE, TargetResult, decide, target_results
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


def judged(call, task_type, task_state, subtask_state, body):
    """Return what `decide` says, and which targets it was asked about: name and state of each."""
    state_of = dict.fromkeys(NAMES, SubtaskState.from_wire(subtask_state)) | {SUCCEEDED: SubtaskState.SUCCESS}
    targets = NAMES if body is None else list(dict.fromkeys(body))
    status = np.array([state_of.get(name, -1) for name in targets], dtype=np.int8)
    decision = decide(
        Call(call),
        task_type=TaskType(task_type),
        task_state=TaskState(task_state),
        status=status,
        n_named=None if body is None else len(body),
        limits=Limits(),
    )
    return decision, targets, status


def taken_of(decision, targets):
    """Return the names of the targets that are acted upon."""
    return [name for name, is_taken in zip(targets, decision.taken, strict=True) if is_taken]


def answer_of(call, case, body):
    """Return the package's answer in the form of `expected_answer`."""
    decision, targets, status = judged(call, *case, body)
    if decision.refusal is not None:
        assert taken_of(decision, targets) == []
        return decision.refusal.http, decision.refusal.code
    if call == "delete":
        assert taken_of(decision, targets) == []
        return []
    if body is None:
        return [(name, *TAKEN) for name in taken_of(decision, targets)]
    results = target_results(targets, status, decision.taken)
    return [(r.target, r.status, r.error_code, r.error_msg) for r in results]


@pytest.mark.parametrize("body_form", BODIES)
@pytest.mark.parametrize("call", FACTS)
def test_decide__every_task_and_subtask(call, body_form):
    """Each call answers as the pages say for every task type, task state and subtask state."""
    body = BODIES[body_form]
    wrong = []
    for case in product(sorted(ALL_TYPES), ALL_TASK_STATES, ALL_SUBTASK_STATES):
        expected = expected_answer(call, *case, body)
        answer = answer_of(call, case, body)
        if answer != expected:
            wrong.append((case, expected, answer))
    assert wrong == []


def test_decide__table_names_everything():
    """The expectation knows every task type, state and call, so no case is left out."""
    assert set(ALL_TYPES) == set(TaskType)
    assert set(ALL_TASK_STATES) == set(TaskState)
    assert set(ALL_SUBTASK_STATES) == {state.wire for state in SubtaskState}
    assert set(FACTS) == set(Call)


def test_decide__body_before_type_before_state():
    """Of several reasons to refuse, the body's is told first, then the type's, then the state's."""
    wrong_all, *_ = judged("retry", "createDevices", "Success", "Fail", NAMES[:101])
    wrong_two, *_ = judged("retry", "createDevices", "Success", "Fail", NAMES[:100])
    wrong_one, *_ = judged("retry", "firmwareUpgrade", "Success", "Fail", NAMES[:100])
    names = [decision.refusal.name for decision in (wrong_all, wrong_two, wrong_one)]
    assert names == ["TOO_MANY_TARGETS", "TYPE_NOT_SUPPORTED", "RETRY_REFUSED"]


def test_decide__repeated_targets_count_towards_the_limit():
    """A list of 101 is too long even if it names one target 101 times."""
    decision, *_ = judged("retry", "firmwareUpgrade", "Processing", "Fail", ["d0"] * 101)
    assert decision.refusal.name == "TOO_MANY_TARGETS"


def test_decide__limit_of_another_edition():
    """The number of targets that a call may name comes from the limits it is given."""
    task = {
        "task_type": TaskType.SOFTWARE_UPGRADE,
        "task_state": TaskState.PROCESSING,
        "status": np.full(3, SubtaskState.FAIL, dtype=np.int8),
        "n_named": 3,
    }
    assert decide(Call.RETRY, **task, limits=Limits(targets_per_call=3)).taken.tolist() == [True] * 3
    refusal = decide(Call.RETRY, **task, limits=Limits(targets_per_call=2)).refusal
    assert refusal.name == "TOO_MANY_TARGETS"


def test_decide__leaves_its_input_alone():
    """Judging doesn't change the states."""
    status = np.array([3, 2, -1, 5, 4], dtype=np.int8)
    status.flags.writeable = False
    for n_named in (None, 5):
        decision = decide(
            Call.RETRY,
            task_type=TaskType.FIRMWARE_UPGRADE,
            task_state=TaskState.FAIL,
            status=status,
            n_named=n_named,
            limits=Limits(),
        )
        assert decision.refusal is None
        assert decision.taken.tolist() == [True, False, False, True, True]


@given(
    call=st.sampled_from([Call.RETRY, Call.STOP, Call.CONFIRM]),
    states=st.lists(st.sampled_from([*SubtaskState, None]), max_size=20),
)
def test_decide__any_mix_against_one_by_one(call, states):
    """Arrays of any mixture are judged as each target would be by itself."""
    status = np.array([-1 if state is None else state for state in states], dtype=np.int8)
    decision = decide(
        call,
        task_type=TaskType.FIRMWARE_UPGRADE,
        task_state=TaskState.PROCESSING,
        status=status,
        n_named=len(states),
        limits=Limits(),
    )
    eligible = FACTS[call.value][2]
    expected = []
    for state in states:
        if state is None:
            expected.append("IOTDA.014219")
        else:
            expected.append(None if state.wire in eligible else "IOTDA.014285")
    names = [str(i) for i in range(len(states))]
    results = target_results(names, status, decision.taken)
    assert [(r.target, r.error_code) for r in results] == list(zip(names, expected, strict=True))
    assert decision.taken.tolist() == [code is None for code in expected]


def test_eligible_masks__say_the_same_as_the_sets():
    """The masks by state, which whole arrays are judged by, hold what the pages say, and can't be changed."""
    for call, (_, _, eligible, _) in FACTS.items():
        mask = IS_ELIGIBLE[Call(call)]
        assert {state.wire for state in SubtaskState if mask[state]} == eligible
        assert {state.wire for state in ELIGIBLE[Call(call)]} == eligible
        with pytest.raises(ValueError, match="read-only"):
            mask[0] = True


def test_stopped_subtask__retried_in_a_running_task_only():
    """Targets stopped by name can be retried; those of a task stopped as a whole can't."""
    running, *_ = judged("retry", "firmwareUpgrade", "Processing", "Stopped", ["d5"])
    stopped, *_ = judged("retry", "firmwareUpgrade", "Stopped", "Stopped", ["d5"])
    assert running.taken.tolist() == [True]
    assert stopped.refusal.code == "IOTDA.014218"


def test_target_results__vendor_example():
    """The answer of the vendor's example comes out word for word."""
    names = ["e495cf17-ff79-4294-8f64-4d367919d665", "e495cf17-ff79-4294-8f64-4d367919d677"]
    status = np.array([-1, SubtaskState.FAIL], dtype=np.int8)
    decision = decide(
        Call.RETRY,
        task_type=TaskType.FIRMWARE_UPGRADE,
        task_state=TaskState.PROCESSING,
        status=status,
        n_named=2,
        limits=Limits(),
    )
    assert [result.wire() for result in target_results(names, status, decision.taken)] == [
        {
            "target": "e495cf17-ff79-4294-8f64-4d367919d665",
            "status": "failure",
            "error_code": "IOTDA.014219",
            "error_msg": "Invalid input. The target is not in the task",
        },
        {"target": "e495cf17-ff79-4294-8f64-4d367919d677", "status": "success"},
    ]


def test_target_result__is_a_record():
    """Equal answers compare equal, and nobody can change one afterwards."""
    result = TargetResult("d0", "success")
    assert result == TargetResult("d0", "success", None, None)
    with pytest.raises(AttributeError):
        result.status = "failure"
