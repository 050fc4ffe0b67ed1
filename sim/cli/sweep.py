"""`fleetsim sweep`: run a scenario at every point of a grid."""

from __future__ import annotations

from typing import Any

import click

from sim.cli.answer import Answer, json_option
from sim.cli.study import VARY_HELP, report_option, run_study, study_options


@click.command("sweep")
@click.argument("scenario")
@click.option("--vary", multiple=True, required=True, metavar="PATH=VALUES", help=f"{VARY_HELP} Repeatable.")
@click.option(
    "--replications",
    type=int,
    metavar="N",
    help="Runs at each point; with --precision at most so many. [default: the scenario's, at least 10]",
)
@click.option(
    "--precision",
    multiple=True,
    metavar="'METRIC ± WIDTH'",
    help="Run so many replications that each point's 95 % interval is so narrow, like "
    "'success_share ± 0.2 %'. Repeatable.",
)
@click.option(
    "--metric", "metrics", multiple=True, metavar="METRIC", help="What to print and draw. Repeatable."
)
@study_options
@report_option
@json_option("sweep")
def command(
    scenario: str,
    *,
    vary: tuple[str, ...],
    replications: int | None,
    precision: tuple[str, ...],
    metrics: tuple[str, ...],
    **given: Any,
) -> Answer:
    """Run a scenario at every point of a grid, with the same draws everywhere.

    The folder gets sweep.parquet (a row a run), summary.parquet (means, and paired differences from the
    first point, with intervals) and sweep.png. A study that was interrupted goes on where it was.
    """
    from sim.study import Sweep, sweep

    def study(loaded: Any, options: Any) -> Sweep:
        return sweep(
            loaded,
            vary,
            replications=replications,
            precision=precision or None,
            metrics=metrics,
            **options,
        )

    return run_study("sweep", scenario, given, study, text=lambda result: result.text(metrics))
