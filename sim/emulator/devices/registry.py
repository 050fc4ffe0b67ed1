"""The registry of devices as the platform keeps it: who there is, who is online, which versions they run.

Source:
    SDK models list_devices_request, query_device_simplify, show_device_response, page: fields, forms of
    times, states, order (newest first) and paging. Who is online is simulated: see `connections`.

Not simulated, hence invented here, and listed on the page about the emulator:
    - products: one a cohort, with the cohort's name as its id, or its number where that is longer than an id
      may be;
    - all devices were registered and activated a year before the run begins, in the resource space `default`;
    - a device's node id and its name are its id; it is connected directly, and so is its own gateway;
    - the name of what a device runs before any task has changed it: `factory`;
    - ids of records, for the paging; a filter of a name takes the whole name.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from sim.campaign import Paging
from sim.emulator.devices.memories import NONE_OF_OURS, Memory, memories_of
from sim.fleet.spec import TICKS_PER_S
from sim.rules import TaskType, codes

if TYPE_CHECKING:
    from sim.campaign import BatchTaskService
    from sim.emulator.calendar import Calendar
    from sim.emulator.devices.connections import Connection, Connections
    from sim.emulator.stepped_environment import SteppedEnvironment
    from sim.fleet.spec import FleetSpec, Int64s
    from sim.scenario import Scenario

APP_ID: Final = "default"
"""The resource space of all devices, and of the scenario's package."""
FACTORY_VERSION: Final = "factory"
"""What a device runs before any task, or the scenario, has given it another version."""
REGISTERED_BEFORE_S: Final = 365 * 86_400
"""How long before the run begins all devices were registered and activated; seconds."""

_PRODUCT_ID_LENGTH_MAX: Final = 36
_FIRST_ID: Final = 2 << 88
_TYPES: Final = (TaskType.FIRMWARE_UPGRADE, TaskType.SOFTWARE_UPGRADE)


@dataclass(frozen=True, slots=True)
class Device:
    """A device as the registry shows it.

    Attributes:
        device_id: Its id.
        product_id: That of its cohort.
        product_name: The cohort's name.
        connection: Whether it is online, and since when.
        fw_version: What it runs as firmware.
        sw_version: What it runs as software.
        registered_s: When it was registered and activated, seconds since the start of the run, < 0.
    """

    device_id: str
    product_id: str
    product_name: str
    connection: Connection
    fw_version: str
    sw_version: str
    registered_s: float

    @property
    def is_active(self) -> bool:
        """Whether it was online at any time."""
        return self.connection.status != "INACTIVE"

    @property
    def connection_changed_s(self) -> float | None:
        """Seconds since the start of the run at which it came to be as it is connected now.

        Not before it was activated; None if it never was, or if that is not known.
        """
        since = self.connection.since
        return None if since is None else max(since / TICKS_PER_S, self.registered_s)


@dataclass(frozen=True)
class DevicePage:
    """One page of devices, newest first: those with the largest index.

    Attributes:
        devices: The devices on the page.
        count: How many match in all.
        marker: Id of the last record on the page, None on an empty page.
    """

    devices: tuple[Device, ...]
    count: int
    marker: str | None


class DeviceFilter(NamedTuple):
    """Which devices are wanted; None for any.

    Attributes:
        product_id: Of this product.
        gateway_id: Behind this gateway; nobody is.
        node_id: With this node id.
        device_name: With this name.
        app_id: In this resource space.
        start_time: Registered then or later, as on the wire.
        end_time: Registered then or before.
    """

    product_id: str | None = None
    gateway_id: str | None = None
    node_id: str | None = None
    device_name: str | None = None
    app_id: str | None = None
    start_time: str | None = None
    end_time: str | None = None


class DeviceRegistry:
    """All devices of a session, as they are now."""

    def __init__(
        self,
        scenario: Scenario,
        spec: FleetSpec,
        env: SteppedEnvironment,
        service: BatchTaskService,
        calendar: Calendar,
    ) -> None:
        """Look at nothing yet.

        Args:
            scenario: For the names of its versions.
            spec: The fleet; read only.
            env: Clock and device plane.
            service: Names of the devices, and tasks.
            calendar: Dates.
        """
        self._spec = spec
        self._env = env
        self._service = service
        self._calendar = calendar
        campaign = scenario.campaign
        self._names = {NONE_OF_OURS: FACTORY_VERSION, 0: campaign.package.version}
        self._n_named = 0  # tasks whose versions are in there
        self._first_type = _TYPES.index(TaskType(campaign.task_type))
        # Dates begin with the year 1.
        earliest_s = (datetime.min.replace(tzinfo=UTC) - calendar.start).total_seconds()
        self.registered_s: Final = max(-float(REGISTERED_BEFORE_S), earliest_s)
        self.product_ids: Final = tuple(
            name if len(name) <= _PRODUCT_ID_LENGTH_MAX else f"{c + 1:024x}"
            for c, name in enumerate(service.names.cohort_names)
        )

    @cached_property
    def _connections(self) -> Connections:
        """Who is online; made when somebody asks."""
        # Here: it loads the readable plane, which a server begins without.
        from sim.emulator.devices.connections import Connections

        return Connections(self._spec)

    def device(self, device_id: str) -> Device:
        """Return a device.

        Args:
            device_id: Its id.

        Raises:
            ApiError: There is none with that id.
        """
        index = self._service.names.index_of(device_id)
        if index < 0:
            raise codes.DEVICE_NOT_FOUND.api_error()
        return self._devices([index])[0]

    def page(self, paging: Paging, wanted: DeviceFilter) -> DevicePage:
        """Return one page of the devices that match.

        Args:
            paging: Which page; a marker may be any id, as for tasks.
            wanted: Whom to show.

        Raises:
            ApiError: Paging is out of bounds, or a time is none.
        """
        size = paging.size(self._service.limits)
        matching = self._matching(wanted)
        older = len(matching)
        if paging.marker is not None:
            older = bisect_left(matching, int(paging.marker, 16) - _FIRST_ID - 1)
        last = max(older - paging.offset, 0)
        indices = [int(index) for index in matching[max(last - size, 0) : last]][::-1]
        marker = f"{_FIRST_ID + indices[-1] + 1:024x}" if indices else None
        return DevicePage(tuple(self._devices(indices)), len(matching), marker)

    def _matching(self, wanted: DeviceFilter) -> Sequence[int] | Int64s:
        """Return the indices of all devices that match, ascending."""
        for time in (wanted.start_time, wanted.end_time):
            if time is not None:
                self._calendar.seconds(time)  # refuses what is no time
        created = self._calendar.wire(self.registered_s)
        if (
            wanted.gateway_id is not None
            or wanted.app_id not in (None, APP_ID)
            or (wanted.start_time or created) > created  # as they are written, they sort like times
            or (wanted.end_time or created) < created
        ):
            return ()
        named = {name for name in (wanted.node_id, wanted.device_name) if name is not None}
        if named:
            index = self._service.names.index_of(named.pop())
            is_it = index >= 0 and not named
            is_it = is_it and wanted.product_id in (None, self.product_ids[self._spec.cohort[index]])
            return (index,) if is_it else ()
        if wanted.product_id is None:
            return range(len(self._spec.cohort))
        if wanted.product_id not in self.product_ids:
            return ()
        return np.flatnonzero(self._spec.cohort == self.product_ids.index(wanted.product_id))

    def _devices(self, indices: list[int]) -> list[Device]:
        """Return devices as they are now, at most a page of them."""
        if not indices:
            return []
        names, now = self._service.names, self._env.now_ticks
        versions = self._version_names()
        shown = []
        for index, memory in zip(indices, self._memories(indices), strict=True):
            c = int(self._spec.cohort[index])
            runs = [versions[number] for number in memory.runs]
            shown.append(
                Device(
                    device_id=names.id_of(index),
                    product_id=self.product_ids[c],
                    product_name=names.cohort_names[c],
                    connection=self._connections.of(index, now, is_dead=memory.is_dead),
                    fw_version=runs[self._first_type],
                    sw_version=runs[1 - self._first_type],
                    registered_s=self.registered_s,
                )
            )
        return shown

    def _memories(self, indices: list[int]) -> list[Memory]:
        """Return what lasts of devices; without any task the fleet need not exist for that."""
        if self._service.tasks:
            return memories_of(self._env.fleet, indices)
        return [self._connections.memory_at_start(index) for index in indices]

    def _version_names(self) -> dict[int, str]:
        """Return the names of all versions that tasks have installed, by number."""
        tasks = self._service.tasks
        for task in tasks[self._n_named :]:
            if task.package is not None and task.request.version is not None:
                self._names.setdefault(task.package.version, task.request.version)
        self._n_named = len(tasks)
        return self._names
