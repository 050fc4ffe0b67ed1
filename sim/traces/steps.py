"""The steps that a device's story is made of."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, unique
from typing import Final

from sim.fleet.spec import TICKS_PER_S
from sim.rules import Stage, SubtaskState

_DAY_S: Final = 86_400


@unique
class Doing(Enum):
    """What goes on during a step; the value is how a story names it."""

    NO_TASK = "is in no task yet"
    HELD = "its task has not started"
    QUEUED = "in the queue"
    CELL = "waits for a place in its radio cell"
    SITE = "waits for a place at its site"
    READY = "waits for its dispatch"
    FREEZE = "waits for the end of a freeze"
    OFFLINE = "contact: is offline"
    DEAD = "contact: is dead"
    WINDOW = "contact: waits for its window"
    OUTAGE = "contact: waits for the end of an outage"
    QUERY = "version query"
    COVERAGE = "coverage query"
    PLACE = "waits for a download place"
    DOWNLOAD = "download"
    PAUSED = "download is paused by an outage"
    PAUSED_LINK = "download waits for its link"
    PAUSED_WINDOW = "download waits for its window"
    VERIFY = "verify"
    INSTALL_WINDOW = "install: waits for its window"
    INSTALL = "install"
    REBOOT = "reboot"
    SILENT = "says nothing"
    RETRY_WAIT = "waits for its automatic retry"
    FAILED = "has failed"
    STOPPED = "has been stopped"

    @property
    def state(self) -> SubtaskState:
        """What the platform shows meanwhile."""
        return _STATES.get(self, SubtaskState.PROCESSING)


_STATES: Final = {
    **dict.fromkeys(
        (Doing.NO_TASK, Doing.HELD, Doing.QUEUED, Doing.CELL, Doing.SITE, Doing.READY, Doing.FREEZE),
        SubtaskState.WAITTING,
    ),
    Doing.RETRY_WAIT: SubtaskState.FAIL_WAIT_RETRY,
    Doing.FAILED: SubtaskState.FAIL,
    Doing.STOPPED: SubtaskState.STOPPED,
}

WORK: Final = {
    Stage.QUERY: Doing.QUERY,
    Stage.COVERAGE: Doing.COVERAGE,
    Stage.VERIFY: Doing.VERIFY,
    Stage.INSTALL: Doing.INSTALL,
    Stage.REBOOT: Doing.REBOOT,
}
"""What goes on in the stages that only take time."""


@dataclass(frozen=True)
class Step:
    """A time in which one thing goes on.

    Attributes:
        start: Tick at which it begins.
        end: Tick at which it ends, >= `start`.
        doing: What goes on.
        note: More about it, empty if there is nothing to say.
        kept: What the device kept of attempts before, in the few words that a picture has room for; empty if
            it began anew.
    """

    start: int
    end: int
    doing: Doing
    note: str = ""
    kept: str = ""


def clock(tick: int) -> str:
    """Return a time of the run like `1 d 06:12:05`.

    Args:
        tick: >= 0.
    """
    days, seconds = divmod(tick // TICKS_PER_S, _DAY_S)
    minutes, second = divmod(seconds, 60)
    hour, minute = divmod(minutes, 60)
    text = f"{hour:02d}:{minute:02d}:{second:02d}"
    return f"{days} d {text}" if days else text
