"""Tests of batch tasks over HTTP: names, forms and codes as the vendor has them."""

import re

import numpy as np
import pytest

from sim.rules import ELIGIBLE, REFUSED_TASK_STATES, Call, SubtaskState, TaskType
from support.emulator import PACKAGE_ID, PROJECT, TASKS, ids, scenario_of

TIME = re.compile(r"\d{8}T\d{6}Z")
POLICY = {"retry_count": 1, "retry_interval": 5}


def body_of(**fields):
    """Return a good body of a create call, with other fields."""
    return {
        "task_name": "upgrade_1",
        "task_type": "firmwareUpgrade",
        "targets": ids("good", 0, 1),
        "document": {"package_ids": [PACKAGE_ID]},
        **fields,
    }


def test_create__answers_with_the_task(api):
    """201, the task at top level, what was given handed back as it came, and nothing else."""
    fields = {"task_policy": POLICY, "task_ext_info": {"k": ["v", 1, None]}, "need_confirm": False}
    answer = api.post(TASKS, body_of(**fields))
    task = answer.json

    assert answer.status == 201
    assert answer.headers["content-type"] == "application/json"
    assert re.fullmatch("[0-9a-f]{24}", task["task_id"])
    assert TIME.fullmatch(task["create_time"])
    assert {key: task[key] for key in body_of(**fields)} == body_of(**fields)
    assert task["status"] == "Processing"
    assert task["task_progress"] == {
        "total": 2,
        "processing": 0,
        "success": 0,
        "fail": 0,
        "waitting": 2,
        "fail_wait_retry": 0,
        "stopped": 0,
        "removed": 0,
    }
    assert set(task) == {
        "task_id",
        "task_name",
        "task_type",
        "need_confirm",
        "task_ext_info",
        "targets",
        "document",
        "task_policy",
        "status",
        "task_progress",
        "create_time",
    }


def test_create__groups_are_cohorts(api):
    """`targets_filter` takes names of cohorts as group ids, several at once."""
    task_id = api.create(groups=["good", "bad"])
    shown = api.get(f"{TASKS}/{task_id}").json["batchtask"]

    assert shown["task_progress"]["total"] == 30
    assert shown["targets_filter"] == {"group_ids": ["good", "bad"]}
    assert "targets" not in shown


def test_create__targets_win_over_the_filter_and_that_over_the_file(api):
    """Of several sources of targets only the first in the vendor's order takes effect."""
    both = api.post(TASKS, body_of(targets_filter={"group_ids": ["bad"]}, document_source="file"))
    filtered = api.post(
        TASKS, body_of(targets=[], targets_filter={"group_ids": ["bad"]}, document_source="f")
    )
    file = api.post(TASKS, body_of(targets=None, document_source="f"))

    assert both.json["task_progress"]["total"] == 2
    assert filtered.json["task_progress"]["total"] == 10
    assert (file.status, file.code) == (400, "IOTDA.000006")


def test_create__repeated_targets_count_once_and_are_echoed_as_given(api):
    """The task has each device once; the list comes back as it was."""
    named = ids("good", 3, 1, 3)
    task = api.post(TASKS, body_of(targets=named)).json

    assert (task["task_progress"]["total"], task["targets"]) == (2, named)


def test_create__need_confirm_waits_for_the_call(api):
    """Until the confirm call all subtasks are `Waitting`, whatever time passes."""
    task_id = api.create(groups=["good"], need_confirm=True)
    api.advance(seconds=7200)
    assert api.get(f"{TASKS}/{task_id}").json["batchtask"]["status"] == "Waitting"
    answer = api.post(f"{TASKS}/{task_id}/confirm", {"targets": ids("good", 4)})
    api.advance(seconds=3)

    assert answer.json == {"targets": [{"target": "good-0000004", "status": "success"}]}
    assert api.progress(task_id) == {"total": 20, "processing": 1, "waitting": 19}
    assert len(api.post(f"{TASKS}/{task_id}/confirm").json["targets"]) == 19


def test_create__schedule_time_is_simulated_time(api):
    """A task scheduled for a date starts when the simulated clock shows it."""
    task_id = api.create(groups=["good"], task_policy={"schedule_time": "20260105T010000Z"})
    api.advance(seconds=3599)
    assert api.get(f"{TASKS}/{task_id}").json["batchtask"]["status"] == "Waitting"
    assert api.advance(seconds=1)["now"] == "20260105T010000Z"

    assert api.get(f"{TASKS}/{task_id}").json["batchtask"]["status"] == "Processing"


@pytest.mark.parametrize(
    ("fields", "status", "code"),
    [
        ({"task_name": "a b"}, 400, "IOTDA.000006"),
        ({"task_name": None}, 400, "IOTDA.000006"),
        ({"task_type": "upgradeEverything"}, 400, "IOTDA.000006"),
        ({"targets": ["no/such"]}, 400, "IOTDA.000006"),
        ({"targets": "good-0000001"}, 400, "IOTDA.000006"),
        ({"targets": None}, 400, "IOTDA.000006"),
        ({"targets": ids("good", 20)}, 404, "IOTDA.014000"),
        ({"targets": None, "targets_filter": {"group_ids": ["nobody"]}}, 400, "IOTDA.000006"),
        ({"targets": None, "targets_filter": {"groups": ["good"]}}, 400, "IOTDA.000006"),
        ({"targets": None, "targets_filter": {"group_ids": []}}, 400, "IOTDA.000006"),
        ({"document": None}, 400, "IOTDA.000006"),
        ({"document": {"package_id": PACKAGE_ID}}, 400, "IOTDA.000006"),
        ({"document": {"package_ids": [PACKAGE_ID, PACKAGE_ID]}}, 400, "IOTDA.000006"),
        ({"document": {"package_ids": ["nothing"]}}, 404, "IOTDA.014289"),
        ({"task_type": "softwareUpgrade"}, 400, "IOTDA.000006"),
        ({"task_policy": {"retry_count": 6, "retry_interval": 5}}, 400, "IOTDA.000006"),
        ({"task_policy": {"retry_count": 1}}, 400, "IOTDA.000006"),
        ({"task_policy": {"retry_interval": 1}}, 400, "IOTDA.000006"),
        ({"task_policy": {"retry_count": 1, "retry_interval": 1441}}, 400, "IOTDA.000006"),
        ({"task_policy": {"retry_count": "1", "retry_interval": 1}}, 400, "IOTDA.000006"),
        ({"task_policy": {"schedule_time": "2026-01-06"}}, 400, "IOTDA.000009"),
        ({"task_policy": {"schedule_time": "20260113T000000Z"}}, 400, "IOTDA.000006"),
        ({"task_ext_info": {"x": "y" * 512}}, 400, "IOTDA.000006"),
        ({"task_ext_info": "text"}, 400, "IOTDA.000006"),
        ({"need_confirm": "true"}, 400, "IOTDA.000006"),
        ({"app_id": "a" * 37}, 400, "IOTDA.000006"),
        ({"task_mode": "GATEWAY"}, 501, "IOTDA.014299"),
    ],
)
def test_create__refusals(shared_api, fields, status, code):
    """Each field outside its bounds is the documented refusal, and no task is made."""
    answer = shared_api.post(TASKS, body_of(**fields))

    assert (answer.status, answer.code) == (status, code)
    assert shared_api.get(TASKS, task_type="firmwareUpgrade").json["page"] == {"count": 0}


@pytest.mark.parametrize("task_type", [t.value for t in TaskType if not t.value.endswith("wareUpgrade")])
def test_other_task_types__are_501(shared_api, task_type):
    """A documented type that is not simulated says so, in create and in list; nothing is made up."""
    created = shared_api.post(TASKS, {"task_name": "t", "task_type": task_type})
    listed = shared_api.get(TASKS, task_type=task_type)

    assert [(a.status, a.code) for a in (created, listed)] == [(501, "IOTDA.014299")] * 2


@pytest.mark.parametrize(
    ("method", "path"), [("POST", ""), ("GET", ""), ("DELETE", "/0c3c77dd-42a2-4309-9e10-da2e8bf64ac3")]
)
def test_task_files__are_501(shared_api, method, path):
    """Task files belong to types that are not simulated."""
    answer = shared_api.send(method, f"/v5/iot/{PROJECT}/batchtask-files{path}")

    assert (answer.status, answer.code) == (501, "IOTDA.014299")


def test_list__newest_first_with_filters(api):
    """The list has the tasks of a type, newest first, by space and state on request."""
    first = api.create("first", groups=["good"], app_id="space1")
    second = api.create("second", groups=["bad"], app_id="space2")
    api.advance(until_settled=first)

    def listed(**query):
        answer = api.get(TASKS, task_type="firmwareUpgrade", **query).json
        return [task["task_id"] for task in answer["batchtasks"]], answer["page"]["count"]

    assert listed() == ([second, first], 2)
    assert listed(app_id="space1") == ([first], 1)
    assert listed(status="Success") == ([first], 1)
    assert listed(status="Stopping") == ([], 0)
    assert listed(limit=1) == ([second], 2)
    assert listed(limit=1, offset=1) == ([first], 2)
    assert listed(marker=second) == ([first], 2)
    assert listed(marker="f" * 24) == ([second, first], 2)
    assert api.get(TASKS, task_type="softwareUpgrade").json == {"batchtasks": [], "page": {"count": 0}}


def test_list__shows_tasks_as_show_does(api):
    """An item of the list is the same object as the answer of show."""
    task_id = api.create(groups=["good"], task_policy=POLICY)
    (listed,) = api.get(TASKS, task_type="firmwareUpgrade").json["batchtasks"]

    assert listed == api.get(f"{TASKS}/{task_id}").json["batchtask"]


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("", "IOTDA.000006"),
        ("task_type=nothing", "IOTDA.000006"),
        ("task_type=firmwareUpgrade&status=Done", "IOTDA.000006"),
        ("task_type=firmwareUpgrade&app_id=a%20b", "IOTDA.000006"),
        ("task_type=firmwareUpgrade&limit=0", "IOTDA.000017"),
        ("task_type=firmwareUpgrade&limit=51", "IOTDA.000017"),
        ("task_type=firmwareUpgrade&limit=ten", "IOTDA.000017"),
        ("task_type=firmwareUpgrade&limit=", "IOTDA.000017"),
        ("task_type=firmwareUpgrade&limit=" + "9" * 5000, "IOTDA.000017"),
        ("task_type=firmwareUpgrade&marker=xyz", "IOTDA.000018"),
        ("task_type=firmwareUpgrade&marker=" + "F" * 24, "IOTDA.000018"),
        ("task_type=firmwareUpgrade&offset=501", "IOTDA.000006"),
        ("task_type=firmwareUpgrade&offset=-1", "IOTDA.000006"),
    ],
)
def test_list__refuses_parameters_out_of_range(shared_api, query, code):
    """Limit and marker have codes of their own; the others have the general one."""
    answer = shared_api.send("GET", TASKS, query=query)

    assert (answer.status, answer.code) == (400, code)


def test_show__pages_meet_every_target_once(api):
    """Following the marker, each subtask is seen exactly once, and `count` is the total throughout."""
    task_id = api.create(groups=["flaky", "good"])
    seen, query = [], {"limit": 50}
    for _ in range(10):
        page = api.get(f"{TASKS}/{task_id}", **query).json
        assert page["page"]["count"] == 190
        if not page["task_details"]:
            break
        seen += [detail["target"] for detail in page["task_details"]]
        query["marker"] = page["page"]["marker"]

    assert len(seen) == len(set(seen)) == 190
    assert "marker" not in page["page"]


def test_show__offset_counts_from_the_marker(api):
    """Offset and marker together skip as the vendor's worked example does."""
    task_id = api.create(groups=["flaky"])
    first = api.get(f"{TASKS}/{task_id}", limit=20).json
    by_offset = api.get(f"{TASKS}/{task_id}", limit=5, offset=25).json
    by_both = api.get(f"{TASKS}/{task_id}", limit=5, offset=5, marker=first["page"]["marker"]).json

    assert by_offset["task_details"] == by_both["task_details"]
    assert len(api.get(f"{TASKS}/{task_id}").json["task_details"]) == 10


def test_show__filters_subtasks_only(api):
    """State and target choose subtasks; the task itself is shown as it is."""
    task_id = api.create(groups=["good", "bad"])
    api.advance(until_settled=task_id)
    failed = api.get(f"{TASKS}/{task_id}", task_detail_status="Fail").json
    one = api.get(f"{TASKS}/{task_id}", target="bad-0000002").json
    nobody = api.get(f"{TASKS}/{task_id}", target="stranger").json
    removed = api.get(f"{TASKS}/{task_id}", task_detail_status="Removed").json

    assert (failed["page"]["count"], {d["status"] for d in failed["task_details"]}) == (10, {"Fail"})
    assert one["task_details"] == [
        {
            "target": "bad-0000002",
            "status": "Fail",
            "output": "Upgrade package installation failure",
            "error": {"error_code": "10", "error_msg": "Upgrade package installation failure"},
        }
    ]
    assert (nobody["task_details"], removed["task_details"]) == ([], [])
    assert failed["batchtask"] == one["batchtask"] == nobody["batchtask"]


def test_show__a_timeout_has_a_text_but_no_code(api):
    """A failure that the device didn't report carries the platform's text alone."""
    task_id = api.create(groups=["flaky"])
    api.advance(until_settled=task_id)
    details = []
    for offset in (0, 50, 100):
        page = api.get(f"{TASKS}/{task_id}", task_detail_status="Fail", limit=50, offset=offset).json
        details += page["task_details"]
    errors = {(d["error"].get("error_code"), d["error"]["error_msg"]) for d in details}

    assert errors == {(None, "Wait for the device to report upgrade result timeout"), ("2", "Poor signal")}


def test_show__a_long_list_of_targets_is_shown_once(make_api):
    """The create call echoes any list; show and list leave one of more than 1,000 to the pages."""
    api = make_api(scenario_of(fleet={"cohorts": [{"name": "many", "devices": 1001}]}))
    for count in (1000, 1001):
        body = body_of(targets=ids("many", *range(count)))
        created = api.post(TASKS, body).json
        shown = api.get(f"{TASKS}/{created['task_id']}").json["batchtask"]

        assert created["targets"] == body["targets"]
        assert ("targets" in shown) == (count == 1000)


def test_show__a_marker_of_another_task_is_refused(api):
    """A marker that this task never gave out is out of range."""
    first, second = api.create(groups=["good"]), api.create(groups=["bad"])
    marker = api.get(f"{TASKS}/{second}", limit=1).json["page"]["marker"]
    answer = api.get(f"{TASKS}/{first}", marker=marker)

    assert (answer.status, answer.code) == (400, "IOTDA.000018")
    assert api.get(f"{TASKS}/{second}", marker=marker).status == 200
    assert api.get(f"{TASKS}/{'9' * 24}", marker=marker).status == 404


def test_retry__empty_body_and_braces_mean_all(api):
    """Content-Length 0, `{}`, `null` and `{"targets": null}` retry everything that failed."""
    task_id = api.create(groups=["bad"])
    for body in (b"", b"{}", b"null", b'{"targets":null}'):
        api.advance(until_settled=task_id)
        answer = api.send("POST", f"{TASKS}/{task_id}/retry", body)
        assert answer.status == 200
        assert [item["target"] for item in answer.json["targets"]] == ids("bad", *range(10))
        assert {item["status"] for item in answer.json["targets"]} == {"success"}


def test_retry__an_empty_list_means_nobody(api):
    """`{"targets": []}` names nobody: nothing is done, and the answer is empty."""
    task_id = api.create(groups=["bad"])
    api.advance(until_settled=task_id)
    answer = api.post(f"{TASKS}/{task_id}/retry", {"targets": []})

    assert (answer.status, answer.json) == (200, {"targets": []})
    assert api.progress(task_id) == {"total": 10, "fail": 10}


def test_retry__named_targets_are_answered_one_by_one(api):
    """A call succeeds as a whole although single targets are refused, each with its code."""
    task_id = api.create(groups=["bad", "good"])
    api.advance(until_settled=task_id)
    named = [*ids("bad", 1), "stranger", *ids("flaky", 0), *ids("good", 0), *ids("bad", 1)]
    answer = api.post(f"{TASKS}/{task_id}/retry", {"targets": named})

    assert answer.status == 200
    assert [(item["target"], item["status"], item.get("error_code")) for item in answer.json["targets"]] == [
        ("bad-0000001", "success", None),
        ("stranger", "failure", "IOTDA.014219"),
        ("flaky-0000000", "failure", "IOTDA.014219"),
        ("good-0000000", "failure", "IOTDA.014285"),
    ]
    assert answer.json["targets"][1]["error_msg"] == "Invalid input. The target is not in the task"
    assert set(answer.json["targets"][0]) == {"target", "status"}


def test_calls__more_than_100_targets_are_refused(api):
    """101 named targets are too many, whatever the call; nothing is done."""
    task_id = api.create(groups=["flaky"])
    digest = api.digest()
    for call in ("retry", "stop", "confirm"):
        answer = api.post(f"{TASKS}/{task_id}/{call}", {"targets": ids("flaky", *range(101))})
        assert (answer.status, answer.code) == (400, "IOTDA.000006")
    assert api.digest() == digest
    assert api.post(f"{TASKS}/{task_id}/stop", {"targets": ids("flaky", *range(100))}).status == 200


CODES = {"retry": "IOTDA.014218", "stop": "IOTDA.014281", "confirm": "IOTDA.014282", "delete": "IOTDA.014283"}


def call(api, name, task_id):
    """Make one of the four calls."""
    if name == "delete":
        return api.delete(f"{TASKS}/{task_id}")
    return api.post(f"{TASKS}/{task_id}/{name}")


@pytest.mark.parametrize("name", CODES)
@pytest.mark.parametrize(
    ("state", "prepare"),
    [
        ("Waitting", lambda api: api.create(groups=["bad"], need_confirm=True)),
        ("Processing", lambda api: api.create(groups=["bad"])),
        ("Success", lambda api: settled(api, ["good"])),
        ("Fail", lambda api: settled(api, ["bad"])),
        ("PartialSuccess", lambda api: settled(api, ["good", "bad"])),
        ("Stopped", lambda api: stopped(api)),
    ],
)
def test_calls__are_refused_by_task_state_as_the_rules_say(api, name, state, prepare):
    """Every call in every state that lasts: the table of the rules, seen over HTTP."""
    task_id = prepare(api)
    assert api.get(f"{TASKS}/{task_id}").json["batchtask"]["status"] == state
    digest = api.digest()
    answer = call(api, name, task_id)

    if state in {one.value for one in REFUSED_TASK_STATES[Call(name)]}:
        assert (answer.status, answer.code) == (400, CODES[name])
        assert api.digest() == digest
    elif name == "delete":
        assert (answer.status, answer.body) == (204, b"")
        assert "content-type" not in answer.headers
        assert api.get(f"{TASKS}/{task_id}").code == "IOTDA.014280"
    else:
        assert answer.status == 200


def settled(api, groups):
    """Create a task and let it end."""
    task_id = api.create(groups=groups)
    api.advance(until_settled=task_id)
    return task_id


def stopped(api):
    """Create a task and stop it as a whole."""
    task_id = api.create(groups=["bad"])
    api.post(f"{TASKS}/{task_id}/stop")
    return task_id


@pytest.mark.parametrize("name", CODES)
def test_calls__upon_a_task_that_does_not_exist(shared_api, name):
    """An id that no task has, or has any more, is 404."""
    answer = call(shared_api, name, "abcdef0123456789abcdef01")

    assert (answer.status, answer.code) == (404, "IOTDA.014280")


def test_stop__only_live_subtasks(api):
    """Stop takes what waits, runs or waits for its retry, and leaves what has ended."""
    task_id = api.create(groups=["good", "bad"], task_policy=POLICY)
    api.advance(seconds=65)
    answer = api.post(f"{TASKS}/{task_id}/stop")

    assert [item["target"] for item in answer.json["targets"]] == ids("bad", *range(10))
    assert ELIGIBLE[Call.STOP] >= {SubtaskState.FAIL_WAIT_RETRY}
    assert api.progress(task_id) == {"total": 30, "success": 20, "stopped": 10}
    assert api.get(f"{TASKS}/{task_id}").json["batchtask"]["status"] == "Stopped"


def test_conflict__a_device_in_another_task(api):
    """A device that is at work elsewhere fails in a second task with the vendor's text."""
    api.create(groups=["good"])
    second = api.create(groups=["good"])
    details = api.get(f"{TASKS}/{second}", limit=1).json["task_details"]

    assert details[0]["error"] == {"error_code": "IOTDA.014286", "error_msg": "Task Conflict"}


def test_quota__the_eleventh_task_waits(make_api):
    """Ten tasks of a resource space are in progress at once; the eleventh starts when one ends."""
    api = make_api()
    tasks = [api.create(f"t{k}", targets=ids("flaky", k)) for k in range(10)]
    tasks.append(api.create("t10", targets=ids("good", 1)))
    states = [api.get(f"{TASKS}/{task}").json["batchtask"]["status"] for task in tasks]
    assert states == ["Processing"] * 10 + ["Waitting"]
    api.post(f"{TASKS}/{tasks[0]}/stop")

    assert api.get(f"{TASKS}/{tasks[10]}").json["batchtask"]["status"] == "Processing"


def test_answers__carry_a_request_id_and_commands_their_number(api):
    """Each answer has its own `X-Request-Id`; an accepted command also says its place in the journal."""
    task_id = api.create(groups=["bad"])
    answers = [
        api.get(f"{TASKS}/{task_id}"),
        api.get("/nowhere"),
        api.get(TASKS),
        api.delete(f"{TASKS}/{task_id}"),
        api.post(f"{TASKS}/{task_id}/stop"),
        api.send("GET", TASKS, headers={}),
    ]
    request_ids = {answer.headers["x-request-id"] for answer in answers}

    assert [answer.status for answer in answers] == [200, 404, 400, 400, 200, 401]
    assert len(request_ids) == 6
    assert [answer.headers.get("x-fleetsim-command") for answer in answers] == [None] * 4 + ["2", None]


def test_targets__start_in_the_order_in_which_they_are_named(make_api):
    """Whoever names targets backwards has them upgraded backwards; a retry call has an order of its own."""
    api = make_api(scenario_of(platform={"max_processing": 1}))
    backwards = ids("bad", *range(5, -1, -1))
    task = api.create(targets=[*backwards, backwards[2]])
    api.advance(until_settled=task)
    again = ids("bad", 1, 4, 0)
    answer = api.post(f"{TASKS}/{task}/retry", {"targets": again})
    api.advance(until_settled=task)
    fleet = api.session.world.fleet
    first_start = fleet.records().first_start[20:26]
    end = fleet.records().end[20:26]

    assert (np.diff(first_start) < 0).all()
    assert answer.status == 200
    assert end[1] < end[4] < end[0]
    assert max(end[[2, 3, 5]]) < end[1]
