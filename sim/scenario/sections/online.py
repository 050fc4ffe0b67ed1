"""`online`: when devices can be reached, as a link that goes up and down whether or not anybody calls.

Decisions:
- *Four forms in one section*, told apart by their keys, instead of a key that names the form: what a file
  says most often, `{fraction, mean_offline}`, stays short, and a message can say which keys belong together.
- *The key is `for`*, which Python can't write as a name of a field: `every: 150 min, for: 3 min` reads as
  it is meant. The class that has it is made by a call; `Online.up_for` reads it.
"""

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

from pydantic import Field, create_model

from sim.scenario.section import Fault, Part, is_given, rule
from sim.scenario.sections.drawn_time import DrawnTime, cycle_faults, mean_faults
from sim.scenario.values import Duration, FailureCode, Phase, PositiveDuration, Share, written
from sim.units import format_duration

_OUTLASTING_MIN = 0.01

_FORMS = "one of: 'fraction' with 'mean_offline' or 'offline'; 'online' with 'offline'; 'every' with 'for'"
_BEAT = ("every", "for", "phase")
_SHARES = ("fraction", "mean_offline", "offline", "online")
_APART = (("mean_offline", "offline"), ("online", "fraction"), ("online", "mean_offline"))
"""Keys that exclude each other, apart from those of a beat, which exclude all of `_SHARES`."""


class _Drawn(Part):
    """The fields before `for`."""

    fraction: Share = Field(
        default=written("100 %"), description="Share of time that a device is on, 0 to 1 or percent."
    )
    mean_offline: Duration | None = Field(
        default=None,
        description="Mean of the exponential periods in which a device is off, in seconds, > 0; this or "
        "`offline` is required if `fraction` is less than 1. Periods in which it is on are exponential too.",
    )
    offline: DrawnTime | None = Field(
        default=None,
        description="Periods in which a device is off, with `fraction` (those in which it is on are then "
        "exponential) or with `online`.",
    )
    online: DrawnTime | None = Field(
        default=None, description="Periods in which a device is on, with `offline`."
    )
    every: PositiveDuration | None = Field(
        default=None,
        description="Cycle of a device that is on by the clock, in seconds, at least 1 s; needs `for`.",
    )


if TYPE_CHECKING:

    class _Beat(_Drawn):
        """The same fields, and `for`."""

else:
    _FOR = Field(default=None, description="How long it is on in each cycle, in seconds, less than `every`.")
    _Beat = create_model("_Beat", __base__=_Drawn, **{"for": (PositiveDuration | None, _FOR)})


class Online(_Beat):
    """When a device can be reached: its link is up or down, and neither calls nor retries change that."""

    phase: Phase = Field(
        default="random",
        description="When a device that is on by the clock first goes on: `random` for each device, or a "
        "time from the start of the run, in seconds; one beyond `every` is taken modulo `every`.",
    )
    during_upgrade: Literal["stays", "pauses", "breaks"] = Field(
        default="stays",
        description="What the link does to a download: a device that is being upgraded `stays` on, or its "
        "download `pauses` while it is off, or the download `breaks` when it goes off.",
    )
    break_code: FailureCode | None = Field(
        default=None, description="Result code of a download that the link broke; 2 if absent."
    )

    @property
    def up_for(self) -> float | None:
        """The field `for`, in seconds."""
        return _for_of(self)

    @property
    def is_always(self) -> bool:
        """Whether a device is always on; then there is no link to look at."""
        return self.every is None and self.online is None and self.fraction == 1

    def mean_cycle_s(self) -> float:
        """Return the mean time from one going off to the next.

        Returns:
            Seconds; inf for a device that is always on.

        Raises:
            AbsentError: A value was refused.
        """
        if self.every is not None:
            return self.every
        off_s = self.mean_off_s()
        if self.online is not None:
            return off_s + self.online.excess_s(0.0)
        return off_s / (1 - self.fraction) if self.fraction < 1 else math.inf

    def mean_off_s(self) -> float:
        """Return how long a device is off, on average.

        Returns:
            Seconds; 0 for a device that is always on.

        Raises:
            AbsentError: A value was refused.
        """
        up_for = _for_of(self)
        if self.every is not None and up_for is not None:
            return self.every - up_for
        return self.offline.excess_s(0.0) if self.offline is not None else self.mean_offline or 0.0

    def share_on(self) -> float:
        """Return the share of time that a device is on, 0 to 1."""
        up_for = _for_of(self)
        if self.every is not None and up_for is not None:
            return up_for / self.every
        if self.online is not None:
            on_s = self.online.mean_s
            return on_s / (on_s + self.mean_off_s())
        return self.fraction

    def overshoot(self, t_s: float) -> float:
        """Return the probability that a device is off at a given time, and for longer than that.

        Args:
            t_s: Seconds, >= 0.
        """
        up_for = self.up_for
        if self.every is not None and up_for is not None:
            return max(0.0, self.every - up_for - t_s) / self.every
        if self.is_always:
            return 0.0
        if self.offline is not None:
            return (1 - self.share_on()) * self.offline.overshoot(t_s)
        return (1 - self.fraction) * math.exp(-t_s / self.mean_off_s())

    def often_outlasts(self, t_s: float) -> bool:
        """Tell whether one contact in a hundred or more finds a device off for longer than some time.

        Args:
            t_s: Seconds, >= 0.
        """
        return self.overshoot(t_s) >= _OUTLASTING_MIN

    @rule
    def _is_one_form(self) -> Iterator[Fault]:
        keys = _given(self, (*_SHARES, *_BEAT))
        apart = any(keys.issuperset(pair) for pair in _APART)
        if apart or (keys.intersection(_BEAT) and keys.intersection(_SHARES)):
            names = " and ".join(f"'{name}'" for name in (*_SHARES, *_BEAT) if name in keys)
            yield Fault((), f"{names} given together; {_FORMS}")

    @rule
    def _fraction_comes_with_periods(self) -> Iterator[Fault]:
        given = _given(self, ("fraction", "mean_offline", "offline"))
        if _given(self, ("online", *_BEAT)) or given >= {"mean_offline", "offline"}:
            return
        if given == {"offline"}:
            yield Fault(
                ("fraction",),
                "is missing; 'offline' says how long devices are away, 'fraction' or 'online' must say "
                "how much of the time they are on",
            )
        elif self.fraction < 1 and self.offline is None and not self.mean_offline:
            missing = "is missing" if self.mean_offline is None else "is 0 s"
            yield Fault(
                ("mean_offline",),
                f"{missing}; with a fraction below 1 say how long devices are away: 'mean_offline', "
                "like '3 h', or a distribution 'offline'",
            )
        elif self.fraction == 1 and self.offline is not None:
            yield Fault(
                ("offline",),
                "a device that is on 100 % of the time is never off; leave 'offline' out, or give a "
                "smaller fraction",
            )

    @rule
    def _on_comes_with_off(self) -> Iterator[Fault]:
        if is_given(self, "online") and not _given(self, ("offline", "mean_offline", *_BEAT)):
            yield Fault(
                ("offline",),
                "is missing; 'online' says how long devices are on, 'offline' must say how long they "
                "are away",
            )

    @rule
    def _beat_is_whole(self) -> Iterator[Fault]:
        has_every, has_for = is_given(self, "every"), is_given(self, "for")
        if has_every and not has_for:
            message = "'every' says how often devices go on, 'for' must say for how long"
            yield Fault(("for",), f"is missing; {message}")
        elif has_for and not has_every:
            message = "'for' says how long devices are on, 'every' must say how often they go on"
            yield Fault(("every",), f"is missing; {message}")
        elif is_given(self, "phase") and not has_every:
            yield Fault(("phase",), "belongs to 'every' and 'for'", at_key=True)

    @rule
    def _beat_has_a_pause(self) -> Iterator[Fault]:
        up_for = _for_of(self)
        if self.every is not None and up_for is not None and up_for >= self.every:
            yield Fault(
                ("for",),
                f"{format_duration(up_for)} is not shorter than 'every' ({format_duration(self.every)}); the "
                "device would never be off",
            )

    @rule
    def _offline_has_a_mean(self) -> Iterator[Fault]:
        if self.offline is not None:
            yield from mean_faults(self.offline, ("offline",))

    @rule
    def _online_has_a_mean(self) -> Iterator[Fault]:
        if self.online is not None:
            yield from mean_faults(self.online, ("online",))

    @rule
    def _cycles_are_few(self) -> Iterator[Fault]:
        yield from cycle_faults(self.mean_cycle_s(), ())

    @rule
    def _instants_stay(self) -> Iterator[Fault]:
        if self.during_upgrade != "stays" and is_given(self, "fraction") and self.fraction == 0:
            yield Fault(
                ("during_upgrade",),
                "a device that is on 0 % of the time shows up for instants only, so it must stay while it is "
                "upgraded: 'stays'",
            )

    @rule
    def _code_is_of_a_break(self) -> Iterator[Fault]:
        if is_given(self, "break_code") and self.during_upgrade != "breaks":
            yield Fault(
                ("break_code",),
                "is given, but links break nothing here; 'during_upgrade: breaks' makes them",
                at_key=True,
            )


def _given(part: Part, names: tuple[str, ...]) -> set[str]:
    """Return those of some fields that the file gives a value, be it a good one or one that was refused."""
    return {name for name in names if is_given(part, name)}


def _for_of(online: Online) -> float | None:
    """Return the field `for`; a name that is a keyword can't be written otherwise."""
    up_for: float | None = getattr(online, "for")
    return up_for
