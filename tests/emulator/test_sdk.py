"""The vendor's own SDK, unmodified, against a live server."""

import http.client
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from huaweicloudsdkcore.auth.credentials import BasicCredentials, DerivedCredentials
from huaweicloudsdkcore.exceptions.exceptions import ClientRequestException, ServerResponseException
from huaweicloudsdkcore.region.region import Region
from huaweicloudsdkcore.sdk_request import SdkRequest
from huaweicloudsdkcore.signer.signer import DerivationAKSKSigner, Signer
from huaweicloudsdkiotda import v5 as iotda

from support.emulator import CREDENTIALS, DEVICES, PROJECT, TASKS, ids
from support.server import Client, Server, write_scenario

pytestmark = pytest.mark.slow

FLEET = {
    "cohorts": [
        {"name": "good", "devices": 29_000},
        {"name": "bad", "devices": 1000, "failures": [{"stage": "install", "code": 10, "permanent": 1}]},
    ]
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Return a server with 30,000 devices."""
    scenario = write_scenario(tmp_path_factory.mktemp("sdk"), fleet=FLEET)
    with Server(str(scenario)) as running:
        yield running


@pytest.fixture(autouse=True)
def _own_home(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the SDK's file out of the user's home, and the requests out of any proxy; begin anew."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    control(server, "POST", "/_sim/reset")


def control(server, method, path, body=None):
    """Call a control route."""
    with Client(server.port) as client:
        status, answer = client.call(method, path, body)
    assert status == 200, answer
    return answer


def sdk(server, *, ak=CREDENTIALS.ak, sk=CREDENTIALS.sk, project=PROJECT, derived=False):
    """Return a client of the SDK, as a script makes it."""
    builder = iotda.IoTDAClient.new_builder()
    credentials = BasicCredentials(ak, sk, project)
    if derived:
        credentials = credentials.with_derived_predicate(DerivedCredentials.get_default_derived_predicate())
        return builder.with_credentials(credentials).with_region(Region("cn-north-4", server.url)).build()
    return builder.with_credentials(credentials).with_endpoint(server.url).build()


def refused(call, request):
    """Return status and code of the exception that a call of the SDK raises."""
    with pytest.raises(ClientRequestException) as error:
        call(request)
    assert error.value.request_id
    return error.value.status_code, error.value.error_code


def create_package(client):
    """Create a package and return its id."""
    location = iotda.ObsLocation(region_name="cn-north-4", bucket_name="bucket", object_key="firmware.bin")
    body = iotda.CreateOtaPackage(
        app_id="space",
        package_type="firmwarePackage",
        product_id="product",
        version="3.0",
        file_location=iotda.FileLocation(obs_location=location),
    )
    return client.create_ota_package(iotda.CreateOtaPackageRequest(body=body)).package_id


def create_task(client, package_id, targets, **fields):
    """Create a task and return the SDK's answer."""
    body = iotda.CreateBatchTask(
        task_name="sdk_task",
        task_type="firmwareUpgrade",
        targets=targets,
        document={"package_ids": [package_id]},
        **fields,
    )
    return client.create_batch_task(iotda.CreateBatchTaskRequest(body=body))


@pytest.mark.parametrize("derived", [False, True])
def test_sdk__a_whole_campaign(server, derived):
    """Package, 30,000 targets, every page once, retries, stop, confirm, delete: all with both signatures."""
    client = sdk(server, derived=derived)
    package_id = create_package(client)
    assert client.show_ota_package(iotda.ShowOtaPackageRequest(package_id=package_id)).version == "3.0"
    packages = client.list_ota_package_info(iotda.ListOtaPackageInfoRequest(package_type="firmwarePackage"))
    assert packages.page.count == 2
    everyone = [*ids("good", *range(29_000)), *ids("bad", *range(1000))]
    policy = iotda.TaskPolicy(retry_count=1, retry_interval=5)
    created = create_task(client, package_id, everyone, task_policy=policy, task_ext_info={"a": 1})
    task_id = created.task_id
    assert (len(created.targets), created.status, created.task_progress.waitting) == (
        30_000,
        "Processing",
        30_000,
    )
    control(server, "POST", "/_sim/clock/advance", {"until_settled": task_id})

    seen, marker = [], None
    while True:
        shown = client.show_batch_task(iotda.ShowBatchTaskRequest(task_id=task_id, limit=50, marker=marker))
        if not shown.task_details:
            break
        seen += [detail.target for detail in shown.task_details]
        marker = shown.page.marker
    assert sorted(seen) == sorted(everyone)
    assert shown.batchtask.status == "PartialSuccess"
    assert shown.batchtask.task_progress.fail == 1000
    one = client.show_batch_task(iotda.ShowBatchTaskRequest(task_id=task_id, target="bad-0000001"))
    assert one.task_details[0].error.error_code == "10"

    answers = client.retry_batch_task(iotda.RetryBatchTaskRequest(task_id=task_id, body=iotda.BatchTargets()))
    assert {(item.status, item.error_code) for item in answers.targets} == {("success", None)}
    assert len(answers.targets) == 1000
    control(server, "POST", "/_sim/clock/advance", {"until_settled": task_id})
    assert len(client.retry_batch_task(iotda.RetryBatchTaskRequest(task_id=task_id)).targets) == 1000
    control(server, "POST", "/_sim/clock/advance", {"until_settled": task_id})
    named = iotda.BatchTargets(targets=[*ids("bad", *range(99)), "stranger"])
    answers = client.retry_batch_task(iotda.RetryBatchTaskRequest(task_id=task_id, body=named)).targets
    assert [item.status for item in answers] == ["success"] * 99 + ["failure"]
    assert (answers[-1].target, answers[-1].error_code) == ("stranger", "IOTDA.014219")

    stopped = client.stop_batch_task(iotda.StopBatchTaskRequest(task_id=task_id, body=iotda.BatchTargets()))
    assert len(stopped.targets) == 99
    waiting = create_task(client, package_id, ids("bad", 1, 2), need_confirm=True).task_id
    confirmed = client.confirm_batch_task(iotda.ConfirmBatchTaskRequest(task_id=waiting))
    assert [item.status for item in confirmed.targets] == ["success"] * 2
    client.delete_batch_task(iotda.DeleteBatchTaskRequest(task_id=task_id))
    tasks = client.list_batch_tasks(iotda.ListBatchTasksRequest(task_type="firmwareUpgrade"))
    assert [task.task_id for task in tasks.batchtasks] == [waiting]
    client.delete_ota_package(iotda.DeleteOtaPackageRequest(package_id=package_id))


LINKED = {
    "cohorts": [
        {"name": "meters", "devices": 90, "online": {"fraction": "60 %", "mean_offline": "3 h"}},
        {"name": "current", "devices": 5, "already_current": 1},
        {"name": "lost", "devices": 3, "failures": [{"stage": "contact", "silent": True, "permanent": 1}]},
    ]
}
OF_LIST = set(iotda.QueryDeviceSimplify.openapi_types)
UNSET_IN_LIST = {"description", "device_sdk_version", "tags"}
OF_SHOW = set(iotda.ShowDeviceResponse.openapi_types) - OF_LIST
UNSET_IN_SHOW = {"auth_info", "modules", "extension_info"}


@pytest.mark.parametrize("derived", [False, True])
def test_sdk__devices_field_by_field(tmp_path, derived):
    """Each field of the SDK's models has what the server sent, listed and by itself; the rest is unset."""
    scenario = write_scenario(tmp_path, fleet=LINKED)
    with Server(str(scenario)) as server, Client(server.port) as plain:
        client = sdk(server, derived=derived)
        control(server, "POST", "/_sim/clock/advance", {"seconds": 7000})
        seen, marker = [], None
        while True:
            page = client.list_devices(iotda.ListDevicesRequest(limit=50, marker=marker))
            sent = plain.call("GET", f"{DEVICES}?limit=50" + (f"&marker={marker}" if marker else ""))[1]
            assert page.page.count == sent["page"]["count"] == 98
            assert page.page.marker == sent["page"].get("marker")
            assert len(page.devices) == len(sent["devices"])
            for device, fields in zip(page.devices, sent["devices"], strict=True):
                assert fields.keys() <= OF_LIST - UNSET_IN_LIST
                assert {name: getattr(device, name) for name in OF_LIST} == dict.fromkeys(OF_LIST) | fields
            if not page.devices:
                break
            seen += page.devices
            marker = page.page.marker

        assert len({device.device_id for device in seen}) == 98
        assert {device.status for device in seen} == {"ONLINE", "OFFLINE", "INACTIVE"}
        assert {device.fw_version for device in seen} == {"factory", "2.0", None}
        for listed in seen[::7]:
            shown = client.show_device(iotda.ShowDeviceRequest(device_id=listed.device_id))
            sent = plain.call("GET", f"{DEVICES}/{listed.device_id}")[1]
            assert sent.keys() <= (OF_LIST - UNSET_IN_LIST) | (OF_SHOW - UNSET_IN_SHOW)
            assert {name: getattr(shown, name) for name in OF_LIST | OF_SHOW} == (
                dict.fromkeys(OF_LIST | OF_SHOW) | sent
            )
            assert {name: getattr(shown, name) for name in OF_LIST} == {
                name: getattr(listed, name) for name in OF_LIST
            }

        request = iotda.ListDevicesRequest(
            product_id="meters", node_id="meters-0000007", device_name="meters-0000007", app_id="default"
        )
        assert [device.device_id for device in client.list_devices(request).devices] == ["meters-0000007"]
        behind = iotda.ListDevicesRequest(gateway_id="meters-0000007", is_cascade_query=True)
        assert client.list_devices(behind).page.count == 0
        later = iotda.ListDevicesRequest(start_time=f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}")
        assert client.list_devices(later).page.count == 0
        stranger = iotda.ShowDeviceRequest(device_id="stranger")
        assert refused(client.show_device, stranger) == (404, "IOTDA.014000")
        assert refused(client.list_devices, iotda.ListDevicesRequest(limit=51)) == (400, "IOTDA.000017")


def test_sdk__each_refusal_is_an_exception_with_its_code(server):
    """What the rules refuse arrives as the SDK's exception, with status, code and request id."""
    client = sdk(server)
    package_id = create_package(client)
    task_id = create_task(client, package_id, ids("good", 1)).task_id
    delete = iotda.DeleteBatchTaskRequest(task_id=task_id)
    assert refused(client.delete_batch_task, delete) == (400, "IOTDA.014283")
    too_many = iotda.BatchTargets(targets=ids("good", *range(101)))
    retry = iotda.RetryBatchTaskRequest(task_id=task_id, body=too_many)
    assert refused(client.retry_batch_task, retry) == (400, "IOTDA.000006")
    control(server, "POST", "/_sim/clock/advance", {"until_settled": task_id})
    for call, request, code in (
        (client.retry_batch_task, iotda.RetryBatchTaskRequest(task_id=task_id), "IOTDA.014218"),
        (client.stop_batch_task, iotda.StopBatchTaskRequest(task_id=task_id), "IOTDA.014281"),
        (client.confirm_batch_task, iotda.ConfirmBatchTaskRequest(task_id=task_id), "IOTDA.014282"),
    ):
        assert refused(call, request) == (400, code)
    client.delete_batch_task(delete)

    assert refused(client.show_batch_task, iotda.ShowBatchTaskRequest(task_id=task_id)) == (
        404,
        "IOTDA.014280",
    )
    bad_page = iotda.ListBatchTasksRequest(task_type="firmwareUpgrade", limit=51)
    assert refused(client.list_batch_tasks, bad_page) == (400, "IOTDA.000017")
    body = iotda.CreateBatchTask(task_name="t", task_type="createDevices")
    with pytest.raises(ServerResponseException) as error:
        client.create_batch_task(iotda.CreateBatchTaskRequest(body=body))
    assert (error.value.status_code, error.value.error_code) == (501, "IOTDA.014299")


SCRIPT = """
from huaweicloudsdkiotda import v5 as iotda
from huaweicloudsdkiotda.v5.region.iotda_region import IoTDARegion

client = iotda.IoTDAClient.new_builder().with_region(IoTDARegion.value_of("cn-north-4")).build()
print(client.list_batch_tasks(iotda.ListBatchTasksRequest(task_type="firmwareUpgrade")).page.count)
"""


def test_sdk__a_script_is_pointed_at_the_server_by_its_environment(server):
    """A script that names a region and no keys, as the vendor's examples do, needs no change."""
    create_task(sdk(server), create_package(sdk(server)), ids("good", 1))
    environment = {
        "HUAWEICLOUD_SDK_REGION_IOTDA_CN_NORTH_4": server.url,
        "HUAWEICLOUD_SDK_AK": CREDENTIALS.ak,
        "HUAWEICLOUD_SDK_SK": CREDENTIALS.sk,
        "HUAWEICLOUD_SDK_PROJECT_ID": PROJECT,
    }
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stdout) == (0, "1\n"), done.stderr


@pytest.mark.parametrize("derived", [False, True])
@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"sk": "wrong"}, (401, "IOTDA.000002")),
        ({"ak": "WRONG"}, (401, "IOTDA.000002")),
        ({"project": "f" * 32}, (403, "APIGW.0302")),
    ],
)
def test_sdk__wrong_credentials(server, derived, change, expected):
    """A wrong key is 401, another project 403."""
    request = iotda.ListBatchTasksRequest(task_type="firmwareUpgrade")

    assert refused(sdk(server, derived=derived, **change).list_batch_tasks, request) == expected


@pytest.mark.parametrize("derived", [False, True])
@pytest.mark.parametrize(
    ("late_s", "sent", "status"), [(0, b"{}", 404), (0, b"{ }", 401), (960, b"{}", 401), (-960, b"{}", 401)]
)
def test_signature__stale_or_over_another_body(server, derived, late_s, sent, status):
    """A signature of the SDK passes as it is, and neither later nor with an altered body."""
    date = datetime.now(UTC) - timedelta(seconds=late_s)
    request = SdkRequest(
        method="POST",
        schema="http",
        host=server.url.removeprefix("http://"),
        resource_path=f"{TASKS}/{'f' * 24}/retry",
        query_params=[],
        header_params={"Content-Type": "application/json", "X-Sdk-Date": f"{date:%Y%m%dT%H%M%SZ}"},
        body=b"{}",
        stream=False,
    )
    credentials = BasicCredentials(CREDENTIALS.ak, CREDENTIALS.sk, PROJECT)
    if derived:
        request = DerivationAKSKSigner(credentials).sign(request, "iotdm", "cn-north-4")
    else:
        request = Signer(credentials).sign(request)
    connection = http.client.HTTPConnection("127.0.0.1", server.port)
    connection.request("POST", request.uri, sent, request.header_params)
    answer = connection.getresponse()
    answer.read()
    connection.close()

    assert answer.status == status
