"""The page of replications: how sure the numbers of one scenario are."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from sim.report.charts import Chart, Columns, Table
from sim.report.page_model import Page, Section
from sim.report.study import charts as study_charts
from sim.report.study.charts import FORMS
from sim.report.study.parts import new_page, read_answer, read_frame
from sim.report.time_scales import time_scales, value_ticks
from sim.results.display.format import counted, format_interval, format_metric, format_share
from sim.results.figures.timeaxis import SINCE_FAILURE
from sim.results.time_span import time_span
from sim.scenario import METRICS, MetricKind, parse_scenario
from sim.scenario.metrics import STUDY_METRICS, metric_label
from sim.study.engine.kinds import REPLICATIONS

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    _Summary = dict[Any, dict[Any, Any]]

_SPREAD: Final = (
    *("time_to_success.p95", "time_to_success.p50", "makespan", "success_share", "failed"),
    *("attempts_per_device", "peak_bandwidth", "bytes_wasted", "cost"),
)
"""Metrics whose spread over the runs is drawn, those first that people ask for."""
_SPREADS_MAX: Final = 4
_CURVES: Final = {
    "completion": ("Devices in Success", "time in the run", "share of the fleet"),
    "recovery": ("Devices recovered after a failed attempt", SINCE_FAILURE, "share of failed first attempts"),
}
"""Title of each curve, and of its axes."""
_QUANTILES: Final = ("5 % of runs below", "median", "5 % of runs above")
_HEADERS: Final = ("metric", "mean", "95 % interval", *_QUANTILES, "known in")


def replications_page(folder: Path, origin: dict[str, Any]) -> Page:
    """Return the page of replications.

    Args:
        folder: As `sim.replicate` wrote it.
        origin: Content of `study.json`.
    """
    summary = {row["metric"]: row for row in read_frame(folder / "summary.parquet").to_dict("records")}
    runs, bands = read_frame(folder / "replications.parquet"), read_frame(folder / "bands.parquet")
    currency = parse_scenario(origin["scenario_text"], folder=folder).currency
    n = len(runs)
    curves = [_curve(bands[bands["curve"] == name], name) for name in _CURVES]
    differing = [name for name in _SPREAD if name in summary and runs[name].nunique() > 1]
    spreads = [_spread(runs, name) for name in differing[:_SPREADS_MAX]]
    sentences = [] if spreads else ["All runs came out alike: no metric that is drawn here differs."]
    tables = [_table(summary, names, n, currency) for names in _groups(summary)]
    return new_page(
        origin,
        question="What becomes of this campaign, and how sure is that?",
        answer=read_answer(folder, REPLICATIONS.name).get("headline") or _outcome(summary),
        about=f"{counted(n, 'run')} of the same scenario, each with draws of its own.",
        sections=[
            Section(
                "course", "Over time", charts=[curve for curve in curves if curve is not None], layout="pair"
            ),
            Section("spread", "From run to run", sentences, charts=spreads, layout="pair"),
            Section("values", "Values", tables=tables),
            Section("assumptions", "What this rests on", points=_points(n)),
        ],
    )


def _outcome(summary: _Summary) -> str:
    """Say how many devices are upgraded on average; for folders that have no answer."""
    return f"On average {format_share(summary['success_share']['mean'])} of the fleet reach Success."


def _curve(band: pd.DataFrame, name: str) -> Chart | None:
    """Return the mean of a curve with its band; None where there is none."""
    time_s, mean = band["time_s"].to_numpy(np.float64), band["mean"].to_numpy(np.float64)
    if not (time_s > 0).any():
        return None
    title, axis, share = _CURVES[name]
    half_s = float(time_s[np.searchsorted(mean, mean[-1] / 2)])
    span = time_span(float(time_s[time_s > 0][0]), half_s, float(time_s[-1]) * 1.02)
    data: Columns = {"t": np.round(time_s, 3).tolist()}
    data |= {part: np.round(band[part].to_numpy(np.float64), 5).tolist() for part in ("mean", "low", "high")}
    return Chart(
        name=name,
        title=title,
        alt=f"{title} over time: {format_share(float(mean[-1]))} at the end, with a band.",
        spec=study_charts.band_spec(share),
        data=data,
        time=time_scales(span, axis, is_dated=name == "completion"),
        note="Line: mean of the runs; the band holds 90 % of them.",
    )


def _spread(runs: pd.DataFrame, metric: str) -> Chart:
    """Return in which share of the runs a metric is at most so high."""
    kind = METRICS[metric].kind
    values = np.sort(runs[metric].dropna().to_numpy(np.float64)) * (8.0 if kind is MetricKind.RATE else 1.0)
    never = len(runs) - len(values)
    form, title = FORMS.get(kind), metric_label(metric)
    data: Columns = {
        "value": values.tolist(),
        "share": (np.arange(1, len(values) + 1) / len(runs)).round(5).tolist(),
    }
    return Chart(
        name=f"runs-{metric.replace('.', '-')}",
        title=f"{title[0].upper()}{title[1:]}",
        alt=f"Dots, one a run: in which share of {len(runs)} runs the {title} is at most so high.",
        spec=study_charts.runs_spec(form, value_ticks(form, data["value"])),
        data=data,
        note="A dot a run: so many runs came out at most so high."
        + (f" Never in {counted(never, 'run')}." if never else ""),
    )


def _groups(summary: _Summary) -> list[list[str]]:
    """Return the metrics that usually matter, and all others."""
    known = [name for name in summary if name in METRICS]
    usual = [name for name in known if name in STUDY_METRICS]
    others = [name for name in known if name not in STUDY_METRICS]
    return [names for names in (usual, others) if names]


def _table(summary: _Summary, names: list[str], n: int, currency: str) -> Table:
    """Return metrics with their intervals and quantiles; the long list of the rarer ones is folded up."""
    rows = []
    for name in names:
        row = summary[name]
        texts = {end: _text(name, row[end], currency) for end in ("mean", "q05", "q50", "q95")}
        interval = format_interval(name, _known(row["low"]), _known(row["high"]))[1:-1]
        rows.append(
            (
                metric_label(name),
                texts["mean"],
                interval,
                texts["q05"],
                texts["q50"],
                texts["q95"],
                f"{row['n']:.0f} of {n}",
            )
        )
    is_usual = names[0] in STUDY_METRICS
    note = "The interval is that of the mean; the others are of single runs. Known in so many runs."
    caption = "Metrics" if is_usual else "Further metrics"
    return Table(caption, _HEADERS, rows, words=(0,), note=note if is_usual else "", is_long=not is_usual)


def _known(value: float) -> float | None:
    """Return a number; None for NaN."""
    return None if math.isnan(value) else float(value)


def _text(metric: str, value: float, currency: str) -> str:
    """Return a value of a metric; NaN is none."""
    return format_metric(metric, _known(value), currency)


def _points(n: int) -> list[str]:
    """Say what the intervals and bands mean."""
    return [
        "Runs differ in their draws alone: the scenario is the same in all of them.",
        f"The interval says where the mean of very many runs lies; more than {counted(n, 'run')} narrow it.",
        "The quantiles say what a single campaign may bring; more runs do not narrow that.",
    ]
