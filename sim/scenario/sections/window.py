"""`window` of a cohort: when, by the clock on the wall, its devices may be contacted, load and install."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Final, Literal

from pydantic import Discriminator, Field, Tag, create_model

from sim.scenario.section import Fault, Part, rule
from sim.scenario.values import ClockTime, Zone
from sim.wall_clock import DAYS, Daily

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
Purpose = Literal["contact", "download", "install"]

ONE: Final = "<one>"
SEVERAL: Final = "<several>"
"""Steps in pydantic's paths of errors that tell a window from a list of them; no file has them."""


class _Daily(Part):
    """When a window opens and closes."""

    opens: ClockTime = Field(description='Time of day by the clock of `zone`, like "22:00".')
    closes: ClockTime = Field(
        description='Time of day, like "06:00"; of the next day if it is the earlier one. Whoever comes at '
        "this very time waits."
    )
    days: tuple[Day, ...] = Field(
        default=DAYS,
        min_length=1,
        description="Days of the week on which it opens: `mon`, `tue`, `wed`, `thu`, `fri`, `sat`, `sun`; "
        "all if absent. A window over midnight belongs to the day on which it opens.",
    )
    zone: Zone = Field(
        default="UTC",
        description='Time zone of the IANA database, like "Europe/Berlin"; summer time is followed.',
    )


if TYPE_CHECKING:

    class _For(_Daily):
        """The same fields, and `for`."""

else:
    _PURPOSE = Field(
        default="contact",
        description="What waits for it: `contact` (what has begun goes on when it closes), `download` (bytes "
        "flow inside only) or `install` (it begins inside only).",
    )
    _For = create_model("_For", __base__=_Daily, **{"for": (Purpose, _PURPOSE)})


class Window(_For):
    """A time of day in which devices may be contacted, load or install."""

    @property
    def daily(self) -> Daily:
        """What it is on the clock."""
        days = tuple(DAYS.index(day) for day in self.days)
        return Daily(self.opens, self.closes, days, self.zone)

    @property
    def purpose(self) -> str:
        """What waits for it: `contact`, `download` or `install`."""
        purpose: str = getattr(self, "for")
        return purpose

    @rule
    def _has_a_length(self) -> Iterator[Fault]:
        if self.opens == self.closes:
            yield Fault(
                ("closes",), "the window closes when it opens; for one that is always open leave it out"
            )

    @rule
    def _days_are_named_once(self) -> Iterator[Fault]:
        for i_day, day in enumerate(self.days):
            if day in self.days[:i_day]:
                yield Fault(("days", i_day), f"'{day}' is named already")


def _which(value: object) -> str:
    return SEVERAL if isinstance(value, list | tuple) else ONE


Windows = Annotated[
    Annotated[Window, Tag(ONE)] | Annotated[tuple[Window, ...], Field(min_length=1), Tag(SEVERAL)],
    Discriminator(_which),
]
"""One window or a list of them."""
