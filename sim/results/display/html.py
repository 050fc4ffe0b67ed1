"""How a result shows itself in a notebook: a table of what matters, and the figure."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Final

from sim.results.display.format import format_estimate, format_share, image_html

if TYPE_CHECKING:
    from sim.results.run_data import ResultNumbers

_SHOWN: Final = (
    ("succeeded", "success_share"),
    ("failed", "failed_share"),
    ("stopped", None),
    ("pending", None),
    ("first_attempt_success_share", None),
    ("recovered", "recovered_share"),
    ("time_to_success.p50", None),
    ("time_to_success.p95", None),
    ("time_to_recovery.p95", None),
    ("makespan", None),
    ("retry_calls", None),
)


def result_html(result: ResultNumbers, headline: str, png: bytes) -> str:
    """Return what came of it, a summary table and the figure as HTML, complete in itself.

    Args:
        headline: What came of it and what limited it.
        png: The figure.
    """
    rows = "".join(
        f"<tr><th style='text-align:left'>{escape(name)}</th>"
        f"<td style='text-align:right'>{escape(_value(result, name, share))}</td></tr>"
        for name, share in _SHOWN
    )
    verdicts = "".join(
        f"<li>{escape(f'{verdict.metric} {verdict.expected}')}: "
        f"{'not checked' if verdict.met is None else 'met' if verdict.met else '<b>not met</b>'}</li>"
        for verdict in result.expectations
    )
    remarks = [*(f"what-if: {name}" for name in result.what_if), *result.notes]
    notes = "".join(f"<li>{escape(note)}</li>" for note in remarks)
    return (
        f"<div><p>{escape(headline)}</p><p><b>{escape(result.scenario.name)}</b> {escape(_head(result))}</p>"
        f"<table>{rows}</table>"
        f"{f'<p>Expectations</p><ul>{verdicts}</ul>' if verdicts else ''}"
        f"{f'<ul>{notes}</ul>' if notes else ''}"
        f"{image_html(png, alt=_alt(result))}</div>"
    )


def _head(result: ResultNumbers) -> str:
    """Return what was run, in a few words."""
    devices = result.metrics["devices"] or 0
    runs = f", {len(result.runs)} replications (mean and its 95 % interval)" if len(result.runs) > 1 else ""
    return f"{devices:,} devices, seed {result.seed}{runs}"


def _value(result: ResultNumbers, name: str, share: str | None) -> str:
    """Return a metric, with a share of the same thing behind it."""
    text = format_estimate(name, result.estimates[name])
    mean = None if share is None else result.metrics[share]
    return text if mean is None else f"{text} ({format_share(mean)})"


def _alt(result: ResultNumbers) -> str:
    """Return what the figure shows, for those who can't see it."""
    success = result.metrics["success_share"] or 0.0
    recovered = result.metrics["recovered_share"]
    text = f"Devices by status over time, {format_share(success)} in Success at the end"
    if recovered is None:
        return text
    return f"{text}; {format_share(recovered)} of those whose first attempt failed recovered"
