"""From the service's answers to the vendor's JSON. Nothing is decided here.

Source:
    SDK models task, task_detail, task_progress, batch_target_result, ota_package_info, page,
    query_device_simplify, show_device_response. Not documented, hence our choice: fields that were not set
    are left out; a list of targets that is longer than `TARGETS_SHOWN_MAX` is shown by the create call only,
    since `task_details` has the targets page by page; the failure text stands in `output` and in `error`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from sim.emulator.devices.registry import APP_ID

if TYPE_CHECKING:
    from sim.campaign import BatchTask, CallAnswer, TaskDetail, TaskPage, TaskView
    from sim.emulator.calendar import Calendar
    from sim.emulator.devices.registry import Device, DevicePage
    from sim.emulator.packages import OtaPackage, PackagePage
    from sim.emulator.world import World

TARGETS_SHOWN_MAX: Final = 1000


def to_json(value: Any) -> bytes:
    """Return a JSON document without white space; text beyond ASCII is escaped."""
    return json.dumps(value, separators=(",", ":"), allow_nan=False).encode()


def task_object(task: BatchTask, world: World, *, all_targets: bool = False) -> dict[str, Any]:
    """Return a task.

    Args:
        world: What it was created in; it has the body and the calendar.
        all_targets: Show the list of targets whatever its length.
    """
    body = world.bodies[task.task_id]
    shown: dict[str, Any] = {
        "task_id": task.task_id,
        "task_name": task.task_name,
        "task_type": task.task_type.value,
        **body.echo,
    }
    if body.targets and (all_targets or len(body.targets) <= TARGETS_SHOWN_MAX):
        shown["targets"] = body.targets
    shown["status"] = task.state.value
    shown["task_progress"] = task.progress()
    shown["create_time"] = world.calendar.wire(task.created_s)
    return shown


def page_object(page: TaskPage | TaskView | PackagePage | DevicePage) -> dict[str, Any]:
    """Return where a page stands."""
    return {"count": page.count} if page.marker is None else {"count": page.count, "marker": page.marker}


def detail_object(detail: TaskDetail) -> dict[str, Any]:
    """Return one subtask."""
    shown: dict[str, Any] = {"target": detail.target, "status": detail.status}
    if detail.error_msg is not None:
        error = {"error_msg": detail.error_msg}
        if detail.error_code is not None:
            error = {"error_code": detail.error_code, **error}
        shown |= {"output": detail.error_msg, "error": error}
    return shown


def call_body(answer: CallAnswer, ids: Sequence[str] | None) -> bytes:
    """Return the answer of retry, stop or confirm.

    Args:
        ids: Ids of the devices acted upon if the body was `{}`; None if it named targets.
    """
    if ids is not None and not answer.refused:
        # Up to 30,000 results that differ in the id only; an id needs no escaping in JSON.
        results = '","status":"success"},{"target":"'.join(ids)
        inner = f'{{"target":"{results}","status":"success"}}' if ids else ""
        return f'{{"targets":[{inner}]}}'.encode()
    return to_json({"targets": [result.wire() for result in answer.results]})


def package_object(package: OtaPackage, calendar: Calendar, *, location: bool) -> dict[str, Any]:
    """Return a package.

    Args:
        location: Show where it lies; lists don't.
    """
    fields = package.fields.model_dump(exclude_none=True)
    where = fields.pop("file_location")
    shown = {
        "package_id": package.package_id,
        "product_name": package.fields.product_id,
        **fields,
        "create_time": calendar.wire(package.created_s),
    }
    return {**shown, "file_location": where} if location else shown


def listed_device(device: Device) -> dict[str, Any]:
    """Return a device as a list has it; one that never was online has told no version."""
    shown = {
        "app_id": APP_ID,
        "app_name": APP_ID,
        "device_id": device.device_id,
        "node_id": device.device_id,
        "gateway_id": device.device_id,
        "device_name": device.device_id,
        "node_type": "GATEWAY",
        "product_id": device.product_id,
        "product_name": device.product_name,
        "status": device.connection.status,
    }
    if device.is_active:
        shown["fw_version"], shown["sw_version"] = device.fw_version, device.sw_version
    return shown


def device_object(device: Device, calendar: Calendar) -> dict[str, Any]:
    """Return a device as it is shown by itself: with its times, none of them before it was registered."""
    shown = listed_device(device)
    shown["create_time"] = calendar.wire(device.registered_s)
    if device.is_active:
        shown["active_time"] = calendar.fine(device.registered_s)
    if device.connection_changed_s is not None:
        shown["connection_status_update_time"] = calendar.fine(device.connection_changed_s)
    return shown
