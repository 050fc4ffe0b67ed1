"""The API and a simulated campaign are one service: the same calls have the same answers."""

import numpy as np
import pytest

from sim.campaign import BatchTaskService, FleetEnvironment, Paging, TaskRequest, build_names, build_spec
from sim.emulator.world import World
from sim.errors import ApiError
from sim.fleet.compiled import CompiledFleet
from sim.rules import Call, SubtaskState, TaskPolicy
from support.emulator import TASKS, ids, scenario_of

FIRST, SECOND, THIRD = (f"{number:024x}" for number in (1, 2, 3))
HOUR = 3600.0

# (time, what): each step at a time of its own.
SCRIPT = [
    (0.0, ("create", "flaky", TaskPolicy(1, 300), False)),
    (1.0, ("create", "good", TaskPolicy(), True)),
    (2.0, ("show", FIRST, None)),
    (3.0, ("confirm", SECOND, ids("good", 3, 4))),
    (50.0, ("stop", FIRST, [*ids("flaky", 0, 1, 2, 3), "stranger", *ids("good", 1)])),
    (90.0, ("retry", FIRST, ids("flaky", *range(60)))),
    (100.0, ("delete", FIRST, None)),
    (HOUR, ("show", FIRST, SubtaskState.FAIL_WAIT_RETRY)),
    (HOUR + 1, ("retry", FIRST, None)),
    (HOUR + 2, ("stop", SECOND, None)),
    (HOUR + 3, ("stop", SECOND, None)),
    (HOUR + 4, ("delete", SECOND, None)),
    (HOUR + 5, ("retry", SECOND, None)),
    (HOUR + 6, ("create", "good", TaskPolicy(), False)),
    (HOUR + 7, ("create", "nobody", TaskPolicy(), False)),
    (HOUR + 8, ("retry", FIRST, ids("flaky", *range(101)))),
    (30 * HOUR, ("show", FIRST, SubtaskState.FAIL)),
    (31 * HOUR, ("retry", FIRST, ids("flaky", *range(100)))),
    (60 * HOUR, ("show", FIRST, None)),
    (61 * HOUR, ("show", THIRD, None)),
]


def plain_call(answer):
    """Return an answer as data that both sides can give."""
    if answer.error is not None:
        return answer.error.status, answer.error.code
    return answer.http_status, [result.wire() for result in answer.results]


def plain_view(view):
    """Return a page of subtasks as data that both sides can give."""
    details = [(d.target, d.status, d.error_code, d.error_msg) for d in view.details]
    return view.task.status.value, view.task.progress(), view.count, view.marker, details


class _InProcess:
    """Plays steps upon a service, as an operator of a campaign does."""

    def __init__(self, service, cohort):
        self._service = service
        self._cohort = cohort

    def play(self, step):
        """Play one step and return its answer."""
        service = self._service
        name, *rest = step
        try:
            if name == "create":
                group, policy, need_confirm = rest
                names = service.names.cohort_names
                members = np.flatnonzero(self._cohort == names.index(group)) if group in names else None
                if members is None:
                    raise ApiError(400, "IOTDA.000006", "")
                request = TaskRequest("t", task_policy=policy, need_confirm=need_confirm)
                return 201, service.create_batch_task(request, members).task_id
            if name == "show":
                task_id, state = rest
                view = service.show_batch_task(task_id, task_detail_status=state, paging=Paging(limit=50))
                return 200, plain_view(view)
        except ApiError as error:
            return error.status, error.code
        task_id, targets = rest
        if name == "delete":
            answer = service.delete_batch_task(task_id)
            return plain_call(answer) if answer.error else (204, [])
        return plain_call(getattr(service, f"{name}_batch_task")(task_id, targets))


class _OverHttp:
    """Plays steps upon the API, as a script does."""

    def __init__(self, api):
        self._api = api

    def play(self, step):
        """Play one step and return its answer."""
        name, *rest = step
        if name == "create":
            return self._create(*rest)
        task_id, argument = rest
        path = f"{TASKS}/{task_id}"
        if name == "show":
            more = {} if argument is None else {"task_detail_status": argument.wire}
            answer = self._api.get(path, limit=50, **more)
            return answer.status, self._view(answer.json) if answer.status == 200 else answer.code
        if name == "delete":
            answer = self._api.delete(path)
            return answer.status, [] if answer.status == 204 else answer.code
        answer = self._api.post(f"{path}/{name}", {} if argument is None else {"targets": argument})
        return answer.status, answer.json["targets"] if answer.status == 200 else answer.code

    def _create(self, group, policy, need_confirm):
        body = {
            "task_name": "t",
            "task_type": "firmwareUpgrade",
            "need_confirm": need_confirm,
            "targets_filter": {"group_ids": [group]},
            "document": {"package_ids": ["010000000000000000000001"]},
        }
        if policy.retry_interval_min is not None:
            body["task_policy"] = {
                "retry_count": policy.retry_count,
                "retry_interval": policy.retry_interval_min,
            }
        answer = self._api.post(TASKS, body)
        return answer.status, answer.json["task_id"] if answer.status == 201 else answer.code

    def _view(self, shown):
        details = [
            (
                d["target"],
                d["status"],
                d.get("error", {}).get("error_code"),
                d.get("error", {}).get("error_msg"),
            )
            for d in shown["task_details"]
        ]
        task, page = shown["batchtask"], shown["page"]
        return task["status"], task["task_progress"], page["count"], page.get("marker"), details


def test_script__in_process_and_over_http(api):
    """Every answer of a campaign's own operator is what the same call over HTTP gets."""
    scenario = scenario_of()
    spec = build_spec(scenario)
    env = FleetEnvironment(CompiledFleet(spec), horizon_s=1e8)
    service = BatchTaskService(env, build_names(scenario, spec))
    inside, outside = [], []

    def operator():
        player = _InProcess(service, spec.cohort)
        for at_s, step in SCRIPT:
            yield env.timeout(at_s - env.now)
            inside.append(player.play(step))

    env.process(operator())
    env.run()
    player = _OverHttp(api)
    for at_s, step in SCRIPT:
        api.advance(until_s=at_s)
        outside.append(player.play(step))

    for (_, step), one, other in zip(SCRIPT, inside, outside, strict=True):
        assert one == other, step
    assert {status for status, _ in outside} == {200, 201, 204, 400, 404}


def test_records__in_process_and_over_http_are_the_same():
    """In the end every device has the same history, to the tick."""
    scenario = scenario_of()
    spec = build_spec(scenario)
    env = FleetEnvironment(CompiledFleet(spec), horizon_s=1e8)
    player = _InProcess(BatchTaskService(env, build_names(scenario, spec)), spec.cohort)

    def operator():
        for at_s, step in SCRIPT:
            yield env.timeout(at_s - env.now)
            player.play(step)

    env.process(operator())
    env.run(until=100 * HOUR)
    world = World(scenario)
    stepped = _InProcess(world.service, spec.cohort)
    for at_s, step in SCRIPT:
        world.advance_to(round(at_s * 1e6))
        stepped.play(step)
        world.advance_to(round(at_s * 1e6))
    world.advance_to(round(100 * HOUR * 1e6))

    for name, expected in env.fleet.records()._asdict().items():
        np.testing.assert_array_equal(getattr(world.fleet.records(), name), expected, err_msg=name)


@pytest.mark.parametrize("call", list(Call))
def test_answers__of_an_unknown_task(api, call):
    """The refusal has the same code and text as inside."""
    inside = World(scenario_of()).service
    answer = inside.delete_batch_task(FIRST) if call is Call.DELETE else inside.retry_batch_task(FIRST)
    path = f"{TASKS}/{FIRST}"
    outside = api.delete(path) if call is Call.DELETE else api.post(f"{path}/{call.value}")

    assert outside.json == {"error_code": answer.error.code, "error_msg": answer.error.message}


@pytest.mark.parametrize(
    ("position", "status"), [(1 << 48, 200), ((1 << 48) + 19, 200), ((1 << 48) + 20, 400), (2 << 48, 400)]
)
def test_answers__of_a_marker(api, position, status):
    """Whether a marker is the task's own is judged inside, and its subtasks are all there are."""
    task_id, marker = api.create(groups=["good"]), f"{position:024x}"
    outside = api.get(f"{TASKS}/{task_id}", marker=marker, limit=50)
    show = api.session.world.service.show_batch_task

    assert outside.status == status
    if status == 200:
        view = show(task_id, paging=Paging(limit=50, marker=marker))
        assert [d["target"] for d in outside.json["task_details"]] == [d.target for d in view.details]
        assert len(view.details) == position - (1 << 48)
    else:
        with pytest.raises(ApiError) as error:
            show(task_id, paging=Paging(marker=marker))
        assert outside.json == {"error_code": error.value.code, "error_msg": error.value.message}
