"""Someone who calls the service: paced, delayed, now and then refused by the way, and patient or not.

The service itself answers at once. What a script sees is slower: calls come at a limited rate, an answer
takes its time, and the API gateway may answer 429 or 500 instead of the service.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar

from sim.campaign.record import BodyForm
from sim.errors import ApiError
from sim.fleet.model.philox import KeyedPhilox
from sim.rules import Call, codes

if TYPE_CHECKING:
    import simpy

    from sim.campaign.device_names import Targets
    from sim.campaign.environment import FleetEnvironment
    from sim.campaign.service.answers import CallAnswer
    from sim.campaign.service.service import BatchTaskService
    from sim.fleet.spec import FleetSpec

FIRST_CALLER: Final = 2**32
"""Device counter of the draws of caller 0: far beyond every device index, so that no draw is used twice."""

_P_FAULT: Final = 0

_Answer = TypeVar("_Answer")


@dataclass(frozen=True)
class Patience:
    """What a caller does about 429 and 5xx.

    Attributes:
        first_s: Wait before the second try, seconds, > 0.
        factor: Growth of the wait from try to try, >= 1.
        longest_s: Longest wait, seconds.
        tries: Tries of one call in all, >= 1; then it is given up.
    """

    first_s: float = 1.0
    factor: float = 2.0
    longest_s: float = 60.0
    tries: int = 1

    def wait_s(self, i_try: int) -> float:
        """Return the wait after try number `i_try`, from 1, seconds."""
        return float(min(self.first_s * self.factor ** (i_try - 1), self.longest_s))


class ApiGateway:
    """What all callers share: the rate at which calls pass, and how many of them fail on the way.

    Which calls fail is a keyed draw of (caller, number of its call): the counter's device word is
    2**32 + caller, its attempt word the call's number from 1, its purpose 0. So the draws of devices and
    of other callers stay what they are, whatever one caller does.
    """

    def __init__(
        self, spec: FleetSpec, *, rate_per_s: float, throttle_share: float = 0.0, error_share: float = 0.0
    ) -> None:
        """Open the gateway.

        Args:
            spec: For the key of the draws.
            rate_per_s: Calls that pass per second, > 0; more wait for their turn.
            throttle_share: Share of calls answered with 429, 0..1.
            error_share: Share of calls answered with 500, 0..1.
        """
        self._philox = KeyedPhilox(int(spec.platform.seed), int(spec.platform.replication))
        self._gap_s = 1.0 / rate_per_s
        self._next_s = 0.0
        self._throttled_below = throttle_share
        self._failed_below = throttle_share + error_share

    def turn_s(self, earliest_s: float) -> float:
        """Return when a call passes that is ready at `earliest_s`, and keep that place for it."""
        turn_s = max(earliest_s, self._next_s)
        self._next_s = turn_s + self._gap_s
        return turn_s

    def fault(self, caller: int, number: int) -> ApiError | None:
        """Return what a call is answered with instead of reaching the service; None if it reaches it.

        Args:
            caller: Number of the caller, >= 0.
            number: Number of its call, from 1.
        """
        if self._failed_below <= 0.0:
            return None
        u = self._philox.uniforms_for(_P_FAULT, FIRST_CALLER + caller, 1, number)[0]
        if u < self._throttled_below:
            return codes.THROTTLED.api_error()
        return codes.INTERNAL_ERROR.api_error() if u < self._failed_below else None


class ApiClient:
    """One caller of the service."""

    def __init__(
        self,
        service: BatchTaskService,
        gateway: ApiGateway,
        *,
        label: str,
        number: int,
        rate_per_s: float | None = None,
        latency_s: float = 0.0,
        patience: Patience | None = None,
    ) -> None:
        """Make a caller.

        Args:
            label: Its name in the ledger.
            number: Its number, >= 0, different from other callers'.
            rate_per_s: Most calls per second, > 0; None for as many as the gateway lets pass.
            latency_s: Time from a call to its answer, seconds, >= 0; the service acts at its end.
            patience: What it does about 429 and 5xx; it gives the call up if None.
        """
        self._env: FleetEnvironment = service.env
        self._service = service
        self._gateway = gateway
        self.label = label
        self._number = number
        self._gap_s = 0.0 if rate_per_s is None else 1.0 / rate_per_s
        self._latency_s = latency_s
        self._patience = patience or Patience()
        self._next_s = 0.0
        self._n_calls = 0

    def call(
        self, call: Call, task_id: str, targets: Targets | None = None
    ) -> Generator[simpy.Event, Any, CallAnswer | None]:
        """Make a call upon a task and wait for the answer.

        Args:
            task_id: The task.
            targets: Device ids or indices; None for the body `{}`.

        Returns:
            The service's answer; None if the call was given up after 429 or 5xx.
        """
        service = self._service

        def act() -> CallAnswer:
            return service.call(call, task_id, targets, caller=self.label)

        body: BodyForm = "{}" if targets is None else "targets"
        return (yield from self.send(act, name=call.value, task_id=task_id, body=body))

    def send(
        self, act: Callable[[], _Answer], *, name: str, task_id: str, body: BodyForm
    ) -> Generator[simpy.Event, Any, _Answer | None]:
        """Wait for this call's turn and its answer; try again after 429 and 5xx, if patient.

        Args:
            act: What the service does once the call has reached it.
            name: Name of the call, for the ledger.
            task_id: The task; empty for `create`.
            body: What the call names.

        Returns:
            What `act` returned; None if the call was given up.
        """
        env = self._env
        for i_try in range(1, self._patience.tries + 1):
            turn_s = self._gateway.turn_s(max(env.now_s, self._next_s))
            self._next_s = turn_s + self._gap_s
            wait_s = turn_s + self._latency_s - env.now_s
            if wait_s > 0:
                yield env.timeout(wait_s)
            self._n_calls += 1
            error = self._gateway.fault(self._number, self._n_calls)
            if error is None:
                return act()
            self._service.record_failure(name, task_id, body, error, caller=self.label)
            if i_try < self._patience.tries:
                yield env.timeout(self._patience.wait_s(i_try))
        return None
