"""What the recorder reads is, field by field, what the vendor's own SDK reads from the same server."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from huaweicloudsdkcore.auth.credentials import BasicCredentials
from huaweicloudsdkiotda import v5 as iotda

from sim.recording.poll_clock import WallClock
from sim.recording.reading_api import PAGE_SIZE, GoneError, ReadingApi
from sim.recording.signing import Access
from sim.recording.transport import UrlTransport
from sim.rules import SubtaskState
from support.emulator import CREDENTIALS, PACKAGE_ID, PROJECT, TASKS
from support.server import Client, Server, write_scenario

pytestmark = pytest.mark.slow

FLEET = {
    "cohorts": [
        {
            "name": "meters",
            "devices": 320,
            "online": {"fraction": "60 %", "mean_offline": "3 h"},
            "failures": [
                {"stage": "download", "code": 2, "probability": "30 %"},
                {"stage": "install", "silent": True, "probability": "5 %"},
                {"stage": "install", "code": 10, "permanent": "20 %"},
            ],
        },
        {"name": "current", "devices": 20, "already_current": 1},
        {"name": "lost", "devices": 5, "failures": [{"stage": "contact", "silent": True, "permanent": 1}]},
    ]
}
ACCESS = [
    Access("token", PROJECT, token=CREDENTIALS.token),
    Access("plain", PROJECT, ak=CREDENTIALS.ak, sk=CREDENTIALS.sk),
    Access("derived", PROJECT, ak=CREDENTIALS.ak, sk=CREDENTIALS.sk, region="cn-north-4"),
]


@pytest.fixture(scope="module")
def task_ids(server: Server) -> list[str]:
    """Return three tasks: one under way, one stopped in part, one that waits for a call and has conflicts."""
    body = {
        "task_name": "first",
        "task_type": "firmwareUpgrade",
        "targets_filter": {"group_ids": ["meters"]},
        "document": {"package_ids": [PACKAGE_ID]},
        "task_policy": {"retry_count": 2, "retry_interval": 60},
        "task_ext_info": {"ring": [1, {"of": "three"}]},
    }
    asked = [
        body,
        {**body, "task_name": "second", "targets_filter": {"group_ids": ["lost"]}},
        {
            **body,
            "task_name": "third",
            "targets_filter": {"group_ids": ["current", "lost"]},
            "need_confirm": True,
        },
    ]
    with Client(server.port) as client:
        ids = [client.call("POST", TASKS, one)[1]["task_id"] for one in asked]
        client.call("POST", "/_sim/clock/advance", {"seconds": 7500})
        stopped = {"targets": ["lost-0000001", "lost-0000003"]}
        assert client.call("POST", f"{TASKS}/{ids[1]}/stop", stopped)[0] == 200
    return ids


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Return a server."""
    with Server(str(write_scenario(tmp_path_factory.mktemp("vendor"), fleet=FLEET))) as running:
        yield running


@pytest.fixture
def vendor(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> iotda.IoTDAClient:
    """Return the SDK's client, with its file out of the user's home and its requests out of any proxy."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    credentials = BasicCredentials(CREDENTIALS.ak, CREDENTIALS.sk, PROJECT)
    return iotda.IoTDAClient.new_builder().with_credentials(credentials).with_endpoint(server.url).build()


@pytest.fixture(params=ACCESS, ids=[access.form for access in ACCESS])
def recorder(server: Server, request: pytest.FixtureRequest) -> Iterator[ReadingApi]:
    """Return the recorder's client, by each way to prove who asks."""
    transport = UrlTransport(server.url)
    yield ReadingApi(
        transport, request.param, WallClock(), host=transport.host, prefix=transport.prefix, calls_per_s=1000
    )
    transport.close()


def told(model):
    """Return what a model of the SDK has got from the server, as plain values without what is unset."""
    if isinstance(model, list):
        return [told(one) for one in model]
    if not hasattr(model, "openapi_types"):
        return model
    values = {model.attribute_map[name]: told(getattr(model, name)) for name in model.openapi_types}
    return {name: value for name, value in values.items() if value is not None}


@pytest.mark.parametrize("status", [None, *(state.wire for state in SubtaskState)])
def test_subtasks__are_what_the_sdk_reads(vendor, recorder, task_ids, status):
    """Each page of each filter of each task: the task, its subtasks, and the marker of the next page."""
    n_pages = n_details = 0
    for task_id in task_ids:
        marker = None
        while True:
            request = iotda.ShowBatchTaskRequest(
                task_id=task_id, task_detail_status=status, limit=PAGE_SIZE, marker=marker
            )
            theirs = vendor.show_batch_task(request)
            ours = recorder.show_batch_task(task_id, status=status, marker=marker)

            assert ours.task == told(theirs.batchtask)
            assert ours.details == told(theirs.task_details)
            assert {detail["status"] for detail in ours.details} <= ({status} if status else set_of_all())
            assert ours.marker == (theirs.page.marker if len(ours.details) == PAGE_SIZE else None)
            n_pages, n_details = n_pages + 1, n_details + len(ours.details)
            if ours.marker is None:
                break
            marker = ours.marker
    expected = {None: 350, "Waitting": 20, "Stopped": 2, "Removed": 0}
    assert n_details == expected.get(status, n_details)
    assert n_details > 0 or status == "Removed"
    assert n_pages >= 3


def set_of_all():
    """Return the names of all states of subtasks."""
    return {state.wire for state in SubtaskState}


def test_subtasks__counts_and_single_targets(vendor, recorder, task_ids):
    """A page of one, which is how counts are read, and a device by its id."""
    for target in (None, "meters-0000003", "lost-0000001", "stranger"):
        for task_id in task_ids:
            request = iotda.ShowBatchTaskRequest(task_id=task_id, target=target, limit=1)
            theirs = vendor.show_batch_task(request)
            ours = recorder.show_batch_task(task_id, target=target, limit=1)

            assert (ours.task, ours.details) == (told(theirs.batchtask), told(theirs.task_details))
            assert ours.task["task_progress"] == told(theirs.batchtask.task_progress)


def test_tasks__are_what_the_sdk_reads(vendor, recorder, task_ids):
    """The list of tasks, by which a task is found by its name."""
    for task_type, expected in (("firmwareUpgrade", task_ids[::-1]), ("softwareUpgrade", [])):
        theirs = vendor.list_batch_tasks(iotda.ListBatchTasksRequest(task_type=task_type, limit=50))
        ours = list(recorder.list_batch_tasks(task_type))

        assert [task["task_id"] for task in ours] == expected
        assert ours == told(theirs.batchtasks)


def test_devices__are_what_the_sdk_reads(vendor, recorder, task_ids):
    """Every device of the registry once, in the SDK's order, and single ones with their times."""
    theirs, marker = [], None
    while True:
        page = vendor.list_devices(iotda.ListDevicesRequest(limit=PAGE_SIZE, marker=marker))
        theirs += page.devices
        if len(page.devices) < PAGE_SIZE:
            break
        marker = page.page.marker
    ours = [device for device, _ in recorder.list_devices()]

    assert len(ours) == page.page.count == 345
    assert ours == told(theirs)
    assert {device["status"] for device in ours} == {"ONLINE", "OFFLINE", "INACTIVE"}
    for device in ours[::23]:
        shown, when = recorder.show_device(device["device_id"])
        assert shown == told(vendor.show_device(iotda.ShowDeviceRequest(device_id=device["device_id"])))
        assert when.earliest_ms <= when.latest_ms


def test_refusals__are_the_sdks_exceptions(vendor, recorder):
    """What the SDK raises for what doesn't exist is told by the recorder with the same code and text."""
    for ours, theirs, request in (
        (recorder.show_batch_task, vendor.show_batch_task, iotda.ShowBatchTaskRequest(task_id="f" * 24)),
        (recorder.show_device, vendor.show_device, iotda.ShowDeviceRequest(device_id="stranger")),
    ):
        with pytest.raises(Exception, match="not exist") as sdk:
            theirs(request)
        with pytest.raises(GoneError) as own:
            ours(getattr(request, "task_id", None) or request.device_id)

        refusal = sdk.value
        assert str(own.value) == f"HTTP {refusal.status_code} {refusal.error_code} {refusal.error_msg}"
