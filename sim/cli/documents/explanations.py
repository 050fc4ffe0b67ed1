"""The document of `explain`."""

from __future__ import annotations

from sim.cli.documents.base import Part, Written


class LeverPart(Part):
    """One thing eased about the campaign, under the same draws."""

    lever: str
    """Its name, like `places`."""
    text: str
    """What was changed, in words."""
    succeeded: int
    """Devices upgraded then."""
    mean_s: float
    """Mean time until a device is upgraded then, seconds; one that never is counts as twice the run."""
    saved_share: float
    """What it saves of that time, as a share; below 0 if it costs some."""


class LimitsPart(Part):
    """What limits a campaign."""

    headline: str
    """In one or two sentences."""
    devices: int
    """Devices of the fleet."""
    succeeded: int
    """Devices upgraded."""
    mean_s: float
    """Mean time until a device is upgraded, seconds."""
    lever: str | None
    """What helps most if it is eased; null if nothing is worth a hundredth of the time."""
    levers: list[LeverPart]
    """What each lever saves, the best first."""


class StepPart(Part):
    """A time in which one thing goes on."""

    start_s: float
    """When it begins, seconds since the start of the run."""
    end_s: float
    """When it ends."""
    doing: str
    """What goes on."""
    note: str | None
    """More about it."""


class StoryAttemptPart(Part):
    """One attempt of the device."""

    number: int
    """From 1."""
    trigger: str
    """`first`, `automatic` or `manual`."""
    caller: str | None
    """Who made the call that began a manual retry, or that stopped it."""
    start_s: float
    """When it was dispatched."""
    end_s: float | None
    """When it ended; null if the run ended before."""
    status: str
    """What the platform showed then."""
    text: str
    """How it ended, in words."""
    steps: list[StepPart]
    """What went on, in order."""


class RescuePart(Part):
    """One thing changed, under the same draws, and how the device fared."""

    lever: str
    """What was changed, like `more retries`."""
    text: str
    """How."""
    saved: bool
    """Whether the device succeeded then."""
    status: str
    """How it ended."""
    reason: str | None
    """Why its last attempt failed."""
    end_s: float | None
    """When it ended; null while pending."""
    attempts: int
    """How many attempts it had."""


class StoryPart(Part):
    """What became of one device, and why."""

    device_id: str
    """Its id."""
    circumstances: str
    """Where it stands in its fleet."""
    headline: str
    """How it ended, in one line."""
    status: str
    """What the platform showed at the end."""
    reason: str | None
    """Why its last attempt failed; null if it did not."""
    end_s: float
    """When its last change was, seconds since the start of the run."""
    waits: list[list[StepPart]]
    """What went on before each attempt, and after the last one."""
    attempts: list[StoryAttemptPart]
    """Its attempts in order."""
    lost_for: str | None
    """What stops it in every attempt, in words."""
    saved_by: str | None
    """Which gate kept it from an attempt that leaves it dead, in words."""
    rescues: list[RescuePart]
    """What would have saved it, then what would not."""


class ExplainDocument(Written):
    """What limits a campaign; or, if a device was named, its story."""

    scenario: str
    """Name of the scenario."""
    seed: int
    """Key of all draws."""
    replication: int
    """Which run of that seed."""
    plane: str
    """How devices were simulated."""
    limits: LimitsPart | None
    """What limits the campaign; null if a device was named."""
    device: StoryPart | None
    """The device's story; null if none was named."""
    trace: str | None
    """The trace that `--trace` wrote; null without that option."""
