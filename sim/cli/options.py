"""Several options of a command as one decorator."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from sim.units import SIZES_IN

_F = TypeVar("_F", bound=Callable[..., Any])


def options(*several: Callable[[_F], _F]) -> Callable[[_F], _F]:
    """Return several options of click as one decorator.

    Args:
        *several: What `click.option` returns; help lists them in this order.
    """

    def decorate(function: _F) -> _F:
        for option in reversed(several):
            function = option(function)
        return function

    return decorate


def _set_units(context: click.Context, _: click.Parameter, value: str) -> None:
    """Write sizes in the units that were asked for, until the command ends."""
    token = SIZES_IN.set("si" if value == "si" else "binary")
    context.call_on_close(lambda: SIZES_IN.reset(token))


units_option = click.option(
    "--units",
    type=click.Choice(["binary", "si"]),
    default="binary",
    show_default=True,
    expose_value=False,
    callback=_set_units,
    help="Sizes in MiB, GiB, with traffic in GB beside it, or with si in MB, GB.",
)
"""The option of commands that print sizes or draw them."""


plane_option = click.option(
    "--plane",
    type=click.Choice(["auto", "compiled", "simpy"]),
    default="auto",
    show_default=True,
    help="How devices are simulated. The results are the same; simpy is slow, easy to read and change. auto "
    "is compiled, but simpy for small work as long as the kernels are not compiled.",
)
"""The option of commands that run one scenario."""


trace_option = click.option(
    "--trace",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Also write a trace that ui.perfetto.dev and chrome://tracing open: a track a device with its "
    "attempts, their stages and its waits; calls, and counters of places, downloads and bandwidth.",
)
"""The option of commands that tell what single devices did."""
