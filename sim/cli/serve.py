"""`fleetsim serve`: the vendor's batch-task API over a simulated fleet."""

from __future__ import annotations

import gc
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from sim.cli.answer import is_for_program, json_option, warn
from sim.cli.options import options
from sim.progress import Progress

if TYPE_CHECKING:
    from sim.emulator.server import ServeOptions, Serving
    from sim.scenario import Scenario

_EXISTING = click.Path(exists=True, dir_okay=False, path_type=Path)
_SPEED_MAX = 1_000_000

_TIME = options(
    click.option(
        "--clock",
        type=click.Choice(["manual", "real"]),
        default="manual",
        show_default=True,
        help="Whether simulated time stands still until it is told to move, or runs.",
    ),
    click.option(
        "--speed",
        type=click.FloatRange(0, _SPEED_MAX, min_open=True),
        default=1.0,
        show_default=True,
        help="Simulated seconds per second, while the clock runs.",
    ),
    click.option(
        "--start",
        metavar="TIME",
        help="UTC at which simulated time begins, like 2026-01-05T20:00:00Z, or 'now'. "
        "[default: the scenario's]",
    ),
    click.option("--seed", type=click.IntRange(0, 2**64 - 1), help="Seed instead of the scenario's."),
)
_ACCESS = options(
    click.option("--host", default="127.0.0.1", show_default=True, help="Name or address to listen on."),
    click.option(
        "--port", type=click.IntRange(0, 65535), default=8787, show_default=True, help="TCP port; 0 for any."
    ),
    click.option(
        "--credentials",
        type=_EXISTING,
        help="File with lines FLEETSIM_AK=..., FLEETSIM_SK=..., FLEETSIM_TOKEN=..., "
        "FLEETSIM_PROJECT_ID=...; variables of the environment win over it. "
        "[default: made up and shown at the first start]",
    ),
    click.option("--no-auth", is_flag=True, help="Ask nobody for credentials; on a loopback host only."),
    click.option(
        "--strict",
        is_flag=True,
        help="Refuse bodies with keys that the API does not know, instead of a warning.",
    ),
    click.option("--tls-cert", type=_EXISTING, help="Certificate, PEM; with it the server speaks HTTPS."),
    click.option("--tls-key", type=_EXISTING, help="Key of the certificate, PEM."),
)


@click.command("serve")
@click.argument("scenario", required=False)
@click.option(
    "--state",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of the journal, to be resumed later. [default: one that goes with the server]",
)
@_TIME
@_ACCESS
@json_option("serve")
def command(
    scenario: str | None,
    start: str | None,
    clock: Literal["manual", "real"],
    no_auth: bool,
    **others: Any,
) -> None:
    """Serve the vendor's batch-task API over the fleet of a scenario.

    Scripts written for the real service run against it unchanged. The scenario gives the fleet, the
    platform and what fails; its waves and operators are left out, since those who call decide. Without
    a scenario it is that of the state folder, or the quickstart's.

    Needs the extra `server`: pip install 'fleet-upgrade-sim[server]'
    """
    gc.disable()  # what is loaded stays: looking through it for garbage is a tenth of the start
    try:
        from sim.emulator.server import ServeOptions, serve
    except ModuleNotFoundError as error:
        if error.name not in ("fastapi", "starlette", "uvicorn", "httptools"):
            raise
        raise click.ClickException(
            f"{error.name} is missing; it comes with: pip install 'fleet-upgrade-sim[server]'"
        ) from None
    finally:
        gc.freeze()
        gc.enable()
    loaded = _scenario(scenario, start)
    options = ServeOptions(scenario=loaded, mode=clock, is_open=no_auth, **others)
    for_program = is_for_program()
    with Progress("starting the server") as progress:

        def tell(line: str) -> None:
            progress.close()
            click.echo(line, err=for_program)

        serve(options, tell, partial(_show_document, options) if for_program else None)


def _show_document(options: ServeOptions, serving: Serving) -> None:
    """Print where the server listens; it goes on to serve, so that nothing is printed after it."""
    from sim.cli.documents.plain import json_text  # for those who ask

    document = {
        "url": serving.url,
        "scenario": serving.scenario.name,
        "devices": serving.scenario.n_devices,
        "time": serving.time,
        "clock": options.mode,
        "speed": options.speed,
        "state": options.state,
        "asks_for_credentials": not options.is_open,
    }
    click.echo(json_text(document))


def _scenario(path: str | None, start: str | None) -> Scenario | None:
    """Return the scenario, begun at another time if one is given; None if neither is."""
    from datetime import UTC, datetime

    from sim.emulator.state_folder import quickstart
    from sim.errors import Problem, ScenarioError
    from sim.scenario import load_scenario

    if path is None and start is None:
        return None
    loaded = quickstart() if path is None else load_scenario(path)
    warn(loaded.warnings())
    if start is None:
        return loaded
    begin = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}" if start == "now" else start
    try:
        return loaded.with_values({"run.start": begin})
    except ScenarioError:
        message = f"{start!r} is no date and time with a zone; write it like 2026-01-05T20:00:00Z, or 'now'"
        raise ScenarioError([Problem("--start", message)]) from None
