"""Routes below `/_sim/`, which the real API doesn't have: the clock, the fleet, faults, a reset.

Source:
    None; all of it is our own.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal, Self

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field, model_validator

from sim.emulator.clock import SPEED_MAX
from sim.emulator.faults import FaultSettings
from sim.emulator.http.openapi import described
from sim.emulator.http.requests import PATH_PATTERNS, DirectRoute, body_of
from sim.emulator.http.responses import json_response, session_of
from sim.emulator.http.wire import to_json
from sim.emulator.schemas import WireTime
from sim.emulator.session import Session
from sim.emulator.world import HORIZON_S, LAST_TICK
from sim.fleet.spec import TICKS_PER_S
from sim.rules import SubtaskState, codes

router: Final = APIRouter(prefix="/_sim", default_response_class=Response, route_class=DirectRoute)


class _Body(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class AdvanceBody(_Body):
    """How far the clock is to move: exactly one of the fields."""

    seconds: Annotated[float | None, Field(ge=0, allow_inf_nan=False)] = None
    until_s: Annotated[float | None, Field(ge=0, allow_inf_nan=False)] = None
    until: WireTime | None = None
    until_settled: Annotated[str | None, Field(pattern=PATH_PATTERNS["task_id"])] = None
    until_next_event: Literal[True] | None = None

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if len(self.model_dump(exclude_none=True)) != 1:
            raise ValueError(f"give exactly one of {', '.join(type(self).model_fields)}")
        return self


class SpeedBody(_Body):
    """Simulated seconds per second of the wall clock."""

    speed: Annotated[float, Field(gt=0, le=SPEED_MAX, allow_inf_nan=False)]


class ClockAnswer(BaseModel):
    """The virtual clock; `reached` tells whether what was waited for has happened."""

    now_s: float
    now: str
    mode: Literal["manual", "real"]
    speed: float
    reached: bool = True


class CountsAnswer(BaseModel):
    """Devices by state of their last subtask; `idle` ones have never been in a task."""

    devices: int
    idle: int
    status: dict[str, int]


class FleetAnswer(CountsAnswer):
    """The fleet at a glance."""

    now_s: float
    scenario: str
    seed: int
    tasks: int
    commands: int
    cohorts: dict[str, CountsAnswer]


class DigestAnswer(BaseModel):
    """SHA-256 of the whole state, and the number of commands that led to it."""

    digest: str
    commands: int


def _clock(session: Session, reached: bool | None = None) -> Response:
    """Return the clock as it stands."""
    session.look()
    now_s = session.world.now_ticks / TICKS_PER_S
    shown = {
        "now_s": now_s,
        "now": session.world.calendar.wire(now_s),
        "mode": session.clock.mode,
        "speed": session.clock.speed,
    }
    return json_response(to_json(shown if reached is None else {**shown, "reached": reached}))


@router.get("/clock", openapi_extra=described(answer=ClockAnswer))
async def show_clock(request: Request) -> Response:
    """Show the virtual clock."""
    return _clock(session_of(request))


@router.post("/clock/advance", openapi_extra=described(body=AdvanceBody, answer=ClockAnswer))
async def advance_clock(request: Request) -> Response:
    """Let simulated time pass: a duration, up to a time, or until something happens."""
    body = await body_of(request, AdvanceBody)
    session = session_of(request)
    if body.until_settled is not None:
        return _clock(session, session.run_until_settled(body.until_settled))
    if body.until_next_event is not None:
        return _clock(session, session.run_until_next_event())
    session.advance_to(_target_tick(session, body))
    return _clock(session)


def _target_tick(session: Session, body: AdvanceBody) -> int:
    """Return the tick that a duration or time leads to."""
    now = session.look().now_ticks
    if body.until is not None:
        until_s = session.world.calendar.seconds(body.until)
    elif body.until_s is not None:
        until_s = body.until_s
    else:
        until_s = now / TICKS_PER_S + (body.seconds or 0.0)
    if until_s * TICKS_PER_S > LAST_TICK:
        raise codes.INVALID_INPUT.api_error(f"The simulated time ends at {HORIZON_S} s")
    tick = round(until_s * TICKS_PER_S)
    if tick < now:
        raise codes.INVALID_INPUT.api_error(f"It is {now / TICKS_PER_S} s already, and time only goes on")
    return tick


@router.post("/clock/freeze", openapi_extra=described(answer=ClockAnswer))
async def freeze_clock(request: Request) -> Response:
    """Let the clock stand until it is told to move."""
    session = session_of(request)
    session.freeze()
    return _clock(session)


@router.post("/clock/speed", openapi_extra=described(body=SpeedBody, answer=ClockAnswer))
async def set_speed(request: Request) -> Response:
    """Let the clock run at a multiple of the wall clock's speed."""
    body = await body_of(request, SpeedBody)
    session = session_of(request)
    session.set_speed(body.speed)
    return _clock(session)


@router.post("/reset", openapi_extra=described(answer=ClockAnswer))
async def reset(request: Request) -> Response:
    """Begin anew at time 0, with no tasks; the journal forgets what has happened."""
    session = session_of(request)
    session.reset()
    return _clock(session)


@router.get("/faults", openapi_extra=described(answer=FaultSettings))
async def show_faults(request: Request) -> Response:
    """Show what goes wrong on the way of requests."""
    return json_response(to_json(session_of(request).faults.settings.model_dump()))


@router.put("/faults", openapi_extra=described(body=FaultSettings, answer=FaultSettings))
async def set_faults(request: Request) -> Response:
    """Set what goes wrong on the way of requests, all of it."""
    body = await body_of(request, FaultSettings)
    session_of(request).set_faults(body)
    return json_response(to_json(body.model_dump()))


@router.get("/fleet", openapi_extra=described(answer=FleetAnswer))
async def show_fleet(request: Request) -> Response:
    """Show the fleet at a glance."""
    session = session_of(request)
    world = session.look()
    by_cohort = world.counts_by_cohort()
    total = [sum(column) for column in zip(*by_cohort.values(), strict=True)]
    shown = {
        **_counts(total),
        "now_s": world.now_ticks / TICKS_PER_S,
        "scenario": world.scenario.name,
        "seed": world.seed,
        "tasks": sum(not task.is_deleted for task in world.service.tasks),
        "commands": session.n_commands,
        "cohorts": {name: _counts(counts) for name, counts in by_cohort.items()},
    }
    return json_response(to_json(shown))


def _counts(counts: list[int]) -> dict[str, object]:
    """Return devices by state, and those without one."""
    *by_state, idle = counts
    status = {state.wire: by_state[state] for state in SubtaskState}
    return {"devices": sum(counts), "idle": idle, "status": status}


@router.get("/digest", openapi_extra=described(answer=DigestAnswer))
async def show_digest(request: Request) -> Response:
    """Show a hash of the whole state, to compare two sessions."""
    session = session_of(request)
    shown = {"digest": session.look().digest(), "commands": session.n_commands}
    return json_response(to_json(shown))
