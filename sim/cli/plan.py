"""`fleetsim plan`: the smallest capacity with which goals hold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from sim.cli.answer import Answer, json_option
from sim.cli.exit_codes import ExitCode
from sim.cli.options import options
from sim.cli.study import VARY_HELP, report_option, run_study, study_options

if TYPE_CHECKING:
    from sim.study import Plan

_GOALS = options(
    click.option(
        "--vary",
        multiple=True,
        required=True,
        metavar="PATH=RANGE",
        help=f"{VARY_HELP} A second one asks for the frontier of both fields.",
    ),
    click.option(
        "--goal",
        "goals",
        multiple=True,
        required=True,
        metavar="'METRIC <= VALUE'",
        help="What must hold, like 'time_to_success.p99 <= 8 h'. Repeatable: all must hold together.",
    ),
    click.option(
        "--confidence",
        default="90 %",
        show_default=True,
        metavar="SHARE",
        help="In which share of replications they must hold.",
    ),
    click.option("--largest", is_flag=True, help="Find the largest value instead of the smallest."),
    click.option("--exhaustive", is_flag=True, help="Look at every value instead of bisecting."),
    click.option(
        "--replications",
        type=int,
        metavar="N",
        help="Runs at each value. [default: the scenario's, at least 30]",
    ),
)
"""The options that say what is looked for."""


@click.command("plan")
@click.argument("scenario")
@_GOALS
@study_options
@report_option
@json_option("plan")
def command(
    scenario: str,
    *,
    vary: tuple[str, ...],
    goals: tuple[str, ...],
    confidence: str,
    largest: bool,
    exhaustive: bool,
    replications: int | None,
    **given: Any,
) -> Answer:
    """Find the smallest value of a field with which goals hold often enough.

    The folder gets plan.json (the answer), plan.parquet (all values that were looked at) and plan.png.
    The exit code is 1 if the goals are out of reach.
    """
    from sim.study import plan

    def study(loaded: Any, options: Any) -> Plan:
        return plan(
            loaded,
            vary,
            goals,
            confidence=confidence,
            largest=largest,
            exhaustive=exhaustive,
            replications=replications,
            **options,
        )

    return run_study("plan", scenario, given, study, code=_code)


def _code(found: Plan) -> ExitCode:
    """Return whether any search has an answer, as an exit code."""
    reached = any(search.best is not None for search in found.searches)
    return ExitCode.DONE if reached else ExitCode.EXPECTATION_FAILED
