"""What a page is made of; the template shows it in this order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from sim.report.charts import Chart, Table


class Tile(NamedTuple):
    """A number in large letters."""

    label: str
    value: str
    note: str = ""


@dataclass
class Section:
    """A part of the page under a heading; what it has not is left out.

    Attributes:
        name: Identifier in the page.
        title: Heading.
        sentences: Paragraphs.
        charts: Figures.
        layout: How they stand: `pair`, `trio`, `single`, or `beside` the tables.
        tables: Tables.
        points: A list.
    """

    name: str
    title: str
    sentences: Sequence[str] = ()
    charts: Sequence[Chart] = ()
    layout: str = "single"
    tables: Sequence[Table] = ()
    points: Sequence[str] = ()


@dataclass
class Page:
    """Everything that the template needs; see there for the order in which it is shown.

    Of the attributes that a name does not tell: `limited` says what limited a campaign; `left_out` cohorts
    are too many for the filter; `scale` is `fit` if each chart has the time axis that suits it, or else
    `linear` or `log`; `start_s` is the date of time 0, seconds since 1970, None if nobody gave one.
    """

    title: str
    description: str
    question: str
    answer: str
    mood: str
    verdict_word: str
    about: str
    tiles: list[Tile]
    lead_tables: list[Table]
    sections: list[Section]
    origin: list[tuple[str, str]]
    scenario_text: str
    version: str
    cohorts: list[str] = field(default_factory=list)
    limited: str = ""
    left_out: int = 0
    scale: str = "fit"
    start_s: float | None = None

    @property
    def charts(self) -> list[Chart]:
        """All figures, in order."""
        return [chart for section in self.sections for chart in section.charts]

    @property
    def has_controls(self) -> bool:
        """Whether there is anything to choose."""
        return any(chart.time is not None or chart.follows for chart in self.charts)

    @property
    def data(self) -> dict[str, Any]:
        """What the page's script needs."""
        shown = ("name", "spec", "data", "time", "follows")
        return {
            "scale": self.scale,
            "start": self.start_s,
            "chosen": "",
            "charts": [{name: getattr(chart, name) for name in shown} for chart in self.charts],
        }
