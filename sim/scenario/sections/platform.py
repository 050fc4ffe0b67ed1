"""`platform`: what the service can carry, how long it waits, and how well its API answers."""

from collections.abc import Iterator, Mapping
from typing import ClassVar

from pydantic import Field

from sim.rules.stages import Protocol
from sim.rules.timers import CELL_PLACES, DEFAULT_TIMERS_S
from sim.scenario.section import Fault, Part, left_out, rule
from sim.scenario.values import Count, Frequency, PositiveDuration, Rate, Share, written

_MQTT = DEFAULT_TIMERS_S[Protocol.MQTT]
_LWM2M = DEFAULT_TIMERS_S[Protocol.LWM2M]


def _text(seconds: int) -> str:
    """Return a default as one would write it in a file."""
    return f"{seconds // 3600} h" if seconds % 3600 == 0 else f"{seconds // 60} min"


_ONLINE = "Wait for the device to come online, from the dispatch, in seconds, > 0."
_VERSION = "Wait for the version report, in seconds, > 0."
_UPGRADE = "From the upgrade notice to the final report, download included, in seconds, > 0."
_COVERAGE = "Wait for the coverage report, in seconds, > 0."
_DOWNLOAD = "From the end of coverage to the end of the download, waiting included, in seconds, > 0."
_EXECUTE = "Verification, installation and restart together, in seconds, > 0."


class MqttTimers(Part):
    """Timers of MQTT devices."""

    online: PositiveDuration = Field(default=written(_text(_MQTT["online"])), description=_ONLINE)
    version: PositiveDuration = Field(default=written(_text(_MQTT["version"])), description=_VERSION)
    upgrade: PositiveDuration = Field(default=written(_text(_MQTT["upgrade"])), description=_UPGRADE)


class Lwm2mTimers(Part):
    """Timers of LwM2M devices."""

    online: PositiveDuration = Field(default=written(_text(_LWM2M["online"])), description=_ONLINE)
    version: PositiveDuration = Field(default=written(_text(_LWM2M["version"])), description=_VERSION)
    coverage: PositiveDuration = Field(default=written(_text(_LWM2M["coverage"])), description=_COVERAGE)
    download: PositiveDuration = Field(default=written(_text(_LWM2M["download"])), description=_DOWNLOAD)
    execute: PositiveDuration = Field(default=written(_text(_LWM2M["execute"])), description=_EXECUTE)


class MqttTimerChanges(Part):
    """Timers of MQTT devices in one cohort; the platform's where absent."""

    online: PositiveDuration | None = Field(default=None, description=_ONLINE)
    version: PositiveDuration | None = Field(default=None, description=_VERSION)
    upgrade: PositiveDuration | None = Field(default=None, description=_UPGRADE)


class Lwm2mTimerChanges(Part):
    """Timers of LwM2M devices in one cohort; the platform's where absent."""

    online: PositiveDuration | None = Field(default=None, description=_ONLINE)
    version: PositiveDuration | None = Field(default=None, description=_VERSION)
    coverage: PositiveDuration | None = Field(default=None, description=_COVERAGE)
    download: PositiveDuration | None = Field(default=None, description=_DOWNLOAD)
    execute: PositiveDuration | None = Field(default=None, description=_EXECUTE)


class TimerChanges(Part):
    """Timers of one cohort, where they differ from the platform's."""

    hints: ClassVar[Mapping[str, str]] = dict.fromkeys(
        ("online", "version", "upgrade", "coverage", "download", "execute"),
        "timers stand below 'mqtt' or 'lwm2m'",
    )

    mqtt: MqttTimerChanges = Field(default=left_out(), description="If the cohort speaks MQTT.")
    lwm2m: Lwm2mTimerChanges = Field(default=left_out(), description="If it speaks LwM2M.")


class Timers(Part):
    """How long the platform waits; an expired timer is a failure with the platform's text."""

    hints: ClassVar[Mapping[str, str]] = TimerChanges.hints

    mqtt: MqttTimers = Field(default=left_out(), description="Timers of MQTT devices.")
    lwm2m: Lwm2mTimers = Field(default=left_out(), description="Timers of LwM2M devices.")


class Api(Part):
    """How often the control API refuses a call that is good, for operators to cope with."""

    throttle_share: Share = Field(
        default=written("0 %"), description="Share of calls answered with 429, 0 to 1."
    )
    error_share: Share = Field(
        default=written("0 %"), description="Share of calls answered with 500, 0 to 1."
    )

    @rule
    def _some_calls_pass(self) -> Iterator[Fault]:
        total = self.throttle_share + self.error_share
        if total > 1:
            yield Fault(("error_share",), f"with throttle_share it adds up to {total:.6g}; at most 1")


class Platform(Part):
    """Limits of the platform; what is absent is unlimited."""

    max_processing: Count | None = Field(
        default=None, description="Subtasks in `Processing` at once, >= 1; unlimited if absent."
    )
    dispatch_rate: Frequency | None = Field(
        default=None,
        description="Dispatches per second, > 0; they come at least 1/rate apart. Unlimited if absent.",
    )
    max_downloads: Count | None = Field(
        default=None, description="Downloads at once, >= 1, more wait in order; unlimited if absent."
    )
    bandwidth: Rate | None = Field(
        default=None,
        description="Egress shared by all downloads, in bytes/s, > 0; unlimited if absent.",
    )
    timers: Timers = Field(default=left_out(), description="The platform's timers, by protocol.")
    cell_places: tuple[Count, Count, Count] = Field(
        default=CELL_PLACES,
        description="Upgrades at once in one radio cell, at coverage level 0, 1 and 2, >= 1.",
    )
    api: Api = Field(default=left_out(), description="Faults of the control API; none if absent.")
