"""`fleetsim bench`: speed of both planes side by side."""

import rich_click as click

from sim.cli.outcome import ExitCode


@click.command("bench")
@click.option(
    "--planes-devices",
    metavar="N",
    type=click.IntRange(min=10),
    default=100_000,
    show_default=True,
    help="Devices on which both planes run. The SimPy plane needs about 0.3 ms each.",
)
@click.option(
    "--devices",
    metavar="N",
    type=click.IntRange(min=10),
    default=1_000_000,
    show_default=True,
    help="Devices on which the compiled plane's cost is measured.",
)
@click.option(
    "--repeats",
    metavar="N",
    type=click.IntRange(min=1),
    default=3,
    show_default=True,
    help="Repetitions, of which the best counts.",
)
def command(planes_devices: int, devices: int, repeats: int) -> ExitCode:
    """Measure both planes side by side, and what a device costs.

    All numbers belong to this run on this machine; compare them with each other. Whatever else the
    machine does meanwhile makes them larger.
    """
    from sim.study.speed import measure

    for row in measure(planes_devices=planes_devices, devices=devices, repeats=repeats):
        value = f"{row.value:,.0f}" if row.value >= 100 else f"{row.value:.3g}"
        click.echo(f"{value:>12} {row.unit:<15} {row.what}")
    return ExitCode.DONE
