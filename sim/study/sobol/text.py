"""Sensitivities as text for a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from sim.results.display.format import wrapped
from sim.study.display.text import ending, table

if TYPE_CHECKING:
    from sim.fleet.spec import Floats
    from sim.study.sobol.answer import Indices, SensitivityAnswer

_TOGETHER_NOTE: Final = 0.05

WIDE: Final = 0.3


def sensitivity_headline(result: SensitivityAnswer) -> str:
    """Return which field matters most to each metric, in one sentence."""
    told = "; ".join(_most_of(result, metric) for metric in result.indices)
    return f"{told[:1].upper() if told.startswith('which') else told[:1]}{told[1:]}."


def _most_of(result: SensitivityAnswer, metric: str) -> str:
    """Say what a metric hangs on most."""
    found = result.indices[metric]
    if found is None:
        return f"{metric} is never reached at some points, so nothing can be said of it"
    if not found.total.any():
        return f"{metric} is the same at every point: nothing matters to it"
    most = int(np.argmax(found.total))
    others = np.delete(found.total_bounds[1], most)
    if len(others) and others.max() >= found.total_bounds[0, most]:
        return f"which field {metric} hangs on most can't be told from {result.samples} samples"
    share = _share(found.total[most], found.total_bounds[:, most])
    return f"{metric} hangs most on {result.varied[most].path}: total index {share}"


def sensitivity_text(result: SensitivityAnswer) -> str:
    """Return a sensitivity study as text."""
    points = f"{len(result.rows):,} points ({len(result.runs.points):,} distinct)"
    lines = [
        f"{result.scenario.name}: which fields matter, {points}, seed {result.seed}",
        *wrapped(sensitivity_headline(result)),
        "first: share of the variance that the field explains alone; total: with its interactions",
        "in brackets bootstrap 95 % intervals",
    ]
    for metric, found in result.indices.items():
        lines += ["", metric]
        if found is None:
            lines.append("  never reached at some points: no variance, no indices")
            continue
        rows = [["", "first", "total"]]
        for i in np.argsort(-found.total):
            first = _share(found.first[i], found.first_bounds[:, i])
            total = _share(found.total[i], found.total_bounds[:, i])
            rows.append([result.varied[i].path, first, total])
        lines += [*table(rows), *_notes(found)]
    return "\n".join([*lines, "", ending(result.digest, result.runs.replications, result.reused)])


def _share(value: float, bounds: Floats) -> str:
    """Return an index with its interval; adding zero takes the sign from a zero."""
    index, low, high = (round(float(part), 2) + 0.0 for part in (value, *bounds))
    return f"{index:.2f} [{low:.2f} – {high:.2f}]"


def _notes(found: Indices) -> list[str]:
    """Say what the table alone does not: that fields act together, and that more samples are needed."""
    notes = []
    if not found.total.any():
        return ["  the same at every point: nothing matters"]
    if found.together_bounds[0] > _TOGETHER_NOTE:
        notes.append(f"  fields acting together explain {_share(found.together, found.together_bounds)}")
    widths = np.stack([found.first_bounds, found.total_bounds])
    if (widths[:, 1] - widths[:, 0]).max() > WIDE:
        notes.append("  the intervals are wide; more --samples narrow them")
    return notes
