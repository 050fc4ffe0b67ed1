"""`fleetsim sensitivity`: which fields of a scenario matter to which metrics."""

from __future__ import annotations

from typing import Any

import click

from sim.cli.answer import Answer, json_option
from sim.cli.study import report_option, run_study, study_options


@click.command("sensitivity")
@click.argument("scenario")
@click.option(
    "--vary",
    multiple=True,
    required=True,
    metavar="PATH=RANGE",
    help="A field by its path, and its range ('1 min..5 min', '200..2000:log' for even ratios) or a list "
    "of equally probable values. Repeatable.",
)
@click.option(
    "--metric",
    "metrics",
    multiple=True,
    metavar="METRIC",
    help="What may depend on them. Repeatable. [default: success_share and time_to_success.p95]",
)
@click.option(
    "--samples",
    type=int,
    default=128,
    show_default=True,
    metavar="N",
    help="Base samples, a power of two; points are so many times (fields + 2).",
)
@click.option("--replications", type=int, metavar="N", help="Runs at each point. [default: 1]")
@study_options
@report_option
@json_option("sensitivity")
def command(
    scenario: str,
    *,
    vary: tuple[str, ...],
    metrics: tuple[str, ...],
    samples: int,
    replications: int | None,
    **given: Any,
) -> Answer:
    """Say which fields matter: first-order and total Sobol indices over ranges of fields.

    The folder gets sensitivity.parquet, points.parquet and sensitivity.png.
    """
    from sim.study import sensitivity
    from sim.study.sweeps.answer import SHOWN

    return run_study(
        "sensitivity",
        scenario,
        given,
        lambda loaded, options: sensitivity(
            loaded,
            vary,
            metrics=metrics or SHOWN,
            samples=samples,
            replications=replications,
            **options,
        ),
    )
