"""Routes of devices: reads of the registry, nothing else."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter, Request, Response

from sim.emulator.devices import device_schemas
from sim.emulator.http import wire
from sim.emulator.http.openapi import described
from sim.emulator.http.requests import DirectRoute, path_of, query_of
from sim.emulator.http.responses import json_response, session_of

router: Final = APIRouter(
    prefix="/v5/iot/{project_id}/devices", default_response_class=Response, route_class=DirectRoute
)


@router.get(
    "",
    openapi_extra=described(
        "project_id", query=device_schemas.ListDevicesQuery, answer=device_schemas.ListDevicesAnswer
    ),
)
async def list_devices(request: Request) -> Response:
    """List devices, newest first."""
    query = query_of(request, device_schemas.ListDevicesQuery)
    page = session_of(request).look().devices.page(query.paging(), query.wanted())
    shown = {
        "devices": [wire.listed_device(device) for device in page.devices],
        "page": wire.page_object(page),
    }
    return json_response(wire.to_json(shown))


@router.get(
    "/{device_id}",
    openapi_extra=described("project_id", "device_id", answer=device_schemas.ShowDeviceAnswer),
)
async def show_device(request: Request) -> Response:
    """Show a device."""
    device_id = path_of(request, "device_id")
    world = session_of(request).look()
    return json_response(wire.to_json(wire.device_object(world.devices.device(device_id), world.calendar)))
