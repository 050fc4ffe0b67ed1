"""What scripts must cope with: throttling, errors, lost answers, delay, and states that last.

Which requests are hit is a keyed draw by their number, so that a test meets the same faults every time.
"""

from __future__ import annotations

from enum import Enum
from typing import Annotated, Final, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from sim.campaign import Holds
from sim.campaign.processes.client import FIRST_CALLER
from sim.fleet.model.philox import KeyedPhilox

DELAY_S_MAX: Final = 60.0

_CALLER: Final = FIRST_CALLER + 2**31
_P_FAULT: Final = 0

HOLD_S_MAX: Final = 86_400.0
"""Simulated seconds."""

Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]

Hold = Annotated[float, Field(ge=0, le=HOLD_S_MAX, allow_inf_nan=False)]


class FaultSettings(BaseModel):
    """What goes wrong. An absent field is 0."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    throttle_share: Share = Field(default=0.0, description="Share of requests answered with 429.")
    error_share: Share = Field(default=0.0, description="Share of requests answered with 502.")
    lost_share: Share = Field(
        default=0.0, description="Share of requests that take effect, but whose answer never arrives."
    )
    latency_s: float = Field(
        default=0.0,
        ge=0,
        le=DELAY_S_MAX,
        allow_inf_nan=False,
        description="Delay of every answer, in seconds of the wall clock.",
    )

    initializing_s: Hold = Field(
        default=0.0, description="New tasks stay `Initializing` for so many seconds of simulated time."
    )
    stopping_s: Hold = Field(
        default=0.0,
        description="Tasks stopped as a whole stay `Stopping` for so many seconds of simulated time.",
    )

    @property
    def holds(self) -> Holds:
        """How long tasks stay in states that are over within an instant otherwise."""
        return Holds(self.initializing_s, self.stopping_s)

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        if self.throttle_share + self.error_share + self.lost_share > 1:
            raise ValueError("the shares add up to more than 1")
        return self


class Fault(Enum):
    """What happens to one request."""

    NONE = "none"
    THROTTLED = "throttled"
    FAILED = "failed"
    LOST = "lost"


class Faults:
    """Decides request by request.

    Attributes:
        settings: What goes wrong, and how often.
    """

    def __init__(self, settings: FaultSettings, *, seed: int) -> None:
        """Begin to count requests.

        Args:
            settings: What goes wrong, and how often.
            seed: Key of the draws.
        """
        self.settings = settings
        self._philox = KeyedPhilox(seed, 0)
        self._throttled_below = settings.throttle_share
        self._failed_below = self._throttled_below + settings.error_share
        self._lost_below = self._failed_below + settings.lost_share
        self._n_requests = 0

    def next(self) -> Fault:
        """Return what happens to the next request."""
        if self._lost_below <= 0.0:
            return Fault.NONE
        self._n_requests += 1
        u = self._philox.uniforms_for(_P_FAULT, _CALLER, 1, self._n_requests)[0]
        if u < self._throttled_below:
            return Fault.THROTTLED
        if u < self._failed_below:
            return Fault.FAILED
        return Fault.LOST if u < self._lost_below else Fault.NONE
