"""`fleetsim policy`: the automatic retry policies that no other one beats."""

from __future__ import annotations

from typing import Any

import click

from sim.cli.answer import Answer, json_option
from sim.cli.study import report_option, run_study, study_options

_OBJECTIVE = (
    "What the best policy is best in: time, not_upgraded, extra_attempts, bytes_wasted, peak or cost. "
    "[default: not_upgraded, then time]"
)


@click.command("policy")
@click.argument("scenario")
@click.option(
    "--exhaustive", is_flag=True, help="Look at all 7,201 policies instead of going coarse to fine."
)
@click.option(
    "--replications",
    type=int,
    metavar="N",
    help="Runs of each policy on the front, the advice and none. [default: the scenario's, at least 10]",
)
@click.option(
    "--screen", type=int, default=1, show_default=True, metavar="N", help="Runs of each other policy."
)
@click.option(
    "--tolerance",
    type=float,
    default=0.01,
    show_default=True,
    metavar="SHARE",
    help="Values that differ by less count as equal, 0.001 to 0.5.",
)
@click.option("--objective", metavar="NAME", help=_OBJECTIVE)
@study_options
@report_option
@json_option("policy")
def command(
    scenario: str,
    *,
    exhaustive: bool,
    replications: int | None,
    screen: int,
    tolerance: float,
    objective: str | None,
    **given: Any,
) -> Answer:
    """Find the automatic retry policies that no other one beats on this fleet.

    Compared are the time until 99 % of the fleet succeeded, devices not upgraded, attempts beyond the
    first, bytes wasted, peak load and, if the scenario has costs, the cost; and the console's advice,
    2 retries at 5 minutes, with all of them. The folder gets policies.parquet, front.parquet and policy.png.
    """
    from sim.study import policy

    return run_study(
        "policy",
        scenario,
        given,
        lambda loaded, options: policy(
            loaded,
            exhaustive=exhaustive,
            replications=replications,
            screen=screen,
            tolerance=tolerance,
            objective=objective,
            **options,
        ),
    )
