"""Where the time of the fleet, of its cohorts and of its slowest devices went: a bar of shares each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import altair as alt

from sim.fleet.held_up import most_kept
from sim.report.charts import Chart, Columns, Table, as_spec, tip
from sim.report.page_model import Section
from sim.results.display.format import counted, format_count
from sim.results.display.time_in_words import format_device_time, shares_text
from sim.scenario.metrics import HELD_UP

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sim.results.files.read import StoredRun

_LEAST: Final = 0.005
"""What takes less of every bar has no colour of its own."""
_OTHER: Final = "other"
_SLOWEST: Final = "slowest"
_ROW_PIXELS: Final = 40


class _Bar(NamedTuple):
    """One part of the fleet: its name, and its entry in `summary.json`."""

    name: str
    spent: dict[str, Any]

    @property
    def line(self) -> str:
        """What stands above the bar."""
        devices = counted(self.spent["devices"], "device")
        return f"{self.name}: {devices}, {format_device_time(self.spent['device_time_s'])}"


def time_sections(run: StoredRun, cohorts: Sequence[str]) -> Iterator[Section]:
    """Yield what time went to; nothing if none has passed, or the files are of a version without it.

    Args:
        run: The run.
        cohorts: Those that the page shows one by one.
    """
    held_up = run.summary.get("held_up")
    if held_up is None or not held_up["fleet"]["device_time_s"]:
        return
    bars = [bar for bar in _bars(held_up, cohorts) if bar.spent["device_time_s"]]
    left = len(held_up["by_cohort"]) - len(cohorts)
    has_slowest = bars[-1].name == _SLOWEST
    notes = ["From the release of a device to its end, or to the end of the run."]
    if left > 0:
        notes.append(f"The {counted(left, 'faster cohort')} count among all devices and have no bar.")
    if has_slowest:
        n = held_up["fleet"]["devices"]
        some = "some of " if n > most_kept(n) else ""
        notes.append(f"Slowest: {some}the hundredth of the devices that ended last or did not end.")
    if run.manifest["replications"] > 1:
        notes.append(f"Means over {run.manifest['replications']} runs.")
    chart = _chart(bars, " ".join(notes))
    yield Section("time", "Where the time went", [f"{_sentence(held_up)}."], charts=[chart])


def _sentence(held_up: dict[str, Any]) -> str:
    """Say where the time of the fleet went."""
    fleet = held_up["fleet"]
    return f"Of {format_device_time(fleet['device_time_s'])}: {shares_text(fleet['share'])}"


def _bars(held_up: dict[str, Any], cohorts: Sequence[str]) -> Iterator[_Bar]:
    """Yield the parts of the fleet, from top to bottom."""
    yield _Bar("all", held_up["fleet"])
    if len(held_up["by_cohort"]) > 1:
        for name in cohorts:
            yield _Bar(name, held_up["by_cohort"][name])
    if held_up["slowest_1_percent"]["devices"] < held_up["fleet"]["devices"]:
        yield _Bar(_SLOWEST, held_up["slowest_1_percent"])


def _chart(bars: Sequence[_Bar], note: str) -> Chart:
    """Return the bars."""
    seen = [name for name in HELD_UP if any(bar.spent["share"][name] >= _LEAST for bar in bars)]
    data: Columns = {name: [] for name in ("row", "line", "what", "order", "share", "time")}
    for i_bar, bar in enumerate(bars):
        shares = {name: bar.spent["share"][name] for name in seen}
        seconds = {name: bar.spent["seconds"][name] for name in seen}
        shares[_OTHER] = max(1.0 - sum(shares.values()), 0.0)
        seconds[_OTHER] = shares[_OTHER] * bar.spent["device_time_s"]
        for order, name in enumerate([*seen, _OTHER]):
            row = (
                i_bar,
                None if order else bar.line,
                HELD_UP.get(name, _OTHER),
                order,
                round(shares[name], 4),
                format_device_time(seconds[name]),
            )
            for column, value in zip(data.values(), row, strict=True):
                column.append(value)
    has_other = any(
        share > 0 for share, what in zip(data["share"], data["what"], strict=True) if what == _OTHER
    )
    words = [HELD_UP[name] for name in seen]
    colours = [f"h-{name.replace('_', '-')}" for name in seen]
    legend = [*zip(colours, words, strict=True), *([("s-open", _OTHER)] if has_other else [])]
    rows = [
        (
            bar.name,
            format_count(bar.spent["devices"]),
            format_device_time(bar.spent["device_time_s"]),
            shares_text(bar.spent["share"]),
        )
        for bar in bars
    ]
    largest = shares_text(bars[0].spent["share"]).partition(",")[0]
    return Chart(
        name="time",
        title="Share of the devices' time",
        alt=f"Stacked bars of what time went to, for {len(bars)} parts of the fleet: of all, {largest}.",
        spec=time_spec([*words, _OTHER], [*colours, "s-open"], len(bars)),
        data=data,
        legend=tuple((colour, name, "") for colour, name in legend),
        note=note,
        table=Table("share of the devices' time", ("devices", "number", "time", "went to"), rows, words=(3,)),
    )


def time_spec(words: Sequence[str], colours: Sequence[str], n_bars: int) -> dict[str, Any]:
    """Return a bar of shares for each part of a fleet, with a line of words above it.

    Args:
        words: What time goes to, in the order of a bar.
        colours: Their custom properties.
        n_bars: How many.
    """
    base = alt.Chart().encode(y=alt.Y("row:O", axis=None))
    axis = alt.Axis(title=None, formatType="share", format="", values=[0, 0.25, 0.5, 0.75, 1])
    paint = [f"var(--{colour})" for colour in colours]
    bars = base.mark_bar(size=16, yOffset=8).encode(
        x=alt.X("share:Q", axis=axis, scale=alt.Scale(domain=[0, 1], nice=False, clamp=True), stack="zero"),
        color=alt.Color("what:N", scale=alt.Scale(domain=list(words), range=paint), legend=None),
        order=alt.Order("order:Q"),
        tooltip=[tip("what", "what", None), tip("share", "share", "share"), tip("time", "time", None)],
    )
    text = base.transform_filter("isValid(datum.line)").mark_text(
        align="left", yOffset=-9, color="var(--ink)", fontSize=12.5, limit=alt.expr("width")
    )
    return as_spec(alt.layer(bars, text.encode(x=alt.value(0), text="line:N")), _ROW_PIXELS * n_bars)
