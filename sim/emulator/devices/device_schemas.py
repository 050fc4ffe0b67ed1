"""Queries and answers about devices, with the vendor's names and bounds; they also make the OpenAPI document.

Source:
    SDK models list_devices_request, list_devices_response, query_device_simplify, show_device_response.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from sim.emulator import calendar
from sim.emulator.devices.registry import DeviceFilter
from sim.emulator.schemas import AnswerForm, AppId, DeviceId, PageAnswer, PagedQuery, WireTime


class ListDevicesQuery(PagedQuery):
    """Query of `ListDevices`."""

    product_id: AppId | None = None
    gateway_id: DeviceId | None = None
    is_cascade_query: bool | None = None
    node_id: Annotated[str, StringConstraints(pattern="^[A-Za-z0-9_-]{1,64}$")] | None = None
    device_name: Annotated[str, Field(min_length=1, max_length=256)] | None = None
    start_time: WireTime | None = None
    end_time: WireTime | None = None
    app_id: AppId | None = None

    def wanted(self) -> DeviceFilter:
        """Return which devices are asked for; with or without those behind them makes no difference."""
        return DeviceFilter(
            product_id=self.product_id,
            gateway_id=self.gateway_id,
            node_id=self.node_id,
            device_name=self.device_name,
            app_id=self.app_id,
            start_time=self.start_time,
            end_time=self.end_time,
        )


class ListedDevice(AnswerForm):
    """One device of a list; one that never was online has told no version."""

    app_id: str
    app_name: str
    device_id: str
    node_id: str
    gateway_id: str
    device_name: str
    node_type: Literal["GATEWAY"]
    fw_version: str = ""
    sw_version: str = ""
    product_id: str
    product_name: str
    status: Literal["ONLINE", "OFFLINE", "INACTIVE"]


class ListDevicesAnswer(AnswerForm):
    """Answer of `ListDevices`."""

    devices: list[ListedDevice]
    page: PageAnswer


class ShowDeviceAnswer(ListedDevice):
    """Answer of `ShowDevice`; a device that never was online has no times but that of its registration."""

    create_time: Annotated[str, StringConstraints(pattern=calendar.PATTERN)]
    active_time: Annotated[str, StringConstraints(pattern=calendar.FINE_PATTERN)] = ""
    connection_status_update_time: Annotated[str, StringConstraints(pattern=calendar.FINE_PATTERN)] = ""
