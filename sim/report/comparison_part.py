"""What a run would have been without something: the part of its page that says so."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from sim.report.charts import Table
from sim.report.page_model import Section
from sim.results.display.format import counted, format_metric
from sim.results.files.write import COMPARISON
from sim.scenario.metrics import METRICS, metric_label
from sim.study.display.text import change_text
from sim.study.pairs.answer import SHOWN
from sim.study.point_statistics import Means

if TYPE_CHECKING:
    from sim.results.files.read import StoredRun

_ALWAYS: Final = ("succeeded", "failed", "time_to_success.p95")
"""Metrics in the table although they are the same."""


def comparison_part(run: StoredRun) -> list[Section]:
    """Return the comparison that lies beside a result; nothing if there is none."""
    path = run.folder / COMPARISON
    if not path.exists():
        return []
    told: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    rows = [
        _row(name, told["metrics"][name], run.scenario.currency)
        for name in SHOWN
        if name in METRICS and name in told["metrics"] and _is_shown(name, told["metrics"][name])
    ]
    n = told["pairs"]
    sure = "in brackets the 95 % interval of the mean difference" if n > 1 else "so there are no intervals"
    table = Table(
        f"As it is, and without {told['without']}",
        ("what", told["first"], told["second"], "difference"),
        rows,
        note=f"{counted(n, 'pair')} of runs with the same draws, {sure}.",
    )
    title = f"Without {told['without']}"
    return [Section("without", title, sentences=[told["headline"]], tables=[table])]


def _is_shown(name: str, values: dict[str, float | None]) -> bool:
    """Tell whether a metric differs, or matters anyhow."""
    return name in _ALWAYS or values["first"] != values["second"]


def _row(name: str, values: dict[str, float | None], currency: str) -> tuple[str, ...]:
    """Return the cells of a metric: both means, the paired difference with its interval."""
    ends = (values[key] for key in ("difference", "low", "high"))
    change = Means(*(np.array([np.nan if end is None else end], np.float64) for end in ends))
    both = (format_metric(name, values[key], currency) for key in ("first", "second"))
    return (metric_label(name), *both, change_text(name, change, currency=currency))
