"""Automatic retry: what a policy may be.

The vendor's rule knows a number of retries and one interval, and makes no exception by result code.
When a failure is retried by it, and by the what-if extensions, `sim.fleet.model.retry` says.

Source:
    SDK model task_policy: `retry_count` at most 5, `retry_interval` at most 1440 minutes, each
    required once the other is given, neither means no retry; user guide, "Batch OTA upgrade"
    (2 retries at 5 minutes advised). Minimums are not stated: 0 retries and 1 minute are assumed.
    The wait counts from the subtask's own failure, as the state `FailWaitRetry` suggests; an older
    FAQ lets it count from the end of the whole task.
"""

from __future__ import annotations

from dataclasses import dataclass

RETRY_COUNT_BOUNDS = (0, 5)
"""Fewest and most automatic retries of one subtask; attempts are one more."""

RETRY_INTERVAL_MIN_BOUNDS = (1, 1440)
"""Shortest and longest wait between a failure and its automatic retry, in minutes."""

_MINUTE_S = 60


@dataclass(frozen=True, slots=True, order=True)
class TaskPolicy:
    """Automatic retry of one task; those with fewer retries, then with shorter waits, come first.

    Attributes:
        retry_count: Automatic retries of each subtask, 0-5.
        retry_interval_s: Wait between a failure and its retry, seconds, 1-1440 whole minutes; None if not
            given.
    """

    retry_count: int = 0
    retry_interval_s: float | None = None

    @classmethod
    def of_minutes(cls, retry_count: int, retry_interval_min: int | None) -> TaskPolicy:
        """Return the policy that the wire writes so; its intervals are whole minutes."""
        return cls(retry_count, None if retry_interval_min is None else retry_interval_min * _MINUTE_S)

    @property
    def retry_interval_min(self) -> int | None:
        """The wait as the wire writes it, in whole minutes; None if the policy has none."""
        return None if self.retry_interval_s is None else round(self.retry_interval_s / _MINUTE_S)

    def __str__(self) -> str:
        """Return it as people say it."""
        return f"{self.retry_count} × {self.retry_interval_min} min" if self.retry_count else "none"

    def validate(self) -> list[str]:
        """Return everything that the vendor would refuse.

        A `retry_count` of 0 beside an interval is accepted, because it may have been written out:
        whether one of the two keys is absent only `policy_problems` can tell.

        Returns:
            One text per problem; empty if the policy is good.
        """
        if self == TaskPolicy():
            return []
        problems = policy_problems(self.retry_count, self.retry_interval_min)
        if self.retry_interval_s is not None and self.retry_interval_s % _MINUTE_S:
            problems.append(f"retry_interval is {self.retry_interval_s:g} s; allowed: whole minutes")
        return problems


def policy_problems(retry_count: int | None, retry_interval_min: int | None) -> list[str]:
    """Return everything that is wrong with the two fields as they were written.

    Args:
        retry_count: Automatic retries; None if the field is absent.
        retry_interval_min: Wait in minutes; None if the field is absent.

    Returns:
        One text per problem; empty if the fields are good.
    """
    problems = []
    if retry_count is not None:
        low, high = RETRY_COUNT_BOUNDS
        if not low <= retry_count <= high:
            problems.append(f"retry_count is {retry_count}; allowed: {low} to {high}")
        if retry_interval_min is None:
            problems.append("retry_interval is missing; it is required with retry_count")
    if retry_interval_min is not None:
        low, high = RETRY_INTERVAL_MIN_BOUNDS
        if not low <= retry_interval_min <= high:
            problems.append(
                f"retry_interval is {retry_interval_min} minutes; allowed: {low} to {high} minutes"
            )
        if retry_count is None:
            problems.append("retry_count is missing; it is required with retry_interval")
    return problems
