"""Bodies and queries of the vendor's API, with its names and bounds; they also make the OpenAPI document.

A field that the vendor doesn't have is passed over, as it is by services that must live with newer
clients. What isn't simulated is taken and refused by name later, instead of being passed over.

Source:
    SDK models create_batch_task, task_policy, batch_targets, create_ota_package, file_location,
    obs_location; task, task_detail, task_progress, batch_target_result, ota_package_info, page.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints
from pydantic.json_schema import SkipJsonSchema, WithJsonSchema

from sim.campaign import Paging
from sim.campaign.service.requests import TASK_NAME_CHARACTER
from sim.emulator import calendar
from sim.rules.limits import Limits
from sim.rules.policy import RETRY_COUNT_BOUNDS, RETRY_INTERVAL_MIN_BOUNDS
from sim.rules.states import UPGRADE_TYPES, SubtaskState, TaskState, TaskType

TASK_TYPES = sorted(UPGRADE_TYPES)
_DOCUMENTED_TYPES = frozenset(TaskType)
_ECHOED = {"need_confirm", "task_ext_info", "targets_filter", "document", "task_policy"}

_ENCODER = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, allow_nan=False)
_LIMITS = Limits()
_TASK_NAME = f"^{TASK_NAME_CHARACTER}{{1,{_LIMITS.task_name_length_max}}}$"
_WORD = "^[A-Za-z0-9_-]{1,36}$"
_VERSION = "^[A-Za-z0-9_.-]{1,256}$"

DEVICE_ID_PATTERN = "^[A-Za-z0-9_-]{1,128}$"
DeviceId = Annotated[str, StringConstraints(pattern=DEVICE_ID_PATTERN)]
AppId = Annotated[str, StringConstraints(pattern=_WORD)]
VersionName = Annotated[str, StringConstraints(pattern=_VERSION)]
WireTime = Annotated[str, WithJsonSchema({"type": "string", "pattern": calendar.PATTERN})]


def json_text(value: Any) -> str:
    """Return the shortest JSON text of a value.

    Args:
        value: What came from JSON.

    Raises:
        ValueError: A number in it is too large to be written again.
    """
    return _ENCODER.encode(value)


def _writable(value: dict[str, Any]) -> dict[str, Any]:
    """Refuse what could not be handed back, like 1e999, which is infinite once it is read."""
    json_text(value)
    return value


def _documented(name: str) -> str:
    """Refuse what is no task type of the vendor's; one that isn't simulated is refused by the service."""
    if name not in _DOCUMENTED_TYPES:
        raise ValueError("is none of the documented types")
    return name


TaskTypeName = Annotated[
    str, AfterValidator(_documented), WithJsonSchema({"type": "string", "enum": TASK_TYPES})
]
JsonObject = Annotated[dict[str, Any], AfterValidator(_writable)]
PackageType = Literal["softwarePackage", "firmwarePackage", "modulePackage"]


class _Body(BaseModel):
    """A request body: JSON types are not converted into one another."""

    model_config = ConfigDict(strict=True, extra="ignore", frozen=True)


def _integer(bounds: tuple[int, int]) -> dict[str, Any]:
    """Return the JSON schema of an integer from one bound to the other, or of null."""
    return {"anyOf": [{"type": "integer", "minimum": bounds[0], "maximum": bounds[1]}, {"type": "null"}]}


def _at_most(count: int) -> WithJsonSchema:
    """Return the JSON schema of a list of device ids. How many there may be is checked by the service."""
    device = {"type": "string", "pattern": DEVICE_ID_PATTERN}
    targets = {"type": "array", "items": device, "maxItems": count}
    return WithJsonSchema({"anyOf": [targets, {"type": "null"}]})


class TaskPolicyBody(_Body):
    """`task_policy`. Its bounds are checked by the rules."""

    schedule_time: WireTime | None = None
    retry_count: Annotated[int | None, WithJsonSchema(_integer(RETRY_COUNT_BOUNDS))] = None
    retry_interval: Annotated[int | None, WithJsonSchema(_integer(RETRY_INTERVAL_MIN_BOUNDS))] = None


class TargetsFilter(_Body):
    """`targets_filter`: the devices of some groups."""

    model_config = ConfigDict(extra="forbid")

    group_ids: list[Annotated[str, StringConstraints(min_length=1, max_length=128)]] = Field(min_length=1)


class UpgradeDocument(_Body):
    """`document` of an upgrade."""

    package_ids: list[Annotated[str, StringConstraints(min_length=1, max_length=36)]]


@dataclass(frozen=True)
class CheckedLater:
    """Marks an object that is taken as it comes, since it is echoed; the service checks its form.

    Attributes:
        model: What its form is.
    """

    model: type[BaseModel]


class CreateBatchTask(_Body):
    """Body of `CreateBatchTask`."""

    app_id: AppId | None = None
    task_name: Annotated[
        str,
        WithJsonSchema({"type": "string", "pattern": _TASK_NAME}),
    ]
    task_type: TaskTypeName
    need_confirm: bool | None = None
    task_ext_info: JsonObject | None = None
    targets: Annotated[list[DeviceId] | None, _at_most(_LIMITS.targets_per_task)] = None
    targets_filter: TargetsFilter | None = None
    document: Annotated[JsonObject | None, CheckedLater(UpgradeDocument)] = None
    task_policy: TaskPolicyBody | None = None
    task_mode: SkipJsonSchema[Any] = None
    document_source: SkipJsonSchema[Any] = None

    @cached_property
    def echo(self) -> dict[str, Any]:
        """What every answer about the task hands back as it came."""
        return self.model_dump(include=_ECHOED, exclude_none=True)


class BatchTargets(_Body):
    """Body of retry, stop and confirm; without targets it is for all that the call may act upon."""

    targets: Annotated[list[DeviceId] | None, _at_most(_LIMITS.targets_per_call)] = None


class ObsLocation(_Body):
    """Where the package lies; nothing is read from there."""

    region_name: Annotated[str, StringConstraints(pattern="^[A-Za-z0-9-]{1,256}$")]
    bucket_name: Annotated[str, StringConstraints(pattern="^[a-z0-9.-]{3,63}$")]
    object_key: Annotated[str, StringConstraints(min_length=1, max_length=1024)]
    sign_method: Literal["SHA256"] | None = None
    sign: Annotated[str, StringConstraints(pattern="^[A-Fa-f0-9]{64}$")] | None = None


class FileLocation(_Body):
    """`file_location`."""

    obs_location: ObsLocation


class CreateOtaPackage(_Body):
    """Body of `CreateOtaPackage`."""

    app_id: AppId
    package_type: PackageType
    product_id: Annotated[str, StringConstraints(pattern=_WORD)]
    module_name: Annotated[str, StringConstraints(pattern="^[A-Za-z0-9_.-]{1,64}$")] | None = None
    version: VersionName
    support_source_versions: Annotated[list[VersionName], Field(max_length=20)] | None = None
    description: Annotated[str, StringConstraints(max_length=1024)] | None = None
    custom_info: Annotated[str, StringConstraints(max_length=4096)] | None = None
    file_location: FileLocation


# --- queries ---------------------------------------------------------------------------------------------


def _digits(value: str) -> str:
    """Refuse what Python takes for an integer beside one, like `5.0`, `1_0` or ` 5`."""
    if re.fullmatch("-?[0-9]+", value) is None:
        raise ValueError("is no integer")
    return value


_DIGITS = BeforeValidator(_digits)


class PagedQuery(BaseModel):
    """Which page is wanted."""

    limit: Annotated[int, Field(ge=1, le=_LIMITS.page_size_max), _DIGITS] | None = None
    marker: Annotated[str, StringConstraints(pattern="^[0-9a-f]{24}$")] | None = None
    offset: Annotated[int, Field(ge=0, le=_LIMITS.page_offset_max), _DIGITS] | None = None

    def paging(self) -> Paging:
        """Return the page in the service's words."""
        return Paging(self.limit, self.marker, self.offset or 0)


class ListTasksQuery(PagedQuery):
    """Query of `ListBatchTasks`."""

    task_type: TaskTypeName
    app_id: AppId | None = None
    status: (
        Literal[tuple(state.value for state in TaskState)] | None  # type: ignore[valid-type]  # computed
    ) = None


class ShowTaskQuery(PagedQuery):
    """Query of `ShowBatchTask`."""

    task_detail_status: (
        Literal[tuple(state.wire for state in SubtaskState)] | None  # type: ignore[valid-type]  # computed
    ) = None
    target: DeviceId | None = None


class ListPackagesQuery(PagedQuery):
    """Query of `ListOtaPackageInfo`."""

    package_type: PackageType
    app_id: AppId | None = None
    product_id: AppId | None = None
    version: VersionName | None = None


# --- answers: only described here, for the OpenAPI document; `sim.emulator.http.wire` makes them ---------


def _without_defaults(schema: dict[str, Any]) -> None:
    """Take the defaults out of the JSON schema of an answer."""
    for form in schema["properties"].values():
        form.pop("default", None)


class AnswerForm(BaseModel):
    """Part of an answer: a field with a default may be absent, and nothing is then meant by it."""

    model_config = ConfigDict(json_schema_extra=_without_defaults)


class ErrorAnswer(AnswerForm):
    """Body of every refusal."""

    model_config = ConfigDict(extra="forbid")

    error_code: str
    error_msg: str


class TaskProgressAnswer(AnswerForm):
    """Subtasks by state."""

    total: int
    processing: int
    success: int
    fail: int
    waitting: int
    fail_wait_retry: int
    stopped: int
    removed: int


class TaskAnswer(AnswerForm):
    """One batch task."""

    task_id: Annotated[str, StringConstraints(pattern="^[a-f0-9]{24}$")]
    task_name: str
    task_type: TaskTypeName
    need_confirm: bool = False
    task_ext_info: dict[str, Any] = {}
    targets: list[str] = []
    targets_filter: dict[str, Any] = {}
    document: dict[str, Any]
    task_policy: dict[str, Any] = {}
    status: TaskState
    task_progress: TaskProgressAnswer
    create_time: Annotated[str, StringConstraints(pattern=calendar.PATTERN)]


class PageAnswer(AnswerForm):
    """Where a page stands: records that match in all, and the id of the last one on the page."""

    count: int
    marker: Annotated[str, StringConstraints(pattern="^[a-f0-9]{24}$")] = ""


class ListBatchTasksAnswer(AnswerForm):
    """Answer of `ListBatchTasks`."""

    batchtasks: list[TaskAnswer]
    page: PageAnswer


class ErrorInfo(AnswerForm):
    """Why a subtask failed; without a code if the device reported none."""

    error_code: str = ""
    error_msg: str


class TaskDetailAnswer(AnswerForm):
    """One subtask."""

    target: str
    status: Literal[tuple(state.wire for state in SubtaskState)]  # type: ignore[valid-type]  # computed
    output: str = ""
    error: ErrorInfo = ErrorInfo(error_msg="")


class ShowBatchTaskAnswer(AnswerForm):
    """Answer of `ShowBatchTask`."""

    batchtask: TaskAnswer
    task_details: list[TaskDetailAnswer]
    page: PageAnswer


class BatchTargetResult(AnswerForm):
    """What a call did to one target."""

    target: str
    status: Literal["success", "failure"]
    error_code: str = ""
    error_msg: str = ""


class BatchTargetsAnswer(AnswerForm):
    """Answer of retry, stop and confirm."""

    targets: list[BatchTargetResult]


class OtaPackageAnswer(AnswerForm):
    """One package."""

    package_id: str
    app_id: str = ""
    package_type: PackageType
    product_id: str
    product_name: str = ""
    module_name: str = ""
    version: str
    support_source_versions: list[str] = []
    description: str = ""
    custom_info: str = ""
    create_time: str


class OtaPackageWithLocation(OtaPackageAnswer):
    """One package, and where it lies."""

    file_location: FileLocation


class ListOtaPackagesAnswer(AnswerForm):
    """Answer of `ListOtaPackageInfo`."""

    packages: list[OtaPackageAnswer]
    page: PageAnswer
