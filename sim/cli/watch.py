"""`fleetsim watch`: records a task and prints a line a sweep."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sim.cli.answer import Answer, json_option, say
from sim.cli.record import answer_of, recording_options

if TYPE_CHECKING:
    from sim.recording.recorder import SweepReport

_TEXT_LENGTH_MAX = 40


@click.command("watch")
@recording_options
@json_option("watch")
def command(url: str | None, out: Path, **given: Any) -> Answer:
    """Record as `fleetsim record` does, and print a line a sweep: counts, and what failed since the last."""
    return answer_of(url, out, _tell_of(len(given["tasks"])), **given)


def _tell_of(n_tasks: int) -> Any:
    """Return what prints a line about a sweep."""

    def tell(report: SweepReport) -> None:
        say(line_of(report, has_task=n_tasks > 1))

    return tell


def line_of(report: SweepReport, *, has_task: bool) -> str:
    """Return the line about a sweep.

    Args:
        report: What it saw.
        has_task: Begin with the task's id, since several are watched.
    """
    from sim.recording.task_sweep import counts_of

    begin = f"{datetime.fromtimestamp(report.at_ms / 1e3, UTC):%Y-%m-%d %H:%M:%SZ}"
    if has_task:
        begin += f" {report.task_id}"
    if report.sweep is None:
        return f"{begin}  sweep failed, the next one comes in its time: {report.trouble}"
    counts = counts_of(report.sweep.task)
    total = sum(counts.values())
    share = f" ({counts['Success'] / total:.1%})" if total else ""
    parts = [f"Success {counts['Success']:,}{share}"]
    parts += [f"{state} {count:,}" for state, count in counts.items() if count and state != "Success"]
    failed = [
        f"{count:,} x {code or 'no code'} {(text or '')[:_TEXT_LENGTH_MAX]}".rstrip()
        for (code, text), count in report.sweep.new_failures.most_common()
    ]
    line = f"{begin}  {', '.join(parts)}"
    if report.sweep.n_unexplained:
        line += f"; {report.sweep.n_unexplained:,} nowhere"
    return f"{line}; new failures: {', '.join(failed)}" if failed else line
