"""Quotas and rates of the service, adjustable for another edition of it.

Only numbers. Whoever accepts a call, cuts a campaign or starts a task compares against them.
"""

from dataclasses import dataclass, field, fields

_DAY_S = 86_400


def _limit(value: int, source: str) -> int:
    """Declare one limit with the place where the vendor states it."""
    number: int = field(default=value, metadata={"source": source})
    return number


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What the service allows. Each field carries its source, see `limit_source`.

    Attributes:
        targets_per_task: Targets that one task may have.
        targets_per_call: Targets that one retry, stop or confirm call may name.
        tasks_in_progress: Tasks of one resource space that are worked on at once.
        api_calls_per_s: Application-side API calls per second, all together.
        schedule_ahead_s: How far ahead `schedule_time` may lie, in seconds.
        page_size_default: Records on a page if `limit` is absent.
        page_size_max: Largest `limit`.
        page_offset_max: Largest `offset`; further pages need the marker.
        task_name_length_max: Longest `task_name`, in characters.
        task_ext_info_length_max: Longest `task_ext_info`, in characters.
        signature_age_s_max: Largest distance of `X-Sdk-Date` from the server's clock, in seconds.
        body_size_bytes_max: Largest request body, in bytes.
    """

    targets_per_task: int = _limit(30_000, "SDK model create_batch_task, field targets")
    targets_per_call: int = _limit(100, "API reference, Re-Execute a Batch Task, field targets")
    tasks_in_progress: int = _limit(
        10, "Product description, Limitations: batch tasks processed at once in a resource space"
    )
    api_calls_per_s: int = _limit(
        200,
        "Product description, Specifications: all application-side calls, enterprise edition of 1000 TPS",
    )
    schedule_ahead_s: int = _limit(7 * _DAY_S, "SDK model task_policy, field schedule_time")
    page_size_default: int = _limit(10, "SDK model list_batch_tasks_request, field limit")
    page_size_max: int = _limit(50, "SDK model list_batch_tasks_request, field limit")
    page_offset_max: int = _limit(500, "SDK model list_batch_tasks_request, field offset")
    task_name_length_max: int = _limit(128, "SDK model create_batch_task, field task_name")
    task_ext_info_length_max: int = _limit(512, "SDK model create_batch_task, field task_ext_info")
    signature_age_s_max: int = _limit(15 * 60, "API gateway, request signing: 15 minutes")
    body_size_bytes_max: int = _limit(12 * 1024**2, "API gateway, request signing: body of 12 MB")


def limit_source(name: str) -> str:
    """Return where the default of a limit comes from.

    Args:
        name: A field of `Limits`.

    Returns:
        Page or SDK class, in words.

    Raises:
        KeyError: `Limits` has no such field.
    """
    sources = {limit.name: str(limit.metadata["source"]) for limit in fields(Limits)}
    return sources[name]
