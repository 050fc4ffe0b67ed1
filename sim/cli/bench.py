"""`fleetsim bench`: speed of both planes side by side."""

from pathlib import Path
from typing import Any

import click

from sim.cli.answer import Answer, json_option, say


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
@click.option(
    "--scaling",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Measure instead how the cost grows with active devices and with cohorts, and draw it (PNG, SVG).",
)
@json_option("bench")
def command(planes_devices: int, devices: int, repeats: int, scaling: Path | None) -> Answer:
    """Measure both planes side by side, and what a device costs.

    All numbers belong to this run on this machine; compare them with each other. Whatever else the
    machine does meanwhile makes them larger.
    """
    from sim.planes.compilation import compile_kernels

    compile_kernels()
    if scaling is not None:
        return _scaling(scaling, devices, repeats)
    from sim.study.bench.speed import measure

    rows = []
    for row in measure(planes_devices=planes_devices, devices=devices, repeats=repeats):
        value = f"{row.value:,.0f}" if row.value >= 100 else f"{row.value:.3g}"
        say(f"{value:>12} {row.unit:<15} {row.what}")
        rows.append(_measurement(row.what, row.value, row.unit))
    return Answer(lambda: {"measurements": rows, "figure": None})


def _measurement(what: str, value: float, unit: str) -> dict[str, Any]:
    """Return something that was measured as a program reads it."""
    return {"what": what, "value": value, "unit": unit}


def _scaling(file: Path, devices: int, repeats: int) -> Answer:
    """Measure how the cost grows, print and draw it."""
    from sim.study.bench.scaling import measure_scaling, scaling_figure

    if file.suffix not in (".png", ".svg"):
        raise click.BadParameter(f"{file} is neither a .png nor an .svg", param_hint="--scaling")
    rows = []
    found = measure_scaling(devices, repeats=repeats)
    for what, costs in (("places", found.by_places), ("cohorts", found.by_cohorts)):
        for number, cost in costs.items():
            say(f"{cost:>12,.0f} ns a device     {number:,} {what}")
            rows.append(_measurement(f"{number:,} {what}", cost, "ns a device"))
    scaling_figure(found).savefig(file, dpi=150)
    say(f"Drawn to {file}")
    return Answer(lambda: {"measurements": rows, "figure": file})
